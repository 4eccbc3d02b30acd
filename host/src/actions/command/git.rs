//! Git-updates: a checkout is brought to the commit of an event, and then a program runs in it.
//!
//! The server says which commit of which branch; [`update`], a part of the server's own program that runs
//! under the supervisor as the command's user, does it with the machine's `git`.
//!
//! Invariants:
//! - What a rule or an event says reaches Git as one argument that is no option.
//! - An event that names no commit changes nothing, and its run says why.

pub(super) mod update;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::update::GIT_UPDATE;
use super::parameter::ArgumentProblem;
use super::protocol::THIS_PROGRAM;
use super::shown::shown;
use super::template::Template;
use crate::domain::event::{Event, Subject};

/// The argument that every git-update takes: the commit.
pub(super) const COMMIT: &str = "commit";

/// What stands for no commit: the branch began or ended.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// What stands for the whole commit in the arguments of [`Plan::then`]: no argument can hold it.
const COMMIT_MARK: &str = "\0";

/// The least digits of a commit that an event may name: some providers send the first twelve alone.
const SHORTEST_COMMIT: usize = 7;

/// Whether a push rewrote history, so that going back is what was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forced {
    /// It was an ordinary one, or the provider does not say.
    #[default]
    No,
    /// It was pushed by force.
    Yes,
}

/// The commit that an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventCommit<'a> {
    /// The commit; all zeros where what it was on has ended, and none where the event is about no commit.
    pub commit: Option<&'a str>,
    /// Whether history was rewritten.
    pub forced: Forced,
}

/// The commit that an event is about: that of a push, a tag, a pipeline, a job, or a deployment; of a merge
/// request the merge commit, and the newest of its branch before it is merged.
#[must_use]
pub fn commit_of(event: &Event) -> EventCommit<'_> {
    let commit = match &event.subject {
        Subject::Push(push) if push.deleted => Some(NO_COMMIT),
        Subject::Push(push) => Some(push.after.as_str()),
        Subject::Tag(tag) if tag.deleted => Some(NO_COMMIT),
        Subject::Tag(tag) => Some(tag.target.as_str()),
        Subject::MergeRequest(request) => {
            Some(request.merge_commit.as_deref().unwrap_or(&request.head))
        }
        Subject::Pipeline(pipeline) => Some(pipeline.commit.id.as_str()),
        Subject::Job(job) => Some(job.commit.id.as_str()),
        Subject::Deployment(deployment) => Some(deployment.commit.as_str()),
        _ => None,
    };
    EventCommit {
        commit: commit.filter(|commit| !commit.is_empty()),
        forced: match &event.subject {
            Subject::Push(push) if push.forced => Forced::Yes,
            _ => Forced::No,
        },
    }
}

/// A checkout to be updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GitUpdate {
    /// Its folder, with nothing left that is a link.
    pub(super) path: PathBuf,
    /// The remote to fetch from.
    pub(super) remote: String,
    /// The branch that the commit must be on.
    pub(super) branch: Template,
    /// What runs in it afterwards.
    pub(super) then: Option<(String, Vec<Template>)>,
}

/// A git-update with its arguments put in; the commit may still be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PreparedUpdate {
    update: GitUpdate,
    values: BTreeMap<String, String>,
    commit: Option<String>,
}

/// What one git-update does, as its process is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    path: PathBuf,
    remote: String,
    branch: String,
    commit: String,
    forced: Forced,
    ssh: Ssh,
    /// The program and its arguments, in which [`COMMIT_MARK`] stands for the commit; empty for none.
    then: Vec<String>,
}

/// How Git calls `ssh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ssh {
    /// As its environment says.
    AsGiven,
    /// So that it never asks, unless the checkout's own configuration has another way.
    Unasked,
}

impl Plan {
    /// The part of this program that does it, and where.
    pub(super) fn program(&self) -> Result<(Vec<String>, PathBuf), String> {
        let plan = serde_json::to_string(self)
            .map_err(|error| format!("it cannot be handed to its process: {error}"))?;
        // The start stage is this program, so that it becomes itself once more.
        let argv = vec![THIS_PROGRAM.to_owned(), GIT_UPDATE.to_owned(), plan];
        Ok((argv, self.path.clone()))
    }
}

/// Takes the commit that a rule gave; it has all its digits.
pub(super) fn check_commit(value: &str) -> Result<String, ArgumentProblem> {
    if matches!(value.len(), 40 | 64) && is_hexadecimal(value) {
        return Ok(value.to_ascii_lowercase());
    }
    Err(ArgumentProblem::Refused {
        parameter: COMMIT.to_owned(),
        value: shown(value),
        accepted: "40 or 64 hexadecimal digits".to_owned(),
    })
}

