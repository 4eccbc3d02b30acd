//! GitLab's parser on real payloads that others captured, where the environment says where they are.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::event::{Change, Event, Person, Subject};
use crate::sources::testing::{self, NOW, accepted, headers, token_source};

/// The kinds there are no words for, and why.
const KNOWN_OTHERS: [(&str, &str); 8] = [
    (
        "access_token",
        "a token expires: there is no subject for it",
    ),
    ("emoji", "a reaction is not a comment"),
    (
        "milestone",
        "a milestone is a field of issues, not a subject",
    ),
    (
        "vulnerability",
        "a finding is neither an alert nor an issue",
    ),
    ("project_create", "a project is a place, not a subject"),
    ("project_destroy", "a project is a place, not a subject"),
    ("subgroup_create", "a group is a place, not a subject"),
    ("subgroup_destroy", "a group is a place, not a subject"),
];

/// Payloads that are not as GitLab sends them, and why.
const BROKEN: [(&str, &str); 2] = [
    (
        "/group_merge_request.json",
        "most of its keys end with a space, so that it has no `iid`",
    ),
    (
        "/deployment__",
        "shortened for a test: neither an id nor an environment",
    ),
];

/// The subjects that the kinds become.
const SUBJECTS: [(&str, &str); 12] = [
    ("push", "push"),
    ("tag_push", "tag"),
    ("merge_request", "merge-request"),
    ("issue", "issue"),
    ("work_item", "issue"),
    ("note", "comment"),
    ("pipeline", "pipeline"),
    ("build", "job"),
    ("release", "release"),
    ("deployment", "deployment"),
    ("wiki_page", "page"),
    ("feature_flag", "feature-flag"),
];

fn kind_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).expect("a payload is JSON");
    super::kind::of_body(&body).unwrap_or("none").to_owned()
}

