//! What becomes of which payload.

use serde_json::{Value, json};

use super::{event, events, sample, source};
use crate::domain::clock::Timestamp;
use crate::domain::event::{
    Change, Comment, CommentTarget, MergeRequest, Push, Subject, Visibility,
};
use crate::sources::testing;

fn merge_request(body: &Value) -> MergeRequest {
    match event(body).subject {
        Subject::MergeRequest(merge_request) => *merge_request,
        subject => panic!("not a merge request but {}", subject.name()),
    }
}

fn comment(body: &Value) -> Comment {
    match event(body).subject {
        Subject::Comment(comment) => comment,
        subject => panic!("not a comment but {}", subject.name()),
    }
}

fn change(kind: &str, name: &str, from: &str, to: &str) -> Value {
    let folder = if kind == "TAG" { "tags" } else { "heads" };
    let id = format!("refs/{folder}/{name}");
    json!({
        "ref": {"id": id, "displayId": name, "type": kind},
        "refId": id, "fromHash": from, "toHash": to, "type": "UPDATE",
    })
}

fn pushes(body: &Value) -> Vec<Push> {
    let subjects = events(body).into_iter().map(|event| event.subject);
    subjects
        .map(|subject| match subject {
            Subject::Push(push) => push,
            subject => panic!("not a push but {}", subject.name()),
        })
        .collect()
}

#[test]
fn a_push_of_two_branches_and_a_tag_is_three_events() {
    let zeros = "0".repeat(40);
    let mut body = sample("push");
    body["changes"] = json!([
        change("BRANCH", "main", "1", "2"),
        change("BRANCH", "feature/a", &zeros, "3"),
        change("TAG", "v1", "2", &zeros),
    ]);
    let events = events(&body);
    assert_eq!(events[2].id.0, format!("{}.3", events[0].id.0));
    let found: Vec<String> = events
        .iter()
        .map(|event| match &event.subject {
            Subject::Push(push) => format!("push {} {} {}", push.branch, push.after, push.created),
            Subject::Tag(tag) => format!("tag {} {} {}", tag.name, tag.target, tag.deleted),
            subject => subject.name().to_owned(),
        })
        .collect();
    assert_eq!(
        found,
        [
            "push main 2 false",
            "push feature/a 3 true",
            "tag v1 2 true"
        ]
    );
    for event in &events {
        assert_eq!(event.provider_event, "repo:refs_changed");
        assert_eq!(event.project(), Some("PAYMENTS/storefront"));
        assert_eq!(event.happened_at, Some(Timestamp(1_767_224_944_000)));
        assert!(event.actor.is_some() && event.url.is_some() && event.note.is_none());
    }
}

#[test]
fn commits_belong_to_the_change_that_leads_to_the_newest_of_them() {
    let mut body = sample("push");
    let newest = body["commits"][0]["id"].as_str().expect("an id").to_owned();
    let found = pushes(&body);
    assert_eq!((found[0].commits.len(), found[0].commit_count), (3, 3));
    let author = found[0].commits[0].author.as_ref().expect("an author");
    assert_eq!(author.email.as_deref(), Some("robin.reviewer@example.org"));
    assert_eq!(found[0].commits[0].time, Some(Timestamp(1_767_224_942_000)));

    body["changes"] = json!([
        change("BRANCH", "one", "1", "2"),
        change("BRANCH", "main", "1", &newest),
    ]);
    let found = pushes(&body);
    assert_eq!((found[0].commits.len(), found[1].commits.len()), (0, 3));

    // Old versions send none.
    body["commits"] = Value::Null;
    assert_eq!(pushes(&body)[1].commit_count, 0);
}

#[test]
fn zeros_before_or_after_say_that_a_branch_began_or_ended() {
    let zeros = "0".repeat(40);
    let mut body = sample("push");
    for (from, to, expected) in [
        (zeros.as_str(), "1", (true, false)),
        ("1", zeros.as_str(), (false, true)),
        ("1", "2", (false, false)),
    ] {
        body["changes"] = json!([change("BRANCH", "main", from, to)]);
        let push = &pushes(&body)[0];
        assert_eq!((push.created, push.deleted), expected);
        assert_eq!((push.before.as_str(), push.after.as_str()), (from, to));
    }
}

