//! The command line asks a server, and says with its exit code how that went.

use serde_json::Value;

use super::server_with_an_event;
use crate::support::{eventually, hookbox, hookbox_with, stderr, stdout};

#[tokio::test]
async fn the_command_line_lists_and_shows_what_the_server_knows() {
    let (_site, server) = server_with_an_event().await;
    let elsewhere = tempfile::tempdir().expect("a folder can be made");
    let token = [("HOOKBOX_TOKEN", server.token.as_str())];
    let ask = |arguments: &[&str]| {
        let arguments = [arguments, &["--server", &server.admin]].concat();
        let output = hookbox_with(elsewhere.path(), &arguments, &token);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&ask(&[arguments, &["--json"]].concat())).expect("it is JSON")
    };

    let listed = json(&["events", "list", "--subject", "push"]);
    let shown = json(&["events", "show", "last"]);
    let rules = json(&["rules", "list"]);

    let id = listed["events"][0]["id"].as_str().expect("an id");
    assert_eq!(listed["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["record"]["event"]["id"], id);
    assert_eq!(shown["rules"][0]["kind"], "acted");
    assert_eq!(rules["rules"][0]["name"], "echo");
    assert_eq!(rules["rules"][0]["state"], "active");
    let table = ask(&["events", "list"]);
    assert!(
        table.contains(id) && table.contains("payments/storefront"),
        "{table}"
    );
    let why = ask(&["events", "show", id]);
    assert!(
        why.contains("echo acted") && why.contains("verified by: secret"),
        "{why}"
    );
    assert!(ask(&["rules", "list"]).contains("active"));
    assert!(json(&["events", "list", "--state", "stuck"])["events"] == serde_json::json!([]));
}

#[tokio::test]
async fn a_folder_with_the_configuration_needs_no_token() {
    let (site, server) = server_with_an_event().await;

    let output = hookbox(
        site.path(),
        &["events", "show", "last", "--server", &server.admin],
    );

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("echo acted"),
        "{}",
        stdout(&output)
    );
}

#[tokio::test]
async fn a_sample_is_accepted_as_it_is_and_refused_when_it_was_changed() {
    let (site, server) = server_with_an_event().await;
    let to = format!("{}/hooks/gitlab", server.public);
    let send = |more: &[&str]| {
        let arguments = [&["send", "gitlab", "push", "--to", &to], more].concat();
        hookbox(site.path(), &arguments)
    };

    let (sent, again) = (send(&[]), send(&[]));
    let tampered = send(&["--tamper"]);

    for output in [&sent, &again] {
        assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        assert!(stdout(output).starts_with("202"), "{}", stdout(output));
    }
    assert_eq!(tampered.status.code(), Some(6));
    assert!(
        stdout(&tampered).contains("hook/bad-signature"),
        "{}",
        stdout(&tampered)
    );
    eventually("both are events, beside the first", || async {
        let listing = server.get("/api/v1/events?subject=push").await;
        let count = listing["events"].as_array().map(Vec::len);
        if count == Some(3) {
            Ok(())
        } else {
            Err(listing.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn exit_codes_tell_a_refusal_from_a_server_that_is_not_there() {
    let (site, server) = server_with_an_event().await;
    let code = |arguments: &[&str], token: &str| {
        let output = hookbox_with(site.path(), arguments, &[("HOOKBOX_TOKEN", token)]);
        assert!(stderr(&output).starts_with("error: ") || output.status.code() == Some(2));
        output.status.code()
    };
    let (there, nowhere) = (server.admin.as_str(), "http://127.0.0.1:1");
    let right = server.token.as_str();

    assert_eq!(
        code(&["rules", "list", "--server", nowhere], right),
        Some(5)
    );
    assert_eq!(
        code(
            &[
                "send",
                "gitlab",
                "push",
                "--to",
                &format!("{nowhere}/hooks/gitlab")
            ],
            right
        ),
        Some(5)
    );
    assert_eq!(
        code(&["rules", "list", "--server", there], "a-guess"),
        Some(6)
    );
    assert_eq!(
        code(&["events", "show", "none", "--server", there], right),
        Some(6)
    );
    assert_eq!(
        code(
            &["events", "list", "--state", "asleep", "--server", there],
            right
        ),
        Some(6)
    );
    assert_eq!(code(&["send", "gitlab", "eclipse"], right), Some(2));
    assert_eq!(
        code(&["send", "gitlab", "push", "--source", "none"], right),
        Some(3)
    );
    assert_eq!(code(&["events", "lost"], right), Some(2));
    let output = hookbox(site.path(), &["rules", "list", "--server", nowhere]);
    assert!(
        stderr(&output).contains("hint: start it"),
        "{}",
        stderr(&output)
    );
}
