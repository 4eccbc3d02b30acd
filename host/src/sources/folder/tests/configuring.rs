//! What may stand under `[sources.<name>]`.

use super::*;

fn refusal(table: &str) -> String {
    let folder = Folder::build(source(), &config(table), Path::new("/srv"));
    folder.expect_err("it is refused").to_string()
}

#[test]
fn a_path_is_all_that_is_needed_and_counts_from_the_base() {
    let folder = build("path = 'hr/Contracts'", Path::new("/srv"));
    assert_eq!(folder.path(), Path::new("/srv/hr/Contracts"));
    assert_eq!(folder.settle, Duration::from_secs(2));
    assert_eq!(folder.poll, Duration::from_secs(30));
    assert_eq!(folder.events, super::super::ALL);
    let folder = build("path = '/mnt/share'", Path::new("/srv"));
    assert_eq!(folder.path(), Path::new("/mnt/share"));
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_to_write() {
    for (table, expected) in [
        ("path = ''", "`sources.contracts.path`: is empty"),
        (
            "path = '/'",
            "`sources.contracts.path`: is the whole system",
        ),
        (
            "path = 'a'\nevents = []",
            "`sources.contracts.events`: is empty",
        ),
        (
            "path = 'a'\nsettle = '0s'",
            "`sources.contracts.settle`: `0ms` is not allowed: write a duration from \"100ms\" to \"1h\"",
        ),
        (
            "path = 'a'\npoll = '2d'",
            "`sources.contracts.poll`: `2d` is not allowed: write a duration from \"1s\" to \"1d\"",
        ),
        (
            "path = 'a'\nignore = ['drafts/']",
            "`sources.contracts.ignore`: `drafts/` matches nothing",
        ),
    ] {
        let found = refusal(table);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn an_unknown_key_or_change_is_an_error() {
    for table in [
        "provider = 'folder'\npath = 'a'\nrecursive = true",
        "provider = 'folder'\npath = 'a'\nevents = ['deleted']",
        "provider = 'folder'\npath = 'a'\ninitial = 'all'",
        "provider = 'folder'\npath = 'a'\nignore = ['[']",
        "provider = 'folder'",
    ] {
        assert!(toml::from_str::<FolderConfig>(table).is_err(), "{table}");
    }
}
