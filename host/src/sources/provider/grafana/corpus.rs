//! What Grafana's real payloads become.

use crate::sources::corpus::Corpus;

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "grafana",
    provider: "grafana",
    kind: |_, body| {
        let is_group = body.get("alerts").is_some();
        if is_group { "group" } else { "dashboard" }.to_owned()
    },
    subjects: &[("group", &["alert"]), ("dashboard", &["alert"])],
    others: &[],
    differences: &[],
    at_least: (6, 0),
};
