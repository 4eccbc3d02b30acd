//! Pushes, tags, releases, wiki pages, people, and repositories.

use serde_json::{Value, json};

use super::{event, events, repository, sample, subject};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, Subject, Visibility};

const ZEROS: &str = "0000000000000000000000000000000000000000";

#[test]
fn a_branch_begins_moves_and_ends() {
    let mut body = sample("push");
    let moved = event("push", &body);
    assert!(
        moved
            .url
            .is_some_and(|url| url.ends_with("/compare/1197955e4244...a625406f6977"))
    );
    body["ref"] = json!("refs/heads/feature/a b");
    body["before"] = json!(ZEROS);
    body["created"] = json!(true);
    body["forced"] = json!(true);
    let made = event("push", &body);
    assert!(
        made.url
            .is_some_and(|url| url.ends_with("/commits/feature/a%20b"))
    );
    let made = subject!(Push, "push", &body);
    assert_eq!(made.branch, "feature/a b");
    assert!(made.created && made.forced && !made.deleted);
    body["created"] = json!(false);
    body["deleted"] = json!(true);
    body["after"] = json!(ZEROS);
    let gone = event("push", &body);
    assert_eq!(
        gone.url.as_deref(),
        Some("https://github.example.org/payments/storefront")
    );
    assert!(subject!(Push, "push", &body).deleted);
}

#[test]
fn an_annotated_tag_is_on_the_commit_and_not_on_itself() {
    let mut body = sample("tag");
    let commit = "a625406f6977d45c1391b078f4d3656e0b75bfcb";
    assert_eq!(subject!(Tag, "push", &body).target, commit);
    body["head_commit"] = Value::Null;
    let plain = subject!(Tag, "push", &body);
    assert_eq!(plain.target, "bc17cd4efbccf3716a0fbcec2e859f58f2b0f740");
    body["before"] = json!("bc17cd4efbccf3716a0fbcec2e859f58f2b0f740");
    body["after"] = json!(ZEROS);
    body["created"] = json!(false);
    body["deleted"] = json!(true);
    let gone = subject!(Tag, "push", &body);
    assert_eq!(gone.target, "bc17cd4efbccf3716a0fbcec2e859f58f2b0f740");
    assert!(gone.deleted && !gone.created);
}

#[test]
fn a_ref_that_is_neither_branch_nor_tag_is_other() {
    let mut body = sample("push");
    body["ref"] = json!("refs/notes/commits");
    let found = event("push", &body);
    assert_eq!(found.subject, Subject::Other);
    assert!(found.note.is_some_and(|note| note.contains("neither")));
}

#[test]
fn a_push_is_known_without_its_header_and_other_bodies_are_not() {
    let push = super::testing::parse(&super::source(), &[], sample("push").to_string().as_bytes());
    assert_eq!(push.events[0].provider_event, "push");
    assert_eq!(push.events[0].subject.name(), "push");
    let issue = super::testing::parse(
        &super::source(),
        &[],
        sample("issue-opened").to_string().as_bytes(),
    );
    assert_eq!(issue.events[0].subject, Subject::Other);
    assert!(
        issue.events[0]
            .note
            .as_ref()
            .is_some_and(|note| note.contains("X-GitHub-Event"))
    );
}

#[test]
fn times_are_texts_or_seconds() {
    let mut body = sample("push");
    let expected = Some(Timestamp(1_767_224_943_000));
    assert_eq!(event("push", &body).happened_at, expected);
    body["repository"]["pushed_at"] = json!("2025-12-31T23:49:03Z");
    assert_eq!(event("push", &body).happened_at, expected);
    for odd in [json!(-1), json!(u64::MAX), json!(""), json!(1.5)] {
        body["repository"]["pushed_at"] = odd;
        assert_eq!(event("push", &body).happened_at, None);
    }
}

