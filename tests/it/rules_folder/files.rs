//! A rules folder that is not as it should be: missing, empty, or with files that are none.

use reqwest::StatusCode;
use rustix::fs::{FileType, Mode};

use super::{echo_at_work, push};
use crate::support::events::{evaluated_by, evaluations};
use crate::support::modules::{digest, echo_settings, marked};
use crate::support::server::{Server, Site};
use crate::support::{eventually, guest};

/// Waits until `/readyz` says this of the rules.
async fn ready_says(server: &Server, status: StatusCode, rules: &str) {
    eventually("the readiness is as wanted", || async {
        let answer = server.http.get(format!("{}/readyz", server.admin));
        let answer = answer.send().await.expect("the server answers");
        let found = answer.status();
        let body: serde_json::Value = answer.json().await.expect("the answer is JSON");
        let said = body["rules"].as_str().unwrap_or_default();
        if found == status && said.contains(rules) {
            Ok(())
        } else {
            Err(format!("{found}: {body}"))
        }
    })
    .await;
}

#[tokio::test]
async fn a_suddenly_empty_folder_keeps_the_last_rules_until_it_is_accepted() {
    let (site, server) = echo_at_work().await;

    for name in ["echo.wasm", "echo.toml"] {
        std::fs::remove_file(site.path().join("rules").join(name)).expect("it is removed");
    }
    ready_says(&server, StatusCode::SERVICE_UNAVAILABLE, "suddenly empty").await;
    let kept = push(&server).await;
    let refused = server.post("/api/v1/rules/reload").await;
    let still_kept = push(&server).await;
    let accepted = server.post("/api/v1/rules/reload?allow_empty=true").await;
    let without = push(&server).await;

    assert_eq!(evaluated_by(&kept), ["echo"]);
    assert!(refused["folder"]["problem"].is_string(), "{refused}");
    assert_eq!(evaluated_by(&still_kept), ["echo"]);
    assert_eq!(accepted["rules"], serde_json::json!([]));
    assert!(accepted["folder"]["problem"].is_null(), "{accepted}");
    assert!(evaluations(&without).is_empty(), "{without}");
    ready_says(&server, StatusCode::OK, "ok").await;
}

#[tokio::test]
async fn a_folder_that_is_gone_keeps_the_last_rules_until_it_is_back() {
    let (site, server) = echo_at_work().await;
    let rules = site.path().join("rules");

    std::fs::rename(&rules, site.path().join("elsewhere")).expect("it is renamed");
    ready_says(&server, StatusCode::SERVICE_UNAVAILABLE, "cannot be read").await;
    let kept = push(&server).await;
    let newer = marked(&guest("echo"), "newer");
    site.put("rules/echo.toml", echo_settings("second").as_bytes());
    site.put("rules/echo.wasm", &newer);
    server.serves("echo", &digest(&newer)).await;
    ready_says(&server, StatusCode::OK, "ok").await;
    let back = push(&server).await;

    assert_eq!(evaluated_by(&kept), ["echo"]);
    assert_eq!(evaluations(&back)[0]["module"], digest(&newer));
}

#[tokio::test]
async fn a_server_without_a_rules_folder_serves_and_takes_up_the_rules_when_they_come() {
    let site = Site::new(Site::CONFIG);
    std::fs::remove_dir(site.path().join("rules")).expect("it is removed");
    let server = site.serve().await;

    let before = push(&server).await;
    site.put("rules/echo.toml", echo_settings("first").as_bytes());
    site.put("rules/echo.wasm", &guest("echo"));
    server.rule_in_state("echo", "active").await;
    let after = push(&server).await;

    assert!(evaluations(&before).is_empty(), "{before}");
    assert_eq!(evaluated_by(&after), ["echo"]);
}

#[tokio::test]
async fn links_pipes_and_impossible_names_are_shown_and_break_nothing() {
    let (site, server) = echo_at_work().await;
    let rules = site.path().join("rules");

    std::os::unix::fs::symlink("/etc/passwd", rules.join("out.wasm")).expect("a link");
    std::os::unix::fs::symlink("circle.wasm", rules.join("circle.wasm")).expect("a link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        rules.join("pipe.wasm"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .expect("a pipe");
    site.put("rules/Upper.wasm", &guest("echo"));
    site.put("rules/notes.txt", b"for people");
    site.put("rules/Team/echo.wasm", &guest("echo"));
    std::fs::create_dir(rules.join("folder.wasm")).expect("a folder");
    for (name, reason) in [
        ("out", "a link that leads out of its folder"),
        ("circle", "in a circle"),
        ("pipe", "is not a regular file"),
    ] {
        let rejected = server.rule_in_state(name, "rejected").await;
        let said = rejected["reason"].as_str().expect("a reason");
        assert!(said.contains(reason), "{rejected}");
        assert_eq!(rejected["code"], "rule/file");
        assert!(rejected["serving"].is_null());
    }
    let newer = marked(&guest("echo"), "newer");
    site.put("rules/echo.wasm", &newer);
    server.serves("echo", &digest(&newer)).await;
    let record = push(&server).await;
    let listing = server.get("/api/v1/rules").await;

    assert_eq!(evaluated_by(&record), ["echo"]);
    let ignored = listing["ignored"].as_array().expect("a list");
    for (name, reason) in [
        ("rules/Upper.wasm", "is not allowed"),
        ("rules/notes.txt", "ends neither in .wasm nor in .toml"),
        ("rules/Team", "is not allowed"),
    ] {
        let shown = ignored.iter().any(|ignored| {
            let text = |key: &str| ignored[key].as_str().unwrap_or_default().to_owned();
            text("path").ends_with(name) && text("reason").contains(reason)
        });
        assert!(shown, "`{name}` is missing: {listing}");
    }
}
