//! Tests of the table of what is asked for, and of what a newer version asks for anew.

use super::*;
use crate::domain::names::{ChannelName, CommandName};

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    let patterns = texts
        .iter()
        .map(|text| Pattern::parse(*text).expect("a pattern"));
    patterns.collect()
}

fn known() -> Known {
    Known {
        channels: ["payments-dev", "payments-ops", "oncall"]
            .map(|name| ChannelName::parse(name).expect("a name"))
            .into(),
        commands: ["deploy-site"]
            .map(|name| CommandName::parse(name).expect("a name"))
            .into(),
    }
}

fn grants(channels: &[&str]) -> Grants {
    Grants {
        channels: patterns(channels),
        ..Grants::default()
    }
}

/// Asks for a channel by a setting, and for these by the manifest.
fn asks(channel: &str, channel_patterns: &[&str], command_patterns: &[&str]) -> Asks {
    Asks {
        channels: vec![channel.to_owned()],
        channel_patterns: patterns(channel_patterns),
        command_patterns: patterns(command_patterns),
        ..Asks::default()
    }
}

fn team() -> TeamName {
    TeamName::parse("payments").expect("a team's name")
}

fn refused(running: &Asks, new: &Asks, channels: &[&str]) -> Vec<String> {
    let found = more(
        Some(running),
        new,
        &grants(channels),
        &known(),
        Some(&team()),
    );
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_asked_for_stands_beside_what_is_granted_with_the_lines_that_grant_the_rest() {
    let asked = asks("dev", &["payments-*", "oncall"], &["deploy-*"]);
    let table = asked.table(None, &grants(&["payments-dev"]), &known(), Some(&team()));
    let rows: Vec<(&str, Standing, &[String])> = table
        .asks
        .iter()
        .map(|ask| (ask.name.as_str(), ask.standing, ask.usable.as_slice()))
        .collect();
    assert_eq!(
        rows,
        [
            ("dev", Standing::Unknown, &[][..]),
            (
                "payments-*",
                Standing::Partly,
                &["payments-dev".to_owned()][..]
            ),
            ("oncall", Standing::Missing, &[][..]),
            ("deploy-*", Standing::Missing, &[][..]),
        ]
    );
    assert_eq!(
        table.lines,
        [
            "[channels.dev]",
            "[teams.payments]",
            r#"channels = ["payments-dev", "dev", "payments-*", "oncall"]"#,
            r#"commands = ["deploy-*"]"#,
        ]
    );
}

#[test]
fn a_name_with_a_dot_is_one_key_of_the_lines() {
    let table = asks("dev.eu", &[], &[]).table(None, &grants(&["*"]), &known(), None);
    assert_eq!(table.lines, [r#"[channels."dev.eu"]"#]);
}

#[test]
fn with_the_lines_in_place_nothing_is_missing() {
    let asked = asks("payments-dev", &["payments-*", "on?all"], &[]);
    let before = asked.table(None, &grants(&["none"]), &known(), None);
    let line = r#"channels = ["none", "payments-dev", "payments-*", "on?all"]"#;
    assert_eq!(before.lines, ["[shared]", line]);
    let granted = grants(&["none", "payments-dev", "payments-*", "on?all"]);
    let after = asked.table(None, &granted, &known(), None);
    assert_eq!(after.lines, Vec::<String>::new());
    assert!(
        after
            .asks
            .iter()
            .all(|ask| ask.standing == Standing::Granted)
    );
}

#[test]
fn a_version_that_asks_for_more_than_the_one_at_work_is_told_what_and_the_line() {
    let running = asks("payments-dev", &["payments-dev"], &[]);
    let new = asks("payments-dev", &["payments-*"], &["deploy-*"]);
    assert_eq!(
        refused(&running, &new, &["payments-dev"]),
        [
            "this version asks for the channels `payments-*`, which the one at work does not, and they are not \
             granted: add \"payments-*\" to `channels` under `[teams.payments]` in `hookbox.toml`",
            "this version asks for the commands `deploy-*`, which the one at work does not, and they are not granted: \
             add \"deploy-*\" to `commands` under `[teams.payments]` in `hookbox.toml`",
        ]
    );
}

#[test]
fn what_is_granted_or_was_asked_for_before_is_no_more() {
    let running = asks("payments-dev", &["*"], &["deploy-site"]);
    for (new, channels) in [
        (asks("payments-dev", &["*"], &["deploy-site"]), vec![]),
        (asks("payments-dev", &["oncall"], &[]), vec![]),
        (asks("payments-dev", &["payments-?ev"], &[]), vec![]),
    ] {
        assert_eq!(refused(&running, &new, &channels), Vec::<String>::new());
    }
    let narrow = asks("payments-dev", &[], &[]);
    for (pattern, granted) in [
        ("payments-*", "payments-*"),
        ("payments-*", "*"),
        ("payments-d*", "payments-*"),
        ("oncall", "on*"),
        ("[o]ncall", "oncall"),
    ] {
        let new = asks("payments-dev", &[pattern], &[]);
        assert_eq!(refused(&narrow, &new, &[granted]), Vec::<String>::new());
    }
    for (pattern, granted) in [("payments-*", "payments-?ev"), ("*", "payments-*")] {
        let new = asks("payments-dev", &[pattern], &[]);
        assert_eq!(refused(&narrow, &new, &[granted]).len(), 1, "{pattern}");
    }
}

#[test]
fn a_first_version_asks_for_nothing_more() {
    let new = asks("payments-dev", &["*"], &["*"]);
    let found = more(None, &new, &grants(&[]), &known(), Some(&team()));
    assert_eq!(found, []);
}

#[test]
fn the_difference_to_the_version_at_work_is_in_the_table() {
    let running = asks("payments-dev", &["oncall"], &[]);
    let new = asks("payments-dev", &["payments-*"], &[]);
    let table = new.table(Some(&running), &grants(&["*"]), &known(), None);
    let new: Vec<&str> = table
        .asks
        .iter()
        .filter(|ask| ask.is_new)
        .map(|ask| ask.name.as_str())
        .collect();
    assert_eq!(new, ["payments-*"]);
    assert_eq!(table.dropped, ["channel oncall"]);
}

#[test]
fn state_is_asked_for_by_its_import_and_granted_as_far_as_the_limits_of_the_rule_leave_it() {
    let asked = asks("payments-dev", &[], &[]).keeping(Some(Bytes::kib(16)));
    for (granted, standing, usable) in [
        (None, Standing::Missing, &[][..]),
        (Some(Bytes(0)), Standing::Missing, &[]),
        (Some(Bytes::kib(64)), Standing::Granted, &["16KiB"]),
        (Some(Bytes::kib(1)), Standing::Granted, &["1KiB"]),
    ] {
        let grants = Grants {
            state: granted,
            ..grants(&["*"])
        };
        let table = asked.table(None, &grants, &known(), Some(&team()));
        let row = table.asks.last().expect("it asks for state");
        assert_eq!((row.kind, row.by), (AskKind::State, AskedBy::Import));
        assert_eq!(
            (row.standing, row.usable.as_slice()),
            (
                standing,
                &usable.iter().map(ToString::to_string).collect::<Vec<_>>()[..]
            )
        );
        let lines: &[&str] = match standing {
            Standing::Missing => &["[teams.payments]", "state = \"64KiB\""],
            _ => &[],
        };
        assert_eq!(table.lines, lines);
    }
}

#[test]
fn a_version_that_asks_for_state_anew_is_told_so_where_it_is_not_granted() {
    let without = asks("payments-dev", &[], &[]);
    let with = without.clone().keeping(Some(Bytes::kib(64)));

    assert_eq!(
        refused(&without, &with, &["*"]),
        [
            "this version asks for `state`, which the one at work does not, and it is not granted: set \
             `state = \"64KiB\"` under `[teams.payments]` in `hookbox.toml`"
        ]
    );
    assert_eq!(refused(&with, &with, &["*"]), Vec::<String>::new());
    let granted = Grants {
        state: Some(Bytes(1)),
        ..grants(&["*"])
    };
    assert_eq!(more(Some(&without), &with, &granted, &known(), None), []);
    let anew = with.table(Some(&without), &granted, &known(), None);
    let gone = without.table(Some(&with), &granted, &known(), None);
    let is_new: Vec<bool> = anew.asks.iter().map(|ask| ask.is_new).collect();
    assert_eq!(is_new, [false, true]);
    assert_eq!(gone.dropped, ["state"]);
}
