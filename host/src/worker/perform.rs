//! Performs actions: takes those that are due, one attempt each, and records how it ended.
//!
//! The store hands an action over with its attempt already on record. Grants are looked up again, with
//! the configuration of the moment, before anything is done.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::backoff::{MESSAGE_ATTEMPTS, pause};
use super::{Live, Shared};
use crate::actions::command::{CommandEnd, CommandOutcome, OnInterrupt, RunContext};
use crate::actions::notify::Disposition;
use crate::domain::decision::{Action, Deploy, Field, Notification, ReportWhen, Severity};
use crate::domain::names::{ChannelName, CommandName};
use crate::store::{
    ActionKind, ActionState, AttemptEnd, AttemptResult, ClaimedAction, InterruptDecision,
    Interrupted, NewAction, StoreError,
};

/// The messages under way at once.
const MESSAGES_AT_ONCE: usize = 32;

/// The commands that run at once; those of one concurrency key run one after the other anyhow.
const COMMANDS_AT_ONCE: usize = 8;

/// How often the store is asked without having been woken.
const POLL: Duration = Duration::from_secs(5);

/// The pause after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The end of the key of a report that the operator's own configuration asks for, which needs no grant
/// of the team's. Rules have no say in keys.
const OPERATORS_REPORT: &str = "/operators-report";

/// How much of a command's output a report shows, in bytes; the whole is kept with the attempt.
const REPORTED_OUTPUT: usize = 2_000;

