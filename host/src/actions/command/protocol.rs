//! What the server and the supervisor say to each other: one JSON line each.
//!
//! The server writes a [`Spec`] to the supervisor's standard input and keeps that open; the supervisor
//! writes [`Report`]s to its standard output. Its standard error is the command's output. The supervisor
//! hands the [`Program`] of it to the start stage, which answers with a [`StageReport`] where it fails.
//!
//! Invariants:
//! - Nothing of a specification is ever an argument or a variable of the supervisor or the start stage, where other users of
//!   the machine could read it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::end::CommandOutcome;
use super::identity::Identity;
use super::limits::ResourceLimits;

/// How long processes that a program left behind have after TERM, at most.
pub(super) const LEFTOVER_GRACE: Duration = Duration::from_secs(2);

/// How long KILL is repeated before what does not end is given up and reported: a process of another user
/// cannot be killed, and one that waits for a dead network disk cannot either.
pub(super) const KILL_LIMIT: Duration = Duration::from_secs(30);

/// The longest grace that a configuration may give a command. Less than what the server has for its own end, and than
/// what [`PLACE_LIMIT`] leaves for it.
pub(super) const GRACE_LIMIT: Duration = Duration::from_secs(60);

/// How long a supervisor that should have reported may still take, on a machine that is very busy.
pub(super) const SUPERVISOR_SLACK: Duration = Duration::from_secs(30);

/// How long a supervisor waits for an earlier one of the same turn to end. One that a killed server left behind
/// needs its grace, which a configuration since then may have made shorter for this one, and [`KILL_LIMIT`] at the
/// worst.
pub(super) const PLACE_LIMIT: Duration = GRACE_LIMIT
    .saturating_add(KILL_LIMIT)
    .saturating_add(SUPERVISOR_SLACK);

/// The path of the program of whoever looks, also when another file has taken its place meanwhile.
/// <https://man7.org/linux/man-pages/man5/proc_pid_exe.5.html>
pub(super) const THIS_PROGRAM: &str = "/proc/self/exe";

/// What the list of processes calls the parts of this program that it starts by [`THIS_PROGRAM`].
pub(super) const OWN_NAME: &str = "hookbox";

/// What to run, and for how long.
#[derive(Serialize, Deserialize)]
pub(super) struct Spec {
    /// The file whose lock says that a command of the same turn is at work.
    pub(super) place: PathBuf,
    /// The program.
    #[serde(flatten)]
    pub(super) program: Program,
    /// How long it may run.
    pub(super) timeout: Duration,
    /// How long after TERM it is ended with KILL.
    pub(super) grace: Duration,
}

/// What the start stage becomes.
#[derive(Serialize, Deserialize)]
pub(super) struct Program {
    /// The program and its arguments; never empty.
    pub(super) argv: Vec<String>,
    /// The working folder.
    pub(super) cwd: PathBuf,
    /// Whom to become; none for the server's own user and groups.
    #[serde(default)]
    pub(super) identity: Option<Identity>,
    /// The whole environment.
    pub(super) environment: BTreeMap<String, String>,
    /// What its standard input holds; none for an empty one.
    #[serde(default)]
    pub(super) stdin: Option<String>,
    /// What the system allows it.
    #[serde(default)]
    pub(super) limits: ResourceLimits,
    /// By how much its priority is lowered.
    #[serde(default)]
    pub(super) nice: Option<u8>,
    /// Where its standard output leads.
    #[serde(default)]
    pub(super) stdout: StandardOutput,
}

/// Where the standard output of a program leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StandardOutput {
    /// Where its standard error does: to the output that is kept.
    #[default]
    Output,
    /// To the supervisor, for a part of this very program, which writes a [`StageReport`] there.
    Supervisor,
}

/// What the start stage, or a part of this program that it became, tells the supervisor. A program that was
/// started tells nothing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(super) enum StageReport {
    /// The program could not be run.
    CouldNotStart {
        /// Why, and what to do.
        reason: String,
    },
    /// A checkout was not updated.
    NotUpdated {
        /// Why, and what to do.
        reason: String,
    },
    /// A checkout is newer already.
    Superseded {
        /// What is checked out.
        reason: String,
    },
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
