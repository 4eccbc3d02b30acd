//! The life of a rule: taken out of work, put back, shadowed, in quarantine, undone; from outside, and before and
//! after a restart.

use serde_json::{Value, json};

use crate::support::events::{evaluated_by, evaluations};
use crate::support::guest;
use crate::support::modules::{digest, marked};
use crate::support::server::{Server, Site};

mod faults;
mod versions;

/// The settings of the guest `moody`.
const CALM: &str = "[settings]\nchannel = 'console'\n";
const FURIOUS: &str = "[settings]\nchannel = 'console'\npanics = true\n";

/// A folder with one rule, `moody`.
fn moody(settings: &str) -> Site {
    let site = Site::new(&format!("quarantine = '3s'\n{}", Site::CONFIG));
    site.put("rules/moody.toml", settings.as_bytes());
    site.put("rules/moody.wasm", &guest("moody"));
    site
}

/// The server is ended and started again.
async fn again(site: &Site, server: Server) -> Server {
    assert_eq!(server.terminate().await, Some(0));
    site.serve().await
}

/// Says something of the rule by the admin interface, and returns how it stands then.
async fn wish(server: &Server, wish: &str) -> Value {
    let path = format!("/api/v1/rules/wish?rule=moody&by=ada&wish={wish}");
    server.post(&path).await["rule"].clone()
}

/// Sends a push, and returns its record when it is settled.
async fn push(server: &Server) -> Value {
    let event = server.send_sample("push").await;
    server.settled(&event).await
}

/// The state of the rule, the code of its reason, and who said so.
fn standing(rule: &Value) -> [Value; 3] {
    ["state", "code", "by"].map(|key| rule[key].clone())
}

async fn stands(server: &Server) -> Value {
    server
        .rule_where("moody", |rule| rule["state"] != "loading")
        .await
}

#[tokio::test]
async fn a_rule_that_is_disabled_is_not_asked_until_it_is_enabled() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;

    let said = wish(&server, "disable").await;
    let before = push(&server).await;
    let server = again(&site, server).await;
    let kept = stands(&server).await;
    let after = push(&server).await;
    let enabled = wish(&server, "enable").await;
    let enabled_event = push(&server).await;
    let server = again(&site, server).await;
    let kept_enabled = stands(&server).await;

    let disabled = [json!("disabled"), json!("rule/disabled"), json!("ada")];
    assert_eq!(
        (standing(&said), standing(&kept)),
        (disabled.clone(), disabled)
    );
    assert_eq!(said["since"], kept["since"]);
    assert_eq!(
        (&said["serving"], &kept["serving"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        (evaluated_by(&before), evaluated_by(&after)),
        (vec![], vec![])
    );
    let active = [json!("active"), json!(null), json!(null)];
    assert_eq!(
        (standing(&enabled), standing(&kept_enabled)),
        (active.clone(), active)
    );
    assert_eq!(evaluated_by(&enabled_event), ["moody"]);
}

#[tokio::test]
async fn a_rule_that_is_shadowed_is_asked_and_nothing_is_performed_of_it() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;

    let said = wish(&server, "shadow").await;
    let before = push(&server).await;
    let server = again(&site, server).await;
    let kept = stands(&server).await;
    let after = push(&server).await;
    wish(&server, "enable").await;
    let enabled = push(&server).await;

    let shadowed = [json!("shadow"), json!("rule/shadowed"), json!("ada")];
    assert_eq!(
        (standing(&said), standing(&kept)),
        (shadowed.clone(), shadowed)
    );
    let state = |record: &Value| record["record"]["actions"][0]["state"].clone();
    assert_eq!(state(&before), "shadowed");
    assert_eq!(state(&after), "shadowed");
    assert_eq!(state(&enabled), "done");
}

#[tokio::test]
async fn what_was_said_of_a_rule_ends_when_its_files_change() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    wish(&server, "disable").await;
    let newer = marked(&guest("moody"), "newer");

    site.put("rules/moody.wasm", &newer);
    let changed = server.serves("moody", &digest(&newer)).await;
    wish(&server, "shadow").await;
    site.put("rules/moody.toml", format!("# Changed.\n{CALM}").as_bytes());
    server.rule_in_state("moody", "active").await;
    wish(&server, "disable").await;
    assert_eq!(server.terminate().await, Some(0));
    site.put("rules/moody.wasm", &guest("moody"));
    let server = site.serve().await;
    let restarted = stands(&server).await;

    assert_eq!(changed["state"], "active");
    assert_eq!(
        standing(&restarted),
        [json!("active"), json!(null), json!(null)]
    );
}

