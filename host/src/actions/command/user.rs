//! The users and groups of this machine, as `/etc/passwd` and `/etc/group` list them.
//!
//! A command gets `HOME` and `USER` of the user it runs as, and may run as another one and with another
//! group.
//!
//! Invariants:
//! - A user or a group that is only in a directory service is not known here, which is an error where a
//!   configuration names it, and leaves `USER` out otherwise.

use rustix::process::getuid;

/// Where users are listed.
const PASSWD: &str = "/etc/passwd";

/// Where groups are listed.
const GROUP: &str = "/etc/group";

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// The name.
    pub(super) name: String,
    /// The number.
    pub(super) uid: u32,
    /// The number of the main group.
    pub(super) gid: u32,
    /// The home folder.
    pub(super) home: String,
}

impl User {
    /// The user that this process runs as; none where the list does not have it.
    pub(super) fn current() -> Option<Self> {
        Self::numbered(getuid().as_raw())
    }

    /// The user with a number.
    pub(super) fn numbered(uid: u32) -> Option<Self> {
        find(&list(PASSWD), |user| user.uid == uid)
    }

    /// The user with a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        find(&list(PASSWD), |user| user.name == name)
    }
}

/// The number of the group with a name.
pub(super) fn group_named(name: &str) -> Option<u32> {
    find_group(&list(GROUP), name)
}

/// A list's text; empty where there is none, as in a bare container.
fn list(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn find_group(list: &str, name: &str) -> Option<u32> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_wanted = fields.next() == Some(name);
        let number = fields.nth(1)?.parse().ok()?;
        is_wanted.then_some(number)
    })
}

fn find(list: &str, is_wanted: impl Fn(&User) -> bool) -> Option<User> {
    list.lines().filter_map(parse).find(is_wanted)
}

fn parse(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let &[name, _, uid, gid, _, home, ..] = fields.as_slice() else {
        return None;
    };
    Some(User {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: home.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_name() {
        let list = "# comment\nwww:x:no:\nwww:x:33:ada,bob\nada:x:1001:\n";

        assert_eq!(find_group(list, "www"), Some(33));
        assert_eq!(find_group(list, "wwww"), None);
    }

    #[test]
    fn a_user_is_found_by_name_and_broken_lines_are_passed_over() {
        let list = "# comment\nada:x:no:1::/home/wrong:\nada:x:1000:1001:Ada:/home/ada:/bin/sh\n";
        let ada = find(list, |user| user.name == "ada").expect("she is in the list");

        assert_eq!(
            (ada.uid, ada.gid, ada.home.as_str()),
            (1000, 1001, "/home/ada")
        );
        assert_eq!(find(list, |user| user.name == "bob"), None);
    }
}
