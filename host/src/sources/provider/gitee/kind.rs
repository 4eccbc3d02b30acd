//! Which event header goes with which kind of body.

use serde_json::Value;

/// The event headers, and the hooks that their bodies name.
const KINDS: [(&str, &str); 5] = [
    ("Push Hook", "push_hooks"),
    ("Tag Push Hook", "tag_push_hooks"),
    ("Merge Request Hook", "merge_request_hooks"),
    ("Issue Hook", "issue_hooks"),
    ("Note Hook", "note_hooks"),
];

/// The hook that a body names.
pub(super) fn of_body(body: &Value) -> Option<&str> {
    body.get("hook_name")?
        .as_str()
        .filter(|name| !name.is_empty())
}

/// The header with which a hook is sent.
pub(super) fn header_of(name: &str) -> Option<&'static str> {
    KINDS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(header, _)| *header)
}

/// The hook that an event header stands for. Somebody who tries the webhook sends the hook's own name.
pub(super) fn of_header(header: &str) -> Option<&'static str> {
    KINDS
        .iter()
        .find(|(known, name)| *known == header || *name == header)
        .map(|(_, name)| *name)
}

/// Whether a header and a body contradict each other: both are known, and they do not go together.
pub(super) fn contradict(header: &str, name: &str) -> bool {
    let is_known = header_of(name).is_some();
    is_known && of_header(header).is_some_and(|expected| expected != name)
}
