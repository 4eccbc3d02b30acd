//! Issues, comments, pages of the wiki, and people.

use serde_json::json;

use super::{PROVIDERS, event, with};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, Subject, Visibility};

#[test]
fn an_issues_change_is_said_in_neutral_words() {
    for (action, expected) in [
        ("opened", Change::Opened),
        ("closed", Change::Closed),
        ("reopened", Change::Reopened),
        ("edited", Change::Updated),
        ("milestoned", Change::Updated),
        ("deleted", Change::Deleted),
        ("assigned", Change::Assigned),
        ("unassigned", Change::Unassigned),
        ("label_updated", Change::Labeled),
        ("label_cleared", Change::Unlabeled),
        ("rocket", Change::Other),
    ] {
        let body = with(&json!({
            "action": action,
            "issue": {"number": 87, "title": "x", "state": "open", "labels": [{"name": "bug"}]},
        }));
        for provider in PROVIDERS {
            let found = event(provider, "issues", &body);
            assert_eq!(
                found.url.as_deref(),
                Some("https://git.example.org/payments/storefront/issues/87")
            );
            let Subject::Issue(issue) = found.subject else {
                panic!("an issue")
            };
            assert_eq!(
                (issue.change, issue.key.as_str()),
                (expected, "87"),
                "{action}"
            );
        }
    }
}

#[test]
fn an_issue_keeps_its_people_its_milestone_and_what_was_edited() {
    let body = with(&json!({
        "action": "edited",
        "changes": {"title": {"from": "Refund"}},
        "issue": {
            "number": 87,
            "title": "Refunds",
            "body": "All.",
            "state": "closed",
            "html_url": "https://git.example.org/payments/storefront/issues/87",
            "user": {"login": "ada.martin"},
            "assignees": [{"login": "robin"}, {"login": "kim"}],
            "assignee": {"login": "robin"},
            "milestone": {"title": "2.4"},
            "updated_at": "2026-01-01T01:00:00+01:00",
        },
    }));
    let found = event("gitea", "issues", &body);
    assert_eq!(found.happened_at, Some(Timestamp(1_767_225_600_000)));
    let Subject::Issue(issue) = found.subject else {
        panic!("an issue")
    };
    let names: Vec<_> = issue.assignees.iter().map(|person| &*person.name).collect();
    assert_eq!(names, ["robin", "kim"]);
    assert_eq!(issue.milestone.as_deref(), Some("2.4"));
    assert_eq!(
        (issue.state.as_str(), issue.description.as_str()),
        ("closed", "All.")
    );
    let change = &issue.changes[0];
    assert_eq!(
        (change.before.as_deref(), change.after.as_deref()),
        (Some("Refund"), Some("Refunds"))
    );
}

#[test]
fn a_comment_is_on_an_issue_or_on_a_pull_request() {
    let mut body = with(&json!({
        "action": "created",
        "issue": {"number": 7, "title": "x", "user": {"login": "ada"}, "pull_request": null},
        "comment": {"id": 5, "body": "Good.", "created_at": "0001-01-01T00:00:00Z"},
        "is_pull": false,
    }));
    let read = |body: &serde_json::Value| match event("gitea", "issue_comment", body).subject {
        Subject::Comment(comment) => comment,
        subject => panic!("not a comment but {}", subject.name()),
    };
    let comment = read(&body);
    assert_eq!(comment.target, CommentTarget::Issue);
    assert_eq!(comment.target_key.as_deref(), Some("7"));
    assert_eq!(comment.change, Change::Opened);
    assert_eq!(event("gitea", "issue_comment", &body).happened_at, None);
    body["is_pull"] = json!(true);
    assert_eq!(read(&body).target, CommentTarget::MergeRequest);
    body["is_pull"] = json!(null);
    body["issue"]["pull_request"] = json!({"merged": false});
    assert_eq!(read(&body).target, CommentTarget::MergeRequest);
    for (action, expected) in [
        ("edited", Change::Updated),
        ("deleted", Change::Deleted),
        ("rocket", Change::Other),
    ] {
        body["action"] = json!(action);
        assert_eq!(read(&body).change, expected);
    }
}

#[test]
fn a_page_of_the_wiki_has_its_address_until_it_is_removed() {
    for (action, expected, end) in [
        ("created", Change::Opened, "/wiki/Run%20books/A"),
        ("edited", Change::Updated, "/wiki/Run%20books/A"),
        ("deleted", Change::Deleted, "/wiki"),
    ] {
        let body = with(&json!({"action": action, "page": "Run books/A", "comment": "x"}));
        let found = event("forgejo", "wiki", &body);
        assert!(found.url.is_some_and(|url| url.ends_with(end)));
        let Subject::Page(page) = found.subject else {
            panic!("a page")
        };
        assert_eq!(
            (page.change, page.title.as_str()),
            (expected, "Run books/A")
        );
    }
}

#[test]
fn the_account_of_the_actions_is_a_bot_and_a_person_is_none() {
    let mut body = with(&json!({"action": "opened", "issue": {"number": 1, "title": "x"}}));
    let actor = |body: &serde_json::Value| event("gitea", "issues", body).actor.expect("an actor");
    assert!(!actor(&body).bot);
    assert_eq!(actor(&body).username.as_deref(), Some("ada.martin"));
    body["sender"] = json!({"id": -2, "login": "gitea-actions", "full_name": "Gitea Actions"});
    assert!(actor(&body).bot);
    body["sender"] = json!({"id": 4, "login": "kim", "full_name": ""});
    assert_eq!(actor(&body).name, "kim");
}

#[test]
fn a_repository_is_as_visible_as_it_says() {
    let mut body = with(&json!({"action": "opened", "issue": {"number": 1, "title": "x"}}));
    for (private, internal, expected) in [
        (json!(true), json!(false), Visibility::Private),
        (json!(false), json!(true), Visibility::Internal),
        (json!(false), json!(false), Visibility::Public),
        (json!(null), json!(null), Visibility::Unknown),
    ] {
        body["repository"]["private"] = private;
        body["repository"]["internal"] = internal;
        let found = event("gitea", "issues", &body).repository;
        assert_eq!(found.map(|found| found.visibility), Some(expected));
    }
}