fn is_hexadecimal(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl PreparedUpdate {
    /// Takes the values of a run.
    pub(super) fn new(
        update: &GitUpdate,
        values: &BTreeMap<&str, &str>,
        commit: Option<String>,
    ) -> Self {
        let owned = |(name, value): (&&str, &&str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            update: update.clone(),
            values: values.iter().map(owned).collect(),
            commit,
        }
    }

    /// Says what to do, or in words why nothing can be done.
    pub(super) fn plan(
        &self,
        event: EventCommit<'_>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Plan, String> {
        let commit = match (&self.commit, event.commit) {
            (Some(commit), _) => commit.clone(),
            (None, Some(commit)) => commit.to_ascii_lowercase(),
            (None, None) => {
                return Err(
                    "the event is about no commit; let the rule give the argument `commit`, or not \
                            ask for this command"
                        .to_owned(),
                );
            }
        };
        if commit.bytes().all(|byte| byte == b'0') {
            return Err(
                "the branch or tag was deleted, so there is no commit to update to".to_owned(),
            );
        }
        if !(SHORTEST_COMMIT..=64).contains(&commit.len()) || !is_hexadecimal(&commit) {
            let commit = shown(&commit);
            return Err(format!(
                "the event names the commit `{commit}`, which is no commit of Git"
            ));
        }
        let mut values: BTreeMap<&str, &str> = self
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let branch = self.update.branch.render(&values);
        values.insert(COMMIT, COMMIT_MARK);
        let then = self.update.then.iter().flat_map(|(program, arguments)| {
            let arguments = arguments.iter().map(|argument| argument.render(&values));
            std::iter::once(program.clone()).chain(arguments)
        });
        Ok(Plan {
            path: self.update.path.clone(),
            remote: self.update.remote.clone(),
            branch,
            then: then.collect(),
            forced: event.forced,
            ssh: if ["GIT_SSH_COMMAND", "GIT_SSH"]
                .iter()
                .any(|name| environment.contains_key(*name))
            {
                Ssh::AsGiven
            } else {
                Ssh::Unasked
            },
            commit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn event(subject: &str) -> Event {
        let text = format!(
            r#"{{"id":"0190-1","source":"gitlab","provider":"gitlab","provider-event":"Push Hook",
            "received-at":0,"received-local":"","subject":{subject}}}"#
        );
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn push(after: &str, what: &str) -> Event {
        let (deleted, forced) = (what == "deleted", what == "forced");
        event(&format!(
            r#"{{"push":{{"branch":"main","before":"","after":"{after}","created":false,
            "deleted":{deleted},"forced":{forced},"commit-count":1}}}}"#
        ))
    }

    #[test]
    fn a_push_is_about_the_commit_that_its_branch_is_on_then() {
        let of = |after, what| {
            let event = push(after, what);
            let commit = commit_of(&event);
            (commit.commit.map(str::to_owned), commit.forced)
        };

        assert_eq!(of(COMMIT, "pushed"), (Some(COMMIT.to_owned()), Forced::No));
        assert_eq!(of(COMMIT, "forced"), (Some(COMMIT.to_owned()), Forced::Yes));
        assert_eq!(of(COMMIT, "deleted").0.as_deref(), Some(NO_COMMIT));
        assert_eq!(of("", "pushed").0, None);
    }

    #[test]
    fn a_tag_is_about_its_commit_and_a_ping_about_none() {
        let tag = |deleted| {
            event(&format!(
                r#"{{"tag":{{"name":"v1","target":"{COMMIT}","created":false,"deleted":{deleted}}}}}"#
            ))
        };

        assert_eq!(commit_of(&tag(false)).commit, Some(COMMIT));
        assert_eq!(commit_of(&tag(true)).commit, Some(NO_COMMIT));
        assert_eq!(commit_of(&event(r#""ping""#)).commit, None);
    }

    #[test]
    fn a_merge_request_is_about_its_merge_once_it_is_merged() {
        let request = |merge: &str| {
            event(&format!(
                r#"{{"merge-request":{{"number":1,"title":"","description":"","change":"merged",
                "state":"merged","draft":false,"source-branch":"a","target-branch":"main",
                "head":"aaaaaaa"{merge}}}}}"#
            ))
        };

        let merged = request(r#","merge-commit":"bbbbbbb""#);
        assert_eq!(commit_of(&request("")).commit, Some("aaaaaaa"));
        assert_eq!(commit_of(&merged).commit, Some("bbbbbbb"));
    }
}
