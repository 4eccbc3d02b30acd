//! Settings files: what they turn off, put in order, and leave out, and what is wrong with them.

use super::{echo_at_work, push};
use crate::support::events::{evaluated_by, evaluations, verdict, version};
use crate::support::guest;
use crate::support::modules::{digest, echo_settings};
use crate::support::server::Site;

#[tokio::test]
async fn a_disabled_rule_is_not_asked_until_it_is_enabled_again() {
    let (site, server) = echo_at_work().await;

    let settings = echo_settings("first");
    let disabled = format!("enabled = false\n{settings}");
    site.put("rules/echo.toml", disabled.as_bytes());
    let status = server.rule_in_state("echo", "disabled").await;
    let without = push(&server).await;
    site.put("rules/echo.toml", settings.as_bytes());
    server.rule_in_state("echo", "active").await;
    let with = push(&server).await;

    let reason = status["reason"].as_str().expect("a reason");
    assert!(reason.contains("`enabled = false`"), "{status}");
    assert!(evaluations(&without).is_empty(), "{without}");
    assert_eq!(evaluated_by(&with), ["echo"]);
}

#[tokio::test]
async fn a_shadow_rule_evaluates_and_performs_nothing() {
    let (site, server) = echo_at_work().await;
    let before = push(&server).await;

    let settings = format!("shadow = true\n{}", echo_settings("shadow"));
    site.put("rules/echo.toml", settings.as_bytes());
    server.rule_in_state("echo", "shadow").await;
    let record = push(&server).await;

    assert_eq!(version(evaluations(&record)[0])[2], "shadow");
    let actions = &record["record"]["actions"];
    assert_eq!(actions.as_array().map(Vec::len), Some(1), "{record}");
    assert_eq!(actions[0]["state"], "shadowed");
    assert_eq!(actions[0]["attempts"], serde_json::json!([]));
    let console = server.console();
    let id = |record: &serde_json::Value| record["record"]["event"]["id"].to_string();
    assert!(console.contains(id(&before).trim_matches('"')), "{console}");
    assert!(
        !console.contains(id(&record).trim_matches('"')),
        "{console}"
    );
}

#[tokio::test]
async fn wrong_settings_are_named_and_the_version_before_them_serves() {
    let (site, server) = echo_at_work().await;
    let good = digest(echo_settings("first").as_bytes());

    for (settings, code, reason) in [
        (
            "[settings]\nchannel = 'console'\ntags = 'a'",
            "rule/settings",
            "no setting `tags` (is it `tag`?)",
        ),
        (
            "[settings]\nchannel = 'console'\ntag = 5",
            "rule/settings",
            "the setting `tag` is `5`",
        ),
        (
            "[settings]\ntag = 'a'",
            "rule/settings",
            "the setting `channel` is missing: write `channel = …`",
        ),
        ("", "rule/settings", "the setting `channel` is missing"),
        (
            "enable = true\n[settings]\nchannel = 'console'",
            "rule/settings",
            "unknown field `enable`",
        ),
        (
            "subjects = ['pushes']\n[settings]\nchannel = 'console'",
            "rule/settings",
            "there is no subject `pushes` (is it `push`?)",
        ),
        (
            "[settings]\nchannel = 'consol'",
            "rule/not-granted",
            "there is no channel `consol` (is it `console`?)",
        ),
        ("[settings\n", "rule/settings", "the settings file is wrong"),
    ] {
        site.put("rules/echo.toml", settings.as_bytes());
        let rejected = server
            .rule_where("echo", |rule| {
                let said = rule["reason"].as_str().unwrap_or_default();
                rule["state"] == "rejected" && said.contains(reason)
            })
            .await;
        let record = push(&server).await;

        assert_eq!(rejected["code"], code, "{rejected}");
        assert_eq!(rejected["serving"]["settings"], good, "{rejected}");
        assert_eq!(version(evaluations(&record)[0])[2], "first");
    }

    site.put("rules/echo.toml", echo_settings("mended").as_bytes());
    server.rule_in_state("echo", "active").await;
    let record = push(&server).await;
    assert_eq!(version(evaluations(&record)[0])[2], "mended");
}

