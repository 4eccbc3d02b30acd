//! What becomes of which event.

use serde_json::{Value, json};

use super::{event, events, item, sample};
use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, Issue, Subject};

fn issue(body: &Value) -> Issue {
    match event(body).subject {
        Subject::Issue(issue) => issue,
        subject => panic!("not an issue but {}", subject.name()),
    }
}

/// The change of an update in which these fields changed.
fn change_of(category: &str, action: &str, items: &[Value]) -> Change {
    let mut body = sample("issue-updated");
    body["issue"]["fields"]["status"]["statusCategory"]["key"] = json!(category);
    body["issue_event_type_name"] = json!(action);
    body["changelog"]["items"] = json!(items);
    issue(&body).change
}

#[test]
fn an_issue_is_closed_and_reopened_by_the_category_of_its_status() {
    let moved = || item("status", Some("To Do"), Some("Gone"));
    let resolved = || item("resolution", None, Some("Done"));
    let cleared = || item("resolution", Some("Done"), None);
    for (category, action, items, expected) in [
        ("done", "issue_generic", vec![moved()], Change::Closed),
        ("done", "issue_generic", vec![resolved()], Change::Closed),
        (
            "done",
            "issue_generic",
            vec![item("resolution", Some("Done"), Some("Won't do"))],
            Change::Updated,
        ),
        (
            "done",
            "issue_updated",
            vec![item("summary", Some("a"), Some("b"))],
            Change::Updated,
        ),
        (
            "indeterminate",
            "issue_generic",
            vec![moved()],
            Change::Updated,
        ),
        (
            "new",
            "issue_generic",
            vec![moved(), cleared()],
            Change::Reopened,
        ),
        ("new", "issue_generic", vec![cleared()], Change::Reopened),
        ("new", "issue_reopened", vec![moved()], Change::Reopened),
        ("done", "issue_generic", vec![cleared()], Change::Updated),
        // A field of somebody's own is called what they like.
        (
            "done",
            "issue_updated",
            vec![item("Status report", None, Some("x"))],
            Change::Updated,
        ),
    ] {
        assert_eq!(
            change_of(category, action, &items),
            expected,
            "{category} {action} {items:?}"
        );
    }
}

#[test]
fn an_update_is_named_by_what_most_concerns_others() {
    let given = || item("assignee", None, Some("Ada Martin"));
    let label = |before, after| item("labels", Some(before), Some(after));
    for (items, expected) in [
        (vec![given()], Change::Assigned),
        (
            vec![item("assignee", Some("Ada Martin"), None)],
            Change::Unassigned,
        ),
        (vec![label("", "bug")], Change::Labeled),
        (vec![label("old bug", "new bug")], Change::Labeled),
        (vec![label("old bug", "bug")], Change::Unlabeled),
        (vec![label("a b", "b a")], Change::Updated),
        (vec![given(), label("", "bug")], Change::Labeled),
        (
            vec![item("Rank", Some(""), Some("ranked higher"))],
            Change::Updated,
        ),
    ] {
        assert_eq!(
            change_of("new", "issue_updated", &items),
            expected,
            "{items:?}"
        );
    }
}

#[test]
fn an_assignment_without_a_change_is_told_by_the_issue() {
    assert_eq!(change_of("new", "issue_assigned", &[]), Change::Assigned);
    let mut body = sample("issue-updated");
    body["issue_event_type_name"] = json!("issue_assigned");
    body["changelog"]["items"] = json!([]);
    body["issue"]["fields"]["assignee"] = Value::Null;
    assert_eq!(issue(&body).change, Change::Unassigned);
}

#[test]
fn every_field_that_changed_has_its_values_as_texts() {
    let mut body = sample("issue-updated");
    body["changelog"]["items"] =
        json!([item("Sprint", Some(""), Some("Sprint 2")), {"toString": "x"}]);
    let changes = issue(&body).changes;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].field, "Sprint");
    assert_eq!(changes[0].before, None);
    assert_eq!(changes[0].after.as_deref(), Some("Sprint 2"));
}

