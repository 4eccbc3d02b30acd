//! The connections that only read.
//!
//! The log of the database lets them read beside the writer, so no page of a listing waits for a
//! commit, and no commit for a listing.
//!
//! Invariants:
//! - What one read returns is the state at one moment.
//! - A read sees every write that was answered before it began.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::store::StoreError;

/// How many may read at a time. Reads are short, and the machine's cores belong to the rules.
const CONNECTIONS: usize = 2;

/// A few connections, lent to one read at a time.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections. The file exists already.
    pub(super) fn open(file: &Path, patience: Duration) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let idle = (0..CONNECTIONS)
            .map(|_| {
                let connection = Connection::open_with_flags(file, flags)?;
                connection.busy_timeout(patience)?;
                connection.set_prepared_statement_cache_capacity(64);
                Ok(connection)
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            turns: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    }

    /// Runs a read on one of the connections, in a transaction, on a thread that may block.
    pub(super) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let idle = Arc::clone(&self.idle);
        let reading = spawn_blocking(move || {
            // Declared before the connection, so that the turn ends after it was given back.
            let _turn = turn;
            let lent = Lent::take(idle)?;
            let transaction = lent.connection()?.unchecked_transaction()?;
            read(&transaction)
        });
        reading.await.map_err(|error| {
            if error.is_panic() {
                StoreError::Database {
                    message: "a read of the store panicked".to_owned(),
                }
            } else {
                StoreError::Closed
            }
        })?
    }
}

/// A connection on loan, which goes back even when the read panics.
struct Lent {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Lent {
    fn take(idle: Arc<Mutex<Vec<Connection>>>) -> Result<Self, StoreError> {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if connection.is_none() {
            return Err(StoreError::Closed);
        }
        Ok(Self { connection, idle })
    }

    fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection.as_ref().ok_or(StoreError::Closed)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(connection);
        }
    }
}