#[tokio::test]
async fn one_module_is_at_work_twice_and_in_the_order_that_the_settings_say() {
    let site = Site::new(Site::CONFIG);
    site.put("rules/a-echo.wasm", &guest("echo"));
    let settings = |order: i64, tag: &str| format!("order = {order}\n{}", echo_settings(tag));
    site.put("rules/a-echo.toml", settings(5, "fifth").as_bytes());
    let again = format!("module = 'a-echo.wasm'\n{}", settings(-5, "first"));
    site.put("rules/z-again.toml", again.as_bytes());
    let server = site.serve().await;
    server.rule_in_state("a-echo", "active").await;
    server.rule_in_state("z-again", "active").await;

    let record = push(&server).await;
    site.put("rules/a-echo.toml", settings(-10, "before").as_bytes());
    server
        .rule_where("a-echo", |rule| {
            rule["serving"]["settings"] == digest(settings(-10, "before").as_bytes())
        })
        .await;
    let moved = push(&server).await;

    let said = |record: &serde_json::Value| -> Vec<String> {
        let evaluations = evaluations(record).into_iter();
        evaluations.map(|each| version(each)[2].clone()).collect()
    };
    assert_eq!(evaluated_by(&record), ["z-again", "a-echo"]);
    assert_eq!(said(&record), ["first", "fifth"]);
    let modules = evaluations(&record).into_iter().map(|each| &each["module"]);
    assert!(
        modules
            .into_iter()
            .all(|module| *module == digest(&guest("echo")))
    );
    assert_eq!(evaluated_by(&moved), ["a-echo", "z-again"]);
    assert_eq!(said(&moved), ["before", "first"]);
}

#[tokio::test]
async fn conditions_leave_events_out_and_say_so() {
    let site = Site::new(Site::CONFIG);
    for (name, condition) in [
        ("merges", "subjects = ['merge-request']"),
        ("releases", "branches = ['release/*']"),
        ("main", "branches = ['main']"),
        ("others", "projects = ['shop/**']"),
        ("hub", "sources = ['github']"),
    ] {
        let settings = format!("{condition}\n{}", echo_settings(name));
        site.put(&format!("rules/{name}.toml"), settings.as_bytes());
        site.put(&format!("rules/{name}.wasm"), &guest("echo"));
    }
    let server = site.serve().await;
    for name in ["merges", "releases", "main", "others", "hub"] {
        server.rule_in_state(name, "active").await;
    }

    let pushed = push(&server).await;
    let issue = server.send_sample("issue-opened").await;
    let issue = server.settled(&issue).await;

    assert_eq!(evaluated_by(&pushed), ["main"]);
    for (rule, reason) in [
        (
            "merges",
            "`subjects = [\"merge-request\"]` in its settings file leaves out `push`",
        ),
        (
            "releases",
            "`branches = [\"release/*\"]` in its settings file leaves out `main`",
        ),
        (
            "others",
            "`projects = [\"shop/**\"]` in its settings file leaves out `payments/storefront`",
        ),
        (
            "hub",
            "`sources = [\"github\"]` in its settings file leaves out `gitlab`",
        ),
    ] {
        let verdict = verdict(&pushed, rule).expect("every rule is named");
        assert_eq!(verdict["kind"], "not-asked", "{verdict}");
        assert_eq!(verdict["reason"], reason);
    }
    let verdict = verdict(&issue, "main").expect("every rule is named");
    assert!(evaluations(&issue).is_empty(), "{issue}");
    assert_eq!(
        verdict["reason"],
        "`branches = [\"main\"]` in its settings file leaves out an event that has none"
    );
}
