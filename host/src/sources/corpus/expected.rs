//! What another project's parser reads from a payload, beside the event that Hookbox makes of it.
//!
//! Each function names the fields it compares, with the value that is expected and the one that was found.
//! What the other parser leaves empty is not compared.

use serde_json::Value;

use crate::domain::event::{Change, Event, Person, Subject};

/// A field, with the value that is expected and the one that was found.
pub(super) type Check = (&'static str, Option<String>, Option<String>);

/// The fields of an expectation of some type, `scm.PushHook` for one.
pub(super) fn checks(kind: &str, expected: &Value, event: &Event) -> Vec<Check> {
    let expected = Expected(expected);
    let own = match kind {
        "scm.PushHook" => of_push(expected, event),
        "scm.BranchHook" | "scm.TagHook" => of_ref(expected, event),
        "scm.PullRequestHook" => of_merge_request(expected, event),
        "scm.IssueHook" => of_issue(expected, event),
        "scm.IssueCommentHook" | "scm.PullRequestCommentHook" => of_comment(expected, event),
        "scm.PipelineHook" => of_pipeline(expected, event),
        "scm.ReleaseHook" => of_release(expected, event),
        "scm.DeployHook" => of_deployment(expected, event),
        "scm.CheckHook" | "scm.MergeQueueHook" => Vec::new(),
        other => panic!("no comparison is known for `{other}`"),
    };
    let compared = of_any(expected, event).into_iter().chain(own);
    compared.filter(|(_, theirs, _)| theirs.is_some()).collect()
}

#[derive(Clone, Copy)]
struct Expected<'a>(&'a Value);

impl Expected<'_> {
    /// The text at a place, whose name may begin in upper or in lower case; none when it is empty.
    fn text(self, pointer: &str) -> Option<String> {
        let lower: Vec<String> = pointer
            .split('/')
            .map(|part| {
                let mut rest = part.chars();
                rest.next()
                    .map(|first| first.to_lowercase().chain(rest).collect())
                    .unwrap_or_default()
            })
            .collect();
        let found = self.0.pointer(pointer);
        match found.or_else(|| self.0.pointer(&lower.join("/")))? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }
}

fn login(person: Option<&Person>) -> Option<String> {
    person.and_then(|person| person.username.clone())
}

