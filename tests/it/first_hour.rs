//! The main job: a signed GitLab webhook, through sandboxed rules, to a channel and a deploy command.

use crate::support::rule;
use crate::support::server::Site;

const CONFIG: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }

    [channels.console]
    kind = "console"

    [commands.deploy-site]
    argv = ["/bin/echo", "deploying {branch} at {commit}"]
    parameters.branch = { pattern = "main" }
    parameters.commit = { pattern = "[0-9a-f]{40}" }

    [shared]
    sources = ["gitlab"]
    channels = ["console"]
    commands = ["deploy-site"]
"#;

fn site() -> Site {
    let site = Site::new(CONFIG);
    for (name, settings) in [
        ("notify-merge-requests", "[settings]\nchannel = 'console'"),
        (
            "deploy-on-main",
            "[settings]\ncommand = 'deploy-site'\nreport = 'console'",
        ),
        ("drop-bot-noise", "order = -1"),
    ] {
        site.put(&format!("rules/{name}.toml"), settings.as_bytes());
        site.put(&format!("rules/{name}.wasm"), &rule(name));
    }
    site
}

#[tokio::test]
async fn a_push_becomes_a_message_and_a_deploy_and_says_why() {
    let site = site();
    let server = site.serve().await;

    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;

    let console = server.console();
    assert!(console.contains("3 commits to main"), "{console}");
    assert!(console.contains("deploying main at "), "{console}");
    let verdict = |rule: &str| {
        record["rules"]
            .as_array()
            .expect("every rule is named")
            .iter()
            .find(|verdict| verdict["rule"] == rule)
            .unwrap_or_else(|| panic!("`{rule}` is missing: {record}"))
            .clone()
    };
    assert_eq!(verdict("drop-bot-noise")["kind"], "nothing");
    assert_eq!(verdict("deploy-on-main")["kind"], "acted");
    assert_eq!(verdict("notify-merge-requests")["kind"], "acted");
    assert_eq!(server.terminate().await, Some(0));
}

#[tokio::test]
async fn both_events_of_one_merge_give_one_run() {
    let site = site();
    let server = site.serve().await;

    let merged = server.send_sample("merge-request-merged").await;
    let pushed = server.send_sample("push").await;
    let merged = server.settled(&merged).await;
    let pushed = server.settled(&pushed).await;

    let runs = |record: &serde_json::Value| {
        record["record"]["actions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|action| !action["action"]["deploy"].is_null())
            .count()
    };
    assert_eq!((runs(&merged), runs(&pushed)), (0, 1));
}