#[test]
fn an_issue_says_what_jira_says() {
    let mut body = sample("issue-opened");
    body["issue"]["fields"]["issuetype"]["name"] = json!("Change Request");
    body["issue"]["fields"]["reporter"]["accountType"] = json!("app");
    let found = event(&body);
    assert_eq!(found.happened_at, Some(Timestamp(1_767_082_500_000)));
    assert_eq!(found.project(), Some("PAY"));
    let issue = issue(&body);
    assert_eq!(issue.kind, "change-request");
    assert_eq!(issue.milestone.as_deref(), Some("2.4.0"));
    assert!(issue.author.is_some_and(|author| author.bot));
}

#[test]
fn a_page_is_below_the_path_that_the_instance_has() {
    let mut body = sample("issue-opened");
    body["issue"]["self"] = json!("https://example.org/jira/rest/api/2/issue/1");
    let page = "https://example.org/jira/browse/PAY-87";
    assert_eq!(event(&body).url.as_deref(), Some(page));
    for key in ["PAY-8/../7", "PAY 87", "PAY-87?x=1"] {
        body["issue"]["key"] = json!(key);
        let url = event(&body).url;
        assert!(url.is_none_or(|url| !url.contains(key)), "{key}");
    }
}

#[test]
fn what_only_some_may_see_is_confidential() {
    for (pointer, value) in [
        ("/issue/fields/security", json!({"name": "Board"})),
        ("/issue/fields/security", json!("10001")),
        (
            "/issue/fields/comment",
            json!({"comments": [{"visibility": {"type": "role", "value": "Administrators"}}]}),
        ),
        (
            "/issue/fields/worklog",
            json!({"worklogs": [{"visibility": {"type": "group"}}]}),
        ),
    ] {
        let mut body = sample("issue-updated");
        assert!(!event(&body).is_confidential());
        let (place, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
        body.pointer_mut(place).expect("a place")[key] = value.clone();
        assert!(event(&body).is_confidential(), "{pointer} {value}");
    }
    for (key, value) in [
        (
            "visibility",
            json!({"type": "role", "value": "Administrators"}),
        ),
        ("jsdPublic", json!(false)),
    ] {
        let mut body = sample("note-on-issue");
        assert!(!event(&body).is_confidential());
        body["comment"][key] = value;
        assert!(event(&body).is_confidential(), "{key}");
    }
    let logged =
        json!({"webhookEvent": "worklog_created", "worklog": {"visibility": {"type": "group"}}});
    assert!(event(&logged).is_confidential());
}

#[test]
fn a_change_with_a_comment_alone_is_the_comment_and_with_other_changes_both() {
    let mut body = sample("issue-updated");
    body["comment"] = sample("note-on-issue")["comment"].clone();
    let found = events(&body);
    let names: Vec<&str> = found.iter().map(|event| event.subject.name()).collect();
    assert_eq!(names, ["issue", "comment"]);
    assert!(found.iter().all(|event| event.project() == Some("PAY")));

    body["changelog"]["items"] = json!([]);
    for (action, expected) in [
        ("issue_commented", Change::Opened),
        ("issue_comment_edited", Change::Updated),
    ] {
        body["issue_event_type_name"] = json!(action);
        let Subject::Comment(comment) = event(&body).subject else {
            panic!("{action} is a comment")
        };
        assert_eq!(comment.change, expected, "{action}");
    }
}

#[test]
fn an_old_version_tells_a_changed_comment_by_its_times() {
    let mut body = sample("issue-updated");
    body["comment"] = sample("note-on-issue")["comment"].clone();
    body["changelog"] = Value::Null;
    body["issue_event_type_name"] = Value::Null;
    let change = |body: &Value| match event(body).subject {
        Subject::Comment(comment) => comment.change,
        subject => panic!("not a comment but {}", subject.name()),
    };
    assert_eq!(change(&body), Change::Opened);
    body["comment"]["updated"] = json!("2026-01-01T00:00:00.000+0100");
    assert_eq!(change(&body), Change::Updated);
}

#[test]
fn a_comment_is_on_its_issue_and_by_who_wrote_it() {
    let mut body = sample("note-on-issue");
    let found = event(&body);
    let page = "https://jira.example.com/browse/PAY-87?focusedCommentId=91244";
    assert_eq!(found.url.as_deref(), Some(page));
    assert_eq!(
        found.actor.map(|actor| actor.name).as_deref(),
        Some("Robin Reviewer")
    );
    let Subject::Comment(comment) = found.subject else {
        panic!("a comment")
    };
    assert_eq!(comment.target, CommentTarget::Issue);
    assert_eq!(comment.target_key.as_deref(), Some("PAY-87"));

    // Who removed it is not told, and what was removed has no place of its own.
    body["webhookEvent"] = json!("comment_deleted");
    let removed = event(&body);
    assert_eq!(removed.actor, None);
    assert_eq!(
        removed.url.as_deref(),
        Some("https://jira.example.com/browse/PAY-87")
    );

    // Data Center sends the comment alone.
    body["webhookEvent"] = json!("comment_created");
    body["issue"] = Value::Null;
    let alone = event(&body);
    assert_eq!(
        (alone.subject.name(), alone.repository, alone.url),
        ("comment", None, None)
    );
}

#[test]
fn an_event_without_what_it_always_has_is_other_with_a_note() {
    for (name, pointer) in [
        ("issue-opened", "/issue"),
        ("issue-opened", "/issue/key"),
        ("issue-opened", "/issue/fields/summary"),
        ("note-on-issue", "/comment"),
        ("note-on-issue", "/comment/id"),
        ("note-on-issue", "/comment/body"),
    ] {
        let mut body = sample(name);
        *body.pointer_mut(pointer).expect("a place") = Value::Null;
        let found = event(&body);
        assert_eq!(found.subject, Subject::Other, "{pointer}");
        assert!(
            found
                .note
                .is_some_and(|note| note.contains(" and has no `")),
            "{pointer}"
        );
        assert!(!found.provider_event.is_empty());
    }
}

#[test]
fn an_event_there_are_no_words_for_is_other_and_keeps_what_can_be_read() {
    let version = json!({
        "timestamp": 1_767_225_600_000_i64,
        "webhookEvent": "jira:version_released",
        "version": {"self": "https://jira.example.org/rest/api/2/version/10061", "id": "10061", "name": "2.4.0",
            "released": true, "projectId": 10015},
    });
    let found = event(&version);
    assert_eq!(found.subject, Subject::Other);
    assert_eq!(found.provider_action.as_deref(), Some("released"));
    assert_eq!(found.happened_at, Some(Timestamp(1_767_225_600_000)));
    assert!(
        found
            .note
            .is_some_and(|note| note.contains("it has no tag"))
    );

    let project = json!({
        "webhookEvent": "project_created",
        "project": {"self": "https://jira.example.org/rest/api/2/project/10015", "id": 10015, "key": "PAY"},
    });
    let found = event(&project);
    assert_eq!(found.project(), Some("PAY"));
    assert_eq!(
        found.url.as_deref(),
        Some("https://jira.example.org/browse/PAY")
    );

    // The account that an event is about is not the one that caused it.
    let account = json!({"webhookEvent": "user_created", "user": {"displayName": "Nour Newcomer"}});
    assert_eq!(event(&account).actor, None);
    let logged = json!({"webhookEvent": "worklog_updated", "worklog": {"updateAuthor": {"displayName": "Ada Martin"}}});
    assert_eq!(
        event(&logged).actor.map(|actor| actor.name).as_deref(),
        Some("Ada Martin")
    );

    for body in [
        json!({}),
        json!([]),
        json!(5),
        json!({"webhookEvent": "rocket_launched"}),
    ] {
        let found = event(&body);
        assert_eq!(found.subject, Subject::Other, "{body}");
        assert!(found.note.is_some(), "{body}");
    }
}
