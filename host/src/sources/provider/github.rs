//! GitHub: GitHub.com and GitHub Enterprise Server, hooks of repositories, organizations and apps.
//!
//! The signature is an HMAC-SHA256 of the body in `X-Hub-Signature-256`; the SHA-1 beside it is never looked
//! at. What the headers and payloads are is described at
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads>.
//!
//! GitHub tells some things twice, under two kinds. One of them becomes an event with a subject, and the other is
//! `other` with a note, so that a rule does not act twice; [`kind`] says which.
//!
//! Invariants:
//! - Nothing but the SHA-256 signature shows who a sender is.
//! - A thing that GitHub tells under two kinds has one event with a subject.
//! - A run for a fork's branch never has the name of a branch of the repository as its ref, where GitHub tells
//!   them apart.

mod alert;
mod changes;
mod code;
mod comment;
mod common;
#[cfg(test)]
pub(super) mod corpus;
mod deployment;
mod issue;
mod kind;
mod member;
mod pull_request;
mod review;
mod run;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::many::Many;
use super::{Draft, Facts, Kind, Outgoing, Provider, Request, Setup, unsigned_id_keys};
use crate::domain::event::Subject;
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::redact::Hidden;
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::body::BodySignature;

/// GitHub's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| headers.text(EVENT).is_some(),
    samples: &[
        sample!("github", "push", "push"),
        sample!("github", "tag", "push"),
        sample!("github", "merge-request-opened", "pull_request"),
        sample!("github", "merge-request-updated", "pull_request"),
        sample!("github", "merge-request-approved", "pull_request_review"),
        sample!("github", "merge-request-merged", "pull_request"),
        sample!("github", "merge-request-closed", "pull_request"),
        sample!("github", "issue-opened", "issues"),
        sample!(
            "github",
            "note-on-merge-request",
            "pull_request_review_comment"
        ),
        sample!("github", "pipeline-failed", "workflow_run"),
        sample!("github", "job-failed", "workflow_job"),
        sample!("github", "release", "release"),
        sample!("github", "deployment", "deployment_status"),
        sample!("github", "page-updated", "gollum"),
        sample!("github", "member-added", "member"),
        sample!("github", "alert-firing", "dependabot_alert"),
        sample!("github", "ping", "ping"),
    ],
};

const NAME: &str = "github";
/// The event of which each page of a wiki is one.
const GOLLUM: &str = "gollum";
/// The event of which each environment is one.
const DEPLOYMENT_REVIEW: &str = "deployment_review";
const EVENT: &str = "x-github-event";
/// The same when the delivery is sent again, and the same for every hook that is told of the event:
/// <https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks>,
/// <https://github.com/github/docs/issues/32822>.
const DELIVERY: &str = "x-github-delivery";
const SIGNATURE: &str = "x-hub-signature-256";
const PREFIX: &str = "sha256=";
/// The name of a GitHub Enterprise Server, without `https://`; GitHub.com sends none:
/// <https://docs.github.com/en/enterprise-server@3.13/webhooks/webhook-events-and-payloads#delivery-headers>.
const HOST: &str = "x-github-enterprise-host";

const HINT: &str =
    "set the secret in the webhook's settings on GitHub; the SHA-1 signature alone is not enough";

/// What is a secret wherever it stands: the secret of a hook in `ping` and `meta`, which GitHub masks but others
/// who send its payloads may not; the text that secret scanning found, in versions that send it; the token with
/// which a repository may be cloned for a while; and what workflows put into `repository_dispatch`.
const HIDDEN: Hidden = Hidden {
    keys: &[
        "secret",
        "token",
        "access_token",
        "temp_clone_token",
        "client_secret",
        "webhook_secret",
        "password",
        "private_key",
    ],
    paths: &[],
};

#[derive(Debug)]
struct GitHub {
    signature: BodySignature,
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    let signature = BodySignature::new(SIGNATURE, PREFIX, HINT, setup.secrets);
    Ok(Box::new(GitHub { signature }))
}

impl Provider for GitHub {
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
        let repository = node.and_then(common::repository);
        // The body is signed, the header is not.
        let instance = node
            .and_then(common::instance)
            .or_else(|| headers.text(HOST).map(|host| format!("https://{host}")));
        let (project_id, project) = match repository {
            Some(repository) => (Some(repository.id), Some(repository.full_name)),
            None => (None, None),
        };
        Facts {
            event: kind::of(headers.text(EVENT), node).map(str::to_owned),
            kind: None,
            delivery: headers.text(DELIVERY).map(str::to_owned),
            project_id: project_id.filter(|id| !id.is_empty()),
            project,
            instance,
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        unsigned_id_keys(headers.text(DELIVERY), body)
    }

