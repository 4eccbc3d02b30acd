//! Gogs: see [`gitea`](super::gitea), which was forked from it and sends its headers as well.

use super::Kind;
use super::gitea::forge::{self, Forge, Tags};
use crate::sources::samples::sample;

/// Gogs' line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: GOGS.name,
    build: |setup| forge::build(setup, &GOGS),
    detect: |headers| GOGS.is_sender(headers),
    samples: &[
        sample!("gogs", "push", "push"),
        sample!("gogs", "tag", "create"),
        sample!("gogs", "merge-request-opened", "pull_request"),
        sample!("gogs", "merge-request-updated", "pull_request"),
        sample!("gogs", "merge-request-merged", "pull_request"),
        sample!("gogs", "merge-request-closed", "pull_request"),
        sample!("gogs", "issue-opened", "issues"),
        sample!("gogs", "note-on-merge-request", "issue_comment"),
        sample!("gogs", "release", "release"),
    ],
};

/// The headers, and that a tag is only announced as created or deleted:
/// <https://github.com/gogs/gogs/blob/main/internal/database/webhook.go> and `actions.go` beside it.
const GOGS: Forge = Forge {
    name: "gogs",
    product: "Gogs",
    event: "x-gogs-event",
    event_type: "x-gogs-event-type",
    delivery: "x-gogs-delivery",
    signature: "x-gogs-signature",
    also: &["x-github"],
    hint: "set the secret in the webhook's settings in Gogs",
    tags: Tags::Announced,
    branch_page: "src/",
    tag_page: "src/",
};
