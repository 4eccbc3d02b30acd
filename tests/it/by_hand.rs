//! What operators do by hand, as they type it: tests of channels, runs of commands, pauses, retries, and replays.

use std::net::SocketAddr;
use std::process::Output;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::server::{Server, Site};
use crate::support::{eventually, guest, hookbox, stderr, stdout};

mod actions;
mod channels;
mod commands;
mod pauses;
mod replay;

/// A source, a channel, and two rules that tell it of every event.
fn config(address: SocketAddr, more: &str) -> String {
    format!(
        r#"
        [sources.gitlab]
        provider = "gitlab"
        secret = {{ file = "secret" }}

        [channels.dev]
        kind = "http"
        url = "http://{address}/dev"
        {more}

        [shared]
        sources = ["*"]
        channels = ["*"]
        commands = ["*"]
        "#
    )
}

/// A running server with its folder, in which the program is run.
struct Desk {
    site: Site,
    server: Server,
}

impl Desk {
    /// A server with two rules that tell `dev` of every event.
    async fn open(address: SocketAddr, more: &str) -> Self {
        let site = Site::new(&config(address, more));
        for rule in ["echo", "other"] {
            let settings = format!("[settings]\nchannel = 'dev'\ntag = '{rule} was asked'");
            site.put(&format!("rules/{rule}.toml"), settings.as_bytes());
            site.put(&format!("rules/{rule}.wasm"), &guest("echo"));
        }
        Self::serving(site).await
    }

    async fn serving(site: Site) -> Self {
        let server = site.serve().await;
        eventually("the rules are loaded", || async {
            let answer = server.http.get(format!("{}/readyz", server.admin)).send();
            let answer = answer.await.expect("the server answers");
            (answer.status() == StatusCode::OK)
                .then_some(())
                .ok_or("not yet".to_owned())
        })
        .await;
        Self { site, server }
    }

    /// Runs the program, which asks the server.
    async fn ask(&self, arguments: &[&str]) -> Output {
        let folder = self.site.path().to_owned();
        let arguments = [arguments, &["--server", &self.server.admin]].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        // A receiver of this test must be able to answer meanwhile.
        let run = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            hookbox(&folder, &arguments)
        });
        run.await.expect("nothing panicked")
    }

    /// What the program prints, which ends well.
    async fn says(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments).await;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    }

    /// What the program prints as JSON, which ends well.
    async fn json(&self, arguments: &[&str]) -> Value {
        let text = self.says(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The error of the program, which ends with this exit code.
    async fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.ask(arguments).await;
        let error = stderr(&output);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{error}{}",
            stdout(&output)
        );
        error
    }

    /// The status and the code of the error of a request to the admin interface.
    async fn refused(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let server = &self.server;
        let request = server
            .http
            .request(method, format!("{}{path}", server.admin))
            .bearer_auth(&server.token)
            .body(body.to_owned());
        let answer = request.send().await.expect("the server answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("the answer is JSON");
        let code = body["error"]["code"].as_str().unwrap_or_default();
        (status, code.to_owned())
    }

    /// Sends a push, and returns its event when it has been evaluated.
    async fn evaluated(&self) -> String {
        let event = self.server.send_sample("push").await;
        eventually("it is evaluated", || async {
            let record = self.server.record(&event).await;
            (record["record"]["state"] == "done")
                .then_some(())
                .ok_or(record.to_string())
        })
        .await;
        event
    }

    /// The actions that match, once there are so many.
    async fn actions(&self, filter: &str, number: usize) -> Vec<Value> {
        eventually(&format!("{number} actions match `{filter}`"), || async {
            let answer = self.server.get(&format!("/api/v1/actions?{filter}")).await;
            let actions = answer["actions"].as_array().cloned().unwrap_or_default();
            (actions.len() == number)
                .then_some(actions)
                .ok_or(answer.to_string())
        })
        .await
    }
}

/// The entry of this name.
fn entry<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut entries = list.as_array().into_iter().flatten();
    let entry = entries.find(|entry| entry["name"] == name);
    entry.unwrap_or_else(|| panic!("`{name}` is not there: {list}"))
}

/// The number of an action as an argument.
fn id(action: &Value) -> String {
    action["id"].as_i64().expect("it has a number").to_string()
}

#[tokio::test]
async fn nothing_is_done_without_the_token_or_for_a_strange_page() {
    let site = Site::new(Site::CONFIG);
    let Desk {
        site: _site,
        server,
    } = Desk::serving(site).await;

    for (method, path) in [
        (Method::GET, "channels"),
        (Method::POST, "channels/console/test"),
        (Method::GET, "commands"),
        (Method::POST, "commands/any/run"),
        (Method::GET, "actions/1/output"),
        (Method::POST, "actions/retry?all=true"),
        (Method::POST, "actions/cancel?all=true"),
        (Method::GET, "pauses"),
        (Method::POST, "pause?what=channel&name=console"),
        (Method::POST, "resume?what=channel&name=console"),
        (Method::POST, "events/replay?all=true"),
    ] {
        let request = || {
            let path = format!("{}/api/v1/{path}", server.admin);
            server.http.request(method.clone(), path)
        };
        let page = request().bearer_auth(&server.token);
        for (request, status) in [
            (request(), StatusCode::UNAUTHORIZED),
            (request().bearer_auth("a-guess"), StatusCode::UNAUTHORIZED),
            (
                page.header("origin", "https://example.org"),
                StatusCode::FORBIDDEN,
            ),
        ] {
            let answer = request.send().await.expect("the server answers");
            assert_eq!(answer.status(), status, "{path}");
        }
    }
    let pauses = server.get("/api/v1/pauses").await;
    assert_eq!(pauses["pauses"], serde_json::json!([]));
    assert_eq!(server.console(), "");
}
