//! What is known of a file, and what is told about it.
//!
//! A [`FileReport`] becomes the body of a delivery, and [`parse`] makes the event of that body.

use serde_json::{Value, json};

use super::name;
use crate::domain::clock::Timestamp;
use crate::domain::event::{File, FileChange, Subject};
use crate::sources::json::{Cut, Node};
use crate::sources::provider::Draft;

/// A file as it was when it was last told or recorded. The store keeps these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// Its path below the watched folder, with `/` between parts.
    pub path: String,
    /// How large it is, in bytes.
    pub size: u64,
    /// When its contents were last changed.
    pub modified_at: Timestamp,
    /// The file system's number for it, which stays when it is renamed; zero where there is none.
    pub inode: u64,
    /// When the file system last changed anything about it: contents, name, or rights.
    pub changed_at: Timestamp,
}

/// A change of a file that has settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// What happened.
    pub change: FileChange,
    /// Its path below the watched folder, with `/` between parts.
    pub path: String,
    /// Where it was before it was renamed.
    pub previous_path: Option<String>,
    /// How large it is, or was when it was last seen, in bytes.
    pub size: u64,
    /// When its contents were last changed, as last seen.
    pub modified_at: Timestamp,
}

impl FileReport {
    /// A change of a file, and where it was before if it was renamed.
    pub(super) fn new(change: FileChange, file: &SeenFile, previous_path: Option<String>) -> Self {
        Self {
            change,
            path: file.path.clone(),
            previous_path,
            size: file.size,
            modified_at: file.modified_at,
        }
    }

    /// The body of the delivery, as JSON.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut body = json!({
            "change": word(self.change),
            "path": self.path,
            "size": self.size,
            "modified_at": self.modified_at,
        });
        if let Some(previous) = &self.previous_path {
            body["previous_path"] = json!(previous);
        }
        body.to_string().into_bytes()
    }
}

/// The name of a change, as it stands in the event.
fn word(change: FileChange) -> &'static str {
    match change {
        FileChange::Created => "created",
        FileChange::Modified => "modified",
        FileChange::Renamed => "renamed",
        FileChange::Removed => "removed",
    }
}

/// The event of a body.
pub(super) fn parse(body: &Value) -> Vec<Draft> {
    let cut = Cut::default();
    let modified_at = body.get("modified_at").and_then(Value::as_i64);
    let mut draft = read(Node::root(body, &cut), modified_at.map(Timestamp))
        .unwrap_or_else(|| Draft::other("file", "the body does not name a file and its change"));
    draft.truncated = cut.happened();
    vec![draft]
}

fn read(body: Node<'_>, modified_at: Option<Timestamp>) -> Option<Draft> {
    let change = match body.raw("change")? {
        "created" => FileChange::Created,
        "modified" => FileChange::Modified,
        "renamed" => FileChange::Renamed,
        "removed" => FileChange::Removed,
        _ => return None,
    };
    let path = body.text("path").filter(|path| is_below(path))?;
    let previous_path = match change {
        FileChange::Renamed => body.text("previous_path").filter(|path| is_below(path)),
        _ => None,
    };
    let name = name::last(&path).to_owned();
    let file = File {
        media_type: mime_guess::from_path(&name).first_raw().map(str::to_owned),
        name,
        path,
        previous_path,
        change,
        size: body.number("size"),
        modified_at,
    };
    Some(Draft {
        provider_event: format!("file-{}", word(change)),
        // No file system says when a file was renamed or removed.
        happened_at: match change {
            FileChange::Created | FileChange::Modified => modified_at,
            FileChange::Renamed | FileChange::Removed => None,
        },
        ..Draft::about(Subject::File(file))
    })
}

/// Whether a path leads to something below the watched folder: rules may put it into a command.
fn is_below(path: &str) -> bool {
    path.split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..")
}
