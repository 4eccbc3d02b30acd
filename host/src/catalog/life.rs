//! What the rules folder cannot say of a rule: which versions of it were at work, and what people and faults have
//! said since its files changed last.
//!
//! The keeper has one [`Life`] for each rule, keeps it through a [`RuleMemory`], and asks it what to load.
//!
//! Invariants:
//! - What was said is about one pair of files, and ends when another pair lies in the folder.
//! - The versions are those that were at work, the newest first, each once, ten at most.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

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
    pub(super) fn lies(&mut self, file: Option<&Version>) {
        if self.file.as_ref() != file {
            *self = Self {
                versions: std::mem::take(&mut self.versions),
                file: file.cloned(),
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

/// Why the memory did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is known of the rules could not be kept: {message}")]
pub struct MemoryError {
    /// In the store's words.
    pub message: String,
}

/// What became of an event that is to be evaluated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It will be.
    Asked,
    /// It is still being evaluated: ask later.
    Busy,
    /// It is gone.
    Gone,
}

/// Keeps what is known of the rules beyond their files, over restarts.
#[async_trait]
pub trait RuleMemory: Send + Sync + 'static {
    /// Everything that is kept.
    async fn recall(&self) -> Result<Vec<(RuleName, Life)>, MemoryError>;

    /// Keeps what is known of some rules, all in one commit; forgets those of which it is none.
    async fn keep(&self, lives: Vec<(RuleName, Option<Life>)>) -> Result<(), MemoryError>;

    /// Has an event evaluated again by one rule.
    async fn ask_again(&self, rule: &RuleName, event: &EventId) -> Result<Again, MemoryError>;
}

/// A memory that keeps nothing, for a look at the rules folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

#[async_trait]
impl RuleMemory for Forgetful {
    async fn recall(&self) -> Result<Vec<(RuleName, Life)>, MemoryError> {
        Ok(Vec::new())
    }

    async fn keep(&self, _lives: Vec<(RuleName, Option<Life>)>) -> Result<(), MemoryError> {
        Ok(())
    }

    async fn ask_again(&self, _rule: &RuleName, _event: &EventId) -> Result<Again, MemoryError> {
        Ok(Again::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn rule() -> RuleName {
        RuleName::parse("payments/route").expect("a rule's name")
    }

    fn version(name: &str) -> Version {
        Version {
            module: Digest::of(name.as_bytes()),
            settings: Digest::of(b""),
        }
    }

    fn said() -> Said {
        Said {
            by: "ada".to_owned(),
            at: NOW,
        }
    }

    /// One that had these versions, the newest last.
    fn life(versions: &[&str]) -> Life {
        let mut life = Life::default();
        for name in versions {
            life.lies(Some(&version(name)));
            life.is_at_work(&version(name), name, NOW);
        }
        life
    }

    fn serving(life: &Life) -> String {
        let serving = life.last_good().expect("one serves");
        let kept = life
            .versions
            .iter()
            .find(|kept| kept.version == *serving)
            .expect("it is kept");
        kept.number.clone()
    }

    fn back(to: Option<&str>) -> Wish {
        Wish::RollBack {
            to: to.map(str::to_owned),
        }
    }

    #[test]
    fn each_roll_back_goes_one_version_further() {
        let mut life = life(&["1", "2", "3"]);

        let mut served = Vec::new();
        while life.wish(&rule(), &back(None), said()).is_ok() {
            served.push(serving(&life));
        }

        assert_eq!(served, ["2", "1"]);
        assert_eq!(
            life.wish(&rule(), &back(None), said()),
            Err(WishError::NoEarlier(rule()))
        );
        life.wish(&rule(), &Wish::Enable, said())
            .expect("it can be ended");
        assert_eq!(serving(&life), "3");
    }

    #[test]
    fn a_version_is_found_by_its_number_and_by_its_digest() {
        let mut life = life(&["1.0.0", "1.1.0", "2.0.0"]);
        let digest = version("1.1.0").module;

        life.wish(&rule(), &back(Some("1.0.0")), said())
            .expect("there is one");
        assert_eq!(serving(&life), "1.0.0");
        life.wish(&rule(), &back(Some(digest.short())), said())
            .expect("there is one");
        assert_eq!(serving(&life), "1.1.0");
        life.wish(&rule(), &back(Some(digest.as_str())), said())
            .expect("there is one");
        assert_eq!(serving(&life), "1.1.0");

        let error = life
            .wish(&rule(), &back(Some("9")), said())
            .expect_err("there is none")
            .to_string();
        assert!(
            error.contains("`2.0.0`") && error.contains(digest.short()),
            "{error}"
        );
    }

    #[test]
    fn what_was_said_ends_with_the_files_it_was_said_of() {
        let mut life = life(&["1", "2"]);
        for wish in [Wish::Disable, Wish::Shadow, back(None)] {
            life.wish(&rule(), &wish, said()).expect("it can be");
        }
        life.quarantine("it trapped".to_owned(), LONGEST, NOW);
        let before = life.clone();

        life.lies(Some(&version("2")));
        assert_eq!(life, before, "the same files lie there");
        life.lies(Some(&version("3")));

        assert_eq!(life.versions, before.versions);
        assert_eq!(
            life,
            Life {
                versions: before.versions,
                file: Some(version("3")),
                ..Life::default()
            }
        );
    }

    #[test]
    fn ten_versions_are_kept_each_once() {
        let names: Vec<String> = (0..14).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut life = life(&names);
        life.is_at_work(&version("9"), "9", NOW);

        let kept: Vec<&str> = life
            .versions
            .iter()
            .map(|kept| kept.number.as_str())
            .collect();
        assert_eq!(kept, ["9", "13", "12", "11", "10", "8", "7", "6", "5", "4"]);
    }

    #[test]
    fn each_quarantine_is_longer_until_the_longest() {
        let mut life = life(&["1"]);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            life.quarantine(String::new(), Duration::from_mins(1), NOW);
            let quarantine = life.quarantine.as_ref().expect("it is in one");
            pauses.push(quarantine.until.since(NOW).as_secs() / 60);
        }
        assert_eq!(pauses, [1, 5, 25, 125, 480, 480, 480]);
    }

    #[test]
    fn an_undo_puts_the_version_before_back_once() {
        let event = EventId("e".to_owned());
        let mut life = life(&["1", "2"]);

        let to = life.undo("it trapped".to_owned(), vec![event.clone()], NOW);
        assert_eq!(to, Some(&version("1")));
        assert_eq!(life.turned_back_to(&version("2")), Some(&version("1")));
        assert_eq!(life.turned_back_to(&version("3")), None);
        assert_eq!(life.again(), Some(&mut vec![event]));
        assert_eq!(life.undo(String::new(), Vec::new(), NOW), None);
    }

    #[test]
    fn without_a_fault_or_a_word_there_is_nothing_to_end() {
        assert_eq!(
            life(&["1"]).wish(&rule(), &Wish::Enable, said()),
            Err(WishError::NothingToEnd(rule()))
        );
    }
}
