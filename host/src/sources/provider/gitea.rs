//! Gitea, and what it has in common with Forgejo, which was forked from it, and Gogs, from which it was
//! forked: all three send the same payloads under headers with a name of their own.
//!
//! The three providers are a line each, here and in the files beside this one; [`forge`] does the work, and
//! the other modules turn payloads into events. The payloads are the structures of
//! <https://github.com/go-gitea/gitea/blob/main/modules/structs/hook.go>,
//! <https://codeberg.org/forgejo/forgejo/src/branch/forgejo/modules/structs/hook.go>, and
//! <https://github.com/gogs/go-gogs-client>.
//!
//! Invariants:
//! - The signature is checked on the raw bytes, and an empty one, which a webhook without a secret sends,
//!   counts as none.
//! - What an event is about is taken from the body, which is verified; a body that is not what the event header
//!   says is `other`.
//! - What is announced twice, by a push and by another event, becomes one event with a subject.

mod code;
mod common;
#[cfg(test)]
pub(super) mod corpus;
pub(super) mod forge;
mod merge_request;
mod run;
mod shape;
#[cfg(test)]
mod tests;
mod tracker;

use self::forge::{Forge, Tags};
use super::Kind;
use crate::sources::samples::sample;

/// Gitea's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: GITEA.name,
    build: |setup| forge::build(setup, &GITEA),
    detect: |headers| GITEA.is_sender(headers),
    samples: &[
        sample!("gitea", "push", "push"),
        sample!("gitea", "tag", "push"),
        sample!("gitea", "merge-request-opened", "pull_request"),
        sample!("gitea", "merge-request-updated", "pull_request"),
        sample!("gitea", "merge-request-merged", "pull_request"),
        sample!("gitea", "merge-request-closed", "pull_request"),
        sample!("gitea", "merge-request-approved", "pull_request_approved"),
        sample!("gitea", "issue-opened", "issues"),
        sample!("gitea", "note-on-merge-request", "issue_comment"),
        sample!("gitea", "pipeline-failed", "workflow_run"),
        sample!("gitea", "job-failed", "workflow_job"),
        sample!("gitea", "release", "release"),
        sample!("gitea", "page-updated", "wiki"),
    ],
};

/// The headers: <https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go>.
const GITEA: Forge = Forge {
    name: "gitea",
    product: "Gitea",
    event: "x-gitea-event",
    event_type: "x-gitea-event-type",
    delivery: "x-gitea-delivery",
    signature: "x-gitea-signature",
    also: &["x-gogs", "x-github"],
    hint: "set the secret in the webhook's settings in Gitea",
    tags: Tags::Pushed,
    branch_page: "src/branch/",
    tag_page: "src/tag/",
};
