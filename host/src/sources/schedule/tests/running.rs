//! The schedule at work, with a clock that goes with the time of the runtime and can be set.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use proptest::prelude::*;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::domain::clock::Clock;

/// Goes with the runtime's time, plus what it was set forward or back by.
#[derive(Clone)]
struct SetClock {
    start: Timestamp,
    began: Instant,
    set_by: Arc<AtomicI64>,
}

impl SetClock {
    fn at(start: Timestamp) -> Self {
        Self {
            start,
            began: Instant::now(),
            set_by: Arc::default(),
        }
    }

    fn set(&self, by: i64) {
        self.set_by.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let now = self.start.after(self.began.elapsed());
        Timestamp(now.0 + self.set_by.load(Ordering::SeqCst))
    }
}

/// Keeps what it is told, as a store does, beyond the end of a run.
struct Kept {
    clock: SetClock,
    last: Mutex<Option<Timestamp>>,
    /// What was fired, with the clock's time.
    fired: Mutex<Vec<(Timestamp, Timestamp)>>,
    failures: AtomicU32,
    /// Whether nothing can be fired, while all else can be recorded.
    is_stuck: AtomicBool,
}

impl Kept {
    fn new(clock: &SetClock, last: Option<Timestamp>) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            last: Mutex::new(last),
            fired: Mutex::default(),
            failures: AtomicU32::new(0),
            is_stuck: AtomicBool::new(false),
        })
    }

    fn fail(&self) -> Result<(), SinkError> {
        let less_one = |failures: u32| failures.checked_sub(1);
        let failing = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less_one);
        match failing {
            Ok(_) => Err("the disk is full".into()),
            Err(_) => Ok(()),
        }
    }

    fn last(&self) -> Option<Timestamp> {
        *self.last.lock().expect("no test panicked")
    }

    fn fired(&self) -> Vec<Timestamp> {
        let fired = self.fired.lock().expect("no test panicked");
        fired.iter().map(|(due_at, _)| *due_at).collect()
    }
}

#[async_trait]
impl ScheduleSink for Kept {
    async fn last(&self, _: &SourceName) -> Result<Option<Timestamp>, SinkError> {
        self.fail()?;
        Ok(Self::last(self))
    }

    async fn fire(&self, source: &SourceName, due_at: Timestamp) -> Result<(), SinkError> {
        self.fail()?;
        if self.is_stuck.load(Ordering::SeqCst) {
            return Err("the delivery is too large".into());
        }
        self.fired
            .lock()
            .expect("no test panicked")
            .push((due_at, self.clock.now()));
        self.keep(source, due_at).await
    }

    async fn keep(&self, _: &SourceName, until: Timestamp) -> Result<(), SinkError> {
        self.fail()?;
        let mut last = self.last.lock().expect("no test panicked");
        *last = (*last).max(Some(until));
        Ok(())
    }
}

/// A schedule at work.
struct Running {
    ending: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(schedule: &Schedule, kept: &Arc<Kept>) -> Self {
        let (ending, ends) = watch::channel(false);
        let clock: Arc<dyn Clock> = Arc::new(kept.clock.clone());
        let sink: Arc<dyn ScheduleSink> = Arc::clone(kept) as _;
        let task = tokio::spawn(schedule.clone().run(sink, clock, ends));
        Self { ending, task }
    }

    async fn end(self) {
        self.ending.send(true).expect("it runs");
        self.task.await.expect("it ends");
    }

    /// Ends it as a crash does.
    async fn kill(self) {
        self.task.abort();
        self.task.await.expect_err("it was ended");
    }
}

async fn pass(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
}

const NOON: &str = "2026-11-22T12:00:00Z";

fn hourly() -> Schedule {
    schedule_in("UTC", "0 * * * *")
}

fn hour(hour: u32) -> Timestamp {
    moment(&format!("2026-11-22T{hour:02}:00:00Z"))
}

#[tokio::test(start_paused = true)]
async fn each_moment_is_fired_on_the_second() {
    let clock = SetClock::at(moment("2026-11-22T12:00:01Z"));
    let kept = Kept::new(&clock, None);
    let running = Running::start(&hourly(), &kept);

    pass(150).await;
    running.end().await;

    let fired = kept.fired.lock().expect("no test panicked").clone();
    assert_eq!(fired, [(hour(13), hour(13)), (hour(14), hour(14))]);
}

#[tokio::test(start_paused = true)]
async fn the_first_start_fires_nothing_and_records_the_present() {
    let clock = SetClock::at(moment(NOON));
    let kept = Kept::new(&clock, None);

    let running = Running::start(&hourly(), &kept);
    pass(1).await;
    running.kill().await;

    assert_eq!(kept.fired(), []);
    assert_eq!(kept.last(), Some(moment(NOON)));
}

