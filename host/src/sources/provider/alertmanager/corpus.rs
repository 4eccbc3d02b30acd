//! What Alertmanager's real payloads become.

use crate::sources::corpus::Corpus;

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "alertmanager",
    provider: "alertmanager",
    kind: |_, body| body["version"].as_str().unwrap_or("none").to_owned(),
    subjects: &[("3", &["alert"]), ("4", &["alert"])],
    others: &[],
    differences: &[],
    at_least: (2, 0),
};
