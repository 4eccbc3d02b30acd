//! The processes of this machine, as `/proc` shows them.
//!
//! The supervisor finds what came of its command here, and the server what a lost supervisor left.
//!
//! Invariants:
//! - A process that ends while it is looked at, or may not be seen, is left out; it is no error.

use std::fs;

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: i32,
    /// Its parent's number.
    pub(super) parent: i32,
    /// Its group: the number of the process that leads it.
    pub(super) group: i32,
    /// Its session: the number of the process that began it.
    pub(super) session: i32,
    /// Whether it has ended, and only waits for its parent to take note.
    pub(super) ended: bool,
}

/// All processes of the machine that can be seen; one that ends while it is read is left out.
pub(super) fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        })
        // A program may give itself a name that is no text.
        .filter_map(|entry| fs::read(entry.path().join("stat")).ok())
        .filter_map(|stat| parse(&String::from_utf8_lossy(&stat)))
        .collect()
}

/// Reads `1234 (any name) S 1 1234 …`; the name may hold spaces and brackets.
fn parse(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    Some(Process {
        pid: pid.parse().ok()?,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        session: fields.next()?.parse().ok()?,
        ended: matches!(state, "Z" | "X" | "x"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_hide_behind_its_name() {
        let stat = parse("77 (a) S 1 1 (b) R 5 6 7 8").expect("a stat line");

        assert_eq!(
            stat,
            Process {
                pid: 77,
                parent: 5,
                group: 6,
                session: 7,
                ended: false
            }
        );
        assert!(parse("77 (sh) Z 5 6 7 8").expect("a stat line").ended);
        assert_eq!(parse("77"), None);
    }
}
