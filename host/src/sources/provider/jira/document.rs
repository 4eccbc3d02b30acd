//! Texts as Jira writes them: as a text in its markup, or as a tree of nodes, the Atlassian Document Format
//! (<https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/>).
//!
//! A tree becomes plain text that reads well in a chat: paragraphs, lists, and line breaks are kept, formatting is
//! not.
//!
//! Invariant: a tree is as deep as a body may be, and reading it goes no deeper.

use crate::sources::json::Node;

/// The text under a key; none where it is empty.
pub(super) fn text(node: Node<'_>, key: &str) -> Option<String> {
    node.text(key).or_else(|| {
        let plain = plain(node.get(key));
        let plain = plain.trim();
        (!plain.is_empty()).then(|| node.cut().text(plain))
    })
}

/// A node of the tree as plain text, cut to what an event may hold: a list sets each line in for each list that it is
/// in, so that a short text deep within lists would become a long one.
fn plain(node: Node<'_>) -> String {
    let text = uncut(node);
    node.cut().text(&text)
}

fn uncut(node: Node<'_>) -> String {
    let attributes = node.get("attrs");
    match node.raw("type").unwrap_or_default() {
        "text" => node.raw("text").unwrap_or_default().to_owned(),
        "hardBreak" => "\n".to_owned(),
        "rule" => "---".to_owned(),
        "mention" | "status" | "placeholder" => {
            attributes.raw("text").unwrap_or_default().to_owned()
        }
        "emoji" => {
            let text = attributes.raw("text");
            let text = text.or_else(|| attributes.raw("shortName"));
            text.unwrap_or_default().to_owned()
        }
        "inlineCard" | "blockCard" | "embedCard" => {
            attributes.raw("url").unwrap_or_default().to_owned()
        }
        "date" => date(attributes).unwrap_or_default(),
        "media" | "mediaInline" => attributes.raw("alt").unwrap_or_default().to_owned(),
        "paragraph" | "heading" | "codeBlock" | "caption" | "taskItem" | "decisionItem" => {
            parts(node).concat()
        }
        "bulletList" | "taskList" | "decisionList" => list(node, |_| "- ".to_owned()),
        "orderedList" => {
            let first = attributes.number("order").unwrap_or(1);
            list(node, |index| format!("{}. ", first.saturating_add(index)))
        }
        "tableRow" => parts(node).join(" | "),
        "doc" | "blockquote" | "panel" => not_empty(node).join("\n\n"),
        _ => not_empty(node).join("\n"),
    }
}

/// The texts of the nodes within a node.
fn parts(node: Node<'_>) -> Vec<String> {
    node.cut().parts(node.items("content").map(plain))
}

/// The texts of those that have one: a picture without words leaves no gap.
fn not_empty(node: Node<'_>) -> Vec<String> {
    let texts = node.items("content").map(plain);
    node.cut().parts(texts.filter(|text| !text.is_empty()))
}

/// A list, a line for each entry, with what is below an entry set in.
fn list(node: Node<'_>, mark: impl Fn(u64) -> String) -> String {
    let lines = (0..)
        .zip(not_empty(node))
        .map(|(index, text)| format!("{}{}", mark(index), text.replace('\n', "\n  ")));
    lines.collect::<Vec<_>>().join("\n")
}

/// A day, which is kept as milliseconds since 1970.
fn date(attributes: Node<'_>) -> Option<String> {
    let millis = attributes.id("timestamp")?.parse().ok()?;
    let instant = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(instant.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::json::Cut;

    #[test]
    fn a_text_deep_within_lists_becomes_no_longer_than_an_event_may_hold() {
        let line = json!({"type": "text", "text": "a\n".repeat(10_000)});
        let deep = (0..55).fold(
            line,
            |inner, _| json!({"type": "bulletList", "content": [inner]}),
        );
        let wide = json!({"type": "doc", "content": vec![deep.clone(); 3]});
        for tree in [deep, wide] {
            let cut = Cut::default();
            let text = plain(Node::root(&tree, &cut));
            assert_eq!(text.len(), 64 << 10);
            assert!(cut.happened());
        }
    }
}
