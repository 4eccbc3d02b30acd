//! What the public listener accepts and refuses, over real sockets.
//!
//! Invariant: what is refused leaves its record, and nothing else.

use reqwest::RequestBuilder;
use serde_json::Value;

use crate::support::server::{SECRET, Server, Site};
use crate::support::{eventually, guest};

mod bodies;
mod heads;
mod secrets;
mod signatures;
mod slow;

/// A body that GitLab could send, and its event header.
const PUSH: (&str, &str) = (
    include_str!("../../guest-sdk/samples/gitlab/push.json"),
    "Push Hook",
);

/// A running server with a rule that tells a console of every event.
struct Hooks {
    site: Site,
    server: Server,
}

impl Hooks {
    async fn start(config: &str) -> Self {
        Self::start_in(Site::new(config)).await
    }

    async fn start_in(site: Site) -> Self {
        site.put("rules/echo.toml", b"[settings]\nchannel = 'console'");
        site.put("rules/echo.wasm", &guest("echo"));
        let server = site.serve().await;
        Self { site, server }
    }

    /// A push to a source, with a new identifier and nothing that verifies it.
    fn push(&self, source: &str) -> RequestBuilder {
        self.post(source, PUSH.0).header("x-gitlab-event", PUSH.1)
    }

    /// A request to a source, with a new identifier and nothing that verifies it.
    fn post(&self, source: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let address = format!("{}/hooks/{source}", self.server.public);
        let request = self.server.http.post(address);
        request
            .header("content-type", "application/json")
            .header("idempotency-key", uuid::Uuid::now_v7().to_string())
            .body(body.into())
    }

    /// The refusals of a source, each as its code and how often it came.
    async fn refusals(&self, source: &str) -> Vec<(String, u64)> {
        let listing = self.server.get("/api/v1/sources").await;
        let refusals = listing["refusals"].as_array().cloned().unwrap_or_default();
        let mut found: Vec<(String, u64)> = refusals
            .iter()
            .filter(|refusal| refusal["source"] == source)
            .map(|refusal| {
                let code = refusal["code"].as_str().expect("it has a code");
                let count = refusal["count"].as_u64().expect("it is counted");
                (code.to_owned(), count)
            })
            .collect();
        found.sort();
        found
    }

    /// Asserts that nothing is there but these refusals, and that the next good request is the first of
    /// which a rule heard.
    async fn left_only(&self, source: &str, refusals: &[(&str, u64)], good: RequestBuilder) {
        let found = self.refusals(source).await;
        let found: Vec<(&str, u64)> = found
            .iter()
            .map(|(code, count)| (code.as_str(), *count))
            .collect();
        assert_eq!(found, refusals);
        let status = self.server.get("/api/v1/status").await;
        assert_eq!(status["backlog"]["deliveries"], 0, "{status}");
        let listing = self.server.get("/api/v1/events").await;
        assert_eq!(listing["events"], serde_json::json!([]));
        assert_eq!(self.server.console(), "");

        let id = accepted(good).await;
        self.server.settled(&id).await;

        let listing = self.server.get("/api/v1/events").await;
        assert_eq!(listing["events"].as_array().map(Vec::len), Some(1));
        let console = eventually("the rule tells its first event", || async {
            let console = self.server.console();
            console.contains(&id).then_some(()).ok_or(console)
        });
        console.await;
        assert_eq!(self.server.console().matches("console").count(), 1);
    }
}

/// Sends a request that is accepted, and returns its identifier.
async fn accepted(request: RequestBuilder) -> String {
    let (status, body) = answer(request).await;
    assert_eq!(status, 202, "{body}");
    body["id"].as_str().expect("it has an id").to_owned()
}

