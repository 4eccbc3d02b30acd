//! What Jira's real payloads become.

use serde_json::Value;

use crate::sources::corpus::Corpus;

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "jira",
    provider: "jira",
    kind,
    subjects: &[
        ("jira:issue_updated with a comment", &["comment"]),
        ("jira:issue_*", &["issue"]),
        ("comment_*", &["comment"]),
    ],
    others: &[],
    differences: &[],
    at_least: (55, 0),
};

fn kind(_: &[(String, String)], body: &Value) -> String {
    let event = body["webhookEvent"].as_str().unwrap_or("none");
    match body.get("comment") {
        Some(_) if event == "jira:issue_updated" => format!("{event} with a comment"),
        _ => event.to_owned(),
    }
}
