//! What becomes of the changes of a push.

use serde_json::{Value, json};

use super::{event, events, sample};
use crate::domain::event::{Push, Subject, Tag};

const KEY: &str = "repo:push";

fn git_ref(kind: &str, name: &str, hash: &str) -> Value {
    json!({
        "type": kind, "name": name, "target": {"type": "commit", "hash": hash},
        "links": {"html": {"href": format!("https://bitbucket.example.org/a/b/{name}")}},
    })
}

fn body(changes: &Value) -> Value {
    json!({
        "actor": {"type": "user", "display_name": "Ada Martin", "account_id": "41"},
        "repository": {
            "full_name": "a/b", "name": "b", "uuid": "{1}",
            "links": {"html": {"href": "https://bitbucket.example.org/a/b"}},
        },
        "push": {"changes": changes},
    })
}

fn push(old: &Value, new: &Value) -> Push {
    let change = json!([{"old": old, "new": new, "commits": [], "forced": true}]);
    match event(KEY, &body(&change)).subject {
        Subject::Push(push) => push,
        subject => panic!("not a push but {}", subject.name()),
    }
}

fn tag(old: &Value, new: &Value) -> Tag {
    match event(KEY, &body(&json!([{"old": old, "new": new}]))).subject {
        Subject::Tag(tag) => tag,
        subject => panic!("not a tag but {}", subject.name()),
    }
}

#[test]
fn a_push_of_two_branches_and_a_tag_is_three_events() {
    let changes = json!([
        {"old": git_ref("branch", "main", "1"), "new": git_ref("branch", "main", "2"),
         "commits": [{"hash": "2", "message": "Two\n\nText"}]},
        {"old": null, "new": git_ref("branch", "develop", "3"), "commits": []},
        {"old": null, "new": git_ref("tag", "v1", "2")},
    ]);
    let events = events(KEY, &body(&changes));
    let ids: Vec<&str> = events
        .iter()
        .map(|event| event.id.0.rsplit_once('-').map_or("", |(_, end)| end))
        .collect();
    assert_eq!(ids, ["000000000000", "000000000000.2", "000000000000.3"]);
    let found: Vec<String> = events
        .iter()
        .map(|event| match &event.subject {
            Subject::Push(push) => {
                format!("push {} {} {}", push.branch, push.after, push.commit_count)
            }
            Subject::Tag(tag) => format!("tag {} {}", tag.name, tag.target),
            subject => subject.name().to_owned(),
        })
        .collect();
    assert_eq!(found, ["push main 2 1", "push develop 3 0", "tag v1 2"]);
    for event in &events {
        assert_eq!(event.provider_event, KEY);
        assert_eq!(event.project(), Some("a/b"));
        assert_eq!(
            event.actor.as_ref().map(|actor| &*actor.name),
            Some("Ada Martin")
        );
        assert!(event.url.is_some() && event.note.is_none());
    }
}

#[test]
fn null_before_or_after_says_that_a_branch_began_or_ended() {
    let (none, one, two) = (
        Value::Null,
        git_ref("branch", "feature/a", "1"),
        git_ref("branch", "feature/a", "2"),
    );
    let zeros = "0".repeat(40);
    let made = push(&none, &one);
    assert!(made.created && !made.deleted);
    assert_eq!((&made.before, &*made.after), (&zeros, "1"));
    let gone = push(&one, &none);
    assert!(gone.deleted && !gone.created);
    assert_eq!((&*gone.before, &gone.after), ("1", &zeros));
    let moved = push(&one, &two);
    assert!(!moved.created && !moved.deleted && moved.forced);
    assert_eq!((&*moved.before, &*moved.after), ("1", "2"));
    assert_eq!(moved.branch, "feature/a");
}

