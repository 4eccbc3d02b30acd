//! The processes that came of a command, and how they are ended.
//!
//! The supervisor is the subreaper: what loses its parent becomes its child, so everything that came of
//! the command is among its descendants in `/proc`, whatever sessions and groups it made for itself.
//!
//! Invariants:
//! - A process gets each signal once: those of the command's own group with the group, the others one by one.
//! - Only descendants of this process are ever signaled.

use std::collections::BTreeMap;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group, wait,
};

use crate::actions::command::processes::{Process, processes};

/// A descendant that has not ended.
struct Descendant {
    pid: Pid,
    group: i32,
}

/// What a look for ended children found.
pub(super) enum Children {
    /// Some are left.
    Remain,
    /// None is left, and so no descendant.
    None,
}

/// Takes note of every child that has ended, and tells whether others remain.
///
/// The status of the program itself, which has the number `main`, is left in `status`.
pub(super) fn reap(main: Pid, status: &mut Option<WaitStatus>) -> Children {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, ended))) if pid == main => *status = Some(ended),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return Children::Remain,
            // Nothing but the lack of children makes this call fail.
            Err(_) => return Children::None,
        }
    }
}

/// Whether the program itself was reaped already, after which its number may come to mean another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Main {
    /// It was not.
    Unreaped,
    /// It was.
    Reaped,
}

/// Sends a signal to everything that came of the command, and returns how many processes that were.
pub(super) fn signal_all(main: Pid, state: Main, signal: Signal) -> usize {
    let group = main.as_raw_pid();
    let descendants = descendants();
    // A signal is sent to what may just have ended or belongs to another user. Both are no reason to stop;
    // what is still there is found by the next look.
    if state == Main::Unreaped || descendants.iter().any(|one| one.group == group) {
        let _ = kill_process_group(main, signal);
    }
    for one in descendants.iter().filter(|one| one.group != group) {
        let _ = kill_process(one.pid, signal);
    }
    descendants.len()
}

/// How many processes that came of the command have not ended.
pub(super) fn count() -> usize {
    descendants().len()
}

fn descendants() -> Vec<Descendant> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in processes() {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut open = vec![getpid().as_raw_pid()];
    while let Some(parent) = open.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            open.push(process.pid);
            if let Some(pid) = Pid::from_raw(process.pid).filter(|_| !process.ended) {
                found.push(Descendant {
                    pid,
                    group: process.group,
                });
            }
        }
    }
    found
}
