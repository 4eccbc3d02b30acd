//! Slack: the Events API, slash commands, and interactions, as an app of Slack sends them.
//!
//! Requests are signed with the app's signing secret over the time and the body:
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>. What they say stands in the body alone.
//! A slash command comes as a form, an interaction as a form with `payload`, an event as JSON.
//!
//! Invariants:
//! - A time that is too far from the present is refused, and only after the signature has been found right.
//! - What happens in a channel that Slack does not call public is confidential.

mod event;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{
    BODY_COUNTS, Draft, Facts, Kind, Outgoing, Provider, Request, Setup, body_key, id_key,
    request_key,
};
use crate::domain::clock::Timestamp;
use crate::domain::quantity::Span;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::{Headers, required};
use crate::sources::json::{Cut, Node};
use crate::sources::redact::Hidden;
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;
use crate::sources::signature::{is_recent, whole_number};

/// Slack's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| headers.text(SIGNATURE).is_some(),
    samples: &[
        sample!("slack", "message", "message"),
        sample!("slack", "mention", "app_mention"),
        sample!("slack", "member-added", "member_joined_channel"),
    ],
};

const NAME: &str = "slack";
const SIGNATURE: &str = "x-slack-signature";
/// In seconds since 1970.
const TIMESTAMP: &str = "x-slack-request-timestamp";
/// The version of the scheme, before the signature and in what is signed.
const PREFIX: &str = "v0=";
const HINT: &str = "set the app's signing secret, from its Basic Information page at api.slack.com, as the source's \
                    secret";

/// - `token` is the old verification token, which is sent still:
///   <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
/// - Whoever knows a `response_url` can write into the channel for half an hour:
///   <https://docs.slack.dev/interactivity/handling-user-interaction>.
/// - `bot_access_token` comes with a workflow's step: <https://docs.slack.dev/authentication/tokens>.
/// - `secret` is that of an `interactor`: <https://docs.slack.dev/reference/interaction-payloads>.
const HIDDEN: Hidden = Hidden {
    keys: &["token", "response_url", "bot_access_token", "secret"],
    paths: &[],
};

#[derive(Debug)]
struct Slack {
    signature: BodySignature,
    tolerance: Span,
    credentials: [String; 1],
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    Ok(Box::new(Slack {
        tolerance: setup.config.tolerance()?,
        signature: BodySignature::new(SIGNATURE, PREFIX, HINT, setup.secrets),
        credentials: [SIGNATURE.to_owned()],
    }))
}

/// What is signed.
fn signed<'a>(timestamp: &'a [u8], body: &'a [u8]) -> [&'a [u8]; 4] {
    [b"v0:", timestamp, b":", body]
}

impl Provider for Slack {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        self.signature.check_headers(headers)?;
        required(headers, TIMESTAMP, HINT).map(|_| ())
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        let timestamp = required(request.headers, TIMESTAMP, HINT)?;
        let signed = signed(timestamp, request.body);
        let secret = self.signature.authenticate(request.headers, &signed)?;
        let sent_at = whole_number(timestamp).ok_or_else(|| Rejection::bad_timestamp(TIMESTAMP))?;
        let sent_at = Timestamp(sent_at.saturating_mul(1_000));
        if is_recent(sent_at, request.now, self.tolerance) {
            Ok(secret)
        } else {
            Err(Rejection::stale(TIMESTAMP))
        }
    }

    /// No header names the event, so there is nothing for the body to contradict.
    fn facts(&self, _: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let Some(node) = body.map(|body| Node::root(body, &cut)) else {
            return Facts::default();
        };
        let place = event::place(node);
        Facts {
            event: event::name(node).map(str::to_owned),
            kind: node.text("type"),
            delivery: node.text("event_id"),
            project_id: place.as_ref().map(|place| place.id.clone()),
            project: place.map(|place| place.full_name),
            instance: None,
        }
    }

    /// An event keeps its `event_id` when it is sent again. The `trigger_id` of a command or an interaction is made
    /// for that one; the rest is known by its body, and the request that held it by its time.
    fn keys(
        &self,
        headers: Headers<'_>,
        json: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        let id = ["event_id", "trigger_id"].into_iter().find_map(|key| {
            let id = json?.get(key)?.as_str()?;
            (!id.is_empty()).then_some(id)
        });
        match (id, headers.text(TIMESTAMP)) {
            (Some(id), _) => vec![id_key(id)],
            (None, Some(timestamp)) => vec![
                body_key(body, BODY_COUNTS),
                request_key(timestamp, body, self.tolerance),
            ],
            (None, None) => vec![body_key(body, BODY_COUNTS)],
        }
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn outline_depth(&self) -> usize {
        // The channel of something that is reacted to may be `event.item.channel.id`.
        5
    }

    fn hidden(&self) -> Hidden {
        HIDDEN
    }

    /// <https://docs.slack.dev/reference/events/url_verification>: the address of an app is taken once it answers.
    fn challenge(&self, body: &Value) -> Option<String> {
        if body.get("type")?.as_str()? != "url_verification" {
            return None;
        }
        body.get("challenge")?.as_str().map(str::to_owned)
    }

    fn body_id(&self) -> Option<&'static str> {
        Some("event_id")
    }

    fn is_answered_plainly(&self) -> bool {
        true
    }

    fn sends_forms(&self) -> bool {
        true
    }

    fn parse(&self, _: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let mut draft = event::read(Node::root(body, &cut));
        draft.truncated = cut.happened();
        vec![draft]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let is_json = matches!(outgoing.body.trim_ascii_start().first(), Some(b'{'));
        let content_type = if is_json {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let timestamp = outgoing.now.0.div_euclid(1_000).to_string();
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let signed = signed(timestamp.as_bytes(), outgoing.body);
        headers.extend(self.signature.sign(&signed));
        headers.push((TIMESTAMP.to_owned(), timestamp));
        headers
    }
}
