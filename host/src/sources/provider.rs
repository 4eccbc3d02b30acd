//! The providers: each a file here, and a line in [`PROVIDERS`].
//!
//! A provider knows its headers, its signature scheme, and its payloads; everything that is the same
//! for all of them is done by [`Source`](super::Source), in the order in which the trait lists it.

mod alertmanager;
mod bitbucket;
mod bitbucket_data_center;
mod confluence;
mod forgejo;
mod generic;
pub(super) mod git;
mod gitea;
mod gitee;
mod github;
mod gitlab;
mod gogs;
mod grafana;
mod jira;
mod many;
mod monitor;
mod nextcloud;
mod sentry;
mod slack;
mod standard_webhooks;

use std::fmt::{self, Debug};
use std::time::Duration;

use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::config::{ConfigProblem, NamedSecret, SourceConfig};
use super::headers::Headers;
use super::json::OUTLINE_DEPTH;
use super::redact::Hidden;
use super::rejection::Rejection;
use super::samples::Sample;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Person, Repository, Subject};
use crate::domain::quantity::Span;

/// What the real payloads of each provider become.
#[cfg(test)]
pub(super) const CORPORA: &[&super::corpus::Corpus] = &[
    &gitlab::corpus::CORPUS,
    &gitea::corpus::GITEA,
    &gitea::corpus::GOGS,
    &gitee::corpus::CORPUS,
    &github::corpus::CORPUS,
    &jira::corpus::CORPUS,
    &confluence::corpus::CORPUS,
    &bitbucket::corpus::CORPUS,
    &bitbucket_data_center::corpus::CORPUS,
    &alertmanager::corpus::CORPUS,
    &grafana::corpus::CORPUS,
    &nextcloud::corpus::CORPUS,
];

/// The name under which a source takes the requests of several providers.
pub(super) const AUTO: &str = "auto";

/// Every provider. `auto` asks them in this order whether a request is theirs: Forgejo, Gitea and Gogs also
/// send the headers of those that come after them, and Confluence's events stand in a header of Bitbucket's.
pub(super) const PROVIDERS: &[Kind] = &[
    gitlab::KIND,
    forgejo::KIND,
    gitea::KIND,
    gogs::KIND,
    gitee::KIND,
    github::KIND,
    jira::KIND,
    confluence::KIND,
    bitbucket::KIND,
    bitbucket_data_center::KIND,
    alertmanager::KIND,
    grafana::KIND,
    sentry::KIND,
    nextcloud::KIND,
    slack::KIND,
    standard_webhooks::KIND,
    generic::KIND,
];

/// A kind of source.
pub(super) struct Kind {
    /// Its name in the configuration and in events.
    pub(super) name: &'static str,
    /// Reads the settings. Called once for each source, when the configuration is read.
    pub(super) build: fn(Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem>,
    /// Whether a request with these headers is its own, as far as they can tell.
    pub(super) detect: fn(Headers<'_>) -> bool,
    /// Requests as it sends them.
    pub(super) samples: &'static [Sample],
}

impl Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kind").field(&self.name).finish()
    }
}

/// What a provider is built from.
pub(super) struct Setup<'a> {
    /// The source's table.
    pub(super) config: &'a SourceConfig,
    /// Its secrets; none where nothing is verified or everything is refused.
    pub(super) secrets: Vec<NamedSecret>,
}

impl Setup<'_> {
    /// Refuses the settings that say how a sender shows who it is: this provider has a way of its own.
    pub(super) fn refuse_descriptions(&self) -> Result<(), ConfigProblem> {
        if self.config.auth.is_some() {
            let what = "means nothing to this provider, which has a way of its own: remove it";
            return Err(ConfigProblem::new("auth", what));
        }
        self.refuse_signature()
    }

    /// Refuses the settings of `generic` that are no others'.
    fn refuse_signature(&self) -> Result<(), ConfigProblem> {
        let config = self.config;
        let given = [
            ("signature", config.signature.is_some()),
            ("event_header", config.event_header.is_some()),
            ("event_pointer", config.event_pointer.is_some()),
            ("id_pointer", config.id_pointer.is_some()),
            ("project_pointer", config.project_pointer.is_some()),
            ("time_pointer", config.time_pointer.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((key, _)) => {
                let what = "is a setting of `provider = \"generic\"`: remove it";
                Err(ConfigProblem::new(key, what))
            }
            None => Ok(()),
        }
    }
}

