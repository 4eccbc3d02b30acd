//! Nextcloud: the app Webhook Listeners, for files.
//!
//! Nextcloud signs nothing. A webhook that is registered with `authMethod: "header"` sends the headers of its
//! `authData`, so `auth` describes which: `"bearer"`, the default, stands for
//! `{"Authorization": "Bearer …"}`, and `{ header = "X-Token" }` for a header of its own.
//! <https://docs.nextcloud.com/server/latest/admin_manual/webhook_listeners/index.html>
//!
//! A path is `/admin/files/Invoices/May.pdf`: the user's name, `files`, and where the file lies among that user's
//! files. The event has the last part, `Invoices/May.pdf`, so that a rule for files is the same for a watched folder,
//! and the user as its project. Nextcloud says neither how large a file is, nor what it holds, nor whether it is a
//! folder.
//!
//! Invariants:
//! - Only what lies among a user's files is a `file`; previews, versions, uploads and the trash are `other`.
//! - What is only about to happen (`Before…`) is `other`.

#[cfg(test)]
pub(super) mod corpus;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{Draft, Facts, ID_COUNTS, Kind, Outgoing, Provider, Request, Setup, body_key};
use crate::domain::clock::Timestamp;
use crate::domain::event::{File, FileChange, Person, Repository, Subject, Visibility};
use crate::sources::config::{AuthConfig, ConfigProblem};
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::redact::Hidden;
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::credential::Credential;

/// Nextcloud's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect,
    samples: &[
        sample!(
            "nextcloud",
            "file-created",
            r"OCP\Files\Events\Node\NodeCreatedEvent"
        ),
        sample!(
            "nextcloud",
            "file-modified",
            r"OCP\Files\Events\Node\NodeWrittenEvent"
        ),
        sample!(
            "nextcloud",
            "file-renamed",
            r"OCP\Files\Events\Node\NodeRenamedEvent"
        ),
        sample!(
            "nextcloud",
            "file-removed",
            r"OCP\Files\Events\Node\NodeDeletedEvent"
        ),
    ],
};

const NAME: &str = "nextcloud";
const USER_AGENT: &str = "user-agent";
/// What the name of the program begins with, since version 33 and before it. It is that of all of Nextcloud's
/// requests, and a webhook's own headers may replace it:
/// <https://github.com/nextcloud/server/blob/master/lib/private/Http/Client/Client.php>.
const AGENTS: [&str; 2] = ["Nextcloud-Server-Crawler", "Nextcloud Server Crawler"];
/// The bots of Nextcloud Talk are sent something else, under the same name.
const TALK: &str = "x-nextcloud-talk-signature";

/// What the names of the classes about files begin with.
const NODE: &str = r"OCP\Files\Events\Node\";

/// How deep a body says where a file lies, as `event.node.path`.
const DEPTH: usize = 4;

/// Tokens with which the receiver may act as a user for an hour; the versions name their place differently.
/// <https://github.com/nextcloud/server/tree/master/apps/webhook_listeners/lib/BackgroundJobs>
const HIDDEN: Hidden = Hidden {
    keys: &[],
    paths: &[&["tokens"], &["authentication"]],
};

fn detect(headers: Headers<'_>) -> bool {
    let agent = headers.text(USER_AGENT).unwrap_or_default();
    let is_own = AGENTS.iter().any(|name| agent.starts_with(name));
    is_own && headers.text(TALK).is_none()
}

#[derive(Debug)]
struct Nextcloud {
    credential: Credential,
    credentials: [String; 1],
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_signature()?;
    let auth = setup.config.auth.as_ref().unwrap_or(&AuthConfig::Bearer);
    let credential = Credential::build(auth, setup.secrets)?;
    Ok(Box::new(Nextcloud {
        credentials: [credential.header().to_owned()],
        credential,
    }))
}

impl Provider for Nextcloud {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        self.credential.check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        self.credential.authenticate(request.headers)
    }

    fn facts(&self, _: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let event = body.map(|body| Node::root(body, &cut).get("event"));
        let class = event.and_then(|event| event.text("class"));
        let owner = event.and_then(|event| {
            let places = ["node", "target", "source"].into_iter();
            places.filter_map(|key| Place::of(event.get(key))).next()
        });
        Facts {
            kind: class.as_deref().map(|class| short(class).to_owned()),
            event: class,
            project: owner.map(|place| cut.text(place.user)),
            ..Facts::default()
        }
    }

    fn keys(&self, _: Headers<'_>, _: Option<&Value>, body: &[u8]) -> Vec<(String, Duration)> {
        // Nothing names a delivery, and the body has the second in which it happened: the same one comes again
        // only when a job of Nextcloud's was cut off, which may be long after.
        vec![body_key(body, ID_COUNTS)]
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn hidden(&self) -> Hidden {
        HIDDEN
    }

    fn outline_depth(&self) -> usize {
        DEPTH
    }

    fn parse(&self, _: Headers<'_>, body: &Value) -> Vec<Draft> {
        let cut = Cut::default();
        let node = Node::root(body, &cut);
        let event = node.get("event");
        let class = event.text("class");
        let read = match &class {
            Some(class) => of_class(class, event),
            None => Err("the body names no class of events, as `event.class`".to_owned()),
        };
        let draft = read.unwrap_or_else(|note| Draft::other("", note));
        let seconds = node
            .number("time")
            .and_then(|time| i64::try_from(time).ok());
        vec![Draft {
            provider_event: class.unwrap_or_default(),
            happened_at: seconds
                .and_then(|seconds| seconds.checked_mul(1_000))
                .map(Timestamp),
            actor: person(node.get("user")),
            truncated: cut.happened(),
            ..draft
        }]
    }

    fn sign(&self, _: &Outgoing<'_>) -> Vec<(String, String)> {
        // Nextcloud does not say of what type its body is.
        let mut headers = vec![(USER_AGENT.to_owned(), format!("{}/33.0.1", AGENTS[0]))];
        headers.extend(self.credential.sign());
        headers
    }
}

