//! What Nextcloud's real payloads become.

use crate::sources::corpus::Corpus;

pub(in crate::sources) const CORPUS: Corpus = Corpus {
    folder: "nextcloud",
    provider: "nextcloud",
    kind: |_, body| {
        let class = body["event"]["class"].as_str();
        class.map_or("none", super::short).to_owned()
    },
    subjects: &[
        ("NodeCreatedEvent", &["file"]),
        ("NodeDeletedEvent", &["file"]),
        ("NodeRenamedEvent", &["file"]),
        ("NodeRestoredEvent", &["file"]),
    ],
    others: &[
        ("CalendarObject*", "an appointment is not a file"),
        ("FormSubmittedEvent", "an answer to a form is not a file"),
        ("RowAddedEvent", "a row of a table is not a file"),
        (
            "TagAssignedEvent",
            "a tag on a file changes neither what it holds nor where it lies, and names it by number alone",
        ),
    ],
    differences: &[],
    at_least: (9, 0),
};
