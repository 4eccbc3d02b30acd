//! Confluence Data Center, 7.7 and later.
//!
//! With a secret Confluence signs the body with HMAC-SHA256 in `X-Hub-Signature`
//! (<https://confluence.atlassian.com/doc/managing-webhooks-1021225606.html>). Confluence Cloud has no webhooks but
//! those of apps, which carry a token of the app.
//!
//! The body says little: the event, the time, the key of who caused it, and the number of the page or comment. What
//! the page is called, where it is, and what a comment says has to be looked up in Confluence, which a rule cannot
//! do, but a command can. So those texts are empty here, there is no repository and no address, and a source that
//! expects projects gets nothing. Where a body has a title, the key of a space, or a version, under the names that
//! Confluence gives its apps (<https://developer.atlassian.com/cloud/confluence/modules/webhook/>), they are read.
//!
//! Invariants:
//! - A request without a signature is refused.
//! - What an event is about is taken from the body, which is verified, never from the event header.

#[cfg(test)]
pub(super) mod corpus;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::git::missing;
use super::{Draft, Facts, Kind, Outgoing, Provider, Request, Setup, unsigned_id_keys};
use crate::domain::clock::Timestamp;
use crate::domain::event::{
    Change, Comment, CommentTarget, Page, Person, Repository, Subject, Visibility,
};
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;

/// Confluence's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    // Bitbucket has the same headers from the same library, and its events have a `:` in their names. So has the
    // `diagnostics:ping` of both, which cannot be told apart.
    detect: |headers| {
        let event = headers.text(EVENT);
        event.is_some_and(|event| event.contains('_') && !event.contains(':'))
    },
    samples: &[
        sample!("confluence", "page-created", "page_created"),
        sample!("confluence", "page-updated", "page_updated"),
        sample!("confluence", "note-on-page", "comment_created"),
        sample!("confluence", "ping", "diagnostics:ping"),
    ],
};

const NAME: &str = "confluence";
/// Described for Bitbucket Data Center alone, which has its webhooks from the same library
/// (<https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html>). So only `auto` depends on it, and
/// what a body without an event is called.
const EVENT: &str = "x-event-key";
/// Of one attempt to send; Confluence makes no other.
const ID: &str = "x-request-id";
const SIGNATURE: &str = "x-hub-signature";
const HINT: &str = "set the source's secret in the webhook's settings in Confluence";

/// How the events begin that Confluence knows and that no subject describes, and why that is so.
const UNDESCRIBED: [(&str, &str); 9] = [
    ("blueprint_page_", "it is about a blueprint"),
    ("content_", "it is about content of any kind"),
    ("attachment_", "a file on a page has no subject of its own"),
    ("label_", "there is no subject for a label"),
    ("relation_", "there is no subject for a relation"),
    ("space_", "a space is a place, not a subject"),
    ("theme_", "it is about Confluence's settings"),
    ("user_", "an account is not a member of a space"),
    ("group_", "a group is not a member of a space"),
];

#[derive(Debug)]
struct Confluence {
    signature: BodySignature,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    Ok(Box::new(Confluence {
        signature: BodySignature::new(SIGNATURE, "sha256=", HINT, setup.secrets),
    }))
}

// A header that contradicts the body is not refused: it is the library's, and no document says that it always has
// the body's word.
impl Provider for Confluence {
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
        let kind = node.and_then(|node| node.text("event"));
        Facts {
            event: kind
                .clone()
                .or_else(|| headers.text(EVENT).map(str::to_owned)),
            kind,
            delivery: headers.text(ID).map(str::to_owned),
            project: node.and_then(|node| space(content(node))),
            ..Facts::default()
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

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let event = node.raw("event").unwrap_or_default();
        let subject = if event.is_empty() && node.flag("test") == Some(true) {
            Ok(Subject::Ping)
        } else {
            subject(node, event)
        };
        let draft = subject.map_or_else(|note| Draft::other("", note), Draft::about);
        let header = headers.text(EVENT).unwrap_or_default();
        let name = if event.is_empty() { header } else { event };
        let action = event.split_once('_').map(|(_, action)| cut.text(action));
        vec![Draft {
            provider_event: cut.text(name),
            provider_action: action.filter(|action| !action.is_empty()),
            happened_at: happened_at(node),
            actor: actor(node),
            repository: space(content(node)).map(repository),
            truncated: cut.happened(),
            ..draft
        }]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (EVENT.to_owned(), outgoing.event.to_owned()),
            (ID.to_owned(), outgoing.id.to_owned()),
        ];
        headers.extend(self.signature.sign(&[outgoing.body]));
        headers
    }
}

/// What an event is about.
fn subject(body: Node<'_>, event: &str) -> Result<Subject, String> {
    let change = change(event);
    match event.split('_').next() {
        Some("") | None => Err("the body names no event, as `event`".to_owned()),
        Some(kind @ ("page" | "blog")) => {
            let node = body.get(kind);
            Ok(Subject::Page(Page {
                id: node.id("id").ok_or_else(|| missing(event, "id"))?,
                title: node.text("title").unwrap_or_default(),
                space: space(node),
                change,
                version: node.number("version"),
            }))
        }
        Some("comment") => {
            let node = body.get("comment");
            Ok(Subject::Comment(Comment {
                id: node.id("id").ok_or_else(|| missing(event, "id"))?,
                text: String::new(),
                // There is nothing else to comment on: a blog post is a page, and a file is on one.
                target: CommentTarget::Page,
                target_key: None,
                target_title: None,
                target_author: None,
                path: None,
                line: None,
                confidential: false,
                change,
            }))
        }
        Some(_) => {
            let mut known = UNDESCRIBED.iter();
            let name = body.cut().text(event);
            Err(match known.find(|(begin, _)| event.starts_with(begin)) {
                Some((_, reason)) => format!("the event is `{name}`: {reason}"),
                None => format!("the event `{name}` is not known"),
            })
        }
    }
}

/// What the end of an event's name is in neutral words. What comes back from the trash was there before.
fn change(event: &str) -> Change {
    match event.split_once('_') {
        Some((_, "created")) => Change::Opened,
        Some((_, "updated" | "moved" | "children_reordered")) => Change::Updated,
        Some((_, "trashed" | "removed")) => Change::Deleted,
        Some((_, "restored")) => Change::Reopened,
        _ => Change::Other,
    }
}

/// The page, blog post or comment of a body.
fn content(body: Node<'_>) -> Node<'_> {
    let mut parts = ["page", "blog", "comment"].into_iter();
    let found = parts.find(|key| body.get(key).exists());
    body.get(found.unwrap_or("page"))
}

/// The key of the space that a page is in.
fn space(content: Node<'_>) -> Option<String> {
    content.text("spaceKey")
}

/// The space as a repository.
fn repository(key: String) -> Repository {
    Repository {
        id: String::new(),
        name: key.clone(),
        full_name: key,
        url: None,
        ssh_url: None,
        http_url: None,
        default_branch: None,
        visibility: Visibility::Unknown,
    }
}

/// Who caused the event, by the key that is all that Confluence says.
fn actor(body: Node<'_>) -> Option<Person> {
    let key = body.text("userKey")?;
    Some(Person {
        id: Some(key.clone()),
        name: key,
        username: None,
        email: None,
        bot: false,
    })
}

fn happened_at(body: Node<'_>) -> Option<Timestamp> {
    let millis = i64::try_from(body.number("timestamp")?).ok()?;
    let is_time = jiff::Timestamp::from_millisecond(millis).is_ok();
    is_time.then_some(Timestamp(millis))
}
