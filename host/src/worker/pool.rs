//! The threads on which deliveries are parsed and rules are evaluated, apart from those that accept
//! requests.
//!
//! What can wait for all others has one thread more, and a small share of the processor. Parsers have threads of their
//! own: a delivery whose events are not known yet belongs to no team, and would wait for a unit of a slow one before
//! its own team's turn.
//!
//! Invariants:
//! - A job that panics ends alone; its thread takes the next.
//! - No job waits for one that can wait.
//! - A job that nobody waits for any more when its turn comes is not run.
//! - No parser waits for a rule.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::sync::{oneshot, watch};

/// A guest may use 512 KiB of it; the rest is for the host's own calls and for parsing.
const STACK: usize = 4 << 20;

/// How nice the thread for what can wait is: it gets a tenth of what another thread gets where all are busy, and an
/// evaluation still ends well within its time on the wall.
/// <https://man7.org/linux/man-pages/man7/sched.7.html>
const NICE: i32 = 10;

/// How long what can wait does so where no thread is ever idle: it goes on slowly rather than not at all.
const PATIENCE: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads with one queue, as many for parsers, and one more for what can wait.
pub(super) struct Pool {
    jobs: mpsc::Sender<Job>,
    /// How many jobs are in hand or queued.
    open: Arc<watch::Sender<usize>>,
    threads: usize,
    parsers: mpsc::Sender<Job>,
    patient: mpsc::Sender<Job>,
}

impl Pool {
    pub(super) fn start(threads: usize) -> Self {
        let threads = threads.max(1);
        let jobs = start("rules", threads);
        let parsers = start("parse", threads);
        let (patient, queue) = mpsc::channel::<Job>();
        spawn("rules-patient".to_owned(), move || {
            // Of this thread alone: Linux keeps it for each. Where it is not allowed, the thread is like the others.
            let _not_nicer = setpriority_process(None, NICE);
            work(&Mutex::new(queue));
        });
        Self {
            jobs,
            open: Arc::default(),
            threads,
            parsers,
            patient,
        }
    }

    /// Runs a parser, whatever the rules do; none if it panicked.
    pub(super) async fn parse<T: Send + 'static>(
        &self,
        parser: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        send(&self.parsers, parser).await
    }

    /// Runs a job on one of the threads; none if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let open = Open::one_more(&self.open);
        let job = move || {
            let _open = open;
            job()
        };
        send(&self.jobs, job).await
    }

    /// Runs a job that can wait for those of [`run`](Self::run), one at a time: when one of their threads is
    /// idle, and after a second in any case.
    pub(super) async fn run_patiently<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let mut open = self.open.subscribe();
        let idle = async { open.wait_for(|open| *open < self.threads).await.is_ok() };
        let _out_of_patience = tokio::time::timeout(PATIENCE, idle).await;
        send(&self.patient, job).await
    }
}

/// A job that is in hand or queued, until it ends, also by a panic.
struct Open(Arc<watch::Sender<usize>>);

