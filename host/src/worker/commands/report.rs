//! Messages about commands: how one ended, and that one was cut off.

use crate::actions::command::CommandEnd;
use crate::actions::notify::Channels;
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Action, Deploy, Field, Notification, Report, ReportWhen, Severity};
use crate::domain::names::{EventId, RuleName};
use crate::store::{ActionState, AttemptResult, ClaimedAction, NewAction};
use crate::worker::Shared;

/// How much of a command's output a report shows, in bytes; the whole is kept with the attempt.
const REPORTED_OUTPUT: usize = 2_000;

/// What a report belongs to.
pub(super) struct About<'a> {
    /// The key of the command's action.
    pub(super) key: &'a str,
    pub(super) event: &'a EventId,
    pub(super) run: u32,
    pub(super) rule: &'a RuleName,
}

impl About<'_> {
    /// A report as an action, under a key of its own: one for each attempt.
    pub(super) fn action(&self, suffix: &str, message: Notification, now: Timestamp) -> NewAction {
        NewAction {
            key: format!("{}{suffix}", self.key),
            event: self.event.clone(),
            run: self.run,
            rule: self.rule.clone(),
            action: Action::Notify(message),
            state: ActionState::Waiting,
            detail: None,
            turn: None,
            due_at: now,
        }
    }
}

/// The report of an attempt that was the last one, where the rule wants it.
pub(super) fn after(
    shared: &Shared,
    claimed: &ClaimedAction,
    deploy: &Deploy,
    report: &Report,
    (end, result): (&CommandEnd, AttemptResult),
) -> Vec<NewAction> {
    let is_over = !matches!(result, AttemptResult::Retry { .. });
    // What gave way to something newer has not failed.
    let has_failed = matches!(result, AttemptResult::Dead | AttemptResult::Interrupted);
    if !is_over || (report.when == ReportWhen::Failure && !has_failed) {
        return Vec::new();
    }
    let severity = match result {
        AttemptResult::Done => Severity::Success,
        AttemptResult::Canceled | AttemptResult::Superseded => Severity::Info,
        _ => Severity::Error,
    };
    let title = format!("{}: {}", deploy.name, end.summary());
    let mut message = message(&report.channel, title, severity);
    message.text = Channels::code_block(&end.output.last_lines(REPORTED_OUTPUT));
    message.fields = deploy
        .arguments
        .iter()
        .map(|argument| Field {
            name: argument.name.clone(),
            value: Channels::code(&argument.value),
            short: true,
        })
        .collect();
    if claimed.run > 0 {
        message.footer = Some("replay".to_owned());
    }
    let about = About {
        key: &claimed.key,
        event: &claimed.event,
        run: claimed.run,
        rule: &claimed.rule,
    };
    let suffix = format!("#report-{}", claimed.attempt);
    vec![about.action(&suffix, message, shared.clock.now())]
}

/// A message with a title.
pub(super) fn message(channel: &str, title: String, severity: Severity) -> Notification {
    Notification {
        title: Some(title),
        severity: Some(severity),
        ..Notification::to(channel)
    }
}
