//! The threads on which deliveries are parsed and rules are evaluated, apart from those that accept
//! requests.
//!
//! Invariant: a job that panics ends alone; its thread takes the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

/// A guest may use 512 KiB of it; the rest is for the host's own calls and for parsing.
const STACK: usize = 4 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads with one queue.
pub(super) struct Pool {
    jobs: mpsc::Sender<Job>,
}

impl Pool {
    pub(super) fn start(threads: usize) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            let started = std::thread::Builder::new()
                .name(format!("rules-{number}"))
                .stack_size(STACK)
                .spawn(move || work(&queue));
            if let Err(error) = started {
                tracing::error!("a thread for rules could not be started: {error}");
            }
        }
        Self { jobs }
    }

    /// Runs a job on one of the threads; none if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever waited may have gone.
            let _gone = done.send(job());
        });
        self.jobs.send(job).ok()?;
        result.await.ok()
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
