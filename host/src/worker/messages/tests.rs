//! Lanes at work: a real store and a real HTTP server, with a clock that the tests set.
//!
//! A [`Bench`] goes from one moment at which something happens to the next, so an hour passes at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tempfile::TempDir;
use tokio::sync::watch;

use super::{Lanes, Sending};
use crate::actions::notify::{ConsoleSink, StandardOutput};
use crate::config::Config;
use crate::domain::clock::{Clock as _, ManualClock, Timestamp};
use crate::domain::decision::{Action, Notification};
use crate::domain::event::{Event, Subject};
use crate::domain::names::{DeliveryId, EventId, RuleName, SourceName};
use crate::server::build_live;
use crate::store::sqlite::Sqlite;
use crate::store::{
    ActionFilter, ActionRecord, ActionState, Delivery, NewAction, Store, Survivors,
};

mod outage;
mod quotas;

/// 2026-11-22T13:29:05Z.
const START: Timestamp = Timestamp(1_795_354_145_000);

/// What the service does with a message.
type Behave = dyn Fn(&str, Timestamp) -> (StatusCode, Option<u32>) + Send + Sync;

/// A chat service that says `ok`, or what it is told to say.
#[derive(Clone)]
struct Service {
    clock: ManualClock,
    behave: Arc<Mutex<Arc<Behave>>>,
    /// Every request, with its moment, its text, and what it was answered.
    seen: Arc<Mutex<Vec<(Timestamp, String, StatusCode)>>>,
}

impl Service {
    fn behaves(
        &self,
        behave: impl Fn(&str, Timestamp) -> (StatusCode, Option<u32>) + Send + Sync + 'static,
    ) {
        *self.behave.lock().expect("no test panicked") = Arc::new(behave);
    }

    /// The texts that were taken, with their moments.
    fn taken(&self) -> Vec<(Timestamp, String)> {
        let seen = self.seen.lock().expect("no test panicked");
        let taken = seen.iter().filter(|(_, _, status)| status.is_success());
        taken.map(|(at, text, _)| (*at, text.clone())).collect()
    }

    fn texts(&self) -> Vec<String> {
        self.taken().into_iter().map(|(_, text)| text).collect()
    }

    /// The moments of all requests.
    fn asked_at(&self) -> Vec<Timestamp> {
        let seen = self.seen.lock().expect("no test panicked");
        seen.iter().map(|(at, _, _)| *at).collect()
    }
}

async fn receive(
    State(service): State<Service>,
    body: String,
) -> (StatusCode, HeaderMap, &'static str) {
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let attachment = &body["attachments"][0];
    let text = body["text"].as_str().or(attachment["title"].as_str());
    let text = text.expect("a text or a title").to_owned();
    let behave = Arc::clone(&service.behave.lock().expect("no test panicked"));
    let now = service.clock.now();
    let (status, retry_after) = behave(&text, now);
    let mut headers = HeaderMap::new();
    if let Some(seconds) = retry_after {
        headers.insert("retry-after", seconds.into());
    }
    service
        .seen
        .lock()
        .expect("no test panicked")
        .push((now, text, status));
    (status, headers, "ok")
}

struct Bench {
    clock: ManualClock,
    service: Service,
    store: Arc<Sqlite>,
    live: Arc<RwLock<Arc<crate::worker::Live>>>,
    lanes: Lanes,
    address: SocketAddr,
    // The server ends with the runtime of the test.
    ending: watch::Sender<bool>,
    folder: TempDir,
}

