//! What a rule asks for: notifications, commands, the end of an event, or nothing.
//!
//! Everything here turns into a [`Decision`] with `.into()`, and decisions add up with
//! [`and`](Decision::and).
//!
//! Invariant: nothing is done by building an action; the server performs those of the decision that the
//! rule returns, and of them only what the operator granted.

mod deploy;
mod notify;
mod optional_text;

pub use deploy::Deploy;
pub use notify::Notify;
pub use optional_text::OptionalText;

pub use crate::bindings::hookbox::rule::action::{
    Action, Argument, Command, Decision, Field, Notification, Once, Report, ReportWhen, Severity,
};

/// Decides to do nothing, and says why.
pub fn nothing(why: impl Into<String>) -> Decision {
    Decision {
        actions: Vec::new(),
        reason: Some(why.into()),
    }
}

/// Ends the event for the rules after this one, and says why: from a shared rule for every team, from a
/// team's rule for that team.
pub fn drop_event(why: impl Into<String>) -> Decision {
    Decision {
        actions: vec![Action::Drop(why.into())],
        reason: None,
    }
}

impl Decision {
    /// Adds what another decision asks for; both reasons are kept.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.actions.extend(other.actions);
        self.reason = match (self.reason, other.reason) {
            (Some(mut own), Some(others)) => {
                own.push_str("; ");
                own.push_str(&others);
                Some(own)
            }
            (own, others) => own.or(others),
        };
        self
    }

    /// Says why, in one line, for whoever asks later; replaces an earlier reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl From<Action> for Decision {
    fn from(action: Action) -> Self {
        Self {
            actions: vec![action],
            reason: None,
        }
    }
}

impl<T: Into<Self>> From<Vec<T>> for Decision {
    fn from(parts: Vec<T>) -> Self {
        parts.into_iter().collect()
    }
}

impl<T: Into<Self>> FromIterator<T> for Decision {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        let empty = Self {
            actions: Vec::new(),
            reason: None,
        };
        parts.into_iter().fold(empty, Self::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_add_up_in_order_and_keep_their_reasons() {
        let decision = Decision::from(vec![
            Notify::to("dev").text("one"),
            Notify::to("ops").text("two"),
        ])
        .because("a push")
        .and(Deploy::command("deploy-site"))
        .and(nothing("the tag is old"));

        let kinds: Vec<_> = decision
            .actions
            .iter()
            .map(|action| match action {
                Action::Notify(notification) => notification.channel.as_str(),
                Action::Deploy(command) => command.name.as_str(),
                Action::Drop(why) => why.as_str(),
            })
            .collect();
        assert_eq!(kinds, ["dev", "ops", "deploy-site"]);
        assert_eq!(decision.reason.as_deref(), Some("a push; the tag is old"));
    }
}