/// Sends a request that is refused with this status and code, and returns the sentence.
async fn refused(request: RequestBuilder, status: u16, code: &str) -> String {
    let (found, body) = answer(request).await;
    assert_eq!((found, &body["error"]["code"]), (status, &code.into()));
    let message = body["error"]["message"].as_str().expect("it has words");
    assert!(message.contains(' '), "{message}");
    message.to_owned()
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("the server answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("the answer is JSON"))
}

#[tokio::test]
async fn a_right_token_is_accepted_and_the_event_is_typed() {
    let hooks = Hooks::start(Site::CONFIG).await;

    let id = accepted(hooks.push("gitlab").header("x-gitlab-token", SECRET)).await;

    let record = hooks.server.settled(&id).await;
    let event = &record["record"]["event"];
    assert_eq!(event["subject"]["push"]["branch"], "main");
    assert_eq!(event["repository"]["full-name"], "payments/storefront");
    assert_eq!(record["record"]["secret"], "secret");
    assert_eq!(record["rules"][0]["kind"], "acted");
    assert_eq!(hooks.refusals("gitlab").await, []);
}

#[tokio::test]
async fn a_token_that_is_wrong_missing_doubled_or_empty_is_refused() {
    let hooks = Hooks::start(Site::CONFIG).await;
    let push = || hooks.push("gitlab");
    let token = "x-gitlab-token";

    for guess in ["a-guess", "another-guess", &format!("{SECRET}x"), "a"] {
        refused(push().header(token, guess), 401, "hook/bad-signature").await;
    }
    refused(push(), 401, "hook/missing-signature").await;
    refused(push().header(token, ""), 401, "hook/empty-signature").await;
    let doubled = push().header(token, SECRET).header(token, SECRET);
    refused(doubled, 401, "hook/repeated-signature").await;

    let expected = [
        ("hook/bad-signature", 4),
        ("hook/empty-signature", 1),
        ("hook/missing-signature", 1),
        ("hook/repeated-signature", 1),
    ];
    let good = push().header(token, SECRET);
    hooks.left_only("gitlab", &expected, good).await;
}

#[tokio::test]
async fn a_source_without_a_secret_refuses_everybody_and_says_which_key_to_set() {
    let config = format!("{}\n[sources.bare]\nprovider = 'gitlab'", Site::CONFIG);
    let hooks = Hooks::start(&config).await;

    let request = hooks.push("bare").header("x-gitlab-token", "");
    let message = refused(request, 401, "hook/no-secret").await;

    assert!(message.contains("`[sources.bare]`"), "{message}");
    let good = hooks.push("gitlab").header("x-gitlab-token", SECRET);
    hooks
        .left_only("bare", &[("hook/no-secret", 1)], good)
        .await;
}

#[tokio::test]
async fn a_delivery_that_comes_again_is_answered_with_the_first_id_and_counted() {
    let hooks = Hooks::start(Site::CONFIG).await;
    let push = |body: &str| {
        let request = hooks.server.hook(PUSH.1, body.to_owned());
        let (client, built) = request.build_split();
        let mut built = built.expect("a request");
        let key = reqwest::header::HeaderValue::from_static("the-same-delivery");
        built.headers_mut().insert("idempotency-key", key);
        RequestBuilder::from_parts(client, built)
    };
    let first = accepted(push(PUSH.0)).await;

    let (status, again) = answer(push(PUSH.0)).await;
    let (other, changed) = answer(push(&PUSH.0.replace("main", "side"))).await;

    let duplicate = serde_json::json!({ "id": first, "duplicate": true });
    assert_eq!((status, &again), (200, &duplicate));
    assert_eq!((other, &changed), (200, &duplicate));
    let record = hooks.server.settled(&first).await;
    assert_eq!(record["record"]["duplicates"], 2);
    let listing = hooks.server.get("/api/v1/events").await;
    assert_eq!(listing["events"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn of_equal_deliveries_at_once_one_is_new() {
    let hooks = Hooks::start(Site::CONFIG).await;
    let address = format!("{}/hooks/gitlab", hooks.server.public);

    let mut answers = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let request = hooks
            .server
            .http
            .post(&address)
            .header("x-gitlab-event", PUSH.1)
            .header("x-gitlab-token", SECRET)
            .header("idempotency-key", "at-once")
            .body(PUSH.0);
        answers.spawn(answer(request));
    }
    let answers = answers.join_all().await;

    let (new, again): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 202);
    assert_eq!((new.len(), again.len()), (1, 23));
    let id = &new[0].1["id"];
    let duplicate = serde_json::json!({ "id": id, "duplicate": true });
    let duplicate = (200, duplicate);
    assert!(
        again.iter().all(|answer| **answer == duplicate),
        "{again:?}"
    );
    let record = hooks.server.settled(id.as_str().expect("an id")).await;
    assert_eq!(record["record"]["duplicates"], 23);
}

#[tokio::test]
async fn what_a_source_does_not_expect_is_answered_200_and_recorded() {
    let expect = "expect = { projects = ['payments/*'], events = ['Push Hook', 'Note Hook'] }";
    let config = Site::CONFIG.replace("provider =", &format!("{expect}\nprovider ="));
    let hooks = Hooks::start(&config).await;
    let elsewhere = PUSH.0.replace("payments/storefront", "sales/storefront");

    let project = answer(hooks.server.hook(PUSH.1, elsewhere)).await;
    let tag = include_str!("../../guest-sdk/samples/gitlab/tag.json");
    let event = answer(hooks.server.hook("Tag Push Hook", tag)).await;

    let ignored = |reason: &str| (200, serde_json::json!({ "ignored": reason }));
    assert_eq!(project, ignored("unexpected-project"));
    assert_eq!(event, ignored("unexpected-event"));
    let expected = [("hook/unexpected-event", 1), ("hook/unexpected-project", 1)];
    let good = hooks.server.hook(PUSH.1, PUSH.0);
    hooks.left_only("gitlab", &expected, good).await;
}