#[test]
fn a_pull_requests_change_is_said_in_neutral_words() {
    let mut body = sample("merge-request-updated");
    for (key, expected) in [
        ("pr:opened", Change::Opened),
        ("pr:from_ref_updated", Change::CommitsPushed),
        ("pr:to_ref_updated", Change::Updated),
        ("pr:modified", Change::Updated),
        ("pr:reviewer:updated", Change::Updated),
        ("pr:reviewer:approved", Change::Approved),
        ("pr:reviewer:unapproved", Change::Unapproved),
        ("pr:reviewer:needs_work", Change::ChangesRequested),
        ("pr:reviewer:changes_requested", Change::ChangesRequested),
        ("pr:merged", Change::Merged),
        ("pr:declined", Change::Closed),
        ("pr:deleted", Change::Deleted),
    ] {
        body["eventKey"] = json!(key);
        let found = merge_request(&body);
        assert_eq!(found.change, expected, "{key}");
        assert_eq!(
            found.previous_head.is_some(),
            expected == Change::CommitsPushed
        );
    }
    body["eventKey"] = json!("pr:reviewer:updated");
    body["addedReviewers"] = json!([{"name": "ada.martin"}]);
    assert_eq!(merge_request(&body).change, Change::ReviewRequested);
    body["eventKey"] = json!("pr:reviewer:unapproved");
    body["previousStatus"] = json!("NEEDS_WORK");
    assert_eq!(merge_request(&body).change, Change::ReviewDismissed);
}