#[tokio::test]
async fn a_wish_that_cannot_be_granted_says_why_and_changes_nothing() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    for (query, status, words) in [
        ("rule=moody&wish=enable", 409, "stands as its files say"),
        ("rule=moody&wish=rollback", 409, "at work before"),
        (
            "rule=moody&wish=rollback&to=9.9.9",
            409,
            "there are `0.1.0`",
        ),
        ("rule=moody&wish=explode", 400, "`disable`"),
        ("rule=moody&wish=disable&to=1", 400, "`to` goes with"),
        ("rule=mody&wish=disable", 404, "is it `moody`?"),
    ] {
        let url = format!("{}/api/v1/rules/wish?{query}", server.admin);
        let answer = server
            .http
            .post(url)
            .bearer_auth(&server.token)
            .send()
            .await;
        let answer = answer.expect("the server answers");
        assert_eq!(answer.status(), status, "{query}");
        let body: Value = answer.json().await.expect("the answer is JSON");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains(words), "{query}: {message}");
    }
    assert_eq!(stands(&server).await["state"], "active");
}

#[tokio::test]
async fn the_command_line_says_how_a_rule_stands_then() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    let says = |arguments: &[&str]| {
        let arguments = [&["rules"], arguments, &["--server", &server.admin]].concat();
        let output = crate::support::hookbox_with(
            site.path(),
            &arguments,
            &[("USER", "ada"), ("SUDO_USER", "")],
        );
        assert!(
            output.status.success(),
            "{}",
            crate::support::stderr(&output)
        );
        crate::support::stdout(&output)
    };

    let disabled = says(&["disable", "moody"]);
    let listed = says(&["list"]);
    let enabled = says(&["enable", "moody"]);
    let shadowed = says(&["shadow", "moody"]);
    site.put("rules/moody.wasm", &marked(&guest("moody"), "newer"));
    server
        .serves("moody", &digest(&marked(&guest("moody"), "newer")))
        .await;
    let back = says(&["rollback", "moody"]);

    assert!(
        disabled.starts_with("moody is disabled, and no version of it serves\n"),
        "{disabled}"
    );
    assert!(
        disabled.contains("by ada") && listed.contains("by ada"),
        "{listed}"
    );
    assert_eq!(enabled, "moody is active, and version 0.1.0 serves\n");
    assert!(
        shadowed.starts_with("moody is shadow, and version 0.1.0 serves\n"),
        "{shadowed}"
    );
    assert!(back.contains("rule/rolled-back"), "{back}");
}

#[tokio::test]
async fn a_server_that_only_shadows_performs_nothing_and_keeps_what_is_said() {
    let site = moody(CALM);
    let server = site.serve_with(&["--shadow"]).await;
    server.rule_in_state("moody", "active").await;
    let record = push(&server).await;
    wish(&server, "disable").await;
    let server = again(&site, server).await;

    assert_eq!(evaluations(&record).len(), 1);
    assert_eq!(record["record"]["actions"][0]["state"], "shadowed");
    assert_eq!(stands(&server).await["state"], "disabled");
}

#[tokio::test]
async fn files_that_are_not_taken_end_nothing_that_was_said() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    wish(&server, "disable").await;

    site.put("rules/moody.wasm", b"not a module");
    let before = push(&server).await;
    let server = again(&site, server).await;
    let kept = stands(&server).await;
    let after = push(&server).await;
    std::fs::remove_file(site.path().join("rules/moody.wasm")).expect("it is there");
    server.post("/api/v1/rules/reload?allow_empty=true").await;
    site.put("rules/moody.wasm", &guest("moody"));
    let back = server.rule_in_state("moody", "disabled").await;

    assert_eq!(
        (evaluated_by(&before), evaluated_by(&after)),
        (vec![], vec![])
    );
    assert_eq!(kept["state"], "disabled");
    assert_eq!(back["by"], "ada");
}
