//! What the rules folder cannot say of a rule: which versions of it were at work, and what people and faults have
//! said since its files changed last.
//!
//! The keeper has one [`Life`] for each rule, keeps it through a [`RuleMemory`](super::RuleMemory), and asks it what to load.
//!
//! Invariants:
//! - What was said is about one pair of files, and ends when another pair lies in the folder.
//! - The versions are those that were at work, the newest first, each once, ten at most.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::memory::MemoryError;
use crate::domain::clock::Timestamp;
use crate::domain::names::{Digest, EventId, RuleName};

/// How many versions of a rule are kept.
const VERSIONS: usize = 10;

/// How many times longer each quarantine of a rule is than the one before, and the longest.
const LONGER: u32 = 5;
const LONGEST: Duration = Duration::from_hours(8);

/// How many characters of a digest tell one version from another.
const DIGEST_PREFIX: usize = 6;

/// A version of a rule: its module and its settings file, which are swapped as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Version {
    /// The digest of the module.
    pub module: Digest,
    /// The digest of the settings file; that of nothing where there is none.
    pub settings: Digest,
}

/// A version that was at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeptVersion {
    /// Which one.
    #[serde(flatten)]
    pub version: Version,
    /// The module's own number.
    pub number: String,
    /// When it was first at work.
    pub since: Timestamp,
}

/// Who said something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Said {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Why an earlier version serves than the one in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum TurnedBack {
    /// Somebody said so.
    RolledBack {
        /// The version that serves.
        to: Version,
        /// Who said so.
        said: Said,
    },
    /// The newer one faulted at once, and the earlier one had not.
    Undone {
        /// The version that serves.
        to: Version,
        /// When.
        at: Timestamp,
        /// How the newer one behaved.
        reason: String,
        /// The events that faulted, and are still to be evaluated by the earlier one.
        #[serde(default)]
        again: Vec<EventId>,
    },
}

impl TurnedBack {
    /// The version that serves.
    pub(super) fn to(&self) -> &Version {
        match self {
            Self::RolledBack { to, .. } | Self::Undone { to, .. } => to,
        }
    }
}

/// How long a rule is not asked because of its faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Quarantine {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// What is known of a rule beyond its files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Life {
    /// The versions that were at work, the newest first.
    pub versions: Vec<KeptVersion>,
    /// What lies in the folder, which everything below is about; none where nothing does.
    pub file: Option<Version>,
    /// Who took it out of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Said>,
    /// Who has it perform nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadowed: Option<Said>,
    /// Why an earlier version serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turned_back: Option<TurnedBack>,
    /// Until when it is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// How many quarantines it has had since it was last well.
    pub quarantines: u32,
}

/// What somebody wants of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// That it is at work as its files say, whatever was said since.
    Enable,
    /// That it is not asked.
    Disable,
    /// That it is asked, and performs nothing.
    Shadow,
    /// That an earlier version serves: the one of this number or digest, or else the one before.
    RollBack {
        /// Which one.
        to: Option<String>,
    },
}

/// Why a wish cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// There is no such rule.
    #[error("there is no rule `{0}`")]
    NoRule(RuleName),
    /// Its files cannot be read, so nothing can be said about them.
    #[error(
        "the files of `{0}` cannot be read, so nothing can be said about them: mend them first"
    )]
    Unreadable(RuleName),
    /// There is nothing to end.
    #[error(
        "nobody took `{0}` out of work, and no fault did: it stands as its files say, so change those"
    )]
    NothingToEnd(RuleName),
    /// No version of it was at work before the one that serves.
    #[error("no version of `{0}` was at work before the one that serves")]
    NoEarlier(RuleName),
    /// No version of it has this number or digest.
    #[error("no version of `{rule}` is `{wanted}`: there are {known}")]
    NoVersion {
        /// The rule.
        rule: RuleName,
        /// What was asked for.
        wanted: String,
        /// Those there are, in words.
        known: String,
    },
    /// It could not be kept.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The server is ending.
    #[error("the server is ending")]
    Ending,
}

impl Life {
    /// Takes note of what lies in the folder. What was said of another pair of files has ended.
    pub(super) fn lies(&mut self, file: &Version) {
        if self.file.as_ref() != Some(file) {
            *self = Self {
                versions: std::mem::take(&mut self.versions),
                file: Some(file.clone()),
                ..Self::default()
            };
        }
    }

    /// What is loaded in place of what lies in the folder.
    pub(super) fn turned_back_to(&self, file: &Version) -> Option<&Version> {
        let turned_back = self.turned_back.as_ref()?;
        (self.file.as_ref() == Some(file)).then(|| turned_back.to())
    }

