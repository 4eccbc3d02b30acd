//! Bitbucket Cloud: webhooks of repositories and workspaces.
//!
//! The HMAC of the body stands in `X-Hub-Signature`, only where the webhook has a secret:
//! <https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/>. What the headers and payloads are is
//! described at <https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/>; every event key is listed at
//! <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-webhooks/>. `bitbucket_data_center` is another
//! product, with payloads of its own.
//!
//! Invariants:
//! - Only `X-Hub-Signature` says that a request is Bitbucket's.
//! - Each change of a push is an event of its own.
//! - The event key is not signed: what a body does not bear out is `other` with a note.

mod code;
mod common;
#[cfg(test)]
pub(super) mod corpus;
mod merge_request;
mod run;
#[cfg(test)]
mod tests;
mod tracker;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::many::Many;
use super::{Draft, Facts, Kind, Outgoing, Provider, Request, Setup, unsigned_id_keys};
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;

/// Bitbucket Cloud's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    // Data Center also sends `X-Event-Key`, and neither of the other two.
    detect: |headers| {
        headers.text(EVENT).is_some()
            && (headers.text(REQUEST_UUID).is_some() || headers.text(HOOK_UUID).is_some())
    },
    samples: &[
        sample!("bitbucket", "push", "repo:push"),
        sample!("bitbucket", "tag", "repo:push"),
        sample!("bitbucket", "merge-request-opened", "pullrequest:created"),
        sample!("bitbucket", "merge-request-updated", "pullrequest:updated"),
        sample!(
            "bitbucket",
            "merge-request-approved",
            "pullrequest:approved"
        ),
        sample!("bitbucket", "merge-request-merged", "pullrequest:fulfilled"),
        sample!("bitbucket", "merge-request-closed", "pullrequest:rejected"),
        sample!(
            "bitbucket",
            "note-on-merge-request",
            "pullrequest:comment_created"
        ),
        sample!("bitbucket", "issue-opened", "issue:created"),
        sample!("bitbucket", "pipeline-failed", "repo:commit_status_updated"),
    ],
};

const NAME: &str = "bitbucket";
const EVENT: &str = "x-event-key";
/// The event of which each change is one.
const PUSH: &str = "repo:push";
/// The same on each attempt, which `X-Attempt-Number` counts.
const REQUEST_UUID: &str = "x-request-uuid";
/// Of the hook, not of the delivery.
const HOOK_UUID: &str = "x-hook-uuid";
const SIGNATURE: &str = "x-hub-signature";
/// What stands before the digits of the signature.
const PREFIX: &str = "sha256=";

#[derive(Debug)]
struct Bitbucket {
    signature: BodySignature,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    let hint = "set the source's secret in the webhook's settings in Bitbucket";
    let signature = BodySignature::new(SIGNATURE, PREFIX, hint, setup.secrets);
    Ok(Box::new(Bitbucket { signature }))
}

impl Provider for Bitbucket {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        self.signature.check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        self.signature
            .authenticate(request.headers, &[request.body])
    }

    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let repository = body.map(|body| Node::root(body, &cut).get("repository"));
        Facts {
            event: headers.text(EVENT).map(str::to_owned),
            delivery: headers.text(REQUEST_UUID).map(str::to_owned),
            project_id: repository.and_then(|repository| repository.text("uuid")),
            project: repository.and_then(|repository| repository.text("full_name")),
            ..Facts::default()
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        unsigned_id_keys(headers.text(REQUEST_UUID), body)
    }

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let key = headers.text(EVENT).unwrap_or_default();
        if key == PUSH {
            return pushed(body);
        }
        let cut = Cut::default();
        let draft = Draft {
            provider_event: cut.text(key),
            ..read(key, Node::root(body, &cut))
        };
        vec![Draft {
            truncated: cut.happened(),
            ..draft
        }]
    }

    fn left_out(&self, headers: Headers<'_>, body: &Value) -> u64 {
        if headers.text(EVENT) == Some(PUSH) {
            many(body).left_out
        } else {
            0
        }
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (EVENT.to_owned(), outgoing.event.to_owned()),
            (REQUEST_UUID.to_owned(), outgoing.id.to_owned()),
            ("x-attempt-number".to_owned(), "1".to_owned()),
        ];
        headers.extend(self.signature.sign(&[outgoing.body]));
        headers
    }
}

/// The changes of a push.
fn changes(body: &Value) -> &[Value] {
    let changes = body.pointer("/push/changes").and_then(Value::as_array);
    changes.map(Vec::as_slice).unwrap_or_default()
}

/// Of how many changes of a push events are made: each says who pushed, and where.
fn many(body: &Value) -> Many {
    let cut = Cut::default();
    let repeated = other(Node::root(body, &cut), String::new());
    Many::of(changes(body).len(), &[&repeated])
}

/// The events of a push, one for each of its changes; only what was cut in one counts for it.
fn pushed(body: &Value) -> Vec<Draft> {
    let one = |change: Option<&Value>| {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let read = match change {
            Some(change) => code::change(node, Node::root(change, &cut)),
            None => Err("the push holds no change of a branch or a tag".to_owned()),
        };
        let draft = read.unwrap_or_else(|note| other(node, note));
        Draft {
            provider_event: PUSH.to_owned(),
            truncated: cut.happened(),
            ..draft
        }
    };
    let changes = changes(body);
    if changes.is_empty() {
        return vec![one(None)];
    }
    let made = changes.iter().take(many(body).made);
    made.map(Some).map(one).collect()
}

/// The event of a body that holds one.
fn read(key: &str, node: Node<'_>) -> Draft {
    let (family, action) = key.split_once(':').unwrap_or((key, ""));
    let read = match (family, action) {
        ("pullrequest", action) if action.starts_with("comment_") => {
            tracker::comment(node, key, tracker::On::PullRequest)
        }
        ("pullrequest", action) => merge_request::read(node, action),
        ("issue", "comment_created" | "comment_updated" | "comment_deleted") => {
            tracker::comment(node, key, tracker::On::Issue)
        }
        ("issue", action) => tracker::issue(node, action),
        ("repo", action) if action.starts_with("commit_comment_") => {
            tracker::comment(node, key, tracker::On::Commit)
        }
        ("repo", "commit_status_created" | "commit_status_updated") => run::status(node),
        ("", _) => Err("the header `X-Event-Key` is missing".to_owned()),
        _ => Err(common::no_words(node, key)),
    };
    read.unwrap_or_else(|note| Draft {
        provider_action: Some(node.cut().text(action)).filter(|action| !action.is_empty()),
        ..other(node, note)
    })
}

/// An event there are no words for, with who, where, and the page.
fn other(node: Node<'_>, note: String) -> Draft {
    let repository = common::repository(node.get("repository"));
    let of_subject = ["comment", "pullrequest", "issue"]
        .into_iter()
        .find_map(|key| common::page(node.get(key)));
    Draft {
        actor: common::person(node.get("actor")),
        url: of_subject.or_else(|| repository.as_ref()?.url.clone()),
        repository,
        ..Draft::other("", note)
    }
}
