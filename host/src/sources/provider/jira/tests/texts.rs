//! Texts that Jira keeps as trees.

use serde_json::{Value, json};

use super::{event, sample};
use crate::domain::event::Subject;

/// The description of an issue whose description is such a document.
fn description(content: &Value) -> String {
    let mut body = sample("issue-opened");
    body["issue"]["fields"]["description"] =
        json!({"type": "doc", "version": 1, "content": content});
    match event(&body).subject {
        Subject::Issue(issue) => issue.description,
        subject => panic!("not an issue but {}", subject.name()),
    }
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text, "marks": [{"type": "strong"}]})
}

fn paragraph(parts: &[Value]) -> Value {
    json!({"type": "paragraph", "content": parts})
}

#[test]
fn paragraphs_are_apart_and_their_parts_are_not() {
    let parts = [
        text("Ask "),
        json!({"type": "mention", "attrs": {"id": "1", "text": "@Ada Martin"}}),
        json!({"type": "hardBreak"}),
        json!({"type": "inlineCard", "attrs": {"url": "https://example.org/x"}}),
        json!({"type": "emoji", "attrs": {"shortName": ":tada:"}}),
        json!({"type": "date", "attrs": {"timestamp": "1767225600000"}}),
        json!({"type": "status", "attrs": {"text": "DONE"}}),
    ];
    let found = description(&json!([
        {"type": "heading", "attrs": {"level": 2}, "content": [text("Steps")]},
        {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"id": "1"}}]},
        paragraph(&parts),
    ]));
    assert_eq!(
        found,
        "Steps\n\nAsk @Ada Martin\nhttps://example.org/x:tada:2026-01-01DONE"
    );
}

#[test]
fn lists_and_tables_keep_their_lines() {
    let entry = |content: &[Value]| json!({"type": "listItem", "content": content});
    let nested =
        json!({"type": "bulletList", "content": [entry(&[paragraph(&[text("two articles")])])]});
    let found = description(&json!([
        {"type": "orderedList", "attrs": {"order": 3}, "content": [
            entry(&[paragraph(&[text("Order")]), nested]),
            entry(&[paragraph(&[text("Send back")])]),
        ]},
        {"type": "table", "content": [{"type": "tableRow", "content": [
            {"type": "tableHeader", "content": [paragraph(&[text("sum")])]},
            {"type": "tableCell", "content": [paragraph(&[text("30.29")])]},
        ]}]},
    ]));
    assert_eq!(
        found,
        "3. Order\n  - two articles\n4. Send back\n\nsum | 30.29"
    );
}

#[test]
fn a_comment_may_be_a_tree_and_an_unknown_node_gives_what_is_in_it() {
    let mut body = sample("note-on-issue");
    body["comment"]["body"] = json!({"type": "doc", "content": [
        {"type": "rocket", "content": [paragraph(&[text("Please round once.")])]},
        {"type": "extension", "attrs": {"text": "not shown"}},
    ]});
    let Subject::Comment(comment) = event(&body).subject else {
        panic!("a comment")
    };
    assert_eq!(comment.text, "Please round once.");
}

#[test]
fn a_tree_without_words_is_no_text() {
    assert_eq!(description(&json!([])), "");
    assert_eq!(description(&json!([{"type": "paragraph"}])), "");
    let mut body = sample("note-on-issue");
    body["comment"]["body"] = json!({"type": "doc", "content": []});
    let Subject::Comment(comment) = event(&body).subject else {
        panic!("a comment may be a picture alone")
    };
    assert_eq!(comment.text, "");
}

#[test]
fn a_tree_as_deep_as_a_body_may_be_is_read() {
    let mut node = paragraph(&[text("deep")]);
    for _ in 0..55 {
        node = json!({"type": "blockquote", "content": [node]});
    }
    assert_eq!(description(&json!([node])), "deep");
}

#[test]
fn a_long_tree_is_cut_like_a_long_text() {
    let mut body = sample("issue-opened");
    let long = paragraph(&[text(&"é".repeat(40_000))]);
    body["issue"]["fields"]["description"] = json!({"type": "doc", "content": [long]});
    let found = event(&body);
    assert!(found.truncated);
    let Subject::Issue(issue) = found.subject else {
        panic!("an issue")
    };
    assert_eq!(issue.description.len(), 64 << 10);
}
