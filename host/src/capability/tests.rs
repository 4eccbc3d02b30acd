//! Tests of what follows from asks and grants.

use serde_json::json;

use super::*;
use crate::domain::decision::{Deploy, Notification, Report, ReportWhen};
use crate::domain::manifest::Setting;

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts
        .iter()
        .map(|text| Pattern::parse(*text).expect("a pattern"))
        .collect()
}

fn known() -> Known {
    Known {
        channels: ["payments-dev", "oncall"]
            .map(|name| ChannelName::parse(name).expect("a name"))
            .into(),
        commands: ["deploy-site"]
            .map(|name| CommandName::parse(name).expect("a name"))
            .into(),
    }
}

fn manifest(channels: &[&str]) -> Manifest {
    Manifest {
        name: "route".to_owned(),
        version: "1.0.0".to_owned(),
        summary: String::new(),
        authors: Vec::new(),
        license: None,
        homepage: None,
        subjects: Vec::new(),
        channels: channels.iter().map(ToString::to_string).collect(),
        commands: vec!["*".to_owned()],
        settings: vec![Setting {
            name: "channel".to_owned(),
            summary: String::new(),
            kind: SettingKind::Channel,
            required: true,
            default: None,
        }],
    }
}

fn asks(channels: &[&str], settings: &serde_json::Value) -> Asks {
    let settings = settings.as_object().cloned().unwrap_or_default();
    Asks::of(&manifest(channels), &settings).expect("the patterns are right")
}

fn notify(channel: &str) -> Action {
    Action::Notify(Notification {
        text: "x".to_owned(),
        ..Notification::to(channel)
    })
}

#[test]
fn a_setting_that_names_what_is_not_granted_is_refused_with_the_line_that_would_grant_it() {
    let team = TeamName::parse("payments").expect("a name");
    let asks = asks(&[], &json!({ "channel": "oncall" }));
    let grants = Grants {
        channels: patterns(&["payments-*"]),
        ..Grants::default()
    };
    let wrong = asks
        .permits(&grants, &known(), Some(&team))
        .expect_err("it is not granted");
    assert_eq!(
        wrong[0].to_string(),
        "channel `oncall` is not granted: add \"oncall\" to `channels` under `[teams.payments]` in `hookbox.toml`"
    );
}

#[test]
fn a_misspelt_channel_is_refused_with_its_nearest_neighbour() {
    let asks = asks(&[], &json!({ "channel": "payments-dve" }));
    let wrong = asks
        .permits(&Grants::default(), &known(), None)
        .expect_err("there is no such channel");
    assert_eq!(
        wrong[0].to_string(),
        "there is no channel `payments-dve` (is it `payments-dev`?): add `[channels.payments-dve]` to `hookbox.toml`"
    );
}

#[test]
fn a_pattern_is_cut_to_what_is_granted() {
    let grants = Grants {
        channels: patterns(&["payments-*"]),
        ..Grants::default()
    };
    let permits = asks(&["*"], &json!({}))
        .permits(&grants, &known(), None)
        .expect("no setting names anything");
    assert_eq!(permits.check(&notify("payments-dev")), Ok(()));
    let error = permits
        .check(&notify("oncall"))
        .expect_err("it is not granted");
    assert!(
        error
            .to_string()
            .ends_with("under `[shared]` in `hookbox.toml`"),
        "{error}"
    );
}

#[test]
fn what_is_granted_and_not_asked_for_is_refused() {
    let grants = Grants {
        channels: patterns(&["*"]),
        ..Grants::default()
    };
    let permits = asks(&[], &json!({ "channel": "oncall" }))
        .permits(&grants, &known(), None)
        .expect("it is granted");
    assert_eq!(permits.check(&notify("oncall")), Ok(()));
    assert!(matches!(
        permits.check(&notify("payments-dev")),
        Err(NotPermitted::NotAsked { .. })
    ));
}

#[test]
fn a_report_needs_the_grant_of_its_channel() {
    let grants = Grants {
        commands: patterns(&["*"]),
        ..Grants::default()
    };
    let permits = asks(&["*"], &json!({}))
        .permits(&grants, &known(), None)
        .expect("no setting names anything");
    let mut deploy = Deploy {
        name: "deploy-site".to_owned(),
        arguments: Vec::new(),
        report: None,
    };
    assert_eq!(permits.check(&Action::Deploy(deploy.clone())), Ok(()));
    deploy.report = Some(Report {
        channel: "oncall".to_owned(),
        when: ReportWhen::Always,
    });
    assert!(permits.check(&Action::Deploy(deploy)).is_err());
}