/// The provider with this name.
pub(super) fn find(name: &str) -> Result<&'static Kind, ConfigProblem> {
    if let Some(kind) = PROVIDERS.iter().find(|kind| kind.name == name) {
        return Ok(kind);
    }
    let mut names: Vec<&str> = PROVIDERS.iter().map(|kind| kind.name).collect();
    names.push(AUTO);
    let nearest = names
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let what = match nearest {
        Some((_, nearest)) => format!("`{name}` is not a provider: did you mean \"{nearest}\"?"),
        None => format!(
            "`{name}` is not a provider: write one of {}",
            names.join(", ")
        ),
    };
    Err(ConfigProblem::new("provider", what))
}

/// A request whose body has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// Its headers.
    pub(super) headers: &'a HeaderMap,
    /// Its body, as received.
    pub(super) body: &'a [u8],
    /// The present moment.
    pub(super) now: Timestamp,
}

/// A request to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The value of the provider's event header.
    pub event: &'a str,
    /// Its body.
    pub body: &'a [u8],
    /// The delivery's identifier, a new one for each delivery.
    pub id: &'a str,
    /// The present moment.
    pub now: Timestamp,
}

/// What a request says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Facts {
    /// The provider's event header.
    pub event: Option<String>,
    /// The kind that the body names.
    pub kind: Option<String>,
    /// The provider's name for the delivery.
    pub delivery: Option<String>,
    /// The number of the project.
    pub project_id: Option<String>,
    /// The full name of the project.
    pub project: Option<String>,
    /// The address of the provider's instance.
    pub instance: Option<String>,
}

/// An event without what Hookbox itself knows about it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Draft {
    /// The provider's own name for the event.
    pub(super) provider_event: String,
    /// The provider's own word for the action.
    pub(super) provider_action: Option<String>,
    /// When it happened.
    pub(super) happened_at: Option<Timestamp>,
    /// Who caused it.
    pub(super) actor: Option<Person>,
    /// Where it happened.
    pub(super) repository: Option<Repository>,
    /// The page a person would open.
    pub(super) url: Option<String>,
    /// How it was read.
    pub(super) note: Option<String>,
    /// Something was cut.
    pub(super) truncated: bool,
    /// The provider marks it as confidential.
    pub(super) confidential: bool,
    /// What it is about.
    pub(super) subject: Subject,
}

impl Draft {
    /// An event about a subject, of which nothing else is known yet.
    pub(super) fn about(subject: Subject) -> Self {
        Self {
            provider_event: String::new(),
            provider_action: None,
            happened_at: None,
            confidential: false,
            actor: None,
            repository: None,
            url: None,
            note: None,
            truncated: false,
            subject,
        }
    }

    /// An event there are no words for, and why.
    pub(super) fn other(provider_event: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            provider_event: provider_event.into(),
            note: Some(note.into()),
            ..Self::about(Subject::Other)
        }
    }
}

