//! A deploy that a crash cuts off: reported and left to a person, or run again where its configuration
//! says so. The next one of its key waits until nothing of it is left.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{DEPLOY_SETTINGS, GITLAB, gone, lines};
use crate::support::events::text;
use crate::support::receiver::Receiver;
use crate::support::server::Site;
use crate::support::{eventually, rule};

/// A command that never ends at its first attempt, and at once at any other.
fn site(receiver: &Receiver, on_interrupt: &str) -> Site {
    let site = Site::new(&format!(
        r#"{GITLAB}
        [channels.hook]
        kind = "http"
        url = "http://{}/"

        [commands.deploy-site]
        argv = ["/bin/sh", "-c", '''
            echo "$HOOKBOX_IDEMPOTENCY_KEY $HOOKBOX_ATTEMPT" >>runs
            test "$HOOKBOX_ATTEMPT" -gt 1 || sleep 600
        ''', "deploy", "{{branch}}", "{{commit}}"]
        parameters.branch = {{ pattern = "main" }}
        parameters.commit = {{ pattern = "[0-9a-f]{{40}}" }}
        cwd = "."
        grace = "1s"
        report_channel = "hook"
        on_interrupt = "{on_interrupt}"
        "#,
        receiver.address
    ));
    let settings = "[settings]\ncommand = 'deploy-site'\nreport = 'hook'";
    site.put("rules/deploy-on-main.toml", settings.as_bytes());
    site.put("rules/deploy-on-main.wasm", &rule("deploy-on-main"));
    site
}

/// Kills the server in the middle of a deploy, starts the next one, and returns the event's record when
/// all of it has ended, with the lines that the command wrote.
async fn cut_off(site: &Site) -> (Value, Vec<String>) {
    let runs = site.path().join("runs");
    let server = site.serve().await;
    let event = server.send_sample("push").await;
    eventually("the command has begun", || async {
        match lines(&runs).len() {
            0 => Err("it has not"),
            _ => Ok(()),
        }
        .map_err(str::to_owned)
    })
    .await;

    server.kill();
    gone(site.path()).await;
    let server = site.serve().await;
    let record = eventually("it is decided", || async {
        let record = server.settled(&event).await;
        let reports = record["record"]["actions"].as_array().map_or(0, Vec::len);
        let deploy = &record["record"]["actions"][0];
        // The report is committed with what is decided about the deploy.
        if reports > 1 || deploy["state"] == "done" {
            Ok(record)
        } else {
            Err(record.to_string())
        }
    })
    .await;
    (record, lines(&runs))
}

fn keys(receiver: &Receiver) -> BTreeSet<String> {
    let received = receiver.received();
    received.iter().map(|message| message.key()).collect()
}

