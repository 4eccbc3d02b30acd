//! Decides about commands that the end of an earlier process cut off.

use std::sync::Arc;

use super::report::{About, message};
use crate::actions::command::{Command, OnInterrupt};
use crate::domain::decision::{Action, Severity};
use crate::domain::names::CommandName;
use crate::store::{InterruptDecision, Interrupted, NewAction};
use crate::worker::Shared;
use crate::worker::grants::OPERATORS;

/// What the report says.
const TEXT: &str =
    "The server ended while the command ran. It was ended with it and is not run again by itself.";

/// Decides about all of them.
pub(super) async fn decide_all(shared: &Arc<Shared>) {
    let interrupted = match shared.store.interrupted().await {
        Ok(interrupted) => interrupted,
        Err(error) => {
            tracing::error!("interrupted commands could not be read: {error}");
            return;
        }
    };
    for action in interrupted {
        let (decision, follow_ups) = decide(shared, &action);
        tracing::warn!(
            action.key = %action.key, rerun = decision == InterruptDecision::Rerun,
            "a command was cut off by the end of the server"
        );
        // What it wrote until then lies in the output folder.
        let found = shared
            .live()
            .outputs
            .finish(&action.key, action.attempt)
            .await;
        let output = found.unwrap_or_else(|error| {
            tracing::warn!(action.key = %action.key, "its output cannot be read: {error}");
            None
        });
        let output = output.map(|output| output.text());
        if let Err(error) = shared
            .store
            .decide_interrupted(action.id, decision, output, follow_ups)
            .await
        {
            tracing::error!(action.key = %action.key, "what to do could not be kept: {error}");
        }
    }
    // Those of commands that were canceled, or set aside, are of use as well.
    if let Err(error) = shared.live().outputs.finish_all().await {
        tracing::warn!("outputs that were left unfinished cannot be read: {error}");
    }
    shared.messages.notify_one();
}

fn decide(shared: &Shared, action: &Interrupted) -> (InterruptDecision, Vec<NewAction>) {
    let Action::Deploy(deploy) = &action.action else {
        return (InterruptDecision::Keep, Vec::new());
    };
    let live = shared.live();
    let command = CommandName::parse(&deploy.name)
        .ok()
        .and_then(|name| live.commands.get(&name));
    if command.is_some_and(|command| command.on_interrupt() == OnInterrupt::Rerun) {
        return (InterruptDecision::Rerun, Vec::new());
    }
    let operators = command.and_then(Command::report_channel).map(str::to_owned);
    let rules = deploy.report.as_ref().map(|report| report.channel.clone());
    // One message where both name the same channel.
    let rules = rules.filter(|channel| operators.as_ref() != Some(channel));
    let about = About {
        key: &action.key,
        event: &action.event,
        run: action.run,
        rule: &action.rule,
    };
    let attempt = action.attempt;
    let reports = [
        (operators, format!("{OPERATORS}-report-{attempt}")),
        (rules, format!("#report-{attempt}")),
    ];
    let follow_ups = reports
        .into_iter()
        .filter_map(|(channel, suffix)| {
            let title = format!("{}: interrupted", deploy.name);
            let mut report = message(&channel?, title, Severity::Error);
            report.text = TEXT.to_owned();
            Some(about.action(&suffix, report, shared.clock.now()))
        })
        .collect();
    (InterruptDecision::Keep, follow_ups)
}
