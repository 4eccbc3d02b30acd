//! Real GitLab payloads that others captured, sent to the real server, where the environment says where
//! they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::corpus::{headers_beside, is_payload};
use crate::support::server::{SECRET, Site};

/// The payloads below a folder: `…/gitlab/<name>.json`, in order.
fn payloads(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the corpus can be read");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the corpus can be read").path())
        .flat_map(|path| {
            if path.is_dir() {
                payloads(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| {
            path.parent()
                .is_some_and(|parent| parent.ends_with("gitlab"))
        })
        .filter(|path| is_payload(path))
        .collect();
    found.sort();
    found
}

/// The headers beside a payload, without those that a test sets itself.
fn headers(payload: &Path) -> BTreeMap<String, String> {
    let mut headers = headers_beside(payload);
    headers.retain(|name, _| {
        let name = name.to_ascii_lowercase();
        name.starts_with("x-gitlab-") && name != "x-gitlab-token"
    });
    headers
}

#[tokio::test]
async fn every_captured_payload_is_accepted_and_becomes_an_event() {
    let Some(corpus) = hookbox::config::env::variable("HOOKBOX_CORPUS") else {
        println!(
            "left out: 1 test needs a corpus of real payloads, which HOOKBOX_CORPUS would name"
        );
        return;
    };
    let site = Site::new(&Site::CONFIG.replace("provider =", "body_limit = '25MiB'\nprovider ="));
    let server = site.serve().await;
    let mut table: BTreeMap<String, u32> = BTreeMap::new();
    let mut sent = Vec::new();

    for path in payloads(Path::new(&corpus)) {
        let body = std::fs::read(&path).expect("the payload can be read");
        let mut request = server
            .http
            .post(format!("{}/hooks/gitlab", server.public))
            .header("content-type", "application/json")
            .header("x-gitlab-token", SECRET)
            .header("idempotency-key", uuid::Uuid::now_v7().to_string());
        for (name, value) in headers(&path) {
            request = request.header(name, value);
        }
        let answer = request.body(body).send().await.expect("the server answers");
        let status = answer.status();
        let body: serde_json::Value = answer.json().await.expect("the answer is JSON");
        assert_eq!(status, 202, "{}: {body}", path.display());
        sent.push((path, body["id"].as_str().expect("it has an id").to_owned()));
    }

    for (path, id) in &sent {
        let record = server.settled(id).await;
        let event = &record["record"]["event"];
        let subject = match event["subject"].as_object() {
            Some(subject) => subject.keys().next().cloned().unwrap_or_default(),
            None => event["subject"].as_str().unwrap_or_default().to_owned(),
        };
        let is_explained = subject != "other" || event["note"].is_string();
        assert!(is_explained, "{}: {event}", path.display());
        *table.entry(subject).or_default() += 1;
    }
    for (subject, count) in &table {
        println!("{subject:16} {count:4}");
    }
    let listing = server.get("/api/v1/events?limit=1000").await;
    assert_eq!(listing["events"].as_array().map(Vec::len), Some(sent.len()));
    assert!(sent.len() >= 100, "the corpus is smaller than it was");
    assert!(table.len() >= 10, "{table:?}");
}