/// Runs until the worker ends.
pub(super) async fn run(shared: Arc<Shared>, kind: ActionKind) {
    let mut ending = shared.ending.subscribe();
    if kind == ActionKind::Deploy {
        decide_interrupted(&shared).await;
    }
    let room = Arc::new(Semaphore::new(match kind {
        ActionKind::Notify => MESSAGES_AT_ONCE,
        ActionKind::Deploy => COMMANDS_AT_ONCE,
    }));
    let mut tasks = JoinSet::new();
    while !*ending.borrow() {
        let pause = match take(&shared, kind, &room, &mut tasks).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!("actions could not be taken from the store: {error}");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = shared.wakes(kind).notified() => {}
            Some(_) = tasks.join_next() => {}
            () = tokio::time::sleep(pause) => {}
            _ = ending.wait_for(|ending| *ending) => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Takes what is due and has room, and says when to look again.
async fn take(
    shared: &Arc<Shared>,
    kind: ActionKind,
    room: &Arc<Semaphore>,
    tasks: &mut JoinSet<()>,
) -> Result<Duration, StoreError> {
    while room.available_permits() > 0 {
        let now = shared.clock.now();
        let actions = shared
            .store
            .claim_actions(&shared.owner, kind, now, room.available_permits())
            .await?;
        if actions.is_empty() {
            let due = shared.store.next_due(kind, now).await?;
            return Ok(due.map_or(POLL, |due| due.since(now).min(POLL)));
        }
        for action in actions {
            let Ok(permit) = Arc::clone(room).acquire_owned().await else {
                break;
            };
            let shared = Arc::clone(shared);
            tasks.spawn(async move {
                perform(&shared, action).await;
                drop(permit);
                // The next of its key may go.
                shared.wakes(kind).notify_one();
            });
        }
    }
    Ok(POLL)
}

/// One attempt, and its record.
async fn perform(shared: &Arc<Shared>, claimed: ClaimedAction) {
    let live = shared.live();
    let (end, follow_ups) = match granted(&live, &claimed) {
        Err(reason) => (ended(shared, AttemptResult::Refused, reason), Vec::new()),
        Ok(()) => match &claimed.action {
            Action::Notify(notification) => (
                send(shared, &live, &claimed, notification).await,
                Vec::new(),
            ),
            Action::Deploy(deploy) => deploy_one(shared, &live, &claimed, deploy).await,
            // The store keeps no drops.
            Action::Drop(_) => (
                ended(
                    shared,
                    AttemptResult::Dead,
                    "a drop is not performed".to_owned(),
                ),
                Vec::new(),
            ),
        },
    };
    let reports = !follow_ups.is_empty();
    loop {
        let settled = shared
            .store
            .settle_action(&shared.owner, claimed.id, end.clone(), follow_ups.clone())
            .await;
        match settled {
            Ok(()) | Err(StoreError::ClaimLost { .. } | StoreError::Closed) => break,
            Err(error) => {
                tracing::error!(action.key = %claimed.key, "how it ended could not be kept: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    if reports {
        shared.messages.notify_one();
    }
}

/// Whether the action may be performed now: its rule may be gone, but not its team's grants.
fn granted(live: &Live, claimed: &ClaimedAction) -> Result<(), String> {
    if claimed.key.ends_with(OPERATORS_REPORT) {
        return Ok(());
    }
    let team = claimed.rule.team();
    let config = live.catalog.team(team).ok_or_else(|| {
        format!(
            "the team is gone: there is no `{}` in `hookbox.toml`",
            crate::capability::table(team)
        )
    })?;
    config
        .grants
        .allow(&claimed.action, &live.catalog.known, team)
        .map_err(|refusal| refusal.to_string())
}

fn ended(shared: &Shared, result: AttemptResult, detail: String) -> AttemptEnd {
    AttemptEnd {
        at: shared.clock.now(),
        result,
        detail: Some(detail),
        exit_code: None,
        output: None,
    }
}

async fn send(
    shared: &Shared,
    live: &Live,
    claimed: &ClaimedAction,
    notification: &Notification,
) -> AttemptEnd {
    let channel = match ChannelName::parse(&notification.channel) {
        Ok(channel) => channel,
        Err(error) => return ended(shared, AttemptResult::Dead, error.to_string()),
    };
    match live
        .channels
        .send(&channel, notification, &claimed.key)
        .await
    {
        Ok(sent) => ended(shared, AttemptResult::Done, sent.detail),
        Err(error) => {
            let (now, text) = (shared.clock.now(), error.to_string());
            let result = match error.disposition() {
                Disposition::Retry { after } if claimed.attempt < MESSAGE_ATTEMPTS => {
                    AttemptResult::Retry {
                        due_at: now.after(pause(&claimed.key, claimed.attempt, after)),
                    }
                }
                Disposition::Retry { .. } | Disposition::GiveUp => AttemptResult::Dead,
            };
            tracing::warn!(
                action.key = %claimed.key, channel = %channel, attempt = claimed.attempt,
                "a message was not sent: {text}"
            );
            ended(shared, result, text)
        }
    }
}

async fn deploy_one(
    shared: &Shared,
    live: &Live,
    claimed: &ClaimedAction,
    deploy: &Deploy,
) -> (AttemptEnd, Vec<NewAction>) {
    let prepared = CommandName::parse(&deploy.name)
        .map_err(|error| error.to_string())
        .and_then(|name| {
            let command = live
                .commands
                .get(&name)
                .ok_or_else(|| format!("there is no command `{name}` any more"))?;
            let prepared = command
                .prepare(&deploy.arguments)
                .map_err(|error| error.to_string())?;
            Ok((command, prepared))
        });
    let (command, prepared) = match prepared {
        Ok(prepared) => prepared,
        Err(reason) => return (ended(shared, AttemptResult::Dead, reason), Vec::new()),
    };
    let (event, rule) = (claimed.event.to_string(), claimed.rule.to_string());
    let source = match shared.store.event(Some(&claimed.event)).await {
        Ok(record) => record.event.source.to_string(),
        Err(error) => {
            let due_at = shared.clock.now().after(AFTER_FAILURE);
            let end = ended(shared, AttemptResult::Retry { due_at }, error.to_string());
            return (end, Vec::new());
        }
    };
    let context = RunContext {
        event: &event,
        key: &claimed.key,
        rule: &rule,
        source: &source,
        attempt: claimed.attempt,
    };
    let mut ending = shared.ending.subscribe();
    let run = command.run(&prepared, &context);
    let end = tokio::select! {
        end = run => end,
        // The run is dropped, and its supervisor ends everything it started.
        () = async {
            // The sender lives as long as the worker does.
            drop(ending.wait_for(|ending| *ending).await);
            tokio::time::sleep(DEPLOY_GRACE).await;
        } => {
            let text = "the server ended before the command did".to_owned();
            return (ended(shared, AttemptResult::Interrupted, text), Vec::new());
        }
    };
    finished(shared, claimed, deploy, command.retries(), &end)
}

/// How long a command may go on when the server is to end.
const DEPLOY_GRACE: Duration = Duration::from_secs(20);

fn finished(
    shared: &Shared,
    claimed: &ClaimedAction,
    deploy: &Deploy,
    retries: u32,
    end: &CommandEnd,
) -> (AttemptEnd, Vec<NewAction>) {
    let now = shared.clock.now();
    let result = match &end.outcome {
        CommandOutcome::Succeeded => AttemptResult::Done,
        CommandOutcome::Interrupted { .. } => AttemptResult::Interrupted,
        _ if claimed.attempt <= retries => AttemptResult::Retry {
            due_at: now.after(pause(&claimed.key, claimed.attempt, None)),
        },
        _ => AttemptResult::Dead,
    };
    let output = end.output.text();
    let over = !matches!(result, AttemptResult::Retry { .. });
    let follow_ups = match &deploy.report {
        Some(report) if over && (report.when == ReportWhen::Always || !end.succeeded()) => {
            vec![report_action(
                claimed,
                format!("{}/report", claimed.key),
                report_message(&report.channel, deploy, end, &output),
                now,
            )]
        }
        _ => Vec::new(),
    };
    let attempt_end = AttemptEnd {
        at: now,
        result,
        detail: Some(end.summary()),
        exit_code: end.exit_code(),
        output: Some(output),
    };
    (attempt_end, follow_ups)
}

fn report_action(
    claimed: &ClaimedAction,
    key: String,
    message: Notification,
    now: crate::domain::clock::Timestamp,
) -> NewAction {
    NewAction {
        key,
        event: claimed.event.clone(),
        rule: claimed.rule.clone(),
        action: Action::Notify(message),
        state: ActionState::Waiting,
        detail: None,
        concurrency_key: None,
        due_at: now,
    }
}

/// The message about how a command ended, with the end of its output.
fn report_message(channel: &str, deploy: &Deploy, end: &CommandEnd, output: &str) -> Notification {
    let severity = if end.succeeded() {
        Severity::Success
    } else {
        Severity::Error
    };
    let mut notification = message(
        channel,
        format!("{}: {}", deploy.name, end.summary()),
        severity,
    );
    notification.text = fenced(output);
    notification.fields = deploy
        .arguments
        .iter()
        .map(|argument| Field {
            name: argument.name.clone(),
            value: argument.value.clone(),
            short: true,
        })
        .collect();
    notification
}

fn message(channel: &str, title: String, severity: Severity) -> Notification {
    Notification {
        title: Some(title),
        severity: Some(severity),
        ..Notification::to(channel)
    }
}

/// The end of an output as a block of code, whose fence the output cannot close.
fn fenced(output: &str) -> String {
    let output = output.trim_end();
    if output.is_empty() {
        return String::new();
    }
    let start = output.len().saturating_sub(REPORTED_OUTPUT);
    let tail = &output[output.ceil_char_boundary(start)..];
    let mut fence = "```".to_owned();
    while tail.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}\n{tail}\n{fence}")
}

/// Decides about commands that the end of an earlier process cut off.
async fn decide_interrupted(shared: &Arc<Shared>) {
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
        if let Err(error) = shared
            .store
            .decide_interrupted(action.id, decision, follow_ups)
            .await
        {
            tracing::error!(action.key = %action.key, "what to do could not be kept: {error}");
        }
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
    let operators = command.and_then(|command| command.report_channel().map(str::to_owned));
    let rules = deploy.report.as_ref().map(|report| report.channel.clone());
    // One message where both name the same channel.
    let rules = rules.filter(|channel| operators.as_ref() != Some(channel));
    let keyed = [
        (operators, format!("{}{OPERATORS_REPORT}", action.key)),
        (rules, format!("{}/report", action.key)),
    ];
    let follow_ups = keyed
        .into_iter()
        .filter_map(|(channel, key)| {
            let mut notification = message(
                &channel?,
                format!("{}: interrupted", deploy.name),
                Severity::Error,
            );
            notification.text =
                "The server ended while the command ran. It was ended with it and is not run \
                                 again by itself."
                    .to_owned();
            Some(NewAction {
                key,
                event: action.event.clone(),
                rule: action.rule.clone(),
                action: Action::Notify(notification),
                state: ActionState::Waiting,
                detail: None,
                concurrency_key: None,
                due_at: shared.clock.now(),
            })
        })
        .collect();
    (InterruptDecision::Keep, follow_ups)
}