/// What is special about a provider.
///
/// Every method is called from the threads that accept requests, except `parse`, so none waits for
/// anything. `check_headers` and `authenticate` are only called for a source that has a secret.
pub(super) trait Provider: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> &'static str;

    /// Whether the headers that the verification needs are there, each once and not empty. Called twice
    /// for each request: before its body is read, and before `authenticate`.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection>;

    /// The name of the secret that a request was made with. Called once for each request, on the bytes as
    /// received, and before anything reads the body.
    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection>;

    /// How header and body contradict each other, as a sentence for the sender; never, where a body does not name its
    /// own kind. Called once for each verified request.
    fn contradiction(&self, _headers: Headers<'_>, _body: &Value) -> Option<String> {
        None
    }

    /// What a request says about itself. Called for verified and, for the record, for refused requests, so
    /// with anything in headers and body.
    fn facts(&self, headers: Headers<'_>, body: Option<&Value>) -> Facts;

    /// The texts that name the delivery, and how long each counts; the body is given as it was received, and as
    /// what it holds. Called once for each accepted request.
    fn keys(
        &self,
        headers: Headers<'_>,
        json: Option<&Value>,
        body: &[u8],
    ) -> Vec<(String, Duration)>;

    /// The lower-case names of the headers that carry the provider's credentials.
    fn credential_headers(&self) -> &[String] {
        &[]
    }

    /// How many levels of a body are read before it is stored: as many as `facts`, `contradiction`, `challenge` and
    /// `keys` look at.
    fn outline_depth(&self) -> usize {
        OUTLINE_DEPTH
    }

    /// Where the secrets in its bodies are.
    fn hidden(&self) -> Hidden {
        Hidden::NOTHING
    }

    /// Whether it sends forms. The type of a body is a matter of a header, which no signature covers, so a
    /// provider that never sends a form is not believed when a header says so.
    fn sends_forms(&self) -> bool {
        false
    }

    /// What a verified request is to be answered with, where it only asks whether somebody is there: it is not
    /// stored. Called once for each verified request.
    fn challenge(&self, _body: &Value) -> Option<String> {
        None
    }

    /// Whether what is accepted is answered `200` and nothing, because the provider shows people an answer that
    /// it does not expect.
    fn is_answered_plainly(&self) -> bool {
        false
    }

    /// The key under which its bodies name their delivery, where they do.
    fn body_id(&self) -> Option<&'static str> {
        None
    }

    /// The events of a stored delivery. Called by the worker, once for each delivery and again after a crash.
    fn parse(&self, headers: Headers<'_>, body: &Value) -> Vec<Draft>;

    /// How many events a body holds beyond those that `parse` gives. Of a provider that makes an event of each entry
    /// of a list, which [`many::Many`] bounds.
    fn left_out(&self, _headers: Headers<'_>, _body: &Value) -> u64 {
        0
    }

    /// The headers with which the provider would send a body, signed with the first secret.
    fn sign(&self, outgoing: &Outgoing<'_>) -> Vec<(String, String)>;
}

/// How long an identifier of a delivery counts: a day more than the week for which GitLab can send a
/// delivery again.
const ID_COUNTS: Duration = Duration::from_secs(8 * 86_400);

/// How long a body counts as the same delivery where nothing else names it: longer than a sender's quick
/// retry, shorter than what may honestly happen twice.
const BODY_COUNTS: Duration = Duration::from_secs(10);

/// The key of an identifier. One that is too long to be indexed is known by its digest.
fn id_key(id: &str) -> (String, Duration) {
    let key = if id.len() <= 200 {
        format!("id:{id}")
    } else {
        format!("id:{}", digest(id.as_bytes()))
    };
    (key, ID_COUNTS)
}

/// The key of a body.
fn body_key(body: &[u8], counts: Duration) -> (String, Duration) {
    (format!("body:{}", digest(body)), counts)
}

/// The key of a body whose signature covers the time at which it was sent: the request itself. The same body may
/// honestly come again at another time; the same request that comes again was seen by somebody, and is too old
/// once the tolerance has passed on both sides.
fn request_key(timestamp: &str, body: &[u8], tolerance: Span) -> (String, Duration) {
    let request = [timestamp.as_bytes(), b".", body].concat();
    body_key(&request, tolerance.0.saturating_mul(2))
}

/// The keys of a delivery whose identifier its signature does not cover: whoever has seen the request can send
/// it again under a new one, so the body is known for as long as the identifier is.
///
/// That is a trade: an honest event whose body is byte for byte that of one of the last eight days is taken for the
/// same delivery, and answered as a duplicate. It happens where a body says neither when it was sent nor a number of
/// its own: a branch that Bitbucket Cloud sees moved from A to B, back, and to B again; a person who is added,
/// removed, and added again on GitHub. Nobody can tell that from a request that a stranger sends again, and to act
/// twice for a stranger is worse than to act once for the same push.
fn unsigned_id_keys(id: Option<&str>, body: &[u8]) -> Vec<(String, Duration)> {
    match id {
        Some(id) => vec![id_key(id), body_key(body, ID_COUNTS)],
        None => vec![body_key(body, BODY_COUNTS)],
    }
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
