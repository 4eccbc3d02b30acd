//! Jira, in the Cloud and in Data Center: the webhooks that an administrator makes.
//!
//! With a secret Jira signs the body with HMAC-SHA256: `X-Hub-Signature: sha256=…`
//! (<https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks>,
//! <https://confluence.atlassian.com/adminjiraserver/managing-webhooks-938846912.html>). Nothing else is taken:
//! webhooks of apps carry a token of the app, Data Center can send Basic authentication, and its old versions, to
//! which people give a secret in the address, sign nothing. Where Jira cannot sign, `verify = "none"` behind a list of
//! `addresses` is what remains.
//!
//! There is no event header: the body names its kind as `webhookEvent`, so nothing can contradict it.
//!
//! Data Center sends one comment twice, when both are asked for: as `comment_created`, without its issue, and as
//! `jira:issue_updated`, with it.
//!
//! Invariants:
//! - A request without a signature is refused, whatever else it carries.
//! - What is restricted is confidential: an issue with a security level, and a comment that only some may see.
//! - The texts of an event are plain text or Jira's markup, never the tree that Jira keeps them in.

mod common;
#[cfg(test)]
pub(super) mod corpus;
mod document;
mod issue;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{Draft, Facts, Kind, Outgoing, Provider, Request, Setup, unsigned_id_keys};
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;

/// Jira's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    // Only the Cloud is known to send it; Data Center has to be named as the provider. Other products of the same
    // maker send the name of the event in a header.
    detect: |headers| headers.text(ID).is_some() && headers.text("x-event-key").is_none(),
    samples: &[
        sample!("jira", "issue-opened", "jira:issue_created"),
        sample!("jira", "issue-updated", "jira:issue_updated"),
        sample!("jira", "issue-closed", "jira:issue_updated"),
        sample!("jira", "note-on-issue", "comment_created"),
    ],
};

const NAME: &str = "jira";
/// The same whenever a delivery is sent again.
const ID: &str = "x-atlassian-webhook-identifier";
const SIGNATURE: &str = "x-hub-signature";
const HINT: &str = "set the source's secret in the webhook's settings in Jira";

/// How the events begin that Jira knows and that no subject describes, and why that is so.
const UNDESCRIBED: [(&str, &str); 13] = [
    (
        "jira:version_",
        "a version of a project is no release: it has no tag",
    ),
    ("user_", "an account is not a member of a project"),
    ("worklog_", "logged work is neither an issue nor a comment"),
    (
        "jira:worklog_",
        "logged work is neither an issue nor a comment",
    ),
    (
        "attachment_",
        "a file on an issue has no subject of its own",
    ),
    (
        "issuelink_",
        "a link names its issues by number, without keys",
    ),
    ("issue_property_", "a property of an issue is for apps"),
    ("project_", "a project is a place, not a subject"),
    ("sprint_", "there is no subject for a sprint"),
    ("board_", "there is no subject for a board"),
    ("issuetype_", "it is about Jira's settings"),
    ("filter_", "it is about Jira's settings"),
    ("option_", "it is about Jira's settings"),
];

#[derive(Debug)]
struct Jira {
    signature: BodySignature,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    Ok(Box::new(Jira {
        signature: BodySignature::new(SIGNATURE, "sha256=", HINT, setup.secrets),
    }))
}

impl Provider for Jira {
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
        let node = body.map(|body| Node::root(body, &cut));
        let event = node.and_then(|node| node.text(EVENT));
        Facts {
            kind: event.clone(),
            event,
            delivery: headers.text(ID).map(str::to_owned),
            project_id: node.and_then(|node| common::project(node).id("id")),
            project: node.and_then(common::project_key),
            instance: node.and_then(common::instance),
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        unsigned_id_keys(headers.text(ID), body)
    }

    fn outline_depth(&self) -> usize {
        // The number of an issue's project is `issue.fields.project.id`.
        5
    }

    fn parse(&self, _: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let event = node.raw(EVENT).unwrap_or_default();
        let mut drafts = read(node, event);
        for draft in &mut drafts {
            draft.provider_event = cut.text(event);
            draft.happened_at = common::millis(node, "timestamp");
            draft.repository = common::repository(node);
            draft.confidential = issue::is_restricted(node);
        }
        for draft in &mut drafts {
            draft.truncated = cut.happened();
        }
        drafts
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (ID.to_owned(), outgoing.id.to_owned()),
        ];
        headers.extend(self.signature.sign(&[outgoing.body]));
        headers
    }
}

/// Where the body names its kind.
const EVENT: &str = "webhookEvent";

/// What a body tells, without what is read in the same way from every body.
fn read(body: Node<'_>, event: &str) -> Vec<Draft> {
    let read = match event {
        "jira:issue_created" | "jira:issue_updated" | "jira:issue_deleted" => {
            issue::issue_or_comment(body, event)
        }
        "comment_created" | "comment_updated" | "comment_deleted" => {
            vec![issue::comment(body, event)]
        }
        "" => vec![Err("the body names no event, as `webhookEvent`".to_owned())],
        event => {
            let mut known = UNDESCRIBED.iter();
            let name = body.cut().text(event);
            vec![Err(
                match known.find(|(begin, _)| event.starts_with(begin)) {
                    Some((_, reason)) => format!("the event is `{name}`: {reason}"),
                    None => format!("the event `{name}` is not known"),
                },
            )]
        }
    };
    let drafts = read.into_iter().map(|read| {
        read.unwrap_or_else(|note| Draft {
            provider_action: common::action(body, event),
            actor: common::actor(body, event),
            url: common::page(body),
            ..Draft::other("", note)
        })
    });
    drafts.collect()
}
