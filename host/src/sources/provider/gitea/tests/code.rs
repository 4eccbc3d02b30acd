//! Pushes, tags, and releases.

use serde_json::json;

use super::{PROVIDERS, event, note, with};
use crate::domain::event::{Change, Push, Subject, Tag};

const ZEROS: &str = "0000000000000000000000000000000000000000";

fn pushed(subject: Subject) -> Push {
    match subject {
        Subject::Push(push) => push,
        subject => panic!("not a push but {}", subject.name()),
    }
}

fn tagged(subject: Subject) -> Tag {
    match subject {
        Subject::Tag(tag) => tag,
        subject => panic!("not a tag but {}", subject.name()),
    }
}

#[test]
fn a_push_has_its_oldest_commit_first_as_those_of_other_providers_have() {
    let commit = |id: &str| json!({"id": id, "message": format!("{id}\n\nMore."), "author": {"name": "Ada", "username": "ada"}});
    let mut body = with(&json!({
        "ref": "refs/heads/main",
        "before": "a",
        "after": "d",
        "compare_url": "https://git.example.org/payments/storefront/compare/a...d",
        "commits": [commit("d"), commit("c")],
        "total_commits": 3,
    }));
    for provider in PROVIDERS {
        let found = event(provider, "push", &body);
        assert_eq!(
            found.url.as_deref(),
            Some("https://git.example.org/payments/storefront/compare/a...d")
        );
        let push = pushed(found.subject);
        let titles: Vec<_> = push.commits.iter().map(|commit| &*commit.title).collect();
        assert_eq!(titles, ["c", "d"]);
        assert_eq!((push.branch.as_str(), push.commit_count), ("main", 3));
        assert!(!push.created && !push.deleted && !push.forced);
    }
    body["commits"] = json!([commit("c"), commit("d")]);
    body["total_commits"] = json!(null);
    let push = pushed(event("gitea", "push", &body).subject);
    let ids: Vec<_> = push.commits.iter().map(|commit| &*commit.id).collect();
    assert_eq!((ids, push.commit_count), (vec!["c", "d"], 2));
}

#[test]
fn zeros_before_say_that_a_branch_began() {
    let body = with(
        &json!({"ref": "refs/heads/fix/a b", "before": ZEROS, "after": "d", "compare_url": ""}),
    );
    for (provider, page) in [("gitea", "src/branch/fix/a%20b"), ("gogs", "src/fix/a%20b")] {
        let found = event(provider, "push", &body);
        let expected = format!("https://git.example.org/payments/storefront/{page}");
        assert_eq!(found.url, Some(expected));
        let push = pushed(found.subject);
        assert!(push.created && !push.deleted && push.branch == "fix/a b");
    }
}

#[test]
fn what_is_also_announced_as_a_push_is_other() {
    let began = |what: &str| with(&json!({"ref": "x", "ref_type": what, "sha": "d"}));
    let ended = |what: &str| with(&json!({"ref": "x", "ref_type": what, "pusher_type": "user"}));
    for provider in ["forgejo", "gitea"] {
        for (name, body) in [
            ("create", began("branch")),
            ("create", began("tag")),
            ("delete", ended("tag")),
        ] {
            let found = event(provider, name, &body);
            assert!(note(&found).contains("as a push as well"), "{name}");
            assert_eq!(
                found.actor.map(|actor| actor.name),
                Some("Ada Martin".to_owned())
            );
            assert!(found.repository.is_some() && found.url.is_some());
        }
    }
    let found = event("gogs", "create", &began("branch"));
    assert!(note(&found).contains("Gogs announces a new branch as a push"));
    assert_eq!(
        event("gogs", "create", &began("tree")).subject.name(),
        "other"
    );
}

#[test]
fn a_removed_branch_is_a_push_that_ends_it() {
    for (provider, name) in [
        ("gitea", "fix/x"),
        ("gogs", "fix/x"),
        ("forgejo", "refs/heads/fix/x"),
    ] {
        let body = with(&json!({"ref": name, "ref_type": "branch", "pusher_type": "user"}));
        let push = pushed(event(provider, "delete", &body).subject);
        assert_eq!(
            (push.branch.as_str(), push.after.as_str()),
            ("fix/x", ZEROS)
        );
        assert!(push.deleted && !push.created);
    }
}

#[test]
fn a_tag_of_gitea_is_told_by_its_push_and_one_of_gogs_by_its_announcement() {
    let push = |before: &str, after: &str| {
        with(&json!({
            "ref": "refs/tags/v1", "before": before, "after": after, "head_commit": {"id": "commit"},
        }))
    };
    let made = event("gitea", "push", &push(ZEROS, "tag object"));
    assert_eq!(
        made.url.as_deref(),
        Some("https://git.example.org/payments/storefront/src/tag/v1")
    );
    let made = tagged(made.subject);
    assert_eq!((made.name.as_str(), made.target.as_str()), ("v1", "commit"));
    assert!(made.created && !made.deleted);
    let gone = tagged(event("forgejo", "push", &push("tag object", ZEROS)).subject);
    assert_eq!(gone.target, "tag object");
    assert!(gone.deleted && !gone.created);

    let body = with(&json!({"ref": "v1", "ref_type": "tag", "sha": "commit"}));
    let made = event("gogs", "create", &body);
    assert_eq!(
        made.url.as_deref(),
        Some("https://git.example.org/payments/storefront/src/v1")
    );
    let made = tagged(made.subject);
    assert_eq!((made.name.as_str(), made.target.as_str()), ("v1", "commit"));
    assert!(made.created);
    let body = with(&json!({"ref": "v1", "ref_type": "tag", "pusher_type": "user"}));
    let gone = tagged(event("gogs", "delete", &body).subject);
    assert!(gone.deleted && gone.target.is_empty());
}

