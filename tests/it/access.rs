//! Who may know and do what: the tokens of teams, on every path of the admin interface and from the command line.
//!
//! Everything of the other teams has `shop` in its name, so an answer that tells of them is found.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::events::sample;
use crate::support::server::{Server, Site};
use crate::support::{guest, hookbox_with};

mod grants;
mod pages;
mod shown;
mod tokens;

const CONFIG: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }

    [sources.shop-hub]
    provider = "github"
    secret = { file = "secret" }

    [channels.payments-room]
    kind = "console"

    [channels.shop-room]
    kind = "console"

    [commands.payments-deploy]
    argv = ["/bin/echo", "a word of its own", "{event}"]
    parameters.event = { pattern = "[0-9a-f-]+" }

    [commands.shop-deploy]
    argv = ["/bin/echo", "another word", "{event}"]
    parameters.event = { pattern = "[0-9a-f-]+" }

    [shared]
    sources = ["*"]
"#;

const TEAMS: &str = r#"
    [teams.payments]
    token = { file = "payments-token" }
    sources = ["gitlab"]
    projects = ["payments/**"]
    channels = ["payments-*"]
    commands = ["payments-*"]

    [teams.shop]
    token = { file = "shop-token" }
    sources = ["gitlab", "shop-*"]
    projects = ["shop/**"]
    channels = ["shop-*"]
    commands = ["shop-*"]

    # It sees the same events as the team `payments`.
    [teams.shop-watch]
    token = { file = "watch-token" }
    sources = ["*"]
    confidential = true
    channels = ["shop-room"]
"#;

const PAYMENTS: &str = "the-token-of-payments";
const SHOP: &str = "the-token-of-shop";
const WATCH: &str = "the-token-of-shop-watch";

/// Two teams with a token and an event each, and one that sees both.
struct Teams {
    site: Site,
    server: Server,
    payments: String,
    shop: String,
}

fn site() -> Site {
    let site = Site::new(&format!("{CONFIG}{TEAMS}"));
    site.put("payments-token", PAYMENTS.as_bytes());
    site.put("shop-token", SHOP.as_bytes());
    site.put("watch-token", WATCH.as_bytes());
    for (team, channel) in [
        ("payments", "payments-room"),
        ("shop", "shop-room"),
        ("shop-watch", "shop-room"),
    ] {
        let settings = format!("[settings]\nchannel = '{channel}'\ntag = 'asked of {team}'");
        site.put(&format!("rules/{team}/echo.toml"), settings.as_bytes());
        site.put(&format!("rules/{team}/echo.wasm"), &guest("echo"));
    }
    site
}

/// A push in a project of the team `shop`.
fn of_shop() -> String {
    let body = sample("push").body.replace("payments", "shop");
    assert_ne!(body, sample("push").body);
    body
}

impl Teams {
    async fn at_work() -> Self {
        let site = site();
        let server = site.serve().await;
        for rule in ["payments/echo", "shop/echo", "shop-watch/echo"] {
            server.rule_in_state(rule, "active").await;
        }
        let payments = server.send_sample("push").await;
        server.settled(&payments).await;
        let shop = server.send("Push Hook", &of_shop()).await;
        server.settled(&shop).await;
        Self {
            site,
            server,
            payments,
            shop,
        }
    }

    /// Asks as the team `payments`.
    async fn ask(&self, method: Method, path: &str) -> (StatusCode, Value) {
        ask(&self.server, PAYMENTS, method, path).await
    }

    /// What the team `payments` gets.
    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Runs the program with the token of the team `payments`.
    async fn run(&self, arguments: &[&str]) -> std::process::Output {
        let folder = self.site.path().to_owned();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let admin = self.server.admin.clone();
        let run = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let variables = [
                ("HOOKBOX_SERVER", admin.as_str()),
                ("HOOKBOX_TOKEN", PAYMENTS),
            ];
            hookbox_with(&folder, &arguments, &variables)
        });
        run.await.expect("nothing panicked")
    }
}

async fn ask(server: &Server, token: &str, method: Method, path: &str) -> (StatusCode, Value) {
    let request = server
        .http
        .request(method, format!("{}{path}", server.admin));
    let answer = request.bearer_auth(token).send().await;
    let answer = answer.expect("the server answers");
    let status = answer.status();
    (status, answer.json().await.expect("the answer is JSON"))
}
