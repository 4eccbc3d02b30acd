//! Forgejo: see [`gitea`](super::gitea), whose headers it sends as well.

use super::Kind;
use super::gitea::forge::{self, Forge, Tags};
use crate::sources::samples::sample;

/// Forgejo's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: FORGEJO.name,
    build: |setup| forge::build(setup, &FORGEJO),
    detect: |headers| FORGEJO.is_sender(headers),
    samples: &[
        sample!("forgejo", "push", "push"),
        sample!("forgejo", "tag", "push"),
        sample!("forgejo", "merge-request-opened", "pull_request"),
        sample!("forgejo", "merge-request-updated", "pull_request"),
        sample!("forgejo", "merge-request-merged", "pull_request"),
        sample!("forgejo", "merge-request-closed", "pull_request"),
        sample!("forgejo", "merge-request-approved", "pull_request_approved"),
        sample!("forgejo", "issue-opened", "issues"),
        sample!("forgejo", "note-on-merge-request", "issue_comment"),
        sample!("forgejo", "pipeline-failed", "action_run_failure"),
        sample!("forgejo", "job-failed", "workflow_job_failure"),
        sample!("forgejo", "release", "release"),
        sample!("forgejo", "page-updated", "wiki"),
    ],
};

/// The headers: <https://codeberg.org/forgejo/forgejo/src/branch/forgejo/services/webhook/shared/payloader.go>.
const FORGEJO: Forge = Forge {
    name: "forgejo",
    product: "Forgejo",
    event: "x-forgejo-event",
    event_type: "x-forgejo-event-type",
    delivery: "x-forgejo-delivery",
    signature: "x-forgejo-signature",
    also: &["x-gitea", "x-gogs", "x-github"],
    hint: "set the secret in the webhook's settings in Forgejo",
    tags: Tags::Pushed,
    branch_page: "src/branch/",
    tag_page: "src/tag/",
};
