//! What the server and the supervisor say to each other: one JSON line each.
//!
//! The server writes a [`Spec`] to the supervisor's standard input and keeps that open; the supervisor
//! writes [`Report`]s to its standard output. Its standard error is the command's output.
//!
//! Invariants:
//! - Nothing of a specification is ever an argument or a variable of the supervisor, where other users of
//!   the machine could read it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::end::CommandOutcome;
use super::user::User;

/// How long processes that a program left behind have after TERM, at most.
pub(super) const LEFTOVER_GRACE: Duration = Duration::from_secs(2);

/// How long KILL is repeated before what does not end is given up and reported: a process of another user
/// cannot be killed, and one that waits for a dead network disk cannot either.
pub(super) const KILL_LIMIT: Duration = Duration::from_secs(30);

/// What to run.
#[derive(Serialize, Deserialize)]
pub(super) struct Spec {
    /// The program and its arguments; never empty.
    pub(super) argv: Vec<String>,
    /// The working folder.
    pub(super) cwd: PathBuf,
    /// The user to become; none for the server's own.
    pub(super) user: Option<User>,
    /// The whole environment.
    pub(super) environment: BTreeMap<String, String>,
    /// How long it may run.
    pub(super) timeout: Duration,
    /// How long after TERM it is ended with KILL.
    pub(super) grace: Duration,
}

/// What the supervisor tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(super) enum Report {
    /// The supervisor leads a session of its own and is about to start the program.
    Starting,
    /// It is over.
    Ended {
        /// How it ended.
        outcome: CommandOutcome,
        /// How long the program ran.
        duration: Duration,
        /// How many processes could not be ended.
        left_running: usize,
    },
}