#[test]
fn a_modified_pull_request_tells_what_changed_and_when_it_is_ready() {
    let mut body = sample("merge-request-opened");
    body["eventKey"] = json!("pr:modified");
    body["previousTitle"] = json!("Cents");
    body["previousDescription"] = body["pullRequest"]["description"].clone();
    body["previousTarget"] = json!({"id": "refs/heads/develop", "displayId": "develop"});
    let found = merge_request(&body);
    assert_eq!(found.change, Change::Updated);
    let told: Vec<(&str, Option<&str>, Option<&str>)> = found
        .changes
        .iter()
        .map(|change| {
            (
                change.field.as_str(),
                change.before.as_deref(),
                change.after.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("title", Some("Cents"), Some("Compute refunds in cents")),
            ("toRef", Some("develop"), Some("main")),
        ]
    );
    for (was, is, expected) in [
        (true, false, Change::Ready),
        (false, true, Change::Drafted),
        (true, true, Change::Updated),
    ] {
        body["previousDraft"] = json!(was);
        body["pullRequest"]["draft"] = json!(is);
        let found = merge_request(&body);
        assert_eq!((found.change, found.draft), (expected, is));
    }
}

#[test]
fn states_are_said_in_neutral_words_and_only_a_merged_one_has_a_merge_commit() {
    let mut body = sample("merge-request-merged");
    assert!(merge_request(&body).merge_commit.is_some());
    for (state, expected) in [
        ("OPEN", "open"),
        ("DECLINED", "closed"),
        ("MERGED", "merged"),
    ] {
        body["pullRequest"]["state"] = json!(state);
        let found = merge_request(&body);
        assert_eq!(found.state, expected);
        assert_eq!(found.merge_commit.is_some(), state == "MERGED");
    }
}

#[test]
fn a_fork_is_told_and_a_branch_that_is_missing_is_noted() {
    let mut body = sample("merge-request-opened");
    assert_eq!(merge_request(&body).source_repository, None);
    let fork = &mut body["pullRequest"]["fromRef"]["repository"];
    fork["id"] = json!(99);
    fork["project"]["key"] = json!("~ADA");
    let source = merge_request(&body).source_repository.expect("a fork");
    assert_eq!(source.full_name, "~ADA/storefront");
    body["pullRequest"]["toRef"]["id"] = Value::Null;
    body["pullRequest"]["toRef"]["displayId"] = Value::Null;
    assert!(
        event(&body)
            .note
            .is_some_and(|note| note.contains("`toRef.id`"))
    );
}

#[test]
fn a_comment_says_what_it_is_on_and_what_happened_to_it() {
    let mut body = sample("note-on-merge-request");
    for (action, expected) in [
        ("added", Change::Opened),
        ("edited", Change::Updated),
        ("deleted", Change::Deleted),
    ] {
        body["eventKey"] = json!(format!("pr:comment:{action}"));
        let found = comment(&body);
        assert_eq!(
            (found.target, found.change),
            (CommentTarget::MergeRequest, expected)
        );
        assert_eq!(found.target_key.as_deref(), Some("128"));
    }
    body["comment"]["anchor"] = json!({"path": "src/a.rs", "line": 4});
    let anchored = comment(&body);
    assert_eq!(
        (anchored.path.as_deref(), anchored.line),
        (Some("src/a.rs"), Some(4))
    );

    let repository = sample("push")["repository"].clone();
    let on_commit = comment(&json!({
        "eventKey": "repo:comment:edited", "commit": "abc", "repository": repository,
        "comment": {"id": 5, "text": "Why?"},
    }));
    assert_eq!(
        (
            on_commit.target,
            on_commit.target_key.as_deref(),
            on_commit.text.as_str()
        ),
        (CommentTarget::Commit, Some("abc"), "Why?")
    );
    assert_eq!(on_commit.change, Change::Updated);
}

#[test]
fn a_repository_is_read_with_and_without_links() {
    let mut body = sample("push");
    let repository = |body: &Value| event(body).repository.expect("a repository");
    let found = repository(&body);
    assert_eq!(found.visibility, Visibility::Private);
    assert!(
        found
            .http_url
            .is_some_and(|url| url.ends_with("/scm/payments/storefront.git"))
    );
    assert!(
        found
            .ssh_url
            .is_some_and(|url| url.starts_with("ssh://git@"))
    );
    body["repository"]["project"]["public"] = json!(true);
    body["repository"]["links"] = Value::Null;
    let found = repository(&body);
    assert_eq!(found.visibility, Visibility::Public);
    assert_eq!(
        (found.url, found.http_url, found.ssh_url),
        (None, None, None)
    );
}

#[test]
fn a_service_user_is_a_bot() {
    let mut body = sample("push");
    assert_eq!(event(&body).actor.map(|actor| actor.bot), Some(false));
    body["actor"]["type"] = json!("SERVICE");
    assert_eq!(event(&body).actor.map(|actor| actor.bot), Some(true));
}

#[test]
fn a_connection_test_is_a_ping() {
    let ping = |body: &Value| {
        let list = [("x-event-key".to_owned(), "diagnostics:ping".to_owned())];
        let parsed = testing::parse(&source(), &list, body.to_string().as_bytes());
        parsed.events.into_iter().next().expect("one event")
    };
    let event = ping(&json!({"test": true}));
    assert_eq!((event.subject, event.note), (Subject::Ping, None));
    let odd = ping(&json!({"test": "x"}));
    assert_eq!(odd.subject, Subject::Other);
    assert!(odd.note.is_some_and(|note| note.contains("`test`")));
}

#[test]
fn what_there_are_no_words_for_keeps_who_where_and_when() {
    let push = sample("push");
    let (actor, repository) = (&push["actor"], &push["repository"]);
    for body in [
        json!({"eventKey": "repo:forked", "repository": repository}),
        json!({"eventKey": "repo:modified", "old": repository, "new": repository}),
        json!({"eventKey": "mirror:repo_synchronized", "repository": repository, "changes": push["changes"]}),
        json!({"eventKey": "repo:secret_detected", "secretLocations": [{"path": ".env", "line": 1, "repository": repository}]}),
        json!({"eventKey": "pr:rocket", "pullRequest": {"toRef": {"repository": repository}}}),
    ] {
        let mut body = body;
        body["actor"] = actor.clone();
        body["date"] = json!("2026-01-01T10:00:00+1000");
        let event = event(&body);
        let key = body["eventKey"].as_str().expect("a kind");
        assert_eq!(event.subject, Subject::Other, "{key}");
        assert!(
            event.note.as_ref().is_some_and(|note| note.contains(key)),
            "{key}"
        );
        assert_eq!(event.project(), Some("PAYMENTS/storefront"), "{key}");
        assert!(event.actor.is_some() && event.url.is_some(), "{key}");
        assert_eq!(
            event.happened_at,
            Some(Timestamp(1_767_225_600_000)),
            "{key}"
        );
        assert!(event.provider_action.is_some(), "{key}");
    }
    let project = json!({"key": "PAYMENTS", "id": 6, "name": "Payments"});
    let renamed = event(&json!({"eventKey": "project:modified", "old": project, "new": project}));
    assert_eq!(
        (renamed.repository, renamed.subject),
        (None, Subject::Other)
    );
}

#[test]
fn a_kind_without_what_it_always_has_is_other_with_a_note() {
    for key in [
        "repo:refs_changed",
        "pr:opened",
        "pr:comment:added",
        "repo:comment:added",
        "diagnostics:ping",
        "rocket",
    ] {
        for body in [
            json!({"eventKey": key}),
            json!({"eventKey": key, "changes": [7], "pullRequest": [], "comment": "x", "commit": 1}),
        ] {
            let event = event(&body);
            assert_eq!(event.subject, Subject::Other, "{key}");
            assert!(
                event
                    .note
                    .is_some_and(|note| note.contains(key) || note.contains("the push"))
            );
            assert_eq!(event.provider_event, key);
        }
    }
    assert!(
        event(&json!([]))
            .note
            .is_some_and(|note| note.contains("eventKey"))
    );
    let mut body = sample("push");
    body["changes"] = json!([change("ROCKET", "x", "1", "2")]);
    body["changes"][0]["ref"]["id"] = json!("refs/notes/x");
    assert!(
        event(&body)
            .note
            .is_some_and(|note| note.contains("neither a branch nor a tag"))
    );
}

#[test]
fn only_the_change_that_was_cut_says_so() {
    let mut body = sample("push");
    let newest = body["commits"][0]["id"].as_str().expect("an id").to_owned();
    body["commits"][0]["message"] = json!("x".repeat(70_000));
    body["changes"] = json!([
        change("BRANCH", "main", "1", &newest),
        change("BRANCH", "two", "1", "2"),
    ]);
    let truncated: Vec<bool> = events(&body).iter().map(|event| event.truncated).collect();
    assert_eq!(truncated, [true, false]);
}
