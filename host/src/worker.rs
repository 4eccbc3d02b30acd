//! Between the store and everything that does something: claims deliveries, has them parsed and
//! evaluated, commits what came of it, and performs the actions.
//!
//! The HTTP layer says [`Waker::wake`] after each commit. Parsing and evaluating happen on the
//! [`pool`]'s threads, one job at a time each; waiting for commits happens in tasks, so that many
//! events share one commit.
//!
//! Invariants:
//! - Nothing is evaluated until the first look at the rules folder is done.
//! - An event sees one snapshot while this process has it in hand.
//! - A rule that keeps something is asked about one event at a time, in the order of their sequence numbers.
//! - A panic in one parser or rule is recorded and stops nothing else.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::actions::command::{Commands, Outputs};
use crate::actions::notify::Channels;
use crate::capability::TeamTokens;
use crate::catalog::{Catalog, CatalogConfig};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::names::{EventId, RuleName, SourceName};
use crate::engine::Engine;
use crate::sources::Source;
use crate::store::{ActionKind, SnapshotId, Store, StoreError, Survivors, UnitEvaluation};

mod backoff;
mod commands;
mod dispatch;
mod evaluate;
mod grants;
mod messages;
mod order;
mod paused;
mod place;
mod pool;
mod rate;
mod seats;
mod settle;
mod time_machine;

pub use grants::OPERATORS;
pub use paused::PausedRules;
pub use seats::{Audience, NoSeat, Seat};
pub use time_machine::{
    Beginning, Change, Compared, Counts, Exactness, FieldChange, Proposal, SettingsOf, Step,
    Summary, TimeMachine, Told, ToldFault, Trial, TrialError, Usage, Verdict,
};

/// How long what runs may go on when the server ends: the longest grace of a command, and what it takes to
/// write down how it ended. Service managers wait for 90 s as a rule.
pub const END: Duration = Duration::from_secs(75);

/// How long after a command was asked for each event that is done may be the one it waited for. Rules take seconds
/// at most.
const TURNS_WAIT: Duration = Duration::from_secs(30);

/// How long this process's claims hold without a sign of life. Well above any pause of a busy machine,
/// since a lease that runs out counts as a crash.
const LEASE: Duration = Duration::from_secs(60);

/// How many rehearsals there may be at once: they share one thread, and each keeps what it found until it is answered.
const REHEARSALS: usize = 3;

/// What the operator configured, as far as events and actions need it. Replaced as a whole.
#[derive(Debug)]
pub struct Live {
    /// The address under which senders reach the server, for what is printed to paste.
    pub public_url: String,
    /// The sources, by name.
    pub sources: BTreeMap<SourceName, Arc<Source>>,
    /// The channels.
    pub channels: Channels,
    /// The commands.
    pub commands: Commands,
    /// What the commands wrote.
    pub outputs: Outputs,
    /// The tokens with which teams ask the admin listener.
    pub team_tokens: TeamTokens,
    /// The teams and their grants.
    pub catalog: Arc<CatalogConfig>,
}

/// What the worker works with.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The rules.
    pub catalog: Arc<Catalog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The configuration in force.
    pub live: Arc<RwLock<Arc<Live>>>,
    /// How many threads evaluate, and how many parse.
    pub threads: usize,
    /// Whether actions are performed: `false` while the whole server only shadows.
    pub performs: Performs,
    /// Tells the worker that something waits.
    pub waker: Waker,
}

/// Whether actions are performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Performs {
    /// They are.
    Yes,
    /// They are recorded as `shadowed`.
    OnlyRecords,
}

/// What the tasks of the worker share.
struct Shared {
    store: Arc<dyn Store>,
    catalog: Arc<Catalog>,
    clock: Arc<dyn Clock>,
    live: Arc<RwLock<Arc<Live>>>,
    performs: Performs,
    owner: String,
    pool: pool::Pool,
    /// Whose units are evaluated next.
    turns: place::Turns,
    /// Which event rules that keep something see next.
    order: Arc<order::Order>,
    /// When the actions of each rule fall due.
    rates: Arc<rate::Rates>,
    /// When a command was asked for last, in milliseconds since the Unix epoch.
    asked_to_run_at: AtomicI64,
    /// The rules that are not asked.
    paused_rules: Arc<PausedRules>,
    /// The snapshot that was kept last, by its number.
    kept: Mutex<Option<(u64, SnapshotId)>>,
    /// Deliveries or events may wait.
    events: Arc<Notify>,
    /// Messages may wait.
    messages: Arc<Notify>,
    /// Commands may wait.
    runs: Arc<Notify>,
    /// Becomes true when the worker is to end.
    ending: watch::Sender<bool>,
}

impl Shared {
    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note that a command was asked for.
    fn asked_to_run(&self) {
        self.asked_to_run_at
            .store(self.clock.now().0, Ordering::Relaxed);
    }

    /// Says that an event is done. A command of a later one may have waited for it, if one was asked for of late;
    /// what waits for longer is found by the next look.
    fn event_is_done(&self) {
        let asked_at = Timestamp(self.asked_to_run_at.load(Ordering::Relaxed));
        if self.clock.now().since(asked_at) < TURNS_WAIT {
            self.runs.notify_one();
        }
    }

