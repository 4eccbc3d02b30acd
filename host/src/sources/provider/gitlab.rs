//! GitLab: project, group and system hooks.
//!
//! A secret that begins with `whsec_` is a signing key, and the request is signed as Standard Webhooks
//! has it; any other is the plain token of `X-Gitlab-Token`. What the headers and payloads are is
//! described at <https://docs.gitlab.com/user/project/integrations/webhook_events/>.
//!
//! Invariants:
//! - A signature that is present is checked, and nothing else counts then.
//! - A signing key never matches `X-Gitlab-Token`.
//! - What an event is about is taken from the body, which is verified, never from the event header.

mod changes;
mod code;
mod common;
#[cfg(test)]
pub(super) mod corpus;
mod kind;
mod merge_request;
mod run;
#[cfg(test)]
mod tests;
mod tracker;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{
    BODY_COUNTS, Draft, Facts, Kind, Outgoing, Provider, Request, Setup, body_key, digest, id_key,
};
use crate::domain::quantity::Span;
use crate::domain::secret::Secret;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::{Headers, required};
use crate::sources::json::{Cut, Node};
use crate::sources::redact::Hidden;
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::same_token;
use crate::sources::signature::standard::{self, SigningKey};

/// GitLab's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| headers.text(EVENT).is_some(),
    samples: &[
        sample!("gitlab", "push", "Push Hook"),
        sample!("gitlab", "tag", "Tag Push Hook"),
        sample!("gitlab", "merge-request-opened", "Merge Request Hook"),
        sample!("gitlab", "merge-request-updated", "Merge Request Hook"),
        sample!("gitlab", "merge-request-approved", "Merge Request Hook"),
        sample!("gitlab", "merge-request-merged", "Merge Request Hook"),
        sample!("gitlab", "merge-request-closed", "Merge Request Hook"),
        sample!("gitlab", "issue-opened", "Issue Hook"),
        sample!("gitlab", "note-on-merge-request", "Note Hook"),
        sample!("gitlab", "note-confidential", "Confidential Note Hook"),
        sample!("gitlab", "pipeline-failed", "Pipeline Hook"),
        sample!("gitlab", "job-failed", "Job Hook"),
        sample!("gitlab", "release", "Release Hook"),
        sample!("gitlab", "deployment", "Deployment Hook"),
        sample!("gitlab", "page-created", "Wiki Page Hook"),
        sample!("gitlab", "feature-flag", "Feature Flag Hook"),
        sample!("gitlab", "member-added", "Member Hook"),
    ],
};

const NAME: &str = "gitlab";
const EVENT: &str = "x-gitlab-event";
const TOKEN: &str = "x-gitlab-token";
const INSTANCE: &str = "x-gitlab-instance";
/// Of the hook, not of the delivery.
const HOOK_UUID: &str = "x-gitlab-webhook-uuid";
/// Since GitLab 17.4; the same whenever the delivery is sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Ordinary payloads hold no secrets but these:
/// - `variables` of a pipeline started by hand or by a trigger, which may be anything a person typed;
/// - tokens of runners, hooks, snippets and deploys, which some versions put beside what they belong to.
const HIDDEN: Hidden = Hidden {
    keys: &[
        "token",
        "secret_token",
        "encrypted_secret_token",
        "encrypted_secret_token_iv",
        "runners_token",
        "private_token",
        "job_token",
        "trigger_token",
        "feed_token",
        "password",
    ],
    paths: &[
        &["object_attributes", "variables", "*", "value"],
        &["variables", "*", "value"],
        &["builds", "*", "variables", "*", "value"],
    ],
};

#[derive(Debug)]
struct GitLab {
    tokens: Vec<(String, Secret)>,
    keys: Vec<(String, SigningKey)>,
    tolerance: Span,
    credentials: [String; 1],
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    let mut gitlab = GitLab {
        tokens: Vec::new(),
        keys: Vec::new(),
        tolerance: setup.config.tolerance()?,
        credentials: [TOKEN.to_owned()],
    };
    for secret in setup.secrets {
        if secret
            .value
            .expose()
            .trim_start()
            .starts_with(standard::KEY_PREFIX)
        {
            let key = SigningKey::parse(secret.value.expose()).ok_or_else(|| {
                let what = "is not a signing key: after `whsec_` come the key's bytes in Base64; copy GitLab's \
                            signing token as a whole";
                ConfigProblem::new(secret.key, what)
            })?;
            gitlab.keys.push((secret.name, key));
        } else {
            gitlab.tokens.push((secret.name, secret.value));
        }
    }
    Ok(Box::new(gitlab))
}

impl GitLab {
    fn check_token(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        if self.tokens.is_empty() {
            let sent_as_token = headers.get(TOKEN).is_some_and(|token| {
                token
                    .as_bytes()
                    .starts_with(standard::KEY_PREFIX.as_bytes())
            });
            let hint = if sent_as_token {
                "the signing token was sent as the secret token: in the webhook's settings, put it into the field \
                 for the signing token"
            } else {
                "set the signing token in the webhook's settings in GitLab"
            };
            return Err(Rejection::missing(standard::SIGNATURE, hint));
        }
        let hint = "set the secret token in the webhook's settings in GitLab";
        required(headers, TOKEN, hint).map(|_| ())
    }
}