#[tokio::test(start_paused = true)]
async fn a_restart_over_the_due_moment_fires_once() {
    let clock = SetClock::at(hour(12).before(Duration::from_secs(60)));
    let kept = Kept::new(&clock, None);
    Running::start(&hourly(), &kept).end().await;

    pass(2).await;
    for _ in 0..3 {
        let running = Running::start(&hourly(), &kept);
        pass(1).await;
        running.kill().await;
    }

    assert_eq!(kept.fired(), [hour(12)]);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_machine_finds_the_newest_within_half_a_minute() {
    let clock = SetClock::at(moment(NOON));
    let kept = Kept::new(&clock, None);
    let running = Running::start(&hourly(), &kept);
    tokio::time::sleep(Duration::from_secs(1)).await;

    clock.set(5 * 3_600_000);
    tokio::time::sleep(Duration::from_secs(30)).await;

    assert_eq!(kept.fired(), [hour(17)]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_fires_nothing_twice() {
    let clock = SetClock::at(moment(NOON));
    let kept = Kept::new(&clock, None);
    let running = Running::start(&hourly(), &kept);
    pass(61).await;

    clock.set(-30 * 60_000);
    pass(100).await;

    assert_eq!(kept.fired(), [hour(13), hour(14)]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_stored_is_tried_again() {
    let clock = SetClock::at(moment(NOON));
    let kept = Kept::new(&clock, Some(hour(11)));
    kept.failures.store(4, Ordering::SeqCst);

    let running = Running::start(&hourly(), &kept);
    pass(1).await;

    assert_eq!(kept.fired(), [hour(12)]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_for_long_gives_way_to_what_is_newer() {
    let clock = SetClock::at(hour(12).before(Duration::from_secs(60)));
    let kept = Kept::new(&clock, None);
    let running = Running::start(&hourly(), &kept);
    tokio::time::sleep(Duration::from_secs(1)).await;

    kept.failures.store(u32::MAX, Ordering::SeqCst);
    pass(125).await;
    kept.failures.store(0, Ordering::SeqCst);
    pass(1).await;

    assert_eq!(kept.fired(), [hour(14)]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_end_with_something_due_that_could_not_be_stored_leaves_it_to_the_next_start() {
    let clock = SetClock::at(hour(12).before(Duration::from_secs(60)));
    let kept = Kept::new(&clock, None);
    let running = Running::start(&hourly(), &kept);
    tokio::time::sleep(Duration::from_secs(1)).await;
    kept.is_stuck.store(true, Ordering::SeqCst);
    pass(5).await;
    running.end().await;

    kept.is_stuck.store(false, Ordering::SeqCst);
    let running = Running::start(&hourly(), &kept);
    pass(1).await;

    assert_eq!(kept.fired(), [hour(12)]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_takes_anothers_place_has_not_missed_the_morning() {
    let clock = SetClock::at(moment(NOON));
    let kept = Kept::new(&clock, Some(moment("2026-11-21T18:00:00Z")));
    let running = Running::start(&schedule_in("UTC", "0 18 * * *"), &kept);
    pass(1).await;
    running.end().await;

    let running = Running::start(&schedule_in("UTC", "0 9 * * *"), &kept);
    pass(60).await;

    assert_eq!(kept.fired(), []);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_is_left_to_end_it() {
    let clock = SetClock::at(moment(NOON));
    let kept = Kept::new(&clock, None);
    let Running { ending, task } = Running::start(&hourly(), &kept);

    drop(ending);

    task.await.expect("it ends");
}

/// What happens to a running schedule.
#[derive(Debug, Clone)]
enum Step {
    /// So many seconds pass.
    Pass(u64),
    /// The clock is set by so many seconds.
    Set(i64),
    /// The store fails so often.
    Fail(u32),
    /// The server is started anew, in an orderly way or after a crash.
    Restart { in_order: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..7_200).prop_map(Step::Pass),
        3 => (-20_000_i64..20_000).prop_map(Step::Set),
        1 => (-40_000_000_i64..40_000_000).prop_map(Step::Set),
        1 => (0_u32..5).prop_map(Step::Fail),
        1 => any::<bool>().prop_map(|in_order| Step::Restart { in_order }),
    ];
    proptest::collection::vec(step, 1..24)
}

async fn take(steps: Vec<Step>, schedule: &Schedule) -> Vec<(Timestamp, Timestamp)> {
    // In the night in which the clock is put back.
    let clock = SetClock::at(moment("2026-10-24T22:10:00Z"));
    let kept = Kept::new(&clock, None);
    let mut running = Running::start(schedule, &kept);
    for step in steps {
        match step {
            Step::Pass(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Step::Set(seconds) => clock.set(seconds * 1_000),
            Step::Fail(times) => kept.failures.store(times, Ordering::SeqCst),
            Step::Restart { in_order } => {
                if in_order {
                    running.end().await;
                } else {
                    running.kill().await;
                }
                running = Running::start(schedule, &kept);
            }
        }
    }
    kept.failures.store(0, Ordering::SeqCst);
    let begun = clock.now();
    pass(2).await;
    if let Some(newest) = schedule.due(Some(Timestamp(0)), begun).fire {
        assert!(kept.last() >= Some(newest), "{newest} was left out");
    }
    running.kill().await;
    let fired = kept.fired.lock().expect("no test panicked");
    fired.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn however_the_clock_jumps_each_moment_is_fired_once_at_most_in_order_and_never_too_early(
        at in proptest::sample::select(&["*/10 * * * *", "30 2 * * *", "0 */2 * * *", "7,9 1-3 * * *"][..]),
        steps in steps(),
    ) {
        let schedule = schedule(at);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");

        let fired = runtime.block_on(take(steps, &schedule));

        for (due_at, fired_at) in &fired {
            prop_assert!(due_at <= fired_at, "{} was fired at {}", due_at, fired_at);
            let before = due_at.before(Duration::from_millis(1));
            prop_assert_eq!(schedule.next(before), Some(*due_at));
        }
        for pair in fired.windows(2) {
            prop_assert!(pair[0].0 < pair[1].0, "{} came after {}", pair[1].0, pair[0].0);
        }
    }
}