#[test]
fn the_branches_of_mercurial_are_pushes_and_both_sorts_of_tag_are_tags() {
    for kind in ["branch", "named_branch", "bookmark"] {
        assert_eq!(push(&Value::Null, &git_ref(kind, "x", "1")).branch, "x");
    }
    let mut annotated = git_ref("annotated_tag", "v1", "1");
    annotated["message"] = json!("The first\n");
    let made = tag(&Value::Null, &annotated);
    assert_eq!(made.message.as_deref(), Some("The first"));
    assert!(made.created && !made.deleted);
    let gone = tag(&git_ref("tag", "v1", "1"), &Value::Null);
    assert!(gone.deleted && gone.message.is_none());
    assert_eq!((&*gone.name, &*gone.target), ("v1", "1"));
}

#[test]
fn where_commits_are_left_out_one_more_is_counted_than_was_sent_and_a_note_says_so() {
    let mut body = sample("push");
    let Subject::Push(push) = event(KEY, &body).subject else {
        panic!("a push")
    };
    assert_eq!((push.commits.len(), push.commit_count), (3, 3));
    body["push"]["changes"][0]["truncated"] = json!(true);
    let event = event(KEY, &body);
    let Subject::Push(push) = &event.subject else {
        panic!("a push")
    };
    assert_eq!((push.commits.len(), push.commit_count), (3, 4));
    assert!(event.note.is_some_and(|note| note.contains("newest 3")));
}

#[test]
fn the_author_of_a_commit_is_read_from_what_git_has_and_from_the_account() {
    let author = |author: Value| {
        let commits = json!([{"hash": "2", "message": "x", "author": author}]);
        let change = json!([{
            "old": null, "new": git_ref("branch", "main", "2"), "commits": commits,
        }]);
        let Subject::Push(push) = event(KEY, &body(&change)).subject else {
            panic!("a push")
        };
        push.commits[0].author.clone()
    };
    let full = author(json!({"raw": "Ada M. <ada@example.org>",
        "user": {"type": "user", "display_name": "Ada Martin", "account_id": "41"}}))
    .expect("an author");
    assert_eq!(
        (
            full.name.as_str(),
            full.email.as_deref(),
            full.id.as_deref()
        ),
        ("Ada M.", Some("ada@example.org"), Some("41"))
    );
    let bare = author(json!({"raw": "ada"})).expect("an author");
    assert_eq!((bare.name.as_str(), bare.email), ("ada", None));
    let mail = author(json!({"raw": "<ada@example.org>"})).expect("an author");
    assert_eq!(mail.name, "ada@example.org");
    assert_eq!(author(json!({"raw": "  "})), None);
    assert_eq!(author(json!({})), None);
}

#[test]
fn a_push_without_changes_or_with_an_odd_one_is_other_with_a_note() {
    for changes in [json!([]), json!({}), Value::Null] {
        let event = event(KEY, &body(&changes));
        let project = event.project().map(str::to_owned);
        assert_eq!(event.subject, Subject::Other);
        assert!(event.note.is_some_and(|note| note.contains("no change")));
        assert_eq!(project.as_deref(), Some("a/b"));
    }
    let changes = json!([
        7,
        {"old": null, "new": null},
        {"old": null, "new": git_ref("rocket", "x", "1")},
        {"old": null, "new": {"type": "branch", "name": "x"}},
        {"old": null, "new": git_ref("branch", "main", "1")},
    ]);
    let found: Vec<(&str, bool)> = events(KEY, &body(&changes))
        .iter()
        .map(|event| (event.subject.name(), event.note.is_some()))
        .collect();
    let other = ("other", true);
    assert_eq!(found, [other, other, other, other, ("push", false)]);
}

#[test]
fn only_the_change_that_was_cut_says_so() {
    let long = "x".repeat(70_000);
    let changes = json!([
        {"old": null, "new": git_ref("branch", "one", "1"),
         "commits": [{"hash": "1", "message": long}]},
        {"old": null, "new": git_ref("branch", "two", "1"), "commits": []},
    ]);
    let truncated: Vec<bool> = events(KEY, &body(&changes))
        .iter()
        .map(|event| event.truncated)
        .collect();
    assert_eq!(truncated, [true, false]);
}