impl Provider for GitLab {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        if !headers.contains_key(standard::SIGNATURE) {
            return self.check_token(headers);
        }
        if self.keys.is_empty() {
            return Err(Rejection::no_signing_key());
        }
        standard::check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        if request.headers.contains_key(standard::SIGNATURE) {
            return standard::verify(&self.keys, request, self.tolerance);
        }
        let hint = "set the secret token in the webhook's settings in GitLab";
        let sent = required(request.headers, TOKEN, hint)?;
        let mut matched = None;
        for (name, token) in &self.tokens {
            if same_token(sent, token.expose().as_bytes()) && matched.is_none() {
                matched = Some(name.clone());
            }
        }
        matched.ok_or_else(|| {
            Rejection::bad_signature(
                "`X-Gitlab-Token` matches no secret of this source: put the source's secret into the field for the \
                 secret token in the webhook's settings in GitLab",
            )
        })
    }

    fn contradiction(&self, headers: Headers<'_>, body: &Value) -> Option<String> {
        let header = headers.text(EVENT)?;
        let kind = kind::of_body(body)?;
        kind::contradict(header, kind).then(|| {
            let (header, kind) = (header.escape_debug(), kind.escape_debug());
            format!(
                "the header `X-Gitlab-Event` says `{header}`, and the body is of the kind `{kind}`"
            )
        })
    }

    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        let kind = body.and_then(kind::of_body);
        let event = headers
            .text(EVENT)
            .or_else(|| kind.and_then(kind::header_of));
        let delivery = [standard::ID, IDEMPOTENCY_KEY]
            .into_iter()
            .find_map(|name| headers.text(name));
        let cut = Cut::default();
        let place = body.map(|body| common::place(Node::root(body, &cut)));
        let (project_id, project) = place.map_or((None, None), |place| (place.id, place.full_name));
        Facts {
            event: event.or(kind).map(str::to_owned),
            kind: kind.map(str::to_owned),
            delivery: delivery.map(str::to_owned),
            project_id,
            project,
            instance: headers.text(INSTANCE).map(str::to_owned),
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        let named = [standard::ID, IDEMPOTENCY_KEY]
            .into_iter()
            .find_map(|name| headers.text(name));
        vec![match (named, headers.text(HOOK_UUID)) {
            (Some(id), _) => id_key(id),
            // Before GitLab 17.4. `X-Gitlab-Event-UUID` is no substitute: a chain of hooks shares it. A push says
            // nothing of its time, so the same one may honestly come again: a branch that is put back, and forth.
            (None, Some(hook)) => (format!("body:{hook}/{}", digest(body)), BODY_COUNTS),
            (None, None) => body_key(body, BODY_COUNTS),
        }]
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn hidden(&self) -> Hidden {
        HIDDEN
    }

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let kind = kind::of_body(body);
        let header = headers.text(EVENT);
        let event = header
            .or_else(|| kind.and_then(kind::header_of))
            .or(kind)
            .unwrap_or_default();
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let read = match kind {
            Some("push" | "tag_push") => code::push(node),
            Some("merge_request") => merge_request::read(node),
            Some("issue" | "work_item") => tracker::issue(node, event),
            Some("note") => tracker::note(node, event),
            Some("pipeline") => run::pipeline(node),
            Some("build") => run::job(node),
            Some("release") => code::release(node),
            Some("deployment") => run::deployment(node),
            Some("wiki_page") => tracker::page(node),
            Some("feature_flag") => tracker::feature_flag(node),
            Some(name) if tracker::is_member(name) => tracker::member(node, name),
            Some(name) => Err(format!("the kind `{}` is not known", cut.text(name))),
            None => Err("the body names no kind, as `object_kind` or `event_name`".to_owned()),
        };
        let mut draft = read.unwrap_or_else(|note| {
            let attributes = node.get("object_attributes");
            Draft {
                actor: common::actor(node),
                repository: common::repository(node),
                url: attributes.link("url").or_else(|| node.link("url")),
                provider_action: attributes.text("action").or_else(|| node.text("action")),
                ..Draft::other("", note)
            }
        });
        draft.confidential = tracker::is_about_something_confidential(node, event);
        draft.provider_event = cut.text(event);
        draft.truncated = cut.happened();
        vec![draft]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (EVENT.to_owned(), outgoing.event.to_owned()),
            (IDEMPOTENCY_KEY.to_owned(), outgoing.id.to_owned()),
        ];
        if let Some((_, key)) = self.keys.first() {
            headers.extend(key.sign(outgoing));
        } else if let Some((_, token)) = self.tokens.first() {
            headers.push((TOKEN.to_owned(), token.expose().to_owned()));
        }
        headers
    }
}
