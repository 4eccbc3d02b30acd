//! What Confluence's real payloads become.

use serde_json::Value;

use crate::sources::corpus::Corpus;

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "confluence",
    provider: "confluence",
    kind: |_, body: &Value| body["event"].as_str().unwrap_or("none").to_owned(),
    subjects: &[
        ("page_*", &["page"]),
        ("blog_*", &["page"]),
        ("comment_*", &["comment"]),
    ],
    others: &[("none", "a body of no event of Confluence")],
    differences: &[],
    at_least: (11, 0),
};
