//! Tests of what a rule lacks before it can be at work.

use serde_json::json;

use super::*;
use crate::capability::Grants;
use crate::domain::names::{ChannelName, CommandName, TeamName};
use crate::engine::{Form, Interface};

fn manifest() -> Manifest {
    let setting = |name: &str, kind: &str, required: bool| json!({ "name": name, "summary": "", "kind": kind, "required": required });
    serde_json::from_value(json!({
        "name": "route", "version": "1.0.0", "summary": "Routes.", "commands": ["deploy-*"],
        "settings": [setting("channel", "channel", true), setting("report", "channel", false)],
    }))
    .expect("it is a manifest")
}

fn config(granted: &[&str]) -> CatalogConfig {
    let pattern = |text: &&str| Pattern::parse(*text).expect("it is a pattern");
    let mut config = CatalogConfig::default();
    config.known.channels = ["dev", "console"]
        .map(|name| ChannelName::parse(name).expect("it is a name"))
        .into();
    config.known.commands = ["deploy-site"]
        .map(|name| CommandName::parse(name).expect("it is a name"))
        .into();
    let team = TeamConfig {
        grants: Grants {
            sources: vec![pattern(&"*")],
            channels: granted.iter().map(pattern).collect(),
            ..Grants::default()
        },
        ..TeamConfig::default()
    };
    config
        .teams
        .insert(TeamName::parse("payments").expect("it is a name"), team);
    config
}

fn of(granted: &[&str], settings: &str) -> Lacking {
    let name = RuleName::parse("payments/route").expect("it is a name");
    let asking = (&manifest(), &importing(&[]));
    Lacking::of(&config(granted), &name, asking, settings.as_bytes())
        .expect("the manifest is right")
        .expect("the team is configured")
}

fn importing(imports: &[&str]) -> Inspection {
    Inspection {
        form: Form::Core,
        interface: Interface::V0_1,
        imports: imports.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_setting_that_must_be_given_is_named_and_what_a_pattern_wants_is_a_line() {
    let lacking = of(&["console"], "");

    assert_eq!(lacking.settings, ["channel"]);
    assert_eq!(lacking.wrong, None);
    assert_eq!(lacking.reasons, <[String; 0]>::default());
    assert_eq!(
        lacking.lines,
        ["[teams.payments]\ncommands = [\"deploy-*\"]"]
    );
}

#[test]
fn what_is_granted_already_stays_in_the_line_and_what_there_is_not_has_a_table() {
    let lacking = of(
        &["console"],
        "[settings]\nchannel = 'dev'\nreport = 'o\\p\"s'",
    );

    assert_eq!(lacking.settings, <[String; 0]>::default());
    assert_eq!(
        lacking.lines,
        [
            "[teams.payments]\nchannels = [\"console\", \"dev\", \"o\\\\p\\\"s\"]\ncommands = [\"deploy-*\"]",
            "[channels.\"o\\\\p\\\"s\"]\nkind = \"…\"",
        ]
    );
    assert_eq!(lacking.reasons.len(), 2, "{lacking:?}");
}

#[test]
fn what_is_all_granted_lacks_nothing() {
    let mut config = config(&["dev"]);
    let name = RuleName::parse("payments/route").expect("it is a name");
    let team = config.teams.values_mut().next().expect("there is one");
    team.grants.commands = vec![Pattern::parse("deploy-site").expect("it is a pattern")];

    let asking = (&manifest(), &importing(&["hookbox:rule/log@0.1.0"]));
    let lacking = Lacking::of(&config, &name, asking, b"[settings]\nchannel = 'dev'");

    assert!(
        lacking
            .expect("it is right")
            .expect("it is a team")
            .is_empty()
    );
}

#[test]
fn a_module_that_imports_state_lacks_its_grant_until_it_is_given() {
    let name = RuleName::parse("payments/route").expect("it is a name");
    let settings = b"[settings]\nchannel = 'dev'";
    let of = |granted: Option<Bytes>| {
        let mut config = config(&["dev"]);
        let team = config.teams.values_mut().next().expect("there is one");
        team.grants.commands = vec![Pattern::parse("*").expect("it is a pattern")];
        team.grants.state = granted;
        let asking = (&manifest(), &importing(&["hookbox:rule/state@0.1.0"]));
        let lacking = Lacking::of(&config, &name, asking, settings);
        lacking.expect("it is right").expect("it is a team")
    };

    for granted in [None, Some(Bytes(0))] {
        let lacking = of(granted);
        assert_eq!(lacking.lines, ["[teams.payments]\nstate = \"64KiB\""]);
        assert_eq!(
            lacking.reasons,
            [
                "it asks for `state`, which is not granted: set `state = \"64KiB\"` under `[teams.payments]` in \
                 `hookbox.toml`"
            ]
        );
    }
    assert!(of(Some(Bytes::kib(1))).is_empty());
}

#[test]
fn a_settings_file_that_is_wrong_and_a_manifest_that_is_none_are_told_apart() {
    let wrong = of(&["dev"], "[settings]\nchanel = 'dev'").wrong;
    let mut manifest = manifest();
    manifest.subjects = vec!["pushes".to_owned()];
    let inspection = importing(&[]);
    let name = RuleName::parse("payments/route").expect("it is a name");
    let unknown = RuleName::parse("web/route").expect("it is a name");

    let error = Lacking::of(&config(&[]), &name, (&manifest, &inspection), b"")
        .expect_err("there is no such subject");
    let manifest = self::manifest();
    let nobody = Lacking::of(&config(&[]), &unknown, (&manifest, &inspection), b"");

    assert!(
        wrong
            .expect("it is wrong")
            .contains("`chanel` (is it `channel`?)")
    );
    assert_eq!(error.code(), "rule/manifest");
    assert_eq!(nobody.expect("the manifest is right"), None);
}
