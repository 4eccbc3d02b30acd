//! Who a command runs as, and whether the server may become that.
//!
//! A configuration that names a user or a group is checked here when it is loaded, so that it is not the
//! first deploy that finds out. The start stage changes its user and its group just before it becomes the
//! program.
//!
//! Invariants:
//! - A command with a user or a group of its own runs with that one group alone.
//! - What the server may not become, or could not end again, is an error of the configuration.

use std::fs;

use rustix::process::{getgid, getuid};
use serde::{Deserialize, Serialize};

/// The numbers of a user and of its only group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The user's number.
    pub(super) uid: u32,
    /// The group's number.
    pub(super) gid: u32,
}

/// A privilege, by its bit:
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Capability {
    Kill = 5,
    SetGid = 6,
    SetUid = 7,
}

/// Who this process is and what it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    capabilities: u64,
}

impl Own {
    /// Who this process is; one that cannot be found out has no privileges.
    pub(super) fn current() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self::parse(&status).unwrap_or_else(|| Self {
            uid: getuid().as_raw(),
            gid: getgid().as_raw(),
            groups: Vec::new(),
            capabilities: 0,
        })
    }

    /// Reads `/proc/<pid>/status`, where the second number of a line is the one in effect.
    fn parse(status: &str) -> Option<Self> {
        let line = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        };
        let effective = |key| line(key)?.split_whitespace().nth(1)?.parse().ok();
        Some(Self {
            uid: effective("Uid")?,
            gid: effective("Gid")?,
            groups: line("Groups")?
                .split_whitespace()
                .filter_map(|group| group.parse().ok())
                .collect(),
            capabilities: u64::from_str_radix(line("CapEff")?.trim(), 16).ok()?,
        })
    }

    /// Whom a command becomes that names this user or this group.
    pub(super) fn with(&self, user: Option<u32>, gid: u32) -> Identity {
        Identity {
            uid: user.unwrap_or(self.uid),
            gid,
        }
    }

    /// Which privileges it lacks to run a command as somebody, and to end it again.
    pub(super) fn lacks(&self, wanted: Identity) -> Vec<&'static str> {
        let other_user = wanted.uid != self.uid;
        let other_groups = wanted.gid != self.gid || self.groups.iter().any(|one| *one != self.gid);
        [
            (other_user, Capability::SetUid, "CAP_SETUID"),
            (other_groups, Capability::SetGid, "CAP_SETGID"),
            // A process of another user could be started, and never be ended.
            (other_user, Capability::Kill, "CAP_KILL"),
        ]
        .into_iter()
        .filter(|(needed, capability, _)| *needed && !self.has(*capability))
        .map(|(_, _, name)| name)
        .collect()
    }

    fn has(&self, capability: Capability) -> bool {
        self.capabilities >> u32::from(capability as u8) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Identity = Identity {
        uid: 1000,
        gid: 1001,
    };

    fn server(uid: u32, gid: u32, groups: &str, capabilities: &str) -> Own {
        let status = format!(
            "Name:\thookbox\nUid:\t1\t{uid}\t{uid}\t{uid}\nGid:\t1\t{gid}\t{gid}\t{gid}\n\
             Groups:\t{groups} \nCapInh:\t0000000000000000\nCapEff:\t{capabilities}\n"
        );
        Own::parse(&status).expect("all lines are there")
    }

    #[test]
    fn root_may_become_anybody_unless_its_privileges_were_taken() {
        let root = server(0, 0, "0", "000001ffffffffff");
        let bare = server(0, 0, "0", "0000000000000000");

        assert!(root.lacks(ADA).is_empty());
        assert_eq!(bare.lacks(ADA), ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"]);
    }

    #[test]
    fn another_server_needs_the_three_privileges() {
        assert_eq!(
            server(999, 999, "", "0000000000000000").lacks(ADA),
            ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"]
        );
        assert_eq!(
            server(999, 999, "", "00000000000000c0").lacks(ADA),
            ["CAP_KILL"]
        );
        assert!(
            server(999, 999, "", "00000000000000e0")
                .lacks(ADA)
                .is_empty()
        );
    }

    #[test]
    fn what_the_server_is_already_needs_none() {
        assert!(server(1000, 1001, "1001", "0").lacks(ADA).is_empty());
        assert!(server(1000, 1001, "", "0").lacks(ADA).is_empty());
    }

    #[test]
    fn leaving_a_group_needs_the_privilege_for_groups() {
        assert_eq!(
            server(1000, 1001, "1001 27", "0").lacks(ADA),
            ["CAP_SETGID"]
        );
        assert_eq!(server(1000, 7, "7", "0").lacks(ADA), ["CAP_SETGID"]);
    }

    #[test]
    fn this_process_is_found_out() {
        let own = Own::current();

        assert_eq!(own.uid, getuid().as_raw());
        assert!(own.lacks(own.with(None, own.gid)).len() <= 1);
    }
}
