//! The tick by which running rules are watched.
//!
//! One thread raises the engines' epochs every ten milliseconds while any rule runs, and sleeps while
//! none does; at each tick a running rule's own watch looks at its time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often running rules are looked at: often enough for a limit of 250 ms, and seldom enough to cost
/// nothing.
const TICK: Duration = Duration::from_millis(10);

/// How many ticks pass without a running rule before the thread sleeps until it is woken, so that a
/// steady stream of events does not pay for waking it each time.
const TICKS_UNTIL_ASLEEP: u32 = 100;

/// How many rules run, in all engines of the process.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// How many tickers sleep.
static ASLEEP: AtomicUsize = AtomicUsize::new(0);

/// Wakes the ticker when a rule begins.
static BEGUN: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

/// Says that a rule runs, until it is dropped.
pub(super) struct Running;

pub(super) fn run() -> Running {
    RUNNING.fetch_add(1, Ordering::SeqCst);
    if ASLEEP.load(Ordering::SeqCst) > 0 {
        // Taken so that the wake-up cannot fall between the ticker's last look and its sleep.
        let _guard = BEGUN.0.lock().unwrap_or_else(PoisonError::into_inner);
        BEGUN.1.notify_all();
    }
    Running
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The thread; it ends when this is dropped.
pub(super) struct Ticker {
    ended: Arc<AtomicBool>,
}

impl Ticker {
    pub(super) fn start(engines: Vec<EngineWeak>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        std::thread::spawn(move || tick(&engines, &flag));
        Self { ended }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _guard = BEGUN.0.lock().unwrap_or_else(PoisonError::into_inner);
        BEGUN.1.notify_all();
    }
}

fn tick(engines: &[EngineWeak], ended: &AtomicBool) {
    let mut quiet = 0;
    while !ended.load(Ordering::SeqCst) {
        quiet = if RUNNING.load(Ordering::SeqCst) == 0 {
            quiet + 1
        } else {
            0
        };
        if quiet > TICKS_UNTIL_ASLEEP {
            sleep_until_a_rule_runs(ended);
            quiet = 0;
        }
        std::thread::park_timeout(TICK);
        for engine in engines {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }
}

fn sleep_until_a_rule_runs(ended: &AtomicBool) {
    let guard = BEGUN.0.lock().unwrap_or_else(PoisonError::into_inner);
    ASLEEP.fetch_add(1, Ordering::SeqCst);
    let woken = BEGUN.1.wait_while(guard, |()| {
        RUNNING.load(Ordering::SeqCst) == 0 && !ended.load(Ordering::SeqCst)
    });
    ASLEEP.fetch_sub(1, Ordering::SeqCst);
    drop(woken);
}
