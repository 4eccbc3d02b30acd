//! Decides about commands that were cut off: by the end of an earlier process, or by that of their supervisor.

use super::report::{About, message};
use crate::actions::command::{Command, OnInterrupt};
use crate::domain::decision::{Action, Severity};
use crate::domain::names::CommandName;
use crate::store::{InterruptDecision, Interrupted, NewAction, StoreError};
use crate::worker::Shared;
use crate::worker::grants::OPERATORS;
use crate::worker::messages::AFTER_FAILURE;

/// What the report says.
const TEXT: &str =
    "The server ended while the command ran. It was ended with it and is not run again by itself.";

/// Decides about all of them; a store that fails is asked again.
pub(super) async fn decide_all(shared: &Shared) {
    loop {
        match try_to_decide(shared).await {
            Ok(()) | Err(StoreError::Closed) => break,
            Err(error) => {
                tracing::error!("what becomes of interrupted commands could not be kept: {error}");
            }
        }
        if *shared.ending.borrow() {
            break;
        }
        tokio::time::sleep(AFTER_FAILURE).await;
    }
    shared.messages.notify_one();
    shared.runs.notify_one();
}

async fn try_to_decide(shared: &Shared) -> Result<(), StoreError> {
    for action in shared.store.interrupted().await? {
        let (decision, follow_ups) = decide(shared, &action);
        tracing::warn!(
            action.key = %action.key, rerun = decision == InterruptDecision::Rerun,
            "a command was cut off"
        );
        // What it wrote until then lies in the output folder.
        let outputs = shared.live().outputs.clone();
        let found = outputs.finish(&action.key, action.attempt).await;
        let output = found.unwrap_or_else(|error| {
            tracing::warn!(action.key = %action.key, "its output cannot be read: {error}");
            None
        });
        let output = output.map(|output| output.text());
        let decided = shared
            .store
            .decide_interrupted(action.id, decision, output, follow_ups)
            .await;
        match decided {
            // Somebody decided meanwhile.
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the texts of outputs that an earlier process left: those of commands that were canceled or set aside are of
/// use as well. Called before the first command runs.
pub(super) async fn finish_outputs(shared: &Shared) {
    if let Err(error) = shared.live().outputs.finish_all().await {
        tracing::warn!("outputs that were left unfinished cannot be read: {error}");
    }
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