fn name(person: Option<&Person>) -> Option<String> {
    person.map(|person| person.name.clone())
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn unlike(wanted: &str, event: &Event) -> Vec<Check> {
    let found = event.subject.name().to_owned();
    vec![("subject", Some(wanted.to_owned()), Some(found))]
}

/// What is expected of every event.
fn of_any(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let repository = event.repository.as_ref();
    let full_name = expected
        .text("/Repo/Namespace")
        .zip(expected.text("/Repo/Name"))
        .map(|(namespace, name)| format!("{namespace}/{name}"));
    let own = |key: &str, found: Option<String>| (expected.text(key), found);
    let (id, found_id) = own(
        "/Repo/ID",
        repository.and_then(|repository| some(&repository.id)),
    );
    let (http, found_http) = own(
        "/Repo/Clone",
        repository.and_then(|repository| repository.http_url.clone()),
    );
    let (ssh, found_ssh) = own(
        "/Repo/CloneSSH",
        repository.and_then(|repository| repository.ssh_url.clone()),
    );
    let (page, found_page) = own(
        "/Repo/Link",
        repository.and_then(|repository| repository.url.clone()),
    );
    let (branch, found_branch) = own(
        "/Repo/Branch",
        repository.and_then(|repository| repository.default_branch.clone()),
    );
    let (sender, found_sender) = own("/Sender/Login", login(event.actor.as_ref()));
    let (called, found_called) = own("/Sender/Name", name(event.actor.as_ref()));
    vec![
        ("repository id", id, found_id),
        ("repository", full_name, event.project().map(str::to_owned)),
        ("clone", http, found_http),
        ("ssh", ssh, found_ssh),
        ("page", page, found_page),
        ("default branch", branch, found_branch),
        ("sender", sender, found_sender),
        ("sender's name", called, found_called),
    ]
}

fn of_push(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let (git_ref, before, after) = match &event.subject {
        Subject::Push(push) => (
            format!("refs/heads/{}", push.branch),
            some(&push.before),
            some(&push.after),
        ),
        Subject::Tag(tag) => (format!("refs/tags/{}", tag.name), None, some(&tag.target)),
        _ => return unlike("push", event),
    };
    let mut checks = vec![
        ("ref", expected.text("/Ref"), Some(git_ref)),
        ("after", expected.text("/After"), after),
    ];
    let Subject::Push(push) = &event.subject else {
        return checks;
    };
    checks.push(("before", expected.text("/Before"), before));
    let commits = expected.0["Commits"].as_array();
    let commits = commits.map(Vec::as_slice).unwrap_or_default();
    let count = |count: usize| Some(count.to_string());
    checks.push(("commits", count(commits.len()), count(push.commits.len())));
    for (theirs, ours) in commits.iter().zip(&push.commits) {
        let (theirs, author) = (Expected(theirs), ours.author.as_ref());
        let email = author.and_then(|author| author.email.clone());
        checks.extend([
            ("commit", theirs.text("/Sha"), some(&ours.id)),
            ("message", theirs.text("/Message"), some(&ours.message)),
            ("author", theirs.text("/Author/Name"), name(author)),
            ("e-mail", theirs.text("/Author/Email"), email),
            ("link", theirs.text("/Link"), ours.url.clone()),
        ]);
    }
    checks
}

/// A branch or tag that began or ended.
fn of_ref(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let (name, commit, created, deleted) = match &event.subject {
        Subject::Push(push) if push.deleted => (&push.branch, &push.before, false, true),
        Subject::Push(push) => (&push.branch, &push.after, push.created, false),
        Subject::Tag(tag) => (&tag.name, &tag.target, tag.created, tag.deleted),
        _ => return unlike("push or tag", event),
    };
    let action = match (created, deleted) {
        (true, _) => Some("created".to_owned()),
        (_, true) => Some("deleted".to_owned()),
        _ => None,
    };
    vec![
        ("ref", expected.text("/Ref/Name"), some(name)),
        ("commit", expected.text("/Ref/Sha"), some(commit)),
        ("action", expected.text("/Action"), action),
    ]
}

/// What the other project calls a change.
fn action(change: Change) -> String {
    let action = match change {
        Change::Opened => "opened",
        Change::Closed => "closed",
        Change::Reopened => "reopened",
        Change::Merged => "merged",
        Change::Ready => "review_ready",
        Change::CommitsPushed => "synchronized",
        Change::Updated => "updated",
        Change::Labeled => "labeled",
        Change::Unlabeled => "unlabeled",
        Change::Deleted => "deleted",
        _ => "another",
    };
    action.to_owned()
}

fn of_merge_request(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let Subject::MergeRequest(found) = &event.subject else {
        return unlike("merge-request", event);
    };
    let at = |key: &str| expected.text(&format!("/PullRequest/{key}"));
    let state = match (at("Merged").as_deref(), at("Closed").as_deref()) {
        (Some("true"), _) => "merged",
        (_, Some("true")) => "closed",
        _ => "open",
    };
    vec![
        (
            "action",
            expected.text("/Action"),
            Some(action(found.change)),
        ),
        ("number", at("Number"), Some(found.number.to_string())),
        ("title", at("Title"), some(&found.title)),
        ("body", at("Body"), some(&found.description)),
        ("head", at("Sha"), some(&found.head)),
        ("source", at("Source"), some(&found.source_branch)),
        ("target", at("Target"), some(&found.target_branch)),
        ("link", at("Link"), event.url.clone()),
        ("state", Some(state.to_owned()), some(&found.state)),
        ("author", at("Author/Login"), login(found.author.as_ref())),
    ]
}

fn of_issue(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let Subject::Issue(found) = &event.subject else {
        return unlike("issue", event);
    };
    let at = |key: &str| expected.text(&format!("/Issue/{key}"));
    vec![
        (
            "action",
            expected.text("/Action"),
            Some(action(found.change)),
        ),
        ("number", at("Number"), some(&found.key)),
        ("title", at("Title"), some(&found.title)),
        ("body", at("Body"), some(&found.description)),
        ("link", at("Link"), event.url.clone()),
        ("author", at("Author/Login"), login(found.author.as_ref())),
    ]
}

fn of_comment(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let Subject::Comment(found) = &event.subject else {
        return unlike("comment", event);
    };
    let of = |key: &str| {
        let places = ["/Issue/PullRequest", "/PullRequest", "/Issue"];
        let mut found = places
            .iter()
            .filter_map(|place| expected.text(&format!("{place}/{key}")));
        found.find(|text| text != "0")
    };
    vec![
        ("comment", expected.text("/Comment/ID"), some(&found.id)),
        ("text", expected.text("/Comment/Body"), some(&found.text)),
        ("number", of("Number"), found.target_key.clone()),
        ("title", of("Title"), found.target_title.clone()),
    ]
}

fn of_pipeline(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let Subject::Pipeline(found) = &event.subject else {
        return unlike("pipeline", event);
    };
    let commit = &found.commit;
    let pull_request = expected
        .text("/PullRequest/Number")
        .filter(|number| number != "0");
    let ours = found.merge_request.map(|number| number.to_string());
    vec![
        (
            "pipeline",
            expected.text("/Execution/Number"),
            some(&found.id),
        ),
        ("commit", expected.text("/Commit/Sha"), some(&commit.id)),
        ("link", expected.text("/Commit/Link"), commit.url.clone()),
        (
            "author",
            expected.text("/Commit/Author/Name"),
            name(commit.author.as_ref()),
        ),
        ("pull request", pull_request, ours),
    ]
}

fn of_release(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let Subject::Release(found) = &event.subject else {
        return unlike("release", event);
    };
    let at = |key: &str| expected.text(&format!("/Release/{key}"));
    vec![
        ("tag", at("Tag"), some(&found.tag)),
        ("title", at("Title"), some(&found.name)),
        ("body", at("Description"), some(&found.description)),
        ("link", at("Link"), event.url.clone()),
        (
            "prerelease",
            at("Prerelease"),
            Some(found.prerelease.to_string()),
        ),
    ]
}

fn of_deployment(expected: Expected<'_>, event: &Event) -> Vec<Check> {
    let Subject::Deployment(found) = &event.subject else {
        return unlike("deployment", event);
    };
    vec![
        ("deployment", expected.text("/Number"), some(&found.id)),
        (
            "environment",
            expected.text("/Target"),
            some(&found.environment),
        ),
        ("ref", expected.text("/Ref/Name"), some(&found.git_ref)),
        ("commit", expected.text("/Ref/Sha"), some(&found.commit)),
    ]
}
