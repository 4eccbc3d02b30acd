//! Bitbucket Data Center, formerly Bitbucket Server and Stash.
//!
//! The HMAC of the body stands in `X-Hub-Signature`, only where the webhook has a secret:
//! <https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html>. What the headers and payloads
//! are is described at <https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html>.
//!
//! Its button "Test connection" sends `diagnostics:ping` without a signature, also where there is a secret:
//! <https://github.com/runatlantis/atlantis/issues/474>,
//! <https://github.com/sourcegraph/sourcegraph-public-snapshot/blob/main/cmd/frontend/webhooks/bitbucketserver_webhooks.go>.
//! Others make an exception for it, and none is made here: the test is answered 401 with a sentence that says so, and
//! real events are signed.
//!
//! Invariants:
//! - Only `X-Hub-Signature` says that a request is Bitbucket's.
//! - Each change of a push is an event of its own.
//! - What an event is about is taken from the body's `eventKey`, which is verified, where there is one.

mod code;
mod common;
#[cfg(test)]
pub(super) mod corpus;
mod merge_request;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::many::Many;
use super::{Draft, Facts, Kind, Outgoing, Provider, Request, Setup, unsigned_id_keys};
use crate::domain::event::Subject;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::{Headers, required};
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;

/// Bitbucket Data Center's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect,
    samples: &[
        sample!("bitbucket-data-center", "push", "repo:refs_changed"),
        sample!("bitbucket-data-center", "tag", "repo:refs_changed"),
        sample!("bitbucket-data-center", "merge-request-opened", "pr:opened"),
        sample!(
            "bitbucket-data-center",
            "merge-request-updated",
            "pr:from_ref_updated"
        ),
        sample!(
            "bitbucket-data-center",
            "merge-request-approved",
            "pr:reviewer:approved"
        ),
        sample!("bitbucket-data-center", "merge-request-merged", "pr:merged"),
        sample!(
            "bitbucket-data-center",
            "merge-request-closed",
            "pr:declined"
        ),
        sample!(
            "bitbucket-data-center",
            "note-on-merge-request",
            "pr:comment:added"
        ),
        sample!("bitbucket-data-center", "ping", "diagnostics:ping"),
    ],
};

const NAME: &str = "bitbucket-data-center";
const EVENT: &str = "x-event-key";
const REQUEST_ID: &str = "x-request-id";
const SIGNATURE: &str = "x-hub-signature";
/// What stands before the digits of the signature.
const PREFIX: &str = "sha256=";
/// The event of which each change is one.
const PUSH: &str = "repo:refs_changed";
/// The event of the button "Test connection".
const PING: &str = "diagnostics:ping";
/// What the event keys begin with.
const FAMILIES: [&str; 6] = ["repo:", "pr:", "project:", "proj:", "mirror:", PING];
/// The headers of Bitbucket Cloud, which has the same event header.
const CLOUD: [&str; 2] = ["x-request-uuid", "x-hook-uuid"];

/// Whether the event key is one of Bitbucket's and the headers of Bitbucket Cloud are not there. `X-Request-Id` tells
/// nothing: proxies set it on any request, and take it away.
fn detect(headers: Headers<'_>) -> bool {
    let is_known = |key: &str| FAMILIES.iter().any(|family| key.starts_with(family));
    headers.text(EVENT).is_some_and(is_known)
        && CLOUD.iter().all(|name| headers.text(name).is_none())
}

#[derive(Debug)]
struct BitbucketDataCenter {
    signature: BodySignature,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    let hint = "set the source's secret in the webhook's settings in Bitbucket";
    let signature = BodySignature::new(SIGNATURE, PREFIX, hint, setup.secrets);
    Ok(Box::new(BitbucketDataCenter { signature }))
}

