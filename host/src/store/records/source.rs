//! What is known of a source: its newest delivery, and the files of a watched folder.

use serde::Serialize;

use crate::domain::clock::Timestamp;
use crate::domain::names::DeliveryId;

/// A delivery without what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeliverySummary {
    /// Its identifier.
    pub id: DeliveryId,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// The provider's name.
    pub provider: String,
    /// The sender's address, as seen behind trusted proxies.
    pub remote_address: Option<String>,
    /// The name of the secret that matched.
    pub secret: Option<String>,
    /// How often it came again.
    pub duplicates: u64,
}

/// What is kept of a watched folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRecord {
    /// The number of the last batch that was kept.
    pub batch: u64,
    /// The folder itself; none where none was kept since the folder was last kept anew.
    pub root: Option<RootRecord>,
    /// Its files, in the order of their paths' bytes.
    pub files: Vec<FileRecord>,
}

/// Which folder was watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootRecord {
    /// Its path.
    pub path: String,
    /// The file system's number for it.
    pub inode: u64,
}

/// What is to be kept of a watched folder, in one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderChange {
    /// Its number, which grows from one batch of a source to the next: one that is committed again is known
    /// by it.
    pub batch: u64,
    /// Everything that is kept of it is forgotten first, but not the number of its last batch.
    pub anew: bool,
    /// The folder itself, in place of the one that is kept.
    pub root: Option<RootRecord>,
    /// The paths that are forgotten, before the others are kept.
    pub gone: Vec<String>,
    /// The files that are kept, each in place of what is kept under its path.
    pub changed: Vec<FileRecord>,
}

/// A file of a watched folder, as it was when it settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Relative to the folder, with `/` between parts.
    pub path: String,
    /// How large it was, in bytes.
    pub size: u64,
    /// When it was last changed, as the file system says.
    pub modified_at: Timestamp,
    /// The file system's number for it, by which it is found again after it was renamed.
    pub inode: u64,
    /// When the file system last changed anything about it: contents, name, or rights.
    pub changed_at: Timestamp,
}
