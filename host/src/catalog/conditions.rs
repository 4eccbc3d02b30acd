//! Which events a rule is asked about, and why it was not asked about another.
//!
//! The worker asks before it starts a module; `events show` asks the kept description of a snapshot
//! again, so that its answer is the one that held then.

use serde::{Deserialize, Serialize};

use crate::capability::{Grants, Hidden};
use crate::domain::event::Event;
use crate::domain::names::{Digest, RuleName};
use crate::domain::pattern::Pattern;

/// What a settings file says of the events it wants. What is `None` does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Conditions {
    /// Only these sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Pattern>>,
    /// Only these projects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<Pattern>>,
    /// Only these subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<String>>,
    /// Only these branches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<Vec<Pattern>>,
}

/// A rule of a snapshot, as it is kept to answer "why?" later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleDescription {
    /// Its name.
    pub name: RuleName,
    /// The digest of its module.
    pub module: Digest,
    /// The digest of its settings.
    pub settings: Digest,
    /// The module's own version.
    pub version: String,
    /// The subjects its manifest names; empty for all but `schedule`.
    pub subjects: Vec<String>,
    /// What its settings file says.
    pub conditions: Conditions,
    /// What its team is granted.
    pub grants: Grants,
    /// Whether it performs nothing.
    pub shadow: bool,
}

/// Why a rule is not asked about an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Its team does not see it.
    #[error(transparent)]
    Hidden(#[from] Hidden),
    /// Its module does not want the subject.
    #[error("the module asks for {wanted}, and this is `{found}`")]
    Manifest {
        /// The subjects it names, in words.
        wanted: String,
        /// The event's.
        found: &'static str,
    },
    /// Its settings file leaves it out.
    #[error("`{key} = {wanted}` in its settings file leaves out {found}")]
    Condition {
        /// Which condition.
        key: &'static str,
        /// What the file says.
        wanted: String,
        /// What the event has.
        found: String,
    },
}

fn list(texts: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = texts.map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

impl RuleDescription {
    /// Whether the rule is asked about an event.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn asks_about(&self, event: &Event) -> Result<(), NotAsked> {
        let subject = event.subject.name();
        self.wants(subject)?;
        self.grants.show(event, self.name.team())?;
        let conditions = &self.conditions;
        one_of(
            "sources",
            conditions.sources.as_deref(),
            Some(event.source.as_str()),
        )?;
        one_of("projects", conditions.projects.as_deref(), event.project())?;
        one_of("branches", conditions.branches.as_deref(), event.branch())?;
        match &conditions.subjects {
            Some(subjects) if !subjects.iter().any(|wanted| wanted == subject) => {
                Err(NotAsked::Condition {
                    key: "subjects",
                    wanted: list(subjects.iter().cloned()),
                    found: format!("`{subject}`"),
                })
            }
            _ => Ok(()),
        }
    }

    fn wants(&self, subject: &'static str) -> Result<(), NotAsked> {
        let wanted = if self.subjects.is_empty() {
            subject != "schedule"
        } else {
            self.subjects.iter().any(|wanted| wanted == subject)
        };
        if wanted {
            return Ok(());
        }
        Err(NotAsked::Manifest {
            wanted: if self.subjects.is_empty() {
                "every subject but `schedule`".to_owned()
            } else {
                list(self.subjects.iter().cloned())
            },
            found: subject,
        })
    }
}

fn one_of(
    key: &'static str,
    patterns: Option<&[Pattern]>,
    found: Option<&str>,
) -> Result<(), NotAsked> {
    let Some(patterns) = patterns else {
        return Ok(());
    };
    match found {
        Some(name) if patterns.iter().any(|pattern| pattern.matches(name)) => Ok(()),
        _ => Err(NotAsked::Condition {
            key,
            wanted: list(patterns.iter().map(ToString::to_string)),
            found: found.map_or_else(
                || "an event that has none".to_owned(),
                |name| format!("`{}`", name.escape_debug()),
            ),
        }),
    }
}