#[test]
fn a_body_without_what_its_kind_always_has_is_other_with_a_note() {
    for (name, body, expected) in [
        ("push", json!({"ref": "refs/heads/main"}), "no `before`"),
        (
            "push",
            json!({"ref": "refs/heads/main", "before": "a"}),
            "no `after`",
        ),
        (
            "push",
            json!({"ref": "refs/notes/x", "before": "a", "after": "b"}),
            "neither a branch nor a tag",
        ),
        (
            "release",
            json!({"release": {"name": "x"}}),
            "no `tag_name`",
        ),
        (
            "pull_request",
            json!({"pull_request": {"title": "x"}}),
            "no `number`",
        ),
        (
            "pull_request",
            json!({"pull_request": {"number": 1}}),
            "no `title`",
        ),
        ("issues", json!({"issue": {"number": 1}}), "no `title`"),
        (
            "issue_comment",
            json!({"comment": {"body": "x"}}),
            "no `id`",
        ),
        (
            "workflow_run",
            json!({"workflow_run": {"id": 1}}),
            "no `head_sha`",
        ),
        (
            "rocket",
            json!({"ref": "x"}),
            "the event `rocket` is not known",
        ),
        ("push", json!({"x": 1}), "not what comes with it"),
        ("push", json!([]), "not what comes with it"),
    ] {
        let found = event("gitea", name, &body);
        assert!(note(&found).contains(expected), "{name}: {:?}", found.note);
    }
}

#[test]
fn a_body_under_the_event_of_another_is_other() {
    let bodies = [
        (
            "push",
            json!({"ref": "refs/heads/main", "before": "a", "after": "b"}),
        ),
        (
            "create",
            json!({"ref": "x", "ref_type": "branch", "sha": "d"}),
        ),
        (
            "delete",
            json!({"ref": "x", "ref_type": "branch", "pusher_type": "user"}),
        ),
        (
            "pull_request",
            json!({"pull_request": {"number": 1, "title": "x"}}),
        ),
        ("issues", json!({"issue": {"number": 1, "title": "x"}})),
        (
            "issue_comment",
            json!({"issue": {"number": 1, "title": "x"}, "comment": {"id": 1}}),
        ),
        ("release", json!({"release": {"tag_name": "v1"}})),
        ("wiki", json!({"page": "Home", "comment": "x"})),
        ("fork", json!({"forkee": {"id": 1}})),
        (
            "status",
            json!({"context": "ci", "state": "success", "sha": "d", "id": 1}),
        ),
        ("repository", json!({"action": "created"})),
    ];
    for (own, body) in &bodies {
        let body = with(body);
        for (name, _) in &bodies {
            let found = event("gitea", name, &body);
            let is_refused = found
                .note
                .as_deref()
                .is_some_and(|note| note.contains("not what comes"));
            assert_eq!(is_refused, name != own, "{own} as {name}");
        }
    }
}

#[test]
fn without_an_event_header_the_body_says_what_it_is() {
    let source = super::source("gitea");
    let body = with(&json!({"issue": {"number": 1, "title": "x"}, "action": "opened"}));
    let parsed = crate::sources::testing::parse(&source, &[], body.to_string().as_bytes());
    assert_eq!(parsed.events[0].subject.name(), "issue");
    let list = [("x-gitea-event-type".to_owned(), "issue_label".to_owned())];
    let parsed = crate::sources::testing::parse(&source, &list, body.to_string().as_bytes());
    assert_eq!(parsed.events[0].provider_event, "issue_label");
    assert_eq!(parsed.events[0].subject.name(), "issue");
}

#[test]
fn a_releases_change_is_said_in_neutral_words() {
    for (action, expected) in [
        ("published", Change::Opened),
        ("updated", Change::Updated),
        ("deleted", Change::Deleted),
        ("rocket", Change::Other),
    ] {
        let body = with(&json!({
            "action": action,
            "release": {"tag_name": "v1", "prerelease": true, "created_at": "2026-01-01T00:00:00Z"},
        }));
        let found = event("gitea", "release", &body);
        assert_eq!(found.happened_at.is_some(), expected == Change::Opened);
        let Subject::Release(release) = found.subject else {
            panic!("a release")
        };
        assert_eq!(release.change, expected, "{action}");
        assert_eq!((release.name.as_str(), release.prerelease), ("v1", true));
    }
}

#[test]
fn what_there_are_no_words_for_is_other_and_keeps_what_can_be_read() {
    for (name, more) in [
        ("repository", json!({"action": "deleted"})),
        (
            "package",
            json!({"action": "created", "package": {"id": 1}}),
        ),
    ] {
        let found = event("gitea", name, &with(&more));
        assert!(note(&found).contains("no subject of its own"));
        assert_eq!(found.project(), Some("payments/storefront"));
        assert_eq!(found.provider_action.as_deref(), more["action"].as_str());
    }
    // Gitea calls the new repository `repository`, and the one that was forked `forkee`.
    let fork = json!({"id": 99, "full_name": "ada/storefront", "fork": true});
    let mut body = with(&json!({}));
    body["forkee"] = body["repository"].take();
    body["forkee"]["fork"] = json!(false);
    body["repository"] = fork.clone();
    assert_eq!(
        event("gitea", "fork", &body).project(),
        Some("payments/storefront")
    );
    let body = with(&json!({"forkee": fork}));
    assert_eq!(
        event("gogs", "fork", &body).project(),
        Some("payments/storefront")
    );
}
