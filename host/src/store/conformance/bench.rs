//! What the tests of the contract stand on: a store, a clock, and short ways to make records.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::domain::clock::{Clock as _, ManualClock, Timestamp};
use crate::domain::decision::{Action, Decision, Deploy, Notification};
use crate::domain::evaluation::{Evaluation, Log, Outcome};
use crate::domain::event::{Event, Repository, Subject, Visibility};
use crate::domain::names::{DeliveryId, Digest, EventId, RuleName, SourceName};
use crate::domain::state::Changes;
use crate::domain::turn::{Turn, WhenBusy};
use crate::store::sqlite::Sqlite;
use crate::store::{
    ActionId, ActionRecord, ActionState, AttemptEnd, AttemptResult, ClaimedAction, ClaimedEvent,
    ClaimedMessage, Consequences, Delivery, DeliveryKey, NewAction, Rest, SnapshotId, Store,
    UnitCommit, UnitEvaluation,
};

/// When every test begins.
pub(super) const START: Timestamp = Timestamp(1_795_354_145_000);

/// How long a key of a delivery counts.
pub(super) const WEEK: Duration = Duration::from_hours(7 * 24);

/// The owner that has no other part in a test.
pub(super) const WORKER: &str = "worker";

type Open = Box<dyn Fn(ManualClock) -> Arc<dyn Store> + Send + Sync>;

/// A store of its own for one test.
pub(super) struct Bench {
    store: Option<Arc<dyn Store>>,
    clock: ManualClock,
    open: Open,
}

impl Bench {
    /// With a SQLite file in a folder of its own.
    pub(super) fn sqlite() -> Self {
        let folder = TempDir::new().expect("a folder for the store");
        Self::with(Box::new(move |clock| {
            let store = Sqlite::open(folder.path(), Arc::new(clock));
            Arc::new(store.expect("the store opens"))
        }))
    }

    fn with(open: Open) -> Self {
        let clock = ManualClock::at(START);
        Self {
            store: Some(open(clock.clone())),
            clock,
            open,
        }
    }

    /// The store.
    pub(super) fn store(&self) -> &dyn Store {
        self.store.as_deref().expect("the store is open")
    }

    /// Closes the store and opens it again.
    pub(super) fn reopen(&mut self) {
        self.store = None;
        self.store = Some((self.open)(self.clock.clone()));
    }

    /// Moves the clock forward.
    pub(super) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The present moment.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The description of a snapshot, kept.
    pub(super) async fn snapshot(&self) -> SnapshotId {
        let kept = self.store().keep_snapshot("{}".to_owned()).await;
        kept.expect("the snapshot is kept")
    }

    /// A delivery of this name with one event, which the owner has in hand.
    pub(super) async fn event_held_by(&self, owner: &str, name: &str) -> ClaimedEvent {
        let store = self.store();
        store.accept(delivery(name)).await.expect("it is accepted");
        let claimed = store.claim_deliveries(owner, 1).await.expect("a claim");
        assert_eq!(claimed[0].delivery.id.0, name);
        let events = vec![event(name)];
        let mut events = store
            .split(owner, &DeliveryId(name.to_owned()), events)
            .await
            .expect("it is split");
        events.remove(0)
    }

    /// An event of this name that is done, with these actions committed.
    pub(super) async fn with_actions(&self, name: &str, actions: Vec<NewAction>) -> Vec<ActionId> {
        let committed = self.unfinished(name, actions).await;
        self.finish(name).await;
        committed
    }

    /// An event of this name in the hands of [`WORKER`], with these actions committed.
    pub(super) async fn unfinished(&self, name: &str, actions: Vec<NewAction>) -> Vec<ActionId> {
        self.event_held_by(WORKER, name).await;
        self.commit(name, actions).await
    }

    /// Finishes the first run of an event that [`WORKER`] has in hand.
    pub(super) async fn finish(&self, name: &str) {
        let snapshot = self.snapshot().await;
        let finished = self
            .store()
            .finish_event(WORKER, &event_id(name), 0, snapshot)
            .await;
        finished.expect("it is finished");
    }

    /// Commits actions for an event that [`WORKER`] has in hand.
    pub(super) async fn commit(&self, name: &str, actions: Vec<NewAction>) -> Vec<ActionId> {
        let unit = unit(name, self.snapshot().await, vec![decided("route", actions)]);
        let committed = self.store().commit_unit(WORKER, unit).await;
        committed.expect("the unit is committed")
    }

