//! Runs commands: takes those whose turn it is, one attempt each, and records how it ended.
//!
//! The store hands a command over with its attempt already on record, and says which of those that run are to
//! be ended, because another takes their place or somebody asked. Grants are looked up again, with the
//! configuration of the moment, before anything is run.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use super::backoff::pause;
use super::grants::permitted;
use super::messages::AFTER_FAILURE;
use super::settle::settle;
use super::{END, Live, Shared};
use crate::actions::command::{
    Command, CommandEnd, CommandOutcome, Prepared, RunContext, StandardInput, commit_of,
};
use crate::domain::decision::{Action, Deploy};
use crate::domain::names::CommandName;
use crate::store::{
    ActionId, AttemptEnd, AttemptResult, ClaimedAction, Consequences, EventRecord, NewAction,
    StoreError,
};

mod interrupted;
mod report;

/// The commands that run at once; those of one turn's key run one after the other anyhow.
const COMMANDS_AT_ONCE: usize = 8;

/// How often the store is asked without having been woken.
const POLL: Duration = Duration::from_secs(5);

/// How long a command may go on when the server is to end, before it is ended.
const END_GRACE: Duration = Duration::from_secs(20);

/// How long the server keeps for writing down how a command ended.
const END_SLACK: Duration = Duration::from_secs(5);

/// The commands that run, each with the way to end it.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<HashMap<ActionId, oneshot::Sender<()>>>>);