    fn wakes(&self, kind: ActionKind) -> &Notify {
        match kind {
            ActionKind::Notify => &self.messages,
            ActionKind::Deploy => &self.runs,
        }
    }
}

/// The running worker.
pub struct Worker {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Takes over what an earlier process left, and begins to work. The caller alone has the store.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn start(parts: Parts) -> Result<Self, StoreError> {
        let owner = uuid::Uuid::now_v7().to_string();
        parts.store.heartbeat(&owner, LEASE).await?;
        parts.store.recover(&owner, Survivors::None).await?;
        let paused_rules = Arc::new(PausedRules::default());
        paused_rules.read(&*parts.store).await?;
        let shared = Arc::new(Shared {
            store: parts.store,
            catalog: parts.catalog,
            clock: parts.clock,
            live: parts.live,
            performs: parts.performs,
            owner,
            pool: pool::Pool::start(parts.threads),
            turns: place::Turns::new(parts.threads),
            order: Arc::default(),
            rates: Arc::default(),
            asked_to_run_at: AtomicI64::new(0),
            paused_rules,
            kept: Mutex::new(None),
            events: parts.waker.events,
            messages: parts.waker.messages,
            runs: parts.waker.runs,
            ending: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(stay_alive(Arc::clone(&shared)));
        tasks.spawn(dispatch::run(Arc::clone(&shared)));
        if shared.performs == Performs::Yes {
            tasks.spawn(messages::run(Arc::clone(&shared)));
            tasks.spawn(commands::run(Arc::clone(&shared)));
        }
        Ok(Self { shared, tasks })
    }

    /// Says that a delivery was committed. Cheap, and never waits.
    #[must_use]
    pub fn waker(&self) -> Waker {
        let shared = &self.shared;
        Waker {
            events: Arc::clone(&shared.events),
            messages: Arc::clone(&shared.messages),
            runs: Arc::clone(&shared.runs),
        }
    }

    /// The rules that are paused.
    #[must_use]
    pub fn paused_rules(&self) -> Arc<PausedRules> {
        Arc::clone(&self.shared.paused_rules)
    }

    /// The way to ask the rules without consequences.
    #[must_use]
    pub fn rehearsal(&self) -> Rehearsal {
        Rehearsal {
            shared: Arc::clone(&self.shared),
            seats: seats::Seats::new("dry runs", REHEARSALS),
        }
    }

    /// The way to try modules on the past.
    #[must_use]
    pub fn time_machine(&self, engine: Arc<Engine>) -> TimeMachine {
        TimeMachine::new(Arc::clone(&self.shared), engine)
    }

    /// Takes nothing more from now on; what is in hand goes on until [`end`](Self::end).
    pub fn begin_to_end(&self) {
        self.shared.ending.send_replace(true);
    }

    /// Takes nothing more, lets what runs end for at most [`END`], and hands back the rest.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn end(mut self) -> Result<(), StoreError> {
        self.begin_to_end();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What does not end in time is cut off: commands by their supervisors, messages by the drop.
        let _late = tokio::time::timeout(END, all).await;
        self.tasks.shutdown().await;
        self.shared.store.release_all(&self.shared.owner).await
    }
}

/// Asks the rules of the present about events, and keeps nothing of it.
#[derive(Clone)]
pub struct Rehearsal {
    shared: Arc<Shared>,
    seats: seats::Seats,
}

impl Rehearsal {
    /// Takes the seat of a rehearsal.
    ///
    /// # Errors
    /// When as many are going on as there may be.
    pub fn seat(&self, audience: Audience) -> Result<Seat, NoSeat> {
        self.seats.take(audience)
    }

    /// The evaluations of an event by every rule that would be asked now, or by one rule, with the actions that
    /// would follow.
    ///
    /// # Errors
    /// When there is no such event, or its delivery is gone.
    pub async fn of(
        &self,
        seat: &Arc<Seat>,
        event: &EventId,
        only: Option<&RuleName>,
    ) -> Result<Vec<UnitEvaluation>, StoreError> {
        evaluate::rehearse(&self.shared, seat, event, only).await
    }
}

/// Tells the worker that something waits. A new one tells nobody until a worker is started with it.
#[derive(Debug, Clone, Default)]
pub struct Waker {
    events: Arc<Notify>,
    messages: Arc<Notify>,
    runs: Arc<Notify>,
}

impl Waker {
    /// Says that a delivery was committed. Cheap, and never waits.
    pub fn wake(&self) {
        self.events.notify_one();
    }

    /// Says that anything may have changed: events, messages and commands that were to wait may go on. Cheap, and
    /// never waits.
    pub fn wake_all(&self) {
        self.events.notify_one();
        self.messages.notify_one();
        self.runs.notify_one();
    }
}

/// Renews the lease until the worker ends.
async fn stay_alive(shared: Arc<Shared>) {
    let mut ending = shared.ending.subscribe();
    loop {
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => return,
            () = tokio::time::sleep(LEASE / 3) => {}
        }
        if let Err(error) = shared.store.heartbeat(&shared.owner, LEASE).await {
            tracing::error!("the lease could not be renewed: {error}");
        }
    }
}