    /// The same, committed at the present moment.
    pub(super) async fn commit_now(&self, name: &str, actions: Vec<NewAction>) -> Vec<ActionId> {
        let evaluations = vec![decided("route", actions)];
        let unit = UnitCommit {
            at: self.now(),
            ..unit(name, self.snapshot().await, evaluations)
        };
        let committed = self.store().commit_unit(WORKER, unit).await;
        committed.expect("the unit is committed")
    }

    /// An event of this name with one notification.
    pub(super) async fn message(&self, name: &str) -> ActionId {
        self.with_actions(name, vec![notify(name, 0)]).await[0]
    }

    /// An event of this name with one command, which waits in the queue of a key.
    pub(super) async fn command(&self, name: &str, key: &str) -> ActionId {
        self.turned(name, key, WhenBusy::Queue).await
    }

    /// An event of this name with one command that has a turn.
    pub(super) async fn turned(&self, name: &str, key: &str, when_busy: WhenBusy) -> ActionId {
        let action = turned(deploy(name, 0), key, when_busy);
        self.with_actions(name, vec![action]).await[0]
    }

    /// Claims the first message to the channel `team` that is due now.
    pub(super) async fn claim_message(&self, owner: &str) -> Option<ClaimedAction> {
        let claimed = self.claim_lane(owner, "team").await;
        claimed.map(|message| message.action)
    }

    /// Claims the first message to a channel that is due now, with up to ten others.
    pub(super) async fn claim_lane(&self, owner: &str, channel: &str) -> Option<ClaimedMessage> {
        let store = self.store();
        let claimed = store.claim_message(owner, channel, self.now(), None, 10);
        claimed.await.expect("a claim")
    }

    /// Claims the commands that are due now.
    pub(super) async fn claim_all(&self, owner: &str) -> Vec<ClaimedAction> {
        let claimed = self.store().claim_commands(owner, self.now(), 100).await;
        claimed.expect("a claim")
    }

    /// The identifiers of the commands that are due now, claimed.
    pub(super) async fn claim_commands(&self, owner: &str) -> Vec<ActionId> {
        let claimed = self.claim_all(owner).await;
        claimed.into_iter().map(|action| action.id).collect()
    }

    /// Ends the attempt at an action of the owner's now.
    pub(super) async fn settle(&self, owner: &str, action: ActionId, result: AttemptResult) {
        let end = ended(self.now(), result);
        let settled = self
            .store()
            .settle_action(owner, action, end, Consequences::default())
            .await;
        settled.expect("it is settled");
    }

    /// Reads an action.
    pub(super) async fn action(&self, id: ActionId) -> ActionRecord {
        self.store().action(id).await.expect("the action")
    }

    /// The state of an action.
    pub(super) async fn state(&self, id: ActionId) -> ActionState {
        self.action(id).await.state
    }
}

/// A source's name.
pub(super) fn source(name: &str) -> SourceName {
    SourceName::parse(name).expect("a source's name")
}

/// A rule's name.
pub(super) fn rule(name: &str) -> RuleName {
    RuleName::parse(name).expect("a rule's name")
}

/// An event's identifier.
pub(super) fn event_id(name: &str) -> EventId {
    EventId(name.to_owned())
}

/// A delivery's identifier.
pub(super) fn delivery_id(name: &str) -> DeliveryId {
    DeliveryId(name.to_owned())
}

/// A key that counts for a week.
pub(super) fn key(text: &str) -> DeliveryKey {
    DeliveryKey {
        key: text.to_owned(),
        expires_at: START.after(WEEK),
    }
}

/// A delivery of this name from the source `gitlab`, without keys.
pub(super) fn delivery(name: &str) -> Delivery {
    Delivery {
        id: delivery_id(name),
        source: source("gitlab"),
        provider: "gitlab".to_owned(),
        received_at: START,
        received_local: "2026-11-22T14:29:05+01:00".to_owned(),
        remote_address: Some("192.0.2.7".to_owned()),
        headers: vec![("x-gitlab-event".to_owned(), "Push Hook".to_owned())],
        query: None,
        body: format!("the body of {name}").into(),
        secret: Some("current".to_owned()),
        keys: Vec::new(),
    }
}

