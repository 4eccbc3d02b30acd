//! Events in number: sent by several tasks at full speed, and what the records say of each.

use hookbox::sources::samples::{Sample, samples};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::eventually;
use super::server::{SECRET, Server};

/// The sample of this name.
pub(crate) fn sample(name: &str) -> &'static Sample {
    samples()
        .find(|sample| sample.provider == "gitlab" && sample.name == name)
        .expect("there is such a sample")
}

/// The body of a push that leaves its branch at a commit which no other push has.
pub(crate) fn push_of_its_own() -> String {
    let commit = format!("{:040x}", uuid::Uuid::now_v7().as_u128());
    let body = sample("push").body;
    let replaced = body.replace("a625406f6977d45c1391b078f4d3656e0b75bfcb", &commit);
    assert_ne!(replaced, body);
    replaced
}

/// Sends a push as GitLab does, under a key that is the sender's own, and returns the status and the
/// identifier that the server gave it.
pub(crate) async fn send_push(
    http: &reqwest::Client,
    public: &str,
    key: &str,
    body: String,
) -> Result<(StatusCode, String), String> {
    let answer = http
        .post(format!("{public}/hooks/gitlab"))
        .header("content-type", "application/json")
        .header("x-gitlab-event", sample("push").event_header)
        .header("x-gitlab-token", SECRET)
        .header("idempotency-key", key)
        .body(body)
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    let body: Value = answer.json().await.map_err(|error| error.to_string())?;
    let id = body["id"].as_str().ok_or_else(|| body.to_string())?;
    Ok((status, id.to_owned()))
}

/// What it means for a [`Stream`] that a push was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The test fails.
    Fails,
    /// The task ends: the server is expected to.
    Ends,
}

/// Tasks that send pushes one after the other until they are told to end.
pub(crate) struct Stream {
    ending: watch::Sender<bool>,
    tasks: JoinSet<Vec<String>>,
}

impl Stream {
    /// Starts so many tasks.
    pub(crate) fn start(server: &Server, number: usize, refused: Refused) -> Self {
        let ending = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        for _ in 0..number {
            let (http, public) = (server.http.clone(), server.public.clone());
            let ending = ending.subscribe();
            tasks.spawn(async move {
                let mut accepted = Vec::new();
                while !*ending.borrow() {
                    let key = uuid::Uuid::now_v7().to_string();
                    match send_push(&http, &public, &key, push_of_its_own()).await {
                        Ok((StatusCode::ACCEPTED, id)) => accepted.push(id),
                        _ if refused == Refused::Ends => break,
                        other => panic!("a push was not accepted: {other:?}"),
                    }
                }
                accepted
            });
        }
        Self { ending, tasks }
    }

    /// Ends the tasks, and returns the identifiers of all that was accepted.
    pub(crate) async fn end(self) -> Vec<String> {
        self.ending.send_replace(true);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

impl Server {
    /// Sends a sample's body under another event header or changed, and returns the identifier that the
    /// server gave it.
    pub(crate) async fn send(&self, event_header: &str, body: &str) -> String {
        let answer = self.hook(event_header, body.to_owned()).send().await;
        let answer = answer.expect("the server answers");
        assert_eq!(answer.status(), 202);
        let body: Value = answer.json().await.expect("the answer is JSON");
        body["id"].as_str().expect("it has an id").to_owned()
    }

    /// Waits until nothing waits or runs. Fails when what is left does not get less.
    pub(crate) async fn idle(&self) {
        let mut left = u64::MAX;
        while left > 0 {
            left = eventually("what waits gets less", || async {
                let status = self.get("/api/v1/status").await;
                let count = |queue: &str| status["backlog"][queue].as_u64().expect("a count");
                let now = count("deliveries") + count("events") + count("actions");
                if now < left {
                    Ok(now)
                } else {
                    Err(status.to_string())
                }
            })
            .await;
        }
    }

    /// The identifiers of all events there are.
    pub(crate) async fn events(&self) -> Vec<String> {
        let (mut events, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .get(&format!("/api/v1/events?limit=1000{cursor}"))
                .await;
            let listed = page["events"].as_array().expect("a list");
            events.extend(listed.iter().map(|event| text(&event["id"])));
            match page["next"].as_i64() {
                Some(next) => cursor = format!("&before={next}"),
                None => return events,
            }
        }
    }

    /// The record of an event as it is now.
    pub(crate) async fn record(&self, event: &str) -> Value {
        self.get(&format!("/api/v1/events/{event}")).await
    }

    /// A rule's entry in the listing, if it has one.
    pub(crate) async fn rule(&self, name: &str) -> Option<Value> {
        let listing = self.get("/api/v1/rules").await;
        let rules = listing["rules"].as_array().cloned().unwrap_or_default();
        rules.into_iter().find(|rule| rule["name"] == name)
    }

    /// A rule's entry in the listing, once it is as wanted.
    pub(crate) async fn rule_where(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("`{name}` is as wanted"), || async {
            match self.rule(name).await {
                Some(rule) if wanted(&rule) => Ok(rule),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// Waits until the module with this digest serves as this rule.
    pub(crate) async fn serves(&self, name: &str, digest: &str) -> Value {
        self.rule_where(name, |rule| rule["serving"]["module"] == digest)
            .await
    }
}

/// What became of an event with a rule; none if the rule is not named.
pub(crate) fn verdict(record: &Value, rule: &str) -> Option<Value> {
    let mut verdicts = record["rules"].as_array().into_iter().flatten();
    verdicts.find(|verdict| verdict["rule"] == rule).cloned()
}

/// The evaluations of an event, in the order of their commits.
pub(crate) fn evaluations(record: &Value) -> Vec<&Value> {
    record["record"]["evaluations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|evaluation| &evaluation["evaluation"])
        .collect()
}

/// The rules that evaluated an event, in the order of their commits.
pub(crate) fn evaluated_by(record: &Value) -> Vec<String> {
    evaluations(record)
        .into_iter()
        .map(|evaluation| text(&evaluation["rule"]))
        .collect()
}

/// The module's digest, the settings' digest, and the reason of an evaluation.
pub(crate) fn version(evaluation: &Value) -> [String; 3] {
    [
        &evaluation["module"],
        &evaluation["settings"],
        &evaluation["outcome"]["decided"]["reason"],
    ]
    .map(text)
}

/// The text that stands there; empty where none does.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
