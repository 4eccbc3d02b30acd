//! Where the bodies of a generic source say what they are, as JSON Pointers (RFC 6901).
//!
//! The body is signed, or comes with the secret, so what it says of itself may be believed as much as the sender.
//!
//! Invariant: a pointer reaches no deeper than what is read of a body before it is stored.

use super::header;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Repository, Visibility};
use crate::sources::config::{ConfigProblem, SourceConfig};
use crate::sources::headers::Headers;
use crate::sources::json::Node;
use crate::sources::provider::git::time;

/// How many keys a pointer may have: what a body says before it is stored is read down to there.
const MAX_KEYS: usize = 2;

/// A number that is larger is a time in milliseconds: as seconds it would be after the year 5000, and as
/// milliseconds what is smaller would be before 1974.
const MAX_SECONDS: u64 = 100_000_000_000;

/// The keys that lead to a value.
#[derive(Debug)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    fn parse(key: &str, text: &str) -> Result<Self, ConfigProblem> {
        let problem = |what: String| Err(ConfigProblem::new(key, what));
        let shown = text.escape_debug();
        let Some(rest) = text.strip_prefix('/') else {
            return problem(format!(
                "`{shown}` is not a JSON Pointer: write `/` before each key, such as \"/event/type\""
            ));
        };
        let keys: Vec<&str> = rest.split('/').collect();
        if keys.len() > MAX_KEYS {
            return problem(format!(
                "`{shown}` has more than {MAX_KEYS} keys: what lies deeper is only read by rules, so name the event \
                 and the delivery by something nearer to the top"
            ));
        }
        let mut read = Vec::new();
        for name in keys {
            // RFC 6901, section 4: `~1` is `/`, and `~0` is `~`.
            let plain = name.replace("~1", "").replace("~0", "");
            if name.is_empty() || plain.contains('~') {
                return problem(format!(
                    "`{shown}` has a key that is empty, or a `~` that is not `~0` or `~1`"
                ));
            }
            if name.bytes().all(|byte| byte.is_ascii_digit()) {
                return problem(format!(
                    "`{shown}` names an entry of a list, and lists are only read by rules: name a key of an object"
                ));
            }
            read.push(name.replace("~1", "/").replace("~0", "~"));
        }
        Ok(Self(read))
    }

    /// The object that has the value, and its key there.
    fn place<'a, 'b>(&'b self, body: Node<'a>) -> Option<(Node<'a>, &'b str)> {
        let (last, before) = self.0.split_last()?;
        let object = before.iter().fold(body, |node, key| node.get(key));
        Some((object, last))
    }

    /// A text, or a whole number as text.
    fn text(&self, body: Node<'_>) -> Option<String> {
        let (object, key) = self.place(body)?;
        object.id(key)
    }

    fn time(&self, body: Node<'_>) -> Option<Timestamp> {
        let (object, key) = self.place(body)?;
        let Some(number) = object.number(key) else {
            return object.raw(key).and_then(time);
        };
        let millis = if number > MAX_SECONDS {
            number
        } else {
            number * 1_000
        };
        i64::try_from(millis).ok().map(Timestamp)
    }
}

/// What names the event: a header, or a place in the body.
#[derive(Debug)]
enum EventName {
    Header(String),
    Pointer(Pointer),
}

/// What a request says of itself.
#[derive(Debug)]
pub(super) struct Pointers {
    event: Option<EventName>,
    id: Option<Pointer>,
    project: Option<Pointer>,
    time: Option<Pointer>,
}

impl Pointers {
    /// Reads the settings.
    pub(super) fn build(config: &SourceConfig) -> Result<Self, ConfigProblem> {
        let read = |key: &str, text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| Pointer::parse(key, text)).transpose()
        };
        let event = match (&config.event_header, &config.event_pointer) {
            (Some(_), Some(_)) => {
                let what =
                    "is given beside `event_header`: an event has one name, so remove one of them";
                return Err(ConfigProblem::new("event_pointer", what));
            }
            (Some(name), None) => Some(EventName::Header(header("event_header", name)?)),
            (None, pointer) => read("event_pointer", pointer)?.map(EventName::Pointer),
        };
        let signature = config.signature.as_ref();
        let has_id_header = signature.is_some_and(|signature| signature.id_header.is_some());
        if config.id_pointer.is_some() && has_id_header {
            let what = "is given beside `signature.id_header`: a delivery has one identifier, so remove one of them";
            return Err(ConfigProblem::new("id_pointer", what));
        }
        Ok(Self {
            event,
            id: read("id_pointer", &config.id_pointer)?,
            project: read("project_pointer", &config.project_pointer)?,
            time: read("time_pointer", &config.time_pointer)?,
        })
    }

    /// The header that names the event.
    pub(super) fn event_header(&self) -> Option<&str> {
        match &self.event {
            Some(EventName::Header(name)) => Some(name),
            Some(EventName::Pointer(_)) | None => None,
        }
    }

    /// The name of the event.
    pub(super) fn event(&self, headers: Headers<'_>, body: Option<Node<'_>>) -> Option<String> {
        match self.event.as_ref()? {
            EventName::Header(name) => headers.text(name).map(str::to_owned),
            EventName::Pointer(pointer) => pointer.text(body?),
        }
    }

    /// The name of the delivery.
    pub(super) fn id(&self, body: Node<'_>) -> Option<String> {
        self.id.as_ref()?.text(body)
    }

    /// The full name of the project.
    pub(super) fn project(&self, body: Node<'_>) -> Option<String> {
        self.project.as_ref()?.text(body)
    }

    /// The project as a place: all that is known of it is its name, which is what it is known by.
    pub(super) fn repository(&self, body: Node<'_>) -> Option<Repository> {
        let full_name = self.project(body)?;
        let name = full_name.rsplit('/').next().unwrap_or(&full_name);
        Some(Repository {
            id: full_name.clone(),
            name: name.to_owned(),
            url: None,
            ssh_url: None,
            http_url: None,
            default_branch: None,
            visibility: Visibility::Unknown,
            full_name,
        })
    }

    /// When it happened.
    pub(super) fn time(&self, body: Node<'_>) -> Option<Timestamp> {
        self.time.as_ref()?.time(body)
    }
}