/// A delivery with keys.
pub(super) fn delivery_with_keys(name: &str, keys: &[&str]) -> Delivery {
    Delivery {
        keys: keys.iter().map(|text| key(text)).collect(),
        ..delivery(name)
    }
}

/// An event of this name from the source `gitlab`, in the project `group/shop`.
pub(super) fn event(name: &str) -> Event {
    Event {
        id: event_id(name),
        source: source("gitlab"),
        provider: "gitlab".to_owned(),
        provider_event: "Push Hook".to_owned(),
        received_at: START,
        received_local: "2026-11-22T14:29:05+01:00".to_owned(),
        happened_at: None,
        provider_action: None,
        replay: false,
        truncated: false,
        actor: None,
        repository: Some(Repository {
            id: "7".to_owned(),
            name: "shop".to_owned(),
            full_name: "group/shop".to_owned(),
            url: None,
            ssh_url: None,
            http_url: None,
            default_branch: None,
            visibility: Visibility::Private,
        }),
        url: None,
        note: None,
        confidential: false,
        subject: Subject::Ping,
    }
}

/// The shared unit of an event.
pub(super) fn unit(
    event: &str,
    snapshot: SnapshotId,
    evaluations: Vec<UnitEvaluation>,
) -> UnitCommit {
    UnitCommit {
        event: event_id(event),
        run: 0,
        unit: None,
        snapshot,
        at: START,
        evaluations,
        dropped: None,
        skipped: Vec::new(),
        rest: Rest::None,
    }
}

/// The evaluation by a rule that decided.
pub(super) fn decided(rule: &str, actions: Vec<NewAction>) -> UnitEvaluation {
    let decision = Decision {
        actions: actions.iter().map(|action| action.action.clone()).collect(),
        reason: None,
    };
    evaluated(rule, Outcome::Decided(decision), actions)
}

/// The evaluation by a rule.
pub(super) fn evaluated(name: &str, outcome: Outcome, actions: Vec<NewAction>) -> UnitEvaluation {
    let evaluation = Evaluation {
        rule: rule(name),
        module: Digest::of(b"module"),
        settings: Digest::of(b"settings"),
        outcome,
        log: Log::default(),
        fuel: 4_200,
        duration_us: 310,
    };
    UnitEvaluation {
        evaluation,
        actions,
        state: Changes::default(),
    }
}

/// A notification for an event, to the channel `team`.
pub(super) fn notify(event: &str, index: usize) -> NewAction {
    message(event, index, "team")
}

/// A notification for an event, to a channel.
pub(super) fn message(event: &str, index: usize, channel: &str) -> NewAction {
    let notification = Notification {
        text: "done".to_owned(),
        ..Notification::to(channel)
    };
    action(event, index, Action::Notify(notification))
}

/// The command `web` for an event, without a turn.
pub(super) fn deploy(event: &str, index: usize) -> NewAction {
    command(event, index, "web")
}

/// A command for an event, without a turn.
pub(super) fn command(event: &str, index: usize, name: &str) -> NewAction {
    let deploy = Deploy {
        name: name.to_owned(),
        arguments: Vec::new(),
        report: None,
    };
    action(event, index, Action::Deploy(deploy))
}

/// An action for an event, to be performed at once.
pub(super) fn action(event: &str, index: usize, action: Action) -> NewAction {
    NewAction {
        key: format!("{event}/0/route/{index}"),
        event: event_id(event),
        run: 0,
        rule: rule("route"),
        action,
        state: ActionState::Waiting,
        detail: None,
        turn: None,
        due_at: START,
    }
}

/// The same action with a key, in whose queue it waits for its turn.
pub(super) fn keyed(action: NewAction, key: &str) -> NewAction {
    turned(action, key, WhenBusy::Queue)
}

/// The same action with a turn.
pub(super) fn turned(action: NewAction, key: &str, when_busy: WhenBusy) -> NewAction {
    let turn = Turn {
        key: key.to_owned(),
        when_busy,
    };
    NewAction {
        turn: Some(turn),
        ..action
    }
}

/// The end of an attempt.
pub(super) fn ended(at: Timestamp, result: AttemptResult) -> AttemptEnd {
    AttemptEnd {
        at,
        result,
        detail: Some("as the channel says".to_owned()),
        exit_code: None,
        output: None,
    }
}