impl Running {
    fn add(&self, id: ActionId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id, sender);
        receiver
    }

    /// Has a command ended, once.
    fn end(&self, id: ActionId) {
        if let Some(sender) = self.lock().remove(&id) {
            // It may have ended by itself.
            let _ended = sender.send(());
        }
    }

    fn remove(&self, id: ActionId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ActionId, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until the worker ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ending = shared.ending.subscribe();
    interrupted::decide_all(&shared).await;
    interrupted::finish_outputs(&shared).await;
    let room = Arc::new(Semaphore::new(COMMANDS_AT_ONCE));
    let running = Running::default();
    let mut tasks = JoinSet::new();
    while !*ending.borrow() {
        let pause = match take(&shared, &running, &room, &mut tasks).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!("commands could not be taken from the store: {error}");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = shared.runs.notified() => {}
            Some(_) = tasks.join_next() => {}
            () = tokio::time::sleep(pause) => {}
            _ = ending.wait_for(|ending| *ending) => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Ends what is to be ended, takes what is due and has room, and says when to look again.
async fn take(
    shared: &Arc<Shared>,
    running: &Running,
    room: &Arc<Semaphore>,
    tasks: &mut JoinSet<()>,
) -> Result<Duration, StoreError> {
    for cancellation in shared.store.cancellations(&shared.owner).await? {
        running.end(cancellation.id);
    }
    while room.available_permits() > 0 {
        let now = shared.clock.now();
        let claimed = shared
            .store
            .claim_commands(&shared.owner, now, room.available_permits())
            .await?;
        if claimed.is_empty() {
            let due = shared.store.next_command(now).await?;
            return Ok(due.map_or(POLL, |due| due.since(now).min(POLL)));
        }
        for action in claimed {
            let Ok(permit) = Arc::clone(room).acquire_owned().await else {
                break;
            };
            let (shared, running) = (Arc::clone(shared), running.clone());
            tasks.spawn(async move {
                let until = running.add(action.id);
                perform(&shared, &action, until).await;
                running.remove(action.id);
                drop(permit);
                // The next of its key may go.
                shared.runs.notify_one();
            });
        }
    }
    Ok(POLL)
}

/// One attempt, and its record.
async fn perform(shared: &Shared, claimed: &ClaimedAction, until: oneshot::Receiver<()>) {
    let live = shared.live();
    // A command without an end would hold up its turn for ever.
    let attempt = AssertUnwindSafe(attempt(shared, &live, claimed, until)).catch_unwind();
    let ended = attempt.await.unwrap_or_else(|_| {
        let text = "it panicked; the log has the message".to_owned();
        Err((AttemptResult::Dead, text))
    });
    let (end, follow_ups) = match ended {
        Ok(ended) => ended,
        Err((result, reason)) => {
            let end = AttemptEnd {
                at: shared.clock.now(),
                result,
                detail: Some(reason),
                exit_code: None,
                output: None,
            };
            (end, Vec::new())
        }
    };
    let reports = !follow_ups.is_empty();
    let consequences = Consequences {
        follow_ups,
        merged: Vec::new(),
    };
    settle(
        &*shared.store,
        &shared.owner,
        claimed.id,
        &end,
        &consequences,
    )
    .await;
    if reports {
        shared.messages.notify_one();
    }
    if end.result == AttemptResult::Interrupted && !*shared.ending.borrow() {
        // Its supervisor was killed, and not the server.
        interrupted::decide_all(shared).await;
    }
}

/// Runs a command, unless there is a reason not to.
async fn attempt(
    shared: &Shared,
    live: &Live,
    claimed: &ClaimedAction,
    until: oneshot::Receiver<()>,
) -> Result<(AttemptEnd, Vec<NewAction>), (AttemptResult, String)> {
    let Action::Deploy(deploy) = &claimed.action else {
        return Err((AttemptResult::Dead, "this is no command".to_owned()));
    };
    permitted(live, &claimed.key, &claimed.rule, &claimed.action)
        .map_err(|reason| (AttemptResult::Refused, reason))?;
    let (command, prepared) =
        prepare(live, deploy).map_err(|reason| (AttemptResult::Dead, reason))?;
    let record = shared.store.event(Some(&claimed.event)).await;
    let record = record.map_err(|error| {
        let due_at = shared.clock.now().after(AFTER_FAILURE);
        (AttemptResult::Retry { due_at }, error.to_string())
    })?;
    let end = run_command(shared, (command, &prepared), claimed, &record, until).await;
    let result = result(shared, command, claimed, &end);
    let follow_ups = match &deploy.report {
        Some(report) => report::after(shared, claimed, deploy, report, (&end, result)),
        None => Vec::new(),
    };
    let attempt_end = AttemptEnd {
        at: shared.clock.now(),
        result,
        detail: Some(match (result, &end.outcome) {
            (AttemptResult::Interrupted, CommandOutcome::Canceled) => {
                format!("the server ended: {}", end.summary())
            }
            (_, CommandOutcome::Superseded { reason }) => reason.clone(),
            _ => end.summary(),
        }),
        exit_code: end.exit_code(),
        output: Some(end.output.text()),
    };
    Ok((attempt_end, follow_ups))
}

fn prepare<'a>(live: &'a Live, deploy: &Deploy) -> Result<(&'a Command, Prepared), String> {
    let name = CommandName::parse(&deploy.name).map_err(|error| error.to_string())?;
    let command = live
        .commands
        .get(&name)
        .ok_or_else(|| format!("there is no command `{name}` any more"))?;
    let prepared = command
        .prepare(&deploy.arguments)
        .map_err(|error| error.to_string())?;
    Ok((command, prepared))
}

async fn run_command(
    shared: &Shared,
    (command, prepared): (&Command, &Prepared),
    claimed: &ClaimedAction,
    record: &EventRecord,
    until: oneshot::Receiver<()>,
) -> CommandEnd {
    let (event, rule) = (claimed.event.to_string(), claimed.rule.to_string());
    let source = record.event.source.to_string();
    let stdin = match command.stdin() {
        StandardInput::None => None,
        // The domain's types are always JSON.
        StandardInput::Event => serde_json::to_string(&record.event).ok(),
    };
    let context = RunContext {
        event: &event,
        key: &claimed.key,
        rule: &rule,
        source: &source,
        attempt: claimed.attempt,
        replay: claimed.run > 0,
        commit: commit_of(&record.event),
        stdin: stdin.as_deref(),
    };
    let mut ending = shared.ending.subscribe();
    let server_ends = async {
        // The sender lives as long as the worker does.
        drop(ending.wait_for(|ending| *ending).await);
        let left = END.saturating_sub(command.grace() + END_SLACK);
        tokio::time::sleep(END_GRACE.min(left)).await;
    };
    let asked = async {
        // Without a sender nobody can ask any more.
        if until.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    command
        .run(prepared, &context, async {
            tokio::select! {
                () = server_ends => {}
                () = asked => {}
            }
        })
        .await
}

/// What the end of a run means for its action.
fn result(
    shared: &Shared,
    command: &Command,
    claimed: &ClaimedAction,
    end: &CommandEnd,
) -> AttemptResult {
    let own_attempts = claimed.attempt.saturating_sub(claimed.forgiven);
    match &end.outcome {
        CommandOutcome::Succeeded => AttemptResult::Done,
        CommandOutcome::Superseded { .. } => AttemptResult::Superseded,
        // The server's own end comes with no request in the store.
        CommandOutcome::Canceled if *shared.ending.borrow() => AttemptResult::Interrupted,
        CommandOutcome::Canceled => AttemptResult::Canceled,
        CommandOutcome::Interrupted { .. } => AttemptResult::Interrupted,
        _ if own_attempts <= command.retries() => AttemptResult::Retry {
            due_at: shared
                .clock
                .now()
                .after(pause(&claimed.key, own_attempts, None)),
        },
        _ => AttemptResult::Dead,
    }
}