    /// Takes note that a version from the folder is at work.
    pub(super) fn is_at_work(&mut self, version: &Version, number: &str, now: Timestamp) {
        if self.versions.first().map(|kept| &kept.version) == Some(version) {
            return;
        }
        self.versions.retain(|kept| kept.version != *version);
        self.versions.insert(
            0,
            KeptVersion {
                version: version.clone(),
                number: number.to_owned(),
                since: now,
            },
        );
        self.versions.truncate(VERSIONS);
    }

    /// The version that served last.
    pub(super) fn last_good(&self) -> Option<&Version> {
        match &self.turned_back {
            Some(turned_back) => Some(turned_back.to()),
            None => self.versions.first().map(|kept| &kept.version),
        }
    }

    /// Since when the version that served last did so.
    pub(super) fn served_since(&self) -> Option<Timestamp> {
        match &self.turned_back {
            Some(TurnedBack::RolledBack { said, .. }) => Some(said.at),
            Some(TurnedBack::Undone { at, .. }) => Some(*at),
            None => self.versions.first().map(|kept| kept.since),
        }
    }

    /// Takes a wish.
    pub(super) fn wish(
        &mut self,
        rule: &RuleName,
        wish: &Wish,
        said: Said,
    ) -> Result<(), WishError> {
        if self.file.is_none() {
            return Err(WishError::Unreadable(rule.clone()));
        }
        match wish {
            Wish::Disable => self.disabled = Some(said),
            Wish::Shadow => self.shadowed = Some(said),
            Wish::Enable => {
                let ended = [
                    self.disabled.take().is_some(),
                    self.shadowed.take().is_some(),
                    self.turned_back.take().is_some(),
                    self.quarantine.take().is_some(),
                ];
                if !ended.contains(&true) {
                    return Err(WishError::NothingToEnd(rule.clone()));
                }
            }
            Wish::RollBack { to } => {
                let to = match to {
                    Some(wanted) => self.named(rule, wanted)?,
                    None => self.earlier(rule)?,
                };
                // It is asked again, since another version serves.
                self.quarantine = None;
                self.turned_back = Some(TurnedBack::RolledBack { to, said });
            }
        }
        Ok(())
    }

    /// The version before the one that serves. Where the files are broken that is the one that serves, or served.
    fn earlier(&self, rule: &RuleName) -> Result<Version, WishError> {
        let serving = self.last_good();
        let mut older = self
            .versions
            .iter()
            .skip_while(|kept| Some(&kept.version) != serving)
            .skip(1);
        older
            .next()
            .map(|kept| kept.version.clone())
            .ok_or_else(|| WishError::NoEarlier(rule.clone()))
    }

    fn named(&self, rule: &RuleName, wanted: &str) -> Result<Version, WishError> {
        let digest = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        let matches = |kept: &&KeptVersion| {
            kept.number == wanted
                || (digest.len() >= DIGEST_PREFIX && kept.version.module.hex().starts_with(digest))
        };
        let found = self.versions.iter().find(matches);
        found.map(|kept| kept.version.clone()).ok_or_else(|| {
            let known: Vec<String> = self
                .versions
                .iter()
                .map(|kept| format!("`{}` ({})", kept.number, kept.version.module.short()))
                .collect();
            WishError::NoVersion {
                rule: rule.clone(),
                wanted: wanted.escape_debug().to_string(),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            }
        })
    }

    /// Puts it in quarantine: at first for so long, and then for longer each time.
    pub(super) fn quarantine(&mut self, reason: String, first: Duration, now: Timestamp) {
        let pause = first.saturating_mul(LONGER.saturating_pow(self.quarantines));
        self.quarantine = Some(Quarantine {
            since: now,
            until: now.after(pause.min(LONGEST.max(first))),
            reason,
        });
        self.quarantines = self.quarantines.saturating_add(1);
    }

    /// Puts the version before the newest one back; none where there is none, or it is turned back already.
    pub(super) fn undo(
        &mut self,
        reason: String,
        again: Vec<EventId>,
        now: Timestamp,
    ) -> Option<&Version> {
        if self.turned_back.is_some() {
            return None;
        }
        let to = self.versions.get(1)?.version.clone();
        // It was about the version that is undone.
        self.quarantine = None;
        let undone = TurnedBack::Undone {
            to,
            at: now,
            reason,
            again,
        };
        Some(self.turned_back.insert(undone).to())
    }

    /// The events that are still to be evaluated by the version that was put back.
    pub(super) fn again(&mut self) -> Option<&mut Vec<EventId>> {
        match &mut self.turned_back {
            Some(TurnedBack::Undone { again, .. }) if !again.is_empty() => Some(again),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