    fn credential_headers(&self) -> &[String] {
        // The headers of both signatures are never kept, whoever the provider is.
        &[]
    }

    fn outline_depth(&self) -> usize {
        // Where a repository has no full name, its owner is `repository.owner.login`.
        4
    }

    fn hidden(&self) -> Hidden {
        HIDDEN
    }

    fn sends_forms(&self) -> bool {
        true
    }

    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let kind = kind::of(headers.text(EVENT), Some(node));
        let read = match kind {
            Some(kind) => read(kind, node),
            None => Err("the request has no header `X-GitHub-Event`".to_owned()),
        };
        let mut drafts = read.unwrap_or_else(|note| {
            let draft = Draft::other("", note);
            let url = kind.and_then(|kind| kind::url(kind, node));
            vec![Draft { url, ..draft }]
        });
        for draft in &mut drafts {
            finish(draft, kind.unwrap_or_default(), node);
        }
        for draft in &mut drafts {
            draft.truncated = cut.happened();
        }
        drafts
    }

    fn left_out(&self, headers: Headers<'_>, body: &Value) -> u64 {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let many = match kind::of(headers.text(EVENT), Some(node)) {
            Some(kind @ GOLLUM) => pages(kind, node),
            Some(kind @ DEPLOYMENT_REVIEW) => deployments(kind, node),
            Some(_) | None => return 0,
        };
        many.left_out
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (EVENT.to_owned(), outgoing.event.to_owned()),
            (DELIVERY.to_owned(), outgoing.id.to_owned()),
        ];
        headers.extend(self.signature.sign(&[outgoing.body]));
        headers
    }
}

/// Adds what every kind has: who, where, and what GitHub calls it.
fn finish(draft: &mut Draft, kind: &str, body: Node<'_>) {
    draft.provider_event = body.cut().text(kind);
    draft.actor = common::actor(body);
    draft.repository = common::repository(body);
    let repository = draft.repository.as_ref();
    if draft.provider_action.is_none() {
        draft.provider_action = body.text("action");
    }
    if draft.url.is_none() {
        draft.url = repository.and_then(|repository| repository.url.clone());
    }
}

/// Of how many pages of a wiki events are made.
fn pages(kind: &str, body: Node<'_>) -> Many {
    let mut repeated = Draft::about(Subject::Other);
    finish(&mut repeated, kind, body);
    Many::of(code::count_pages(body), &[&repeated])
}

/// Of how many deployments that were decided on together events are made.
fn deployments(kind: &str, body: Node<'_>) -> Many {
    let mut repeated = deployment::reviewed(body);
    finish(&mut repeated, kind, body);
    Many::of(deployment::count_jobs(body), &[&repeated])
}

/// What a body of some kind says; where it has no subject, why.
fn read(kind: &str, body: Node<'_>) -> Result<Vec<Draft>, String> {
    if let Some(told) = kind::told_otherwise(kind, body) {
        return Err(told);
    }
    let one = match kind {
        GOLLUM => return code::pages(body, pages(kind, body).made),
        DEPLOYMENT_REVIEW => return deployment::review(body, deployments(kind, body).made),
        "ping" => code::ping(body),
        "push" => code::push(body),
        "release" => code::release(body),
        "pull_request" => pull_request::read(body),
        "pull_request_review" => review::review(body),
        "pull_request_review_thread" => review::thread(body),
        "issues" => issue::read(body),
        "issue_comment" => comment::on_issue(body),
        "pull_request_review_comment" => comment::on_code(body),
        "commit_comment" => comment::on_commit(body),
        "discussion_comment" => comment::on_discussion(body),
        "workflow_run" => run::workflow_run(body),
        "check_suite" => run::check_suite(body),
        "workflow_job" => run::workflow_job(body),
        "check_run" => run::check_run(body),
        "status" => run::commit_status(body),
        "deployment" => deployment::deployment(body),
        "deployment_status" => deployment::status(body),
        "member" | "membership" => member::member(body, kind),
        "organization" => member::organization(body),
        "dependabot_alert" => alert::dependabot(body),
        "code_scanning_alert" => alert::code_scanning(body),
        "secret_scanning_alert" => alert::secret_scanning(body),
        _ => Err(kind::without_subject(body, kind)),
    };
    one.map(|draft| vec![draft])
}
