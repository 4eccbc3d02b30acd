//! Gitea, Forgejo or Gogs as a provider.
//!
//! The signature is an HMAC-SHA256 of the body in hexadecimal digits, without a prefix. It covers neither the
//! delivery's identifier nor a time.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::shape::Shape;
use super::{code, common, merge_request, run, tracker};
use crate::sources::config::ConfigProblem;
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::provider::{
    Draft, Facts, Outgoing, Provider, Request, Setup, unsigned_id_keys,
};
use crate::sources::redact::Hidden;
use crate::sources::rejection::Rejection;
use crate::sources::signature::body::BodySignature;

/// What Gitea, Forgejo and Gogs differ in.
#[derive(Debug)]
pub(in crate::sources::provider) struct Forge {
    /// Its name in the configuration and in events.
    pub(in crate::sources::provider) name: &'static str,
    /// Its name for people.
    pub(in crate::sources::provider) product: &'static str,
    /// The header with the event, such as `pull_request`.
    pub(in crate::sources::provider) event: &'static str,
    /// The header with the event more exactly, such as `pull_request_label`.
    pub(in crate::sources::provider) event_type: &'static str,
    /// The header that names the delivery.
    pub(in crate::sources::provider) delivery: &'static str,
    /// The header with the signature.
    pub(in crate::sources::provider) signature: &'static str,
    /// What else its headers begin with: it also sends those of the others, and GitHub's.
    pub(in crate::sources::provider) also: &'static [&'static str],
    /// What to do where the signature is missing.
    pub(in crate::sources::provider) hint: &'static str,
    /// Which event tells of a tag.
    pub(in crate::sources::provider) tags: Tags,
    /// The page of a branch, below the repository's.
    pub(in crate::sources::provider) branch_page: &'static str,
    /// The page of a tag, below the repository's.
    pub(in crate::sources::provider) tag_page: &'static str,
}

/// Which event tells of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources::provider) enum Tags {
    /// A push, and `create` or `delete` once more.
    Pushed,
    /// `create` and `delete` alone.
    Announced,
}

impl Forge {
    /// Whether it sent a request with these headers. Old versions leave the event empty for packages.
    pub(in crate::sources::provider) fn is_sender(&self, headers: Headers<'_>) -> bool {
        [self.event, self.event_type, self.delivery]
            .into_iter()
            .any(|name| headers.text(name).is_some())
    }

    /// The event, for which the header is empty where the version has only the more exact name for it.
    fn event<'a>(&self, headers: Headers<'a>) -> Option<&'a str> {
        headers
            .text(self.event)
            .or_else(|| headers.text(self.event_type))
    }
}

/// Each of them sends the signatures of the ones it was forked from as well.
const SIGNATURES: [&str; 3] = [
    "x-forgejo-signature",
    "x-gitea-signature",
    "x-gogs-signature",
];

/// Gitea put the webhook's own secret into the body until 1.14:
/// <https://github.com/go-gitea/gitea/issues/11755>.
const HIDDEN: Hidden = Hidden {
    keys: &[],
    paths: &[&["secret"]],
};

#[derive(Debug)]
struct Server {
    forge: &'static Forge,
    signature: BodySignature,
    credentials: [String; 3],
}

/// Builds the provider from the source's settings.
pub(in crate::sources::provider) fn build(
    setup: Setup<'_>,
    forge: &'static Forge,
) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_descriptions()?;
    Ok(Box::new(Server {
        forge,
        signature: BodySignature::new(forge.signature, "", forge.hint, setup.secrets),
        credentials: SIGNATURES.map(str::to_owned),
    }))
}

impl Provider for Server {
    fn name(&self) -> &'static str {
        self.forge.name
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        self.signature.check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        self.signature
            .authenticate(request.headers, &[request.body])
    }

    // The body names no kind.
    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let place = body.map(|body| common::Place::of(Node::root(body, &cut)));
        let place = place.unwrap_or_default();
        let text = |name| headers.text(name).map(str::to_owned);
        Facts {
            event: self.forge.event(headers).map(str::to_owned),
            kind: text(self.forge.event_type),
            delivery: text(self.forge.delivery),
            project_id: place.id,
            project: place.full_name,
            instance: place.instance,
        }
    }

    fn keys(
        &self,
        headers: Headers<'_>,
        _: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)> {
        unsigned_id_keys(headers.text(self.forge.delivery), body)
    }

    fn outline_depth(&self) -> usize {
        // The repository of a run is `run.repository.full_name`.
        4
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
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
        let event = self.forge.event(headers);
        let read = Shape::of(node, event).and_then(|shape| self.read(shape, node));
        let mut draft = read.unwrap_or_else(|note| Draft {
            provider_action: node.text("action"),
            actor: common::actor(node),
            url: common::link(node),
            ..Draft::other("", note)
        });
        draft.repository = draft.repository.or_else(|| common::repository(node));
        draft.provider_event = cut.text(event.unwrap_or_default());
        draft.truncated = cut.happened();
        vec![draft]
    }

    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let forge = self.forge;
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (forge.event.to_owned(), outgoing.event.to_owned()),
            (forge.delivery.to_owned(), outgoing.id.to_owned()),
        ];
        for prefix in forge.also {
            headers.push((format!("{prefix}-event"), outgoing.event.to_owned()));
            headers.push((format!("{prefix}-delivery"), outgoing.id.to_owned()));
        }
        if let Some((name, signature)) = self.signature.sign(&[outgoing.body]) {
            for prefix in forge.also.iter().filter(|prefix| **prefix != "x-github") {
                headers.push((format!("{prefix}-signature"), signature.clone()));
            }
            headers.push((name, signature));
        }
        headers
    }
}

impl Server {
    fn read(&self, shape: Shape, body: Node<'_>) -> Result<Draft, String> {
        match shape {
            Shape::Push => code::push(body, self.forge),
            Shape::Create => code::created(body, self.forge),
            Shape::Delete => code::deleted(body, self.forge),
            Shape::PullRequest => merge_request::read(body),
            Shape::Issue => tracker::issue(body),
            Shape::Comment => tracker::comment(body),
            Shape::Release => code::release(body),
            Shape::Page => tracker::page(body),
            Shape::Status => run::status(body),
            Shape::WorkflowRun => run::workflow_run(body),
            Shape::WorkflowJob => run::workflow_job(body),
            Shape::ActionRun => run::action_run(body),
            Shape::ActionJob => run::action_job(body),
            Shape::Fork => {
                Err("a repository was forked, which is no subject of its own".to_owned())
            }
            Shape::Package => {
                Err("a package was published or removed, which is no subject of its own".to_owned())
            }
            Shape::Repository => {
                Err("a repository was made or removed, which is no subject of its own".to_owned())
            }
        }
    }
}