impl Bench {
    /// A channel `dev` with these keys besides its address.
    async fn new(keys: &str) -> Self {
        let clock = ManualClock::at(START);
        let service = Service {
            clock: clock.clone(),
            behave: Arc::new(Mutex::new(Arc::new(|_, _| (StatusCode::OK, None)))),
            seen: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new()
            .route("/hook", post(receive))
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        let folder = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(folder.path(), Arc::new(clock.clone())).expect("a store");
        let live = Arc::new(RwLock::new(live(address, keys)));
        let (ending, ends) = watch::channel(false);
        let store = Arc::new(store);
        let sending = Sending {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::new(clock.clone()),
            live: Arc::clone(&live),
            owner: "first".to_owned(),
            ending: ends,
        };
        Self {
            clock,
            service,
            store,
            live,
            lanes: Lanes::new(sending),
            address,
            ending,
            folder,
        }
    }

    /// Has a message for the channel committed.
    async fn message(&self, text: &str) {
        let event = EventId(format!("event-{text}"));
        let notification = Notification {
            text: text.to_owned(),
            ..Notification::to("dev")
        };
        let action = NewAction {
            key: format!("{event}/0#operators/0"),
            event: event.clone(),
            run: 0,
            rule: RuleName::parse("route").expect("a name"),
            action: Action::Notify(notification),
            state: ActionState::Waiting,
            detail: None,
            turn: None,
            due_at: self.clock.now(),
        };
        let asked = self
            .store
            .ask(delivery(text), event_of(&event), vec![action])
            .await;
        assert_eq!(asked.expect("it is kept").len(), 1);
    }

    /// Lets time pass, and everything happen that happens meanwhile.
    async fn pass(&mut self, time: Duration) {
        let end = self.clock.now().after(time);
        loop {
            let wake_at = self
                .lanes
                .start_what_may_send()
                .await
                .expect("the store works");
            if !self.lanes.busy.is_empty() {
                self.lanes.all_ended().await;
                continue;
            }
            let now = self.clock.now();
            let next = wake_at.filter(|at| *at < end).unwrap_or(end);
            self.clock.advance(next.since(now));
            if next == end {
                return;
            }
        }
    }

    /// The process is killed, and another one begins.
    async fn crash(&mut self) {
        let sending = Sending {
            owner: format!("{}'", self.lanes.sending.owner),
            ..self.lanes.sending.clone()
        };
        let recovered = self.store.recover(&sending.owner, Survivors::None).await;
        recovered.expect("the store works");
        self.lanes = Lanes::new(sending);
    }

    async fn actions(&self) -> Vec<ActionRecord> {
        let filter = ActionFilter::default();
        let mut actions = self.store.actions(filter).await.expect("the store works");
        actions.reverse();
        actions
    }

    async fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::new();
        for action in self.actions().await {
            *states.entry(action.state.as_str()).or_default() += 1;
        }
        states
    }
}

fn live(address: SocketAddr, keys: &str) -> Arc<crate::worker::Live> {
    let text =
        format!("[channels.dev]\nkind = 'mattermost'\nurl = 'http://{address}/hook'\n{keys}\n");
    let config = Config::parse(&text, PathBuf::from("/")).expect("a configuration");
    let console: Arc<dyn ConsoleSink> = Arc::new(StandardOutput);
    Arc::new(build_live(&config, &console, &[]).expect("channels"))
}

fn delivery(text: &str) -> Delivery {
    Delivery {
        id: DeliveryId(format!("event-{text}")),
        source: SourceName::parse("gitlab").expect("a name"),
        provider: "gitlab".to_owned(),
        received_at: START,
        received_local: String::new(),
        remote_address: None,
        headers: Vec::new(),
        query: None,
        body: "{}".into(),
        secret: None,
        keys: Vec::new(),
    }
}

fn event_of(id: &EventId) -> Event {
    Event {
        id: id.clone(),
        source: SourceName::parse("gitlab").expect("a name"),
        provider: "gitlab".to_owned(),
        provider_event: "Push Hook".to_owned(),
        received_at: START,
        received_local: String::new(),
        happened_at: None,
        provider_action: None,
        replay: false,
        truncated: false,
        actor: None,
        repository: None,
        url: None,
        note: None,
        confidential: false,
        subject: Subject::Other,
    }
}