impl Provider for BitbucketDataCenter {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        if Headers::Request(headers).text(EVENT) == Some(PING) {
            let hint = "Bitbucket does not sign its connection test, and does sign events: this answer says that the \
                        address is right, so save the webhook with the source's secret and push something";
            return required(headers, SIGNATURE, hint).map(|_| ());
        }
        self.signature.check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        self.signature
            .authenticate(request.headers, &[request.body])
    }

    fn contradiction(&self, headers: Headers<'_>, body: &Value) -> Option<String> {
        let header = headers.text(EVENT)?;
        let kind = kind(body).filter(|kind| current(kind) != current(header))?;
        let (header, kind) = (header.escape_debug(), kind.escape_debug());
        Some(format!(
            "the header `X-Event-Key` says `{header}`, and the body is of the kind `{kind}`"
        ))
    }

    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        let kind = body.and_then(kind);
        let cut = Cut::default();
        let repository = body.map(|body| common::place(Node::root(body, &cut)));
        Facts {
            event: headers.text(EVENT).or(kind).map(str::to_owned),
            kind: kind.map(str::to_owned),
            delivery: headers.text(REQUEST_ID).map(str::to_owned),
            project_id: repository.and_then(|repository| repository.id("id")),
            project: repository.and_then(common::full_name),
            ..Facts::default()
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        unsigned_id_keys(headers.text(REQUEST_ID), body)
    }

    fn outline_depth(&self) -> usize {
        // `pullRequest.toRef.repository.project.key`.
        6
    }

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let key = key(headers, body);
        if key == PUSH {
            return pushed(body);
        }
        let cut = Cut::default();
        let draft = finished(key, Node::root(body, &cut), |node| read(key, node));
        vec![Draft {
            truncated: cut.happened(),
            ..draft
        }]
    }

    fn left_out(&self, headers: Headers<'_>, body: &Value) -> u64 {
        if key(headers, body) == PUSH {
            many(body).left_out
        } else {
            0
        }
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let content_type = "application/json; charset=utf-8";
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            (EVENT.to_owned(), outgoing.event.to_owned()),
            (REQUEST_ID.to_owned(), outgoing.id.to_owned()),
        ];
        headers.extend(self.signature.sign(&[outgoing.body]));
        headers
    }
}

/// The kind that a body names; a connection test names none.
fn kind(body: &Value) -> Option<&str> {
    let key = body.get("eventKey")?.as_str();
    key.filter(|key| !key.is_empty())
}

/// The event key: what the body says, which is signed, or else the header.
fn key<'a>(headers: Headers<'a>, body: &'a Value) -> &'a str {
    let key = kind(body).or_else(|| headers.text(EVENT));
    key.unwrap_or_default()
}

/// A key by its present name, where versions and the documentation have two.
fn current(key: &str) -> &str {
    match key {
        "pr:reviewer:changes_requested" => "pr:reviewer:needs_work",
        "proj:modified" => "project:modified",
        key => key,
    }
}

/// The changes of a push.
fn changes(body: &Value) -> &[Value] {
    let changes = body.get("changes").and_then(Value::as_array);
    changes.map(Vec::as_slice).unwrap_or_default()
}

/// Of how many changes of a push events are made: each says who pushed, and where, and several may lead to the
/// commits that stand beside them.
fn many(body: &Value) -> Many {
    let cut = Cut::default();
    let node = Node::root(body, &cut);
    let repeated = finished(PUSH, node, |_| Err(String::new()));
    let commits = code::repeated_commits(node);
    Many::of(changes(body).len(), &[&repeated, &commits])
}

/// The events of a push, one for each of its changes; only what was cut in one counts for it.
fn pushed(body: &Value) -> Vec<Draft> {
    let changes = changes(body);
    let one = |change: Option<&Value>| {
        let cut = Cut::default();
        let is_alone = changes.len() == 1;
        let draft = finished(PUSH, Node::root(body, &cut), |node| match change {
            Some(change) => code::change(node, Node::root(change, &cut), is_alone),
            None => Err("the push holds no change of a branch or a tag".to_owned()),
        });
        Draft {
            truncated: cut.happened(),
            ..draft
        }
    };
    if changes.is_empty() {
        return vec![one(None)];
    }
    let made = changes.iter().take(many(body).made);
    made.map(|change| one(Some(change))).collect()
}

/// An event with what every kind has: who, where, and when.
fn finished(
    key: &str,
    node: Node<'_>,
    read: impl FnOnce(Node<'_>) -> Result<Draft, String>,
) -> Draft {
    let draft = read(node).unwrap_or_else(|note| Draft {
        url: common::page(node.get("pullRequest")),
        provider_action: action(key).map(|action| node.cut().text(action)),
        ..Draft::other("", note)
    });
    let repository = common::repository(common::place(node));
    Draft {
        provider_event: node.cut().text(key),
        happened_at: common::happened_at(node),
        actor: common::person(node.get("actor")),
        url: draft.url.or_else(|| repository.as_ref()?.url.clone()),
        repository,
        ..draft
    }
}

/// Bitbucket's word for what was done: the last part of the event key.
fn action(key: &str) -> Option<&str> {
    key.rsplit_once(':').map(|(_, action)| action)
}

fn read(key: &str, node: Node<'_>) -> Result<Draft, String> {
    match key {
        PING if node.flag("test") == Some(true) => Ok(Draft::about(Subject::Ping)),
        PING => Err(super::git::missing(PING, "test")),
        "pr:comment:added" | "pr:comment:edited" | "pr:comment:deleted" => {
            merge_request::comment(node, key)
        }
        "repo:comment:added" | "repo:comment:edited" | "repo:comment:deleted" => {
            code::comment(node, key)
        }
        _ if key.starts_with("pr:") => merge_request::read(node, key),
        "" => Err(
            "the body names no kind as `eventKey`, and the header `X-Event-Key` is missing"
                .to_owned(),
        ),
        _ => Err(common::no_words(node, key)),
    }
}
