//! Building the run of a command.

use std::fmt;

use super::{Action, Argument, Command, Decision, OptionalText, Report, ReportWhen};

/// A run of a command of the operator's.
///
/// ```
/// # use hookbox_sdk::prelude::*;
/// let decision: Decision = Deploy::command("deploy-site")
///     .argument("branch", "main")
///     .report_to("ops", ReportWhen::Failure)
///     .into();
/// # assert_eq!(decision.actions.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a command runs only as part of the decision that a rule returns"]
pub struct Deploy {
    command: Command,
}

impl Deploy {
    /// Begins a run of a command, by its name in the operator's configuration.
    pub fn command(name: impl AsRef<str>) -> Self {
        Self {
            command: Command {
                name: name.as_ref().to_owned(),
                arguments: Vec::new(),
                report: None,
            },
        }
    }

    /// Gives a value for a parameter that the command declares.
    pub fn argument(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.command.arguments.push(Argument {
            name: name.into(),
            value: value.to_string(),
        });
        self
    }

    /// Tells a channel how it ended; a channel of `None` tells nobody.
    pub fn report_to(mut self, channel: impl OptionalText, when: ReportWhen) -> Self {
        self.command.report = channel
            .into_optional()
            .map(|channel| Report { channel, when });
        self
    }

    /// Says why it runs, for whoever asks later.
    pub fn because(self, reason: impl Into<String>) -> Decision {
        Decision::from(self).because(reason)
    }
}

impl From<Deploy> for Action {
    fn from(deploy: Deploy) -> Self {
        Self::Deploy(deploy.command)
    }
}

impl From<Deploy> for Decision {
    fn from(deploy: Deploy) -> Self {
        Action::from(deploy).into()
    }
}