impl Open {
    fn one_more(open: &Arc<watch::Sender<usize>>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// Has a thread run a job; none if it panicked.
async fn send<T: Send + 'static>(
    jobs: &mpsc::Sender<Job>,
    job: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = oneshot::channel();
    let job = Box::new(move || {
        // Whoever waited may have gone, before or while it runs.
        if !done.is_closed() {
            let _gone = done.send(job());
        }
    });
    jobs.send(job).ok()?;
    result.await.ok()
}

/// Starts so many threads with one queue.
fn start(name: &str, threads: usize) -> mpsc::Sender<Job> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let queue = Arc::new(Mutex::new(queue));
    for number in 0..threads {
        let queue = Arc::clone(&queue);
        spawn(format!("{name}-{number}"), move || work(&queue));
    }
    jobs
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) {
    let started = std::thread::Builder::new()
        .name(name)
        .stack_size(STACK)
        .spawn(work);
    if let Err(error) = started {
        tracing::error!("a thread for rules could not be started: {error}");
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        // The panic's message has been logged by the hook, and whoever waits sees that nothing came.
        let _panicked = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job that runs until the sender is used or dropped, and that says when it begins.
    fn held() -> (
        impl FnOnce() + Send + 'static,
        oneshot::Receiver<()>,
        mpsc::Sender<()>,
    ) {
        let (begins, begun) = oneshot::channel();
        let (end, ended) = mpsc::channel::<()>();
        let job = move || {
            let _nobody_asks = begins.send(());
            let _ends = ended.recv();
        };
        (job, begun, end)
    }

    #[tokio::test]
    async fn a_job_that_panics_ends_alone() {
        let pool = Pool::start(1);

        let panicked = pool.run(|| panic!("it is meant to")).await;
        let panicked_patiently = pool.run_patiently(|| panic!("it is meant to")).await;

        assert_eq!((panicked, panicked_patiently), (None::<()>, None::<()>));
        assert_eq!(pool.run(|| 1).await, Some(1));
        assert_eq!(pool.run_patiently(|| 2).await, Some(2));
    }

    #[tokio::test]
    async fn no_job_waits_for_one_that_can_wait() {
        let pool = Arc::new(Pool::start(1));
        let (patient, begun, end) = held();
        let waiting = Arc::clone(&pool);
        let waiting = tokio::spawn(async move { waiting.run_patiently(patient).await });
        begun.await.expect("it begins");

        let answer = pool.run(|| "at once").await;

        assert_eq!(answer, Some("at once"));
        drop(end);
        assert_eq!(waiting.await.expect("it ends"), Some(()));
    }

    #[tokio::test]
    async fn no_parser_waits_for_rules() {
        let pool = Arc::new(Pool::start(1));
        let (job, begun, end) = held();
        let working = Arc::clone(&pool);
        let working = tokio::spawn(async move { working.run(job).await });
        begun.await.expect("it begins");

        assert_eq!(pool.parse(|| "parsed").await, Some("parsed"));
        assert_eq!(pool.parse(|| panic!("it is meant to")).await, None::<()>);
        assert_eq!(pool.parse(|| "the next").await, Some("the next"));

        drop(end);
        working.await.expect("it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_wait_begins_when_a_thread_is_idle_or_its_patience_is_over() {
        let pool = Arc::new(Pool::start(1));
        let (job, begun, end) = held();
        let working = Arc::clone(&pool);
        let working = tokio::spawn(async move { working.run(job).await });
        begun.await.expect("it begins");

        let began = tokio::time::Instant::now();
        assert_eq!(pool.run_patiently(|| "late").await, Some("late"));
        let waited = began.elapsed();
        drop(end);
        working.await.expect("it ends");
        let began = tokio::time::Instant::now();
        assert_eq!(pool.run_patiently(|| "soon").await, Some("soon"));

        assert!(waited >= PATIENCE, "{waited:?}");
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_job_that_panicked_is_no_longer_open() {
        let pool = Pool::start(1);

        pool.run(|| panic!("it is meant to")).await.unwrap_or(());

        assert_eq!(*pool.open.borrow(), 0);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_run_and_dropped() {
        let pool = Pool::start(1);
        let (job, begun, end) = held();
        let first = pool.run_patiently(job);
        let forgotten = {
            let kept = Arc::new(());
            let (weak, ran) = (Arc::downgrade(&kept), Arc::new(Mutex::new(false)));
            let (does, seen) = (Arc::clone(&ran), kept);
            let second = pool.run_patiently(move || {
                let _kept = seen;
                *does.lock().expect("nobody panics") = true;
            });
            tokio::select! {
                biased;
                _ = async { tokio::join!(first, second) } => panic!("the first does not end"),
                begun = async {
                    begun.await.expect("it begins");
                    tokio::task::yield_now().await;
                } => begun,
            }
            (weak, ran)
        };
        end.send(()).expect("it runs");
        pool.run_patiently(|| ()).await.expect("it runs");

        let (kept, ran) = forgotten;
        assert!(!*ran.lock().expect("nobody panics"));
        assert!(kept.upgrade().is_none());
    }
}