/// The last part of a class's name.
fn short(class: &str) -> &str {
    class.rsplit('\\').next().unwrap_or(class)
}

fn person(user: Node<'_>) -> Option<Person> {
    let username = user.text("uid");
    Some(Person {
        id: username.clone(),
        name: user.text("displayName").or_else(|| username.clone())?,
        username,
        email: None,
        bot: false,
    })
}

/// Where something lies among the files of a user.
#[derive(Clone, Copy)]
struct Place<'a> {
    user: &'a str,
    path: &'a str,
}

impl<'a> Place<'a> {
    /// The place of a node; none where it is not among a user's files, or is the folder of all of them.
    fn of(node: Node<'a>) -> Option<Self> {
        let (user, rest) = node.raw("path")?.strip_prefix('/')?.split_once('/')?;
        let path = rest.strip_prefix("files/")?.trim_end_matches('/');
        (!user.is_empty() && !path.is_empty()).then_some(Self { user, path })
    }
}

fn of_class(class: &str, event: Node<'_>) -> Result<Draft, String> {
    let Some(name) = class.strip_prefix(NODE) else {
        return Err(format!(
            "there is no word for `{class}`, which is not about files"
        ));
    };
    let one = |change| {
        let place = Place::of(known(event, "node", name)?);
        file(place.ok_or_else(elsewhere)?, event.get("node"), change)
    };
    match name {
        "NodeCreatedEvent" => one(FileChange::Created),
        "NodeWrittenEvent" | "NodeTouchedEvent" => one(FileChange::Modified),
        "NodeDeletedEvent" => one(FileChange::Removed),
        "NodeRenamedEvent" => renamed(event, name),
        // The source of a copy is still there, and that of what was restored was in the trash.
        "NodeCopiedEvent" | "NodeRestoredEvent" => {
            let target = known(event, "target", name)?;
            let place = Place::of(target).ok_or_else(elsewhere)?;
            file(place, target, FileChange::Created)
        }
        _ if name.starts_with("Before") => {
            let after = name.trim_start_matches("Before");
            Err(format!(
                "`{name}` has not happened yet: register a webhook for `{after}`"
            ))
        }
        _ => Err(format!("the event `{name}` is not known")),
    }
}

/// A node with a path, which an event of this name always has.
fn known<'a>(event: Node<'a>, key: &str, name: &str) -> Result<Node<'a>, String> {
    let node = event.get(key);
    match node.raw("path") {
        Some(_) => Ok(node),
        None => Err(format!("the event `{name}` has no `{key}` with a `path`")),
    }
}

fn elsewhere() -> String {
    "it does not lie among a user's files: Nextcloud keeps it for itself".to_owned()
}

/// What was renamed within a user's files; what came among them is new, and what left them is gone.
fn renamed(event: Node<'_>, name: &str) -> Result<Draft, String> {
    let (source, target) = (known(event, "source", name)?, known(event, "target", name)?);
    match (Place::of(source), Place::of(target)) {
        (Some(from), Some(to)) if from.user == to.user => {
            let mut draft = file(to, target, FileChange::Renamed)?;
            if let Subject::File(file) = &mut draft.subject {
                file.previous_path = Some(event.cut().text(from.path));
            }
            Ok(draft)
        }
        (_, Some(to)) => file(to, target, FileChange::Created),
        (Some(from), None) => file(from, source, FileChange::Removed),
        (None, None) => Err(elsewhere()),
    }
}

fn file(place: Place<'_>, node: Node<'_>, change: FileChange) -> Result<Draft, String> {
    let cut = node.cut();
    let name = place.path.rsplit('/').next().unwrap_or(place.path);
    let user = cut.text(place.user);
    let file = File {
        name: cut.text(name),
        path: cut.text(place.path),
        previous_path: None,
        change,
        size: node.number("size"),
        media_type: None,
        modified_at: None,
    };
    Ok(Draft {
        repository: Some(Repository {
            id: user.clone(),
            name: user.clone(),
            full_name: user,
            url: None,
            ssh_url: None,
            http_url: None,
            default_branch: None,
            visibility: Visibility::Unknown,
        }),
        ..Draft::about(Subject::File(file))
    })
}
