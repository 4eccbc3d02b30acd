//! Real deliveries and the events they are read as, so that a rule's test needs no file.
//!
//! Each is two files in `samples/`: the body as the provider sends it, and the event.

use serde_json::Value;

use crate::event::Event;

struct Sample {
    name: &'static str,
    payload: &'static str,
    event: &'static str,
}

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        &[$(Sample {
            name: $name,
            payload: include_str!(concat!("../../samples/", $name, ".json")),
            event: include_str!(concat!("../../samples/", $name, ".event.json")),
        }),*]
    };
}

const SAMPLES: &[Sample] = samples![
    "gitlab/push",
    "gitlab/tag",
    "gitlab/merge-request-opened",
    "gitlab/merge-request-updated",
    "gitlab/merge-request-merged",
    "gitlab/merge-request-closed",
    "gitlab/issue-opened",
    "gitlab/note-on-merge-request",
    "gitlab/pipeline-failed",
    "gitlab/job-failed",
    "gitlab/release",
    "gitlab/deployment",
    "gitlab/feature-flag",
    "gitlab/member-added",
    "gitlab/merge-request-approved",
    "gitlab/note-confidential",
    "gitlab/page-created",
    "github/alert-firing",
    "github/deployment",
    "github/issue-opened",
    "github/job-failed",
    "github/member-added",
    "github/merge-request-approved",
    "github/merge-request-closed",
    "github/merge-request-merged",
    "github/merge-request-opened",
    "github/merge-request-updated",
    "github/note-on-merge-request",
    "github/page-updated",
    "github/ping",
    "github/pipeline-failed",
    "github/push",
    "github/release",
    "github/tag",
    "bitbucket/issue-opened",
    "bitbucket/merge-request-approved",
    "bitbucket/merge-request-closed",
    "bitbucket/merge-request-merged",
    "bitbucket/merge-request-opened",
    "bitbucket/merge-request-updated",
    "bitbucket/note-on-merge-request",
    "bitbucket/pipeline-failed",
    "bitbucket/push",
    "bitbucket/tag",
    "bitbucket-data-center/merge-request-approved",
    "bitbucket-data-center/merge-request-closed",
    "bitbucket-data-center/merge-request-merged",
    "bitbucket-data-center/merge-request-opened",
    "bitbucket-data-center/merge-request-updated",
    "bitbucket-data-center/note-on-merge-request",
    "bitbucket-data-center/ping",
    "bitbucket-data-center/push",
    "bitbucket-data-center/tag",
    "gitea/issue-opened",
    "gitea/job-failed",
    "gitea/merge-request-approved",
    "gitea/merge-request-closed",
    "gitea/merge-request-merged",
    "gitea/merge-request-opened",
    "gitea/merge-request-updated",
    "gitea/note-on-merge-request",
    "gitea/page-updated",
    "gitea/pipeline-failed",
    "gitea/push",
    "gitea/release",
    "gitea/tag",
    "forgejo/issue-opened",
    "forgejo/job-failed",
    "forgejo/merge-request-approved",
    "forgejo/merge-request-closed",
    "forgejo/merge-request-merged",
    "forgejo/merge-request-opened",
    "forgejo/merge-request-updated",
    "forgejo/note-on-merge-request",
    "forgejo/page-updated",
    "forgejo/pipeline-failed",
    "forgejo/push",
    "forgejo/release",
    "forgejo/tag",
    "gogs/issue-opened",
    "gogs/merge-request-closed",
    "gogs/merge-request-merged",
    "gogs/merge-request-opened",
    "gogs/merge-request-updated",
    "gogs/note-on-merge-request",
    "gogs/push",
    "gogs/release",
    "gogs/tag",
    "gitee/issue-opened",
    "gitee/merge-request-closed",
    "gitee/merge-request-merged",
    "gitee/merge-request-opened",
    "gitee/merge-request-updated",
    "gitee/note-on-merge-request",
    "gitee/push",
    "gitee/tag",
    "jira/issue-closed",
    "jira/issue-opened",
    "jira/issue-updated",
    "jira/note-on-issue",
    "confluence/note-on-page",
    "confluence/page-created",
    "confluence/page-updated",
    "confluence/ping",
    "nextcloud/file-created",
    "nextcloud/file-modified",
    "nextcloud/file-removed",
    "nextcloud/file-renamed",
    "alertmanager/alert-firing",
    "alertmanager/alert-resolved",
    "grafana/alert-firing",
    "grafana/alert-resolved",
    "sentry/alert-firing",
    "sentry/alert-resolved",
    "sentry/metric-alert-firing",
    "sentry/note-on-issue",
    "slack/member-added",
    "slack/mention",
    "slack/message",
    "standard-webhooks/event",
    "generic/event",
    "folder/file-created",
    "folder/file-modified",
    "folder/file-removed",
    "folder/file-renamed",
    "schedule/due",
];

/// Returns the event of a sample, such as `gitlab/push`.
///
/// # Panics
/// When there is no sample of this name; it tells the names.
#[must_use]
#[track_caller]
pub fn sample(name: &str) -> Event {
    read(name, find(name).event)
}

/// Returns the body of a sample, as the provider sends it.
///
/// # Panics
/// When there is no sample of this name; it tells the names.
#[must_use]
#[track_caller]
pub fn sample_payload(name: &str) -> Value {
    read(name, find(name).payload)
}

/// Returns the names of all samples.
pub fn samples() -> impl Iterator<Item = &'static str> {
    SAMPLES.iter().map(|sample| sample.name)
}

#[track_caller]
fn find(name: &str) -> &'static Sample {
    let found = SAMPLES.iter().find(|sample| sample.name == name);
    let Some(sample) = found else {
        let names: Vec<&str> = samples().collect();
        panic!(
            "there is no sample `{name}`; the samples are {}",
            names.join(", ")
        );
    };
    sample
}

#[track_caller]
fn read<T: serde::de::DeserializeOwned>(name: &str, json: &str) -> T {
    match serde_json::from_str(json) {
        Ok(value) => value,
        Err(error) => panic!("the sample `{name}` is not what it should be: {error}"),
    }
}
