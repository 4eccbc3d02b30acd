//! What an evaluation gave, and questions to it that fail with what was there instead.

use std::collections::BTreeMap;

use super::context::LogLine;
use crate::decision::{Action, Command, Decision, Notification};
use crate::failure::Failure;

/// What an evaluation gave.
///
/// The `expect_` methods return the one thing they are about, or fail the test with all that was there.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The rule's answer.
    pub answer: Result<Decision, Failure>,
    /// What it wrote to its log.
    pub log: Vec<LogLine>,
    /// What is in its state now.
    pub state: BTreeMap<String, String>,
}

impl Outcome {
    /// The decision.
    ///
    /// # Panics
    /// When the rule failed.
    #[must_use]
    #[track_caller]
    pub fn decision(&self) -> &Decision {
        match &self.answer {
            Ok(decision) => decision,
            Err(failure) => panic!(
                "expected a decision, found the failure `{}`",
                failure.message()
            ),
        }
    }

    /// The reason of the decision, if it has one.
    #[must_use]
    #[track_caller]
    pub fn reason(&self) -> Option<&str> {
        self.decision().reason.as_deref()
    }

    /// The only notification to a channel.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn expect_notification(&self, channel: &str) -> &Notification {
        let wanted = format!("one notification to `{channel}`");
        self.expect_one(&wanted, |action| match action {
            Action::Notify(notification) if notification.channel == channel => Some(notification),
            _ => None,
        })
    }

    /// The only run of a command.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn expect_deploy(&self, command: &str) -> &Command {
        let wanted = format!("one run of `{command}`");
        self.expect_one(&wanted, |action| match action {
            Action::Deploy(run) if run.name == command => Some(run),
            _ => None,
        })
    }

    /// Why the event was dropped.
    ///
    /// # Panics
    /// When it was not, or more than once.
    #[track_caller]
    pub fn expect_dropped(&self) -> &str {
        self.expect_one("the event dropped", |action| match action {
            Action::Drop(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// The reason for doing nothing; empty when there is none.
    ///
    /// # Panics
    /// When there is any action.
    #[track_caller]
    pub fn expect_nothing(&self) -> &str {
        let decision = self.decision();
        assert!(
            decision.actions.is_empty(),
            "expected nothing, found {}",
            self.found()
        );
        decision.reason.as_deref().unwrap_or_default()
    }

    /// What the rule failed with.
    ///
    /// # Panics
    /// When it decided.
    #[track_caller]
    pub fn expect_failure(&self) -> &Failure {
        match &self.answer {
            Ok(_) => panic!("expected a failure, found {}", self.found()),
            Err(failure) => failure,
        }
    }

    #[track_caller]
    fn expect_one<'a, T>(&'a self, wanted: &str, pick: impl Fn(&'a Action) -> Option<T>) -> T {
        let mut found = self.decision().actions.iter().filter_map(pick);
        match (found.next(), found.next()) {
            (Some(one), None) => one,
            _ => panic!("expected {wanted}, found {}", self.found()),
        }
    }

    /// The decision in words.
    fn found(&self) -> String {
        let decision = self.decision();
        let mut parts: Vec<String> = decision.actions.iter().map(in_words).collect();
        if parts.is_empty() {
            parts.push("nothing".to_owned());
        }
        if let Some(reason) = &decision.reason {
            parts.push(format!("because `{reason}`"));
        }
        parts.join(", ")
    }
}

fn in_words(action: &Action) -> String {
    match action {
        Action::Notify(notification) => {
            let said = notification.title.as_deref().unwrap_or(&notification.text);
            format!("a notification to `{}` (`{said}`)", notification.channel)
        }
        Action::Deploy(command) => format!("a run of `{}`", command.name),
        Action::Drop(why) => format!("the event dropped (`{why}`)"),
    }
}

/// Compares a field's value: `notification.field("Project")`.
impl Notification {
    /// The value of a field, by its name; for tests.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|field| field.name == name)
            .map(|field| field.value.as_str())
    }
}

impl Command {
    /// The value of an argument, by its name; for tests.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&str> {
        let mut arguments = self.arguments.iter();
        arguments
            .find(|argument| argument.name == name)
            .map(|argument| argument.value.as_str())
    }
}
