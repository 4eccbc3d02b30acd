//! What rules ask for beside what is granted, and versions that ask for more.

use serde_json::{Value, json};

use crate::support::events::verdict;
use crate::support::modules::{digest, echo_settings};
use crate::support::server::{Server, Site};
use crate::support::{guest, hookbox, stderr, stdout};

const CHANNELS: &str = "
    [channels.console]
    kind = 'console'

    [channels.ops]
    kind = 'console'

    [commands.deploy]
    argv = ['/bin/true']
";

const SOURCE: &str = "
    [sources.gitlab]
    provider = 'gitlab'
    secret = { file = 'secret' }
";

const TEAM: &str = "
    [teams.payments]
    sources = ['gitlab']
    channels = ['console']
";

async fn echo_at_work() -> (Site, Server) {
    let site = Site::new(&format!("{CHANNELS}{TEAM}"));
    site.put(
        "rules/payments/echo.toml",
        echo_settings("first").as_bytes(),
    );
    site.put("rules/payments/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    server.rule_in_state("payments/echo", "active").await;
    (site, server)
}

fn run(site: &Site, server: &Server, arguments: &[&str]) -> String {
    let output = hookbox(
        site.path(),
        &[arguments, &["--server", &server.admin]].concat(),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_for_its_grant_and_the_lines_shown_give_it() {
    let (site, server) = echo_at_work().await;
    let wider = guest("wants-everything");

    site.put("rules/payments/echo.toml", b"");
    site.put("rules/payments/echo.wasm", &wider);
    let rejected = server.rule_in_state("payments/echo", "rejected").await;
    let table = run(&site, &server, &["rules", "grants", "payments/echo"]);
    let shown = run(&site, &server, &["rules", "grants", "--json"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let refused = &shown["rules"][0]["refused"];
    let lines: Vec<&str> = refused["asks"]["lines"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let pasted = format!("{}\nsources = ['gitlab']\n", lines.join("\n"));
    site.configure(&format!("{CHANNELS}{pasted}"));
    let active = server.serves("payments/echo", &digest(&wider)).await;

    assert_eq!(rejected["code"], "rule/not-granted");
    assert_eq!(rejected["serving"]["module"], digest(&guest("echo")));
    let reason = rejected["reason"].as_str().expect("a reason");
    for part in [
        "this version asks for the channels `*`, which the one at work does not",
        "add \"*\" to `commands` under `[teams.payments]`",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(refused["module"], digest(&wider));
    assert_eq!(
        lines,
        [
            "[teams.payments]",
            r#"channels = ["console", "*"]"#,
            r#"commands = ["*"]"#,
        ]
    );
    for part in [
        "channel *, new",
        "in part",
        "channel console",
        "no longer asks for",
        lines[1],
    ] {
        assert!(table.contains(part), "{table}");
    }
    assert_eq!(active["state"], "active");
    assert!(active["refused"].is_null(), "{active}");
}

#[tokio::test]
async fn a_restart_gives_a_version_that_asks_for_more_no_more() {
    let (site, server) = echo_at_work().await;
    let wider = guest("wants-everything");
    server.kill();

    site.put("rules/payments/echo.toml", b"");
    site.put("rules/payments/echo.wasm", &wider);
    let server = site.serve().await;
    let rejected = server.rule_in_state("payments/echo", "rejected").await;

    assert_eq!(rejected["code"], "rule/not-granted");
    assert_eq!(rejected["serving"]["module"], digest(&guest("echo")));
    assert_eq!(rejected["refused"]["module"], digest(&wider));
}

/// What `rules grants --json` shows of the rule.
fn granted(site: &Site, server: &Server) -> Value {
    let shown = run(
        site,
        server,
        &["rules", "grants", "payments/echo", "--json"],
    );
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    shown["rules"][0].clone()
}

#[tokio::test]
async fn a_version_that_keeps_something_anew_waits_for_the_grant_also_over_a_restart() {
    let (site, server) = echo_at_work().await;
    let keeps = guest("counter");

    site.put("rules/payments/echo.toml", b"");
    site.put("rules/payments/echo.wasm", &keeps);
    let rejected = server.rule_in_state("payments/echo", "rejected").await;
    let table = run(&site, &server, &["rules", "grants", "payments/echo"]);
    server.kill();
    let server = site.serve().await;
    let again = server.rule_in_state("payments/echo", "rejected").await;
    let shown = granted(&site, &server);
    let asks = &shown["refused"]["asks"];
    let line = asks["lines"][1].as_str().expect("a line").to_owned();
    site.configure(&format!("{CHANNELS}{SOURCE}{TEAM}{line}"));
    let active = server.serves("payments/echo", &digest(&keeps)).await;
    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;

    for rejected in [rejected, again] {
        assert_eq!(rejected["code"], "rule/not-granted");
        assert_eq!(rejected["serving"]["module"], digest(&guest("echo")));
        assert_eq!(
            rejected["reason"],
            "this version asks for `state`, which the one at work does not, and it is not granted: set \
             `state = \"64KiB\"` under `[teams.payments]` in `hookbox.toml`"
        );
    }
    assert_eq!(
        asks["asks"],
        json!([{
            "kind": "state", "name": "state", "by": "import", "standing": "missing", "usable": [], "is-new": true,
        }])
    );
    assert_eq!(asks["lines"], json!(["[teams.payments]", line]));
    assert_eq!(line, "state = \"64KiB\"");
    for part in ["state, new", "import", "state of each rule: none", &line] {
        assert!(table.contains(part), "`{part}` is missing: {table}");
    }
    assert_eq!(active["state"], "active");
    let answer = verdict(&record, "payments/echo").expect("it is asked");
    assert_eq!(answer["reason"], "1 after nothing");
}

#[tokio::test]
async fn a_first_version_that_keeps_something_is_at_work_and_shows_what_it_lacks_or_has() {
    let site = Site::new(&format!("{CHANNELS}{TEAM}"));
    site.put("rules/payments/echo.wasm", &guest("counter"));
    let server = site.serve().await;
    server.rule_in_state("payments/echo", "active").await;

    let without = granted(&site, &server);
    site.configure(&format!(
        "{CHANNELS}{TEAM}state = '64KiB'\nlimits = {{ state = '2KiB' }}"
    ));
    let rule = server.rule_where("payments/echo", |rule| {
        rule["serving"]["asks"]["asks"][0]["standing"] == "granted"
    });
    rule.await;
    let with = granted(&site, &server);
    let table = run(&site, &server, &["rules", "grants"]);

    let asks = &without["serving"]["asks"];
    assert_eq!(asks["asks"][0]["standing"], "missing", "{without}");
    assert_eq!(asks["lines"][1], "state = \"64KiB\"");
    let asks = &with["serving"]["asks"];
    assert_eq!(asks["granted"]["state"], "64KiB");
    assert_eq!(asks["asks"][0]["usable"], json!(["2KiB"]));
    assert_eq!(asks["lines"], json!([]));
    assert!(table.contains("state of each rule: 64KiB"), "{table}");
}

#[tokio::test]
async fn a_rule_that_was_never_at_work_shows_what_it_lacks() {
    let site = Site::new(&format!("{CHANNELS}{TEAM}"));
    let settings = "[settings]\nchannel = 'ops'";
    site.put("rules/payments/echo.toml", settings.as_bytes());
    site.put("rules/payments/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    server.rule_in_state("payments/echo", "rejected").await;

    let table = run(&site, &server, &["rules", "grants"]);
    let shown = run(&site, &server, &["rules", "show", "payments/echo"]);

    for part in [
        "refused",
        "channel ops",
        "[teams.payments]",
        r#"channels = ["console", "ops"]"#,
    ] {
        assert!(table.contains(part), "{table}");
    }
    assert!(shown.contains("no version of it is at work"), "{shown}");
    assert!(shown.contains("rule/not-granted"), "{shown}");
}

#[tokio::test]
async fn a_rule_is_shown_with_its_settings_their_meaning_and_what_holds_for_it() {
    let (site, server) = echo_at_work().await;
    let settings = "subjects = ['push']\norder = 7\n[limits]\nfuel = 5000000\n[settings]\nchannel = 'console'\n";
    site.put("rules/payments/echo.toml", settings.as_bytes());
    server
        .rule_where("payments/echo", |rule| {
            rule["serving"]["settings"] == digest(settings.as_bytes())
        })
        .await;

    let shown = run(
        &site,
        &server,
        &["rules", "show", "payments/echo", "--json"],
    );
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let text = run(&site, &server, &["rules", "show", "payments/echo"]);

    assert_eq!(shown["state"], "active");
    let rule = &shown["rule"];
    assert_eq!(rule["module"], digest(&guest("echo")));
    assert_eq!(rule["interface"], "0.1");
    assert_eq!(rule["order"], 7);
    assert_eq!(rule["limits"]["fuel"], 5_000_000);
    assert_eq!(rule["conditions"], json!({ "subjects": ["push"] }));
    let of = |index: usize, key: &str| rule["settings"][index][key].clone();
    assert_eq!(of(0, "name"), "channel");
    assert_eq!(of(0, "kind"), "channel");
    assert_eq!(of(0, "value"), "console");
    assert_eq!(of(1, "default"), "untagged");
    assert_eq!(of(1, "value"), "untagged");
    assert_eq!(of(1, "summary"), "The reason of every decision.");
    for part in [
        "interface: 0.1\n",
        "Where events are told",
        "\"untagged\"",
        "subjects = [\"push\"]",
        "order: 7",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