#[test]
fn the_actor_is_the_sender_and_a_pusher_with_the_same_name_adds_the_address() {
    let mut body = sample("push");
    let actor = |body: &Value| event("push", body).actor.expect("an actor");
    assert_eq!(
        actor(&body).email.as_deref(),
        Some("robin.reviewer@example.org")
    );
    body["pusher"]["name"] = json!("somebody-else");
    assert_eq!(actor(&body).email, None);
    body["sender"]["type"] = json!("Bot");
    assert!(actor(&body).bot);
    body["sender"] = json!({"login": "dependabot[bot]"});
    assert!(actor(&body).bot);
    body["sender"] = json!({"login": "robot"});
    assert!(!actor(&body).bot);
    body.as_object_mut().expect("an object").remove("sender");
    assert_eq!(actor(&body).name, "somebody-else");
}

#[test]
fn who_may_see_a_repository_is_said_in_a_word_or_by_a_flag() {
    for (word, private, expected) in [
        (json!("public"), json!(false), Visibility::Public),
        (json!("internal"), json!(true), Visibility::Internal),
        (json!("private"), json!(true), Visibility::Private),
        (Value::Null, json!(true), Visibility::Private),
        (Value::Null, json!(false), Visibility::Public),
        (Value::Null, Value::Null, Visibility::Unknown),
        (json!("secret"), json!(false), Visibility::Unknown),
    ] {
        let mut body = sample("push");
        body["repository"]["visibility"] = word.clone();
        body["repository"]["private"] = private;
        let repository = event("push", &body).repository.expect("a repository");
        assert_eq!(repository.visibility, expected, "{word}");
    }
}

#[test]
fn a_release_is_new_once_whatever_else_is_sent_with_it() {
    let mut body = sample("release");
    for (action, expected) in [
        ("published", Change::Opened),
        ("created", Change::Other),
        ("released", Change::Other),
        ("prereleased", Change::Other),
        ("edited", Change::Updated),
        ("unpublished", Change::Closed),
        ("deleted", Change::Deleted),
    ] {
        body["action"] = json!(action);
        let found = subject!(Release, "release", &body);
        assert_eq!(found.change, expected, "{action}");
    }
    body["release"]["name"] = Value::Null;
    body["release"]["prerelease"] = json!(true);
    let nameless = subject!(Release, "release", &body);
    assert!(nameless.prerelease && nameless.name == "v2.4.0");
}

#[test]
fn pages_that_were_changed_together_are_one_event_each() {
    let page = |name: &str, action: &str| {
        json!({
            "page_name": name, "title": format!("{name} title"), "action": action,
            "html_url": format!("https://github.com/payments/storefront/wiki/{name}"),
        })
    };
    let body = json!({
        "pages": [page("Home", "edited"), page("Refunds", "created"), {"title": "nameless"}],
        "repository": repository(),
        "sender": {"login": "ada-martin"},
    });
    let found = events("gollum", &body);
    let seen: Vec<_> = found
        .iter()
        .map(|event| match &event.subject {
            Subject::Page(page) => (page.id.as_str(), page.change),
            subject => panic!("a page, not {}", subject.name()),
        })
        .collect();
    assert_eq!(
        seen,
        [("Home", Change::Updated), ("Refunds", Change::Opened)]
    );
    for event in &found {
        assert!(event.actor.is_some() && event.project() == Some("payments/storefront"));
    }
    assert_eq!(found[1].provider_action.as_deref(), Some("created"));
    assert!(
        found[1]
            .url
            .as_ref()
            .is_some_and(|url| url.ends_with("/Refunds"))
    );
    assert_ne!(found[0].id, found[1].id);
}

#[test]
fn long_texts_and_lists_are_cut_and_the_event_says_so() {
    let mut body = sample("push");
    assert!(!event("push", &body).truncated);
    body["commits"] = Value::Array(vec![body["commits"][0].clone(); 1_001]);
    let cut = event("push", &body);
    assert!(cut.truncated);
    let push = subject!(Push, "push", &body);
    assert_eq!((push.commits.len(), push.commit_count), (1_000, 1_001));
    let mut body = sample("issue-opened");
    body["issue"]["body"] = json!("x".repeat(70_000));
    assert!(event("issues", &body).truncated);
}
