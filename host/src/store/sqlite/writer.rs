//! The one connection that writes, on a thread of its own, and its group commit.
//!
//! Calls send what they want done to the thread. It takes the first, and with it all that came while
//! the commit before was on its way to the disk; one sync then serves all of them.
//!
//! Invariants:
//! - A call is answered after the commit that holds its work, never before.
//! - An operation that fails, or panics, leaves nothing behind and harms no other of its commit; one
//!   that fails only with the database itself, as accepting does, may take its commit with it.
//! - When a commit fails, each of its calls gets the error, and the next commit begins afresh.
//! - A call that was made is carried out, even when its caller no longer waits for the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::store::StoreError;

/// The most calls in one commit. More would make the first of them wait too long for its answer and
/// save little: the sync is shared by this many already.
const CALLS_PER_COMMIT: usize = 256;

/// Where calls send what they want done. Dropping it ends the thread, after what was sent before.
pub(super) struct Writer {
    calls: Option<Sender<Box<dyn Call>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (sender, receiver) = channel();
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(&connection, &receiver))
            .map_err(|error| StoreError::Database {
                message: format!("the writer's thread cannot be started: {error}"),
            })?;
        Ok(Self {
            calls: Some(sender),
            thread: Some(thread),
        })
    }

    /// Runs an operation in the next commit, and returns its result when that is on disk.
    pub(super) async fn run<T, F>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.send(operation, Failure::ItsOwn).await
    }

    /// The same for an operation that fails only where the database does, so that its commit would fail
    /// as well. It is spared a savepoint, in which each page that it changes is copied first.
    pub(super) async fn run_plain<T, F>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.send(operation, Failure::OfTheCommit).await
    }

    async fn send<T, F>(&self, operation: F, failure: Failure) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let call = Operation {
            operation: Some(operation),
            outcome: None,
            failure,
            answer,
        };
        let calls = self.calls.as_ref().ok_or(StoreError::Closed)?;
        calls.send(Box::new(call)).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            // The thread catches what operations panic with; if it panicked itself, nobody is left to
            // be told.
            let _ = thread.join();
        }
    }
}

/// A call on its way through a commit.
trait Call: Send {
    /// Does the work. Fails only when the whole transaction is lost.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;

    /// Tells the caller, once it is known what became of the commit.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

/// What an operation's failure ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The operation alone.
    ItsOwn,
    /// The commit it is part of.
    OfTheCommit,
}

struct Operation<T, F> {
    operation: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    failure: Failure,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Call for Operation<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Some(operation) = self.operation.take() else {
            return Ok(());
        };
        let apart = self.failure == Failure::ItsOwn;
        if apart {
            execute(connection, "SAVEPOINT operation")?;
        }
        let outcome =
            catch_unwind(AssertUnwindSafe(|| operation(connection))).unwrap_or_else(|_| {
                Err(StoreError::Database {
                    message: "an operation of the store panicked".to_owned(),
                })
            });
        // A full disk may end the transaction as a whole, with what others did in it.
        if connection.is_autocommit() {
            return Err(outcome.err().unwrap_or_else(|| StoreError::Database {
                message: "the transaction ended before its commit".to_owned(),
            }));
        }
        if apart {
            if outcome.is_err() {
                execute(connection, "ROLLBACK TO operation")?;
            }
            execute(connection, "RELEASE operation")?;
        } else if let Err(error) = outcome {
            return Err(error);
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        let result = match (committed, self.outcome) {
            // Its own failure says more to the caller than that of the commit.
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error.clone()),
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Closed),
        };
        // The caller may have stopped waiting, which is its own affair.
        let _ = self.answer.send(result);
    }
}

fn serve(connection: &Connection, calls: &Receiver<Box<dyn Call>>) {
    while let Ok(first) = calls.recv() {
        let mut together = vec![first];
        together.extend(calls.try_iter().take(CALLS_PER_COMMIT - 1));
        let committed = commit(connection, &mut together);
        for call in together {
            call.answer(&committed);
        }
    }
}

fn commit(connection: &Connection, calls: &mut [Box<dyn Call>]) -> Result<(), StoreError> {
    let committed = run_all(connection, calls);
    if committed.is_err() {
        // The error that is reported is the one that led here; a failed rollback is tried again
        // before the next commit.
        let _ = roll_back(connection);
    }
    committed
}

fn run_all(connection: &Connection, calls: &mut [Box<dyn Call>]) -> Result<(), StoreError> {
    roll_back(connection)?;
    execute(connection, "BEGIN IMMEDIATE")?;
    for call in calls {
        call.run(connection)?;
    }
    execute(connection, "COMMIT")
}

/// Ends the transaction that is open, if one is.
fn roll_back(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        return Ok(());
    }
    execute(connection, "ROLLBACK")
}

fn execute(connection: &Connection, statement: &str) -> Result<(), StoreError> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
