//! What is uploaded wrongly, what the server would not take, and runs that end early.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Past, picks, summary, verdicts};
use crate::support::hostile::not_a_rule;
use crate::support::server::Site;
use crate::support::wire::exchange;
use crate::support::{eventually, guest, stderr};

const PATH: &str = "/api/v1/rules/replay?rule=payments/picks";

impl Past {
    /// A request to try a module, with this body.
    fn upload(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.server
            .http
            .post(format!("{}{PATH}", self.server.admin))
            .bearer_auth(&self.server.token)
            .body(body)
    }

    /// The status and the code of the answer to an upload.
    async fn refusal(&self, body: String) -> (StatusCode, String, String) {
        let answer = self.upload(body).send().await.expect("the server answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("the answer is JSON");
        let text = |key: &str| body["error"][key].as_str().unwrap_or_default().to_owned();
        (status, text("code"), text("message"))
    }
}

fn body(module: &[u8], settings: &str) -> String {
    json!({ "module": STANDARD.encode(module), "settings": settings }).to_string()
}

#[tokio::test]
async fn what_is_no_upload_is_refused_with_what_it_should_be() {
    let past = Past::with(&picks(&[], &[], &[])).await;
    let large = "x".repeat(65 << 10);
    let settings = picks(&[], &[], &[]);
    for (sent, status, code) in [
        (String::new(), 400, "api/bad-request"),
        ("{\"module\": ".to_owned(), 400, "api/bad-request"),
        ("{\"modul\": \"\"}".to_owned(), 400, "api/bad-request"),
        ("{\"module\": \"=?\"}".to_owned(), 400, "api/bad-request"),
        (body(b"", &large), 413, "api/too-large"),
        (body(&vec![0; 6 << 20], ""), 413, "api/too-large"),
        (body(&vec![0; (4 << 20) + 1], ""), 422, "rule/too-large"),
        (body(b"no module", &settings), 422, "rule/not-wasm"),
        (body(&not_a_rule(), &settings), 422, "rule/not-a-rule"),
    ] {
        let (found, found_code, message) = past.refusal(sent).await;

        assert_eq!(
            (found.as_u16(), found_code.as_str()),
            (status, code),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_no_trial() {
    let past = Past::with(&picks(&[], &[], &[])).await;
    let host = past.server.admin.trim_start_matches("http://");
    let head = |more: &str| {
        format!(
            "POST {PATH} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\nconnection: close\r\n{more}\r\n\r\n",
            past.server.token
        )
    };

    let chunked = head("transfer-encoding: chunked") + "5\r\n{\"mod\r\nnonsense\r\n";
    let answer = exchange(&past.server.admin, chunked.as_bytes()).await;

    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_module_that_the_server_would_not_take_ends_with_the_reason() {
    let past = Past::with(&picks(&["a"], &[], &[])).await;
    past.evaluated(&["a"]).await;
    let elsewhere = picks(&["a"], &[], &[]).replace("'console'", "'no-such-channel'");
    let disabled = format!("enabled = false\n{}", picks(&[], &[], &[]));
    for (settings, arguments, code, text) in [
        (elsewhere.as_str(), &[][..], 4, "(rule/not-granted)"),
        ("[settings]\nchanel = 'console'", &[], 4, "is it `channel`?"),
        (&disabled, &[], 4, "(rule/disabled)"),
        ("", &["--as", "nobody/picks"], 4, "[teams.nobody]"),
        ("", &["--as", "payments/Picks"], 6, "Picks"),
        ("", &["--since", "yesterday"], 6, "`since`"),
    ] {
        let output = past.replay(Some(settings), arguments).await;

        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.starts_with("error: "), "{error}");
        assert!(error.contains(text), "{error}");
    }
    let rules = past.server.get("/api/v1/rules").await;
    assert_eq!(rules["rules"].as_array().map(Vec::len), Some(1), "{rules}");
}

#[tokio::test]
async fn nobody_tries_a_module_without_the_token() {
    let past = Past::with(&picks(&[], &[], &[])).await;

    let path = format!("{}{PATH}", past.server.admin);
    let request = past.server.http.post(path).bearer_auth("a-guess");
    let answer = request.body(body(&guest("picks"), "")).send().await;

    assert_eq!(answer.expect("the server answers").status(), 401);
}

#[tokio::test]
async fn a_run_whose_asker_has_gone_ends_and_makes_room_for_others() {
    let past = Past::with(&picks(&[], &[], &[])).await;
    let names: Vec<String> = (0..1_000).map(|number| format!("a{number:03}")).collect();
    past.send(&names).await;
    past.server.idle().await;
    // Each of its evaluations uses all of the fuel.
    let slow = json!({ "module": STANDARD.encode(guest("endless-loop")), "settings": "" });

    let mut running = Vec::new();
    for _ in 0..4 {
        let mut answer = past
            .upload(slow.to_string())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200);
        answer
            .chunk()
            .await
            .expect("a chunk")
            .expect("it has begun");
        running.push(answer);
    }
    let busy = past.refusal(slow.to_string()).await;
    drop(running);
    eventually("there is room for another", || async {
        let tried = body(&guest("picks"), &picks(&["a001"], &[], &[]));
        let answer = past.upload(tried).send().await.expect("an answer");
        match answer.status() {
            StatusCode::OK => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;

    assert_eq!((busy.0.as_u16(), busy.1.as_str()), (503, "api/busy"));
    let lines = past.lines(Some(&picks(&["a001"], &[], &[])), &[]).await;
    assert_eq!(verdicts(&lines), ["new a001"]);
}

#[tokio::test]
async fn a_server_that_ends_ends_the_run_and_says_so() {
    let past = Past::with(&picks(&[], &[], &[])).await;
    let names: Vec<String> = (0..1_000).map(|number| format!("a{number:03}")).collect();
    past.send(&names).await;
    past.server.idle().await;
    let slow = json!({ "module": STANDARD.encode(guest("endless-loop")), "settings": "" });
    let mut answer = past
        .upload(slow.to_string())
        .send()
        .await
        .expect("an answer");
    answer
        .chunk()
        .await
        .expect("a chunk")
        .expect("it has begun");

    let Past {
        site: _site,
        server,
    } = past;
    let ended = tokio::spawn(server.terminate());
    let mut rest = String::new();
    while let Some(chunk) = answer.chunk().await.expect("it ends in order") {
        rest.push_str(&String::from_utf8_lossy(&chunk));
    }

    let last: Value = serde_json::from_str(rest.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["error"]["code"], "store/unavailable", "{last}");
    assert_eq!(last["error"]["message"], "the server ends");
    assert_eq!(ended.await.expect("nothing panicked"), Some(0));
}

#[tokio::test]
async fn an_event_whose_body_is_gone_is_left_out_and_counted() {
    let Past { site, server } = Past::with(&picks(&["a", "b"], &[], &[])).await;
    let past = Past { site, server };
    past.evaluated(&["a", "b"]).await;
    let Past { site, server } = past;
    assert_eq!(server.terminate().await, Some(0));
    forget_first_body(&site);
    let server = site.serve().await;
    server.rule_in_state("payments/picks", "active").await;
    let past = Past { site, server };

    let lines = past.lines(None, &["--all"]).await;

    assert_eq!(verdicts(&lines), ["same b"]);
    assert_eq!(summary(&lines)["without-body"], 1);
    assert_eq!(summary(&lines)["looked-at"], 2);
}

/// As retention does it.
fn forget_first_body(site: &Site) {
    let db = Connection::open(site.path().join("data/hookbox.db")).expect("the store");
    let deleted = db.execute(
        "DELETE FROM bodies WHERE delivery_number = (SELECT min(delivery_number) FROM bodies)",
        [],
    );
    assert_eq!(deleted.expect("it can be written"), 1);
}

#[tokio::test]
async fn an_event_that_was_dropped_before_the_rule_was_asked_is_left_out_and_counted() {
    let past = Past::with(&picks(&["a"], &[], &[])).await;
    past.site.put(
        "rules/all.toml",
        b"subjects = ['alert']\non_fault = 'stop'\n",
    );
    past.site.put("rules/all.wasm", &guest("trap"));
    past.server.rule_in_state("all", "active").await;
    past.evaluated(&["a"]).await;

    let lines = past.lines(None, &["--all"]).await;

    assert_eq!(verdicts(&lines), Vec::<String>::new());
    assert_eq!(summary(&lines)["dropped"], 1);
}