#[tokio::test]
async fn a_deploy_that_a_crash_cuts_off_is_reported_and_not_run_again() {
    let receiver = Receiver::start().await;
    let site = site(&receiver, "report");

    let (record, runs) = cut_off(&site).await;

    let deploy = &record["record"]["actions"][0];
    let key = text(&deploy["key"]);
    assert_eq!(deploy["state"], "interrupted", "{record}");
    assert_eq!(deploy["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(deploy["attempts"][0]["result"], "interrupted");
    assert_eq!(runs, [format!("{key} 1")]);
    // The operator and the rule name the same channel, which is told once.
    let told = format!("{key}#operators-report-1");
    assert_eq!(keys(&receiver), BTreeSet::from([told]));
    for message in receiver.received() {
        assert_eq!(message.json()["title"], "deploy-site: interrupted");
    }
}

#[tokio::test]
async fn a_deploy_that_may_be_run_again_is_run_again_under_its_key() {
    let receiver = Receiver::start().await;
    let site = site(&receiver, "rerun");

    let (record, runs) = cut_off(&site).await;

    let deploy = &record["record"]["actions"][0];
    let key = text(&deploy["key"]);
    let attempts = deploy["attempts"].as_array().expect("a list");
    let results: Vec<&Value> = attempts.iter().map(|attempt| &attempt["result"]).collect();
    assert_eq!(deploy["state"], "done", "{record}");
    assert_eq!(results, ["interrupted", "done"]);
    assert_eq!(runs, [format!("{key} 1"), format!("{key} 2")]);
    assert_eq!(keys(&receiver), BTreeSet::from([format!("{key}#report-2")]));
}

#[tokio::test]
async fn a_deploy_that_crashed_three_servers_is_set_aside() {
    let receiver = Receiver::start().await;
    let site = site(&receiver, "rerun");
    let never = std::fs::read_to_string(site.path().join("hookbox.toml"))
        .expect("it is there")
        .replace("-gt 1", "-gt 9");
    site.put("hookbox.toml", never.as_bytes());
    let runs = site.path().join("runs");
    let mut server = site.serve().await;
    let event = server.send_sample("push").await;

    for crashes in 1..=3 {
        eventually("the command has begun again", || async {
            let found = lines(&runs).len();
            if found == crashes {
                Ok(())
            } else {
                Err(format!("{found} times"))
            }
        })
        .await;
        server.kill();
        gone(site.path()).await;
        server = site.serve().await;
    }
    let record = server.settled(&event).await;
    let next = server.send_sample("push").await;
    eventually("the next deploy begins", || async {
        let runs = lines(&runs);
        let last = runs.last().cloned().unwrap_or_default();
        if last.starts_with(&next) {
            Ok(())
        } else {
            Err(last)
        }
    })
    .await;

    let deploy = &record["record"]["actions"][0];
    assert_eq!(deploy["state"], "stuck", "{record}");
    assert_eq!(deploy["detail"], "in flight at 3 crashes");
    assert_eq!(deploy["attempts"].as_array().map(Vec::len), Some(3));
    assert_eq!(lines(&runs).len(), 4);
}

/// A command of which the first run neither ends nor heeds TERM, and which tells of two that run at the same time.
fn stubborn() -> Site {
    let site = Site::new(&format!(
        r#"{GITLAB}
        [commands.deploy-site]
        argv = ["/bin/sh", "-c", '''
            trap "" TERM
            exec 9>lock
            flock -n 9 || echo "overlap $HOOKBOX_IDEMPOTENCY_KEY" >>runs
            echo "begin $HOOKBOX_IDEMPOTENCY_KEY" >>runs
            mkdir first 2>/dev/null && exec sleep 600
            echo "end $HOOKBOX_IDEMPOTENCY_KEY" >>runs
        ''', "deploy", "{{branch}}", "{{commit}}"]
        parameters.branch = {{ pattern = "main" }}
        parameters.commit = {{ pattern = "[0-9a-f]{{40}}" }}
        concurrency.key = "{{branch}}"
        cwd = "."
        grace = "3s"
        "#
    ));
    site.put("rules/deploy-on-main.toml", DEPLOY_SETTINGS);
    site.put("rules/deploy-on-main.wasm", &rule("deploy-on-main"));
    site
}

#[tokio::test]
async fn the_next_deploy_of_a_key_waits_for_what_a_killed_server_left_running() {
    let site = stubborn();
    let runs = site.path().join("runs");
    let server = site.serve().await;
    let first = server.send_sample("push").await;
    eventually("the first deploy has begun", || async {
        let runs = lines(&runs);
        if runs.len() == 1 {
            Ok(())
        } else {
            Err(format!("{runs:?}"))
        }
    })
    .await;
    let second = server.send_sample("push").await;
    eventually("the second deploy waits", || async {
        let record = server.get(&format!("/api/v1/events/{second}")).await;
        if record["record"]["actions"][0]["state"] == "waiting" {
            Ok(())
        } else {
            Err(record.to_string())
        }
    })
    .await;

    // The next server is there long before the first deploy has to end: its grace is not over.
    server.kill();
    let server = site.serve().await;
    let second = server.settled(&second).await;
    let first = server.settled(&first).await;

    let (first, second) = (
        &first["record"]["actions"][0],
        &second["record"]["actions"][0],
    );
    let key = |action: &Value| text(&action["key"]);
    assert_eq!(first["state"], "interrupted", "{first}");
    assert_eq!(second["state"], "done", "{second}");
    assert_eq!(
        lines(&runs),
        [
            format!("begin {}", key(first)),
            format!("begin {}", key(second)),
            format!("end {}", key(second)),
        ]
    );
}