#[test]
fn every_known_kind_becomes_its_subject() {
    let Some(folder) = testing::corpus("real GitLab payloads") else {
        return;
    };
    let source = token_source("secret");
    let mut table: BTreeMap<(String, &str), u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (path, (mut list, body)) in testing::payloads(&folder, "gitlab") {
        list.retain(|(name, _)| name != "x-gitlab-token");
        list.push(("x-gitlab-token".to_owned(), "secret".to_owned()));
        let verified = accepted(source.verify(&headers(&list), &body, NOW));
        let parsed = testing::parse(&source, &verified.headers, &verified.body);
        let [event] = parsed.events.as_slice() else {
            panic!("{path}: {} events", parsed.events.len())
        };
        let kind = kind_of(&body);
        let expected = SUBJECTS
            .iter()
            .find(|(known, _)| *known == kind)
            .map(|(_, subject)| *subject);
        let is_broken = BROKEN.iter().any(|(broken, _)| path.contains(broken));
        let expected = expected
            .filter(|_| !is_broken)
            .or_else(|| super::tracker::is_member(&kind).then_some("member"));
        let found = event.subject.name();
        let is_known = is_broken || KNOWN_OTHERS.iter().any(|(known, _)| *known == kind);
        let is_right = match expected {
            Some(expected) => found == expected,
            None => found == "other" && is_known && event.note.is_some(),
        };
        if !is_right {
            wrong.push(format!("{path}: {kind} is {found}: {:?}", event.note));
        }
        assert!(!event.provider_event.is_empty(), "{path}");
        *table.entry((kind, event.subject.name())).or_default() += 1;
    }
    for ((kind, subject), count) in &table {
        println!("{kind:40} {subject:14} {count:3}");
    }
    for (kind, reason) in KNOWN_OTHERS.into_iter().chain(BROKEN) {
        println!("other on purpose: {kind}: {reason}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        table.values().sum::<u32>() >= 90,
        "the corpus is smaller than it was"
    );
}

/// Where Hookbox means something else on purpose, by the type of the expectation or its file, and the field.
const DIFFERENCES: [(&str, &str, &str); 3] = [
    (
        "pull_request_review_ready.json",
        "action",
        "the merge request became a draft: `draft` was false and is true",
    ),
    (
        "pipeline",
        "pull request",
        "the payload's `id` counts merge requests of all projects; people know the `iid`",
    ),
    (
        "merge request",
        "author",
        "without an id of the user, only who opens a merge request is known to be its author",
    ),
];

type Check = (&'static str, Option<String>, Option<String>);

fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn login(person: Option<&Person>) -> Option<String> {
    person.and_then(|person| person.username.clone())
}

/// What is expected of every event.
fn of_any(expected: &Value, event: &Event) -> Vec<Check> {
    let either = |upper: &str, lower: &str| text(expected, upper).or_else(|| text(expected, lower));
    let repository = event.repository.as_ref();
    let namespace = either("/Repo/Namespace", "/repo/namespace");
    let name = either("/Repo/Name", "/repo/name");
    vec![
        (
            "repository id",
            either("/Repo/ID", "/repo/id"),
            repository.map(|repository| repository.id.clone()),
        ),
        (
            "repository",
            namespace
                .zip(name)
                .map(|(namespace, name)| format!("{namespace}/{name}")),
            event.project().map(str::to_owned),
        ),
        (
            "clone",
            either("/Repo/Clone", "/repo/clone"),
            repository.and_then(|repository| repository.http_url.clone()),
        ),
        (
            "ssh",
            either("/Repo/CloneSSH", "/repo/cloneSSH"),
            repository.and_then(|repository| repository.ssh_url.clone()),
        ),
        (
            "page",
            either("/Repo/Link", "/repo/link"),
            repository.and_then(|repository| repository.url.clone()),
        ),
        (
            "default branch",
            either("/Repo/Branch", "/repo/branch"),
            repository.and_then(|repository| repository.default_branch.clone()),
        ),
        (
            "sender",
            either("/Sender/Login", "/sender/login"),
            login(event.actor.as_ref()),
        ),
        (
            "sender's name",
            either("/Sender/Name", "/sender/name"),
            event.actor.as_ref().map(|actor| actor.name.clone()),
        ),
    ]
}

fn of_push(expected: &Value, event: &Event) -> Vec<Check> {
    let git_ref = text(expected, "/Ref").unwrap_or_default();
    let after = text(expected, "/After");
    match &event.subject {
        Subject::Push(push) => {
            let mut checks = vec![
                (
                    "ref",
                    Some(git_ref),
                    Some(format!("refs/heads/{}", push.branch)),
                ),
                (
                    "before",
                    text(expected, "/Before"),
                    Some(push.before.clone()),
                ),
                ("after", after, Some(push.after.clone())),
            ];
            let commits = expected["Commits"].as_array().cloned().unwrap_or_default();
            assert_eq!(commits.len(), push.commits.len());
            for (theirs, ours) in commits.iter().zip(&push.commits) {
                let author = ours.author.as_ref();
                checks.extend([
                    ("commit", text(theirs, "/Sha"), Some(ours.id.clone())),
                    (
                        "message",
                        text(theirs, "/Message"),
                        Some(ours.message.clone()),
                    ),
                    (
                        "author",
                        text(theirs, "/Author/Name"),
                        author.map(|author| author.name.clone()),
                    ),
                    (
                        "e-mail",
                        text(theirs, "/Author/Email"),
                        author.and_then(|author| author.email.clone()),
                    ),
                    ("link", text(theirs, "/Link"), ours.url.clone()),
                ]);
            }
            checks
        }
        Subject::Tag(tag) => vec![
            (
                "ref",
                Some(git_ref),
                Some(format!("refs/tags/{}", tag.name)),
            ),
            ("after", after, Some(tag.target.clone())),
        ],
        subject => panic!("a push is {}", subject.name()),
    }
}

fn of_end(expected: &Value, event: &Event) -> Vec<Check> {
    let (name, commit, deleted) = match &event.subject {
        Subject::Push(push) => (&push.branch, &push.before, push.deleted),
        Subject::Tag(tag) => (&tag.name, &tag.target, tag.deleted),
        subject => panic!("a removed ref is {}", subject.name()),
    };
    vec![
        ("ref", text(expected, "/Ref/Name"), Some(name.clone())),
        ("commit", text(expected, "/Ref/Sha"), Some(commit.clone())),
        (
            "action",
            text(expected, "/Action"),
            deleted.then(|| "deleted".to_owned()),
        ),
    ]
}

fn of_merge_request(expected: &Value, event: &Event) -> Vec<Check> {
    let Subject::MergeRequest(found) = &event.subject else {
        panic!("a merge request is {}", event.subject.name())
    };
    let expected_at = |key: &str| text(expected, &format!("/PullRequest/{key}"));
    let state = match (
        expected_at("Merged").as_deref(),
        expected_at("Closed").as_deref(),
    ) {
        (Some("true"), _) => "merged",
        (_, Some("true")) => "closed",
        _ => "open",
    };
    let action = match found.change {
        Change::Opened => "opened",
        Change::Closed => "closed",
        Change::Reopened => "reopened",
        Change::Merged => "merged",
        Change::Ready => "review_ready",
        _ => "another",
    };
    vec![
        ("action", text(expected, "/Action"), Some(action.to_owned())),
        (
            "number",
            expected_at("Number"),
            Some(found.number.to_string()),
        ),
        ("title", expected_at("Title"), Some(found.title.clone())),
        (
            "body",
            expected_at("Body"),
            Some(found.description.clone()).filter(|body| !body.is_empty()),
        ),
        ("head", expected_at("Sha"), Some(found.head.clone())),
        (
            "source",
            expected_at("Source"),
            Some(found.source_branch.clone()),
        ),
        (
            "target",
            expected_at("Target"),
            Some(found.target_branch.clone()),
        ),
        ("link", expected_at("Link"), event.url.clone()),
        ("state", Some(state.to_owned()), Some(found.state.clone())),
        (
            "author",
            expected_at("Author/Login"),
            login(found.author.as_ref()),
        ),
    ]
}

fn of_comment(expected: &Value, event: &Event) -> Vec<Check> {
    let Subject::Comment(found) = &event.subject else {
        panic!("a comment is {}", event.subject.name())
    };
    vec![
        (
            "comment",
            text(expected, "/Comment/ID"),
            Some(found.id.clone()),
        ),
        (
            "text",
            text(expected, "/Comment/Body"),
            Some(found.text.clone()),
        ),
        (
            "number",
            text(expected, "/Issue/PullRequest/Number"),
            found.target_key.clone(),
        ),
        (
            "title",
            text(expected, "/Issue/PullRequest/Title"),
            found.target_title.clone(),
        ),
    ]
}

fn of_pipeline(expected: &Value, event: &Event) -> Vec<Check> {
    let Subject::Pipeline(found) = &event.subject else {
        panic!("a pipeline is {}", event.subject.name())
    };
    let author = found.commit.author.as_ref();
    vec![
        (
            "pipeline",
            text(expected, "/Execution/Number"),
            Some(found.id.clone()),
        ),
        (
            "status",
            text(expected, "/Execution/status"),
            event.provider_action.clone(),
        ),
        (
            "commit",
            text(expected, "/commit/sha"),
            Some(found.commit.id.clone()),
        ),
        (
            "link",
            text(expected, "/commit/link"),
            found.commit.url.clone(),
        ),
        (
            "author",
            text(expected, "/commit/author/name"),
            author.map(|author| author.name.clone()),
        ),
        (
            "pull request",
            text(expected, "/PullRequest/Number"),
            found.merge_request.map(|number| number.to_string()),
        ),
    ]
}

#[test]
fn events_say_what_the_tests_of_another_parser_expect() {
    let Some(folder) = testing::corpus("expectations of another parser") else {
        return;
    };
    let source = token_source("secret");
    let mut compared = 0;
    for (path, (list, body)) in testing::payloads(&folder, "gitlab") {
        let expected = folder.join(
            path.replacen('/', "/gitlab/", 1)
                .replace(".json", ".expected.json"),
        );
        let Ok(expected) = std::fs::read(expected) else {
            continue;
        };
        let expected: Value = serde_json::from_slice(&expected).expect("an expectation is JSON");
        // Others expect a chat message, which is no event.
        let Some(expected) = expected.get("normalised") else {
            continue;
        };
        let event = testing::parse(&source, &list, &body).events.remove(0);
        let (kind, own) = if expected.get("Execution").is_some() {
            ("pipeline", of_pipeline(expected, &event))
        } else if expected.get("PullRequest").is_some() {
            ("merge request", of_merge_request(expected, &event))
        } else if expected.get("Comment").is_some() {
            ("comment", of_comment(expected, &event))
        } else if expected["Ref"].is_object() {
            ("removed ref", of_end(expected, &event))
        } else {
            ("push", of_push(expected, &event))
        };
        for (field, theirs, ours) in of_any(expected, &event).into_iter().chain(own) {
            let is_deliberate = DIFFERENCES
                .iter()
                .any(|(of, name, _)| *name == field && (*of == kind || path.ends_with(of)));
            assert!(
                theirs == ours || is_deliberate,
                "{path}: {field}: expected {theirs:?}, found {ours:?}"
            );
            compared += 1;
        }
    }
    println!("{compared} fields compared");
    for (kind, field, reason) in DIFFERENCES {
        println!("different on purpose: {kind}, {field}: {reason}");
    }
    assert!(compared >= 200, "{compared}");
}
