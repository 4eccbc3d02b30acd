//! A rule from somebody else: built in one place, looked at and added in another, between servers that
//! share nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;

use axum::Router;
use axum::http::header::LOCATION;
use axum::routing::get;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::modules::digest;
use crate::support::server::{Server, Site};
use crate::support::{eventually, guest, hookbox, stderr, stdout, workspace};

mod claims;
mod refusals;
mod same_bytes;

/// A source, a channel, and a team with a source and no more.
const CONFIG: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }

    [channels.console]
    kind = "console"

    [teams.payments]
    sources = ["gitlab"]
"#;

/// Serves these routes on loopback until the runtime ends.
async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output)
}

/// The names in a folder and below it, in order.
fn tree(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("it can be read").path();
            let name = path.strip_prefix(folder).expect("it lies below");
            found.push(name.display().to_string());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Waits until a rule is rejected with this code, and returns the reason.
async fn rejected(server: &Server, rule: &str, code: &str) -> String {
    eventually(&format!("`{rule}` is rejected with {code}"), || async {
        let found = server.rule_in_state(rule, "rejected").await;
        match found["code"] == code {
            true => Ok(found["reason"].as_str().unwrap_or_default().to_owned()),
            false => Err(found.to_string()),
        }
    })
    .await
}

/// Sends a push, and waits for the rule's message of it.
async fn a_push_is_told(server: &Server, rule: &str) {
    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;
    let actions = record["record"]["actions"].as_array().expect("a list");
    assert_eq!(actions.len(), 1, "{record}");
    assert_eq!(actions[0]["rule"], rule, "{record}");
    assert_eq!(actions[0]["state"], "done", "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_was_built_for_one_server_is_added_to_another_as_a_file() {
    let author = Site::new(Site::CONFIG);
    let out = author.path().join("rules");
    let guest = workspace().join("tests/guests/echo");
    let (guest, out) = (guest.display().to_string(), out.display().to_string());
    succeeded(&hookbox(author.path(), &["build", &guest, "--out", &out]));
    author.put("rules/echo.toml", b"[settings]\nchannel = 'console'\n");
    let first = author.serve().await;
    first.rule_in_state("echo", "active").await;
    let module = author.path().join("rules/echo.wasm").display().to_string();

    let other = Site::new(CONFIG);
    let server = other.serve().await;
    let added = succeeded(&hookbox(
        other.path(),
        &[
            "rules", "add", &module, "--team", "payments", "--as", "10-echo",
        ],
    ));
    let unset = rejected(&server, "payments/10-echo", "rule/settings").await;
    let settings = other.path().join("rules/payments/10-echo.toml");
    let written = std::fs::read_to_string(settings).expect("there is a settings file");
    let filled = written.replace("# channel = \"CHANNEL\"", "channel = \"console\"");
    other.put("rules/payments/10-echo.toml", filled.as_bytes());
    let ungranted = rejected(&server, "payments/10-echo", "rule/not-granted").await;
    let again = [
        "rules",
        "add",
        &module,
        "--team",
        "payments",
        "--as",
        "10-echo",
        "--replace",
        "--json",
    ];
    let again: Value =
        serde_json::from_str(&succeeded(&hookbox(other.path(), &again))).expect("it prints JSON");
    let line = again["lacking"]["lines"][0]
        .as_str()
        .expect("a line is missing");
    let line = line
        .strip_prefix("[teams.payments]\n")
        .expect("it is of the team");
    other.configure(&format!("{CONFIG}\n{line}"));
    server.rule_in_state("payments/10-echo", "active").await;
    a_push_is_told(&server, "payments/10-echo").await;

    assert!(added.starts_with("echo 0.1.0\n"), "{added}");
    assert!(
        added.contains("\nadded payments/10-echo: rules/payments/10-echo.wasm\n"),
        "{added}"
    );
    assert!(
        added.contains("to be filled in there: `channel`"),
        "{added}"
    );
    assert_ne!(filled, written);
    assert!(
        unset.contains("the setting `channel` is missing"),
        "{unset}"
    );
    assert!(
        ungranted.contains("add \"console\" to `channels` under `[teams.payments]`"),
        "{ungranted}"
    );
    assert_eq!(line, "channels = [\"console\"]");
    assert_eq!(again["settings-kept"], true, "{again}");
    assert_eq!(again["replaced"], true, "{again}");
}

#[test]
fn a_rule_that_keeps_something_is_shown_with_the_line_that_grants_it() {
    let site = Site::new(CONFIG);
    site.put("counter.wasm", &guest("counter"));
    site.put("echo.wasm", &guest("echo"));
    let inspect = |module: &str| {
        let arguments = ["inspect", "--describe", module];
        succeeded(&hookbox(site.path(), &arguments))
    };
    let add = [
        "rules",
        "add",
        "counter.wasm",
        "--team",
        "payments",
        "--json",
    ];

    let (keeps, keeps_nothing) = (inspect("counter.wasm"), inspect("echo.wasm"));
    let added: Value =
        serde_json::from_str(&succeeded(&hookbox(site.path(), &add))).expect("it prints JSON");
    let line = added["lacking"]["lines"][0].as_str().expect("a line");
    let line = line.strip_prefix("[teams.payments]\n");
    site.configure(&format!("{CONFIG}\n{}", line.expect("it is of the team")));
    let again = [&add[..], &["--replace"]].concat();
    let again: Value =
        serde_json::from_str(&succeeded(&hookbox(site.path(), &again))).expect("it prints JSON");

    assert!(
        keeps.contains("\nstate      asked for") && keeps.contains("\nstate = \"64KiB\"\n"),
        "{keeps}"
    );
    assert!(!keeps_nothing.contains("\nstate "), "{keeps_nothing}");
    assert_eq!(added["is"]["asks-for-state"], true);
    assert_eq!(line, Some("state = \"64KiB\""));
    let reason = added["lacking"]["grants"][0].as_str().expect("a reason");
    assert!(reason.starts_with("it asks for `state`, "), "{reason}");
    assert_eq!(
        again["lacking"],
        serde_json::json!({ "settings": [], "settings-file": null, "grants": [], "lines": [] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_added_from_an_address_with_the_digest_that_was_published() {
    let module = guest("echo");
    let published = digest(&module);
    let router = Router::new()
        .route("/echo.wasm", get(move || async move { module }))
        .route(
            "/latest/echo.wasm",
            get(|| async { (StatusCode::FOUND, [(LOCATION, "/echo.wasm")]) }),
        );
    let address = serve(router).await;
    let url = format!("http://{address}/latest/echo.wasm");
    let site = Site::new(&format!("{CONFIG}\nchannels = ['console']"));
    let server = site.serve().await;

    let pinned = [
        "rules", "add", &url, "--team", "payments", "--digest", &published,
    ];
    let added = succeeded(&hookbox(site.path(), &pinned));
    let unpinned = succeeded(&hookbox(
        site.path(),
        &[
            "rules", "add", &url, "--team", "payments", "--as", "unpinned",
        ],
    ));
    for name in ["echo", "unpinned"] {
        let settings = format!("rules/payments/{name}.toml");
        site.put(
            &settings,
            b"enabled = true\n[settings]\nchannel = 'console'\n",
        );
        server
            .rule_in_state(&format!("payments/{name}"), "active")
            .await;
    }

    assert!(
        added.contains(&published) && !added.contains("--digest"),
        "{added}"
    );
    assert!(
        unpinned.contains(&format!("`--digest {published}`")),
        "{unpinned}"
    );
    assert_eq!(
        tree(&site.path().join("rules")),
        [
            "payments",
            "payments/echo.toml",
            "payments/echo.wasm",
            "payments/unpinned.toml",
            "payments/unpinned.wasm",
        ]
    );
}
