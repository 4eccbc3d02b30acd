//! A command as it is configured, for people: what it runs, what it takes, and among which runs it waits.
//!
//! Invariants:
//! - Of its environment the names are shown, and no value.

use std::collections::BTreeMap;

use serde::Serialize;

use super::config::{CommandConfig, WorkConfig};
use super::parameter::Parameter;
use super::{Command, OnInterrupt, StandardInput};
use crate::domain::quantity::Span;
use crate::domain::turn::WhenBusy;

/// A command as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommandSummary {
    /// `program` or `git-update`.
    pub kind: &'static str,
    /// What it runs, as it is written; for a git-update what runs after it, where something does.
    pub argv: Vec<String>,
    /// For a git-update the checkout, the remote, and the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout: Option<[String; 3]>,
    /// What a rule or a person may give it.
    pub parameters: Vec<ParameterSummary>,
    /// The user it runs as; the server's own where there is none.
    pub user: Option<String>,
    /// The group it runs with.
    pub group: Option<String>,
    /// The names of the variables of its environment.
    pub environment: Vec<String>,
    /// What its standard input holds.
    pub stdin: StandardInput,
    /// How long it may run.
    pub timeout: Span,
    /// How many times it is tried again.
    pub retries: u32,
    /// What becomes of a run that was cut off.
    pub on_interrupt: OnInterrupt,
    /// The key of its turn, as it is written.
    pub key: Option<String>,
    /// Whose runs it waits for besides its own.
    pub concurrency_group: Option<String>,
    /// What it does that finds another at work.
    pub when_busy: WhenBusy,
}

/// A parameter as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ParameterSummary {
    /// Its name.
    pub name: String,
    /// What it accepts, such as ``one of `main`, `next` ``.
    pub accepts: String,
    /// Its value where none is given.
    pub default: Option<String>,
}

impl CommandSummary {
    /// What is shown of a command.
    pub(super) fn new(
        config: &CommandConfig,
        parameters: &BTreeMap<String, Parameter>,
        when_busy: WhenBusy,
    ) -> Self {
        let (kind, argv, checkout) = match &config.work {
            WorkConfig::Program(program) => ("program", program.argv.clone(), None),
            WorkConfig::GitUpdate(update) => {
                let path = update.path.display().to_string();
                let checkout = [path, update.remote.clone(), update.branch.clone()];
                let then = update.then.clone().unwrap_or_default();
                ("git-update", then, Some(checkout))
            }
        };
        let parameters = parameters.iter().map(|(name, parameter)| ParameterSummary {
            name: name.clone(),
            accepts: parameter.accepts(),
            default: parameter.default().map(str::to_owned),
        });
        Self {
            kind,
            argv,
            checkout,
            parameters: parameters.collect(),
            user: config.user.clone(),
            group: config.group.clone(),
            environment: config.environment.keys().cloned().collect(),
            stdin: config.stdin,
            timeout: config.timeout,
            retries: config.retries,
            on_interrupt: config.on_interrupt,
            key: config.concurrency.key.clone(),
            concurrency_group: config.concurrency.group.clone(),
            when_busy,
        }
    }
}

impl Command {
    /// How it is configured.
    #[must_use]
    pub fn summary(&self) -> &CommandSummary {
        &self.summary
    }
}
