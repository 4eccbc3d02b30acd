//! Ends that are in order, a reload by a signal, and a disk that is full for a while.

use std::process::Command;

use axum::http::StatusCode;
use hookbox::domain::names::Digest;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::server::{Server, Site};
use crate::support::{eventually, program, rule};

const GITLAB: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }
"#;

/// A site whose rule deploys with a command of the shell.
fn deploying(script: &str) -> Site {
    let site = Site::new(&format!(
        r#"{GITLAB}
        [shared]
        sources = ["*"]
        commands = ["*"]

        [commands.deploy-site]
        argv = ["/bin/sh", "-c", '''{script}''', "deploy", "{{branch}}", "{{commit}}"]
        parameters.branch = {{ pattern = "main" }}
        parameters.commit = {{ pattern = "[0-9a-f]{{40}}" }}
        cwd = "."
        "#
    ));
    site.put(
        "rules/deploy-on-main.toml",
        b"[settings]\ncommand = 'deploy-site'",
    );
    site.put("rules/deploy-on-main.wasm", &rule("deploy-on-main"));
    site
}

async fn file_appears(site: &Site, name: &str) {
    eventually(&format!("`{name}` is there"), || async {
        match site.path().join(name).exists() {
            true => Ok(()),
            false => Err("it is not".to_owned()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_lets_a_command_finish_and_takes_nothing_more() {
    let site = deploying("touch begun; while ! test -e go; do sleep 0.05; done; touch finished");
    let server = site.serve().await;
    server.rule_in_state("deploy-on-main", "active").await;
    let event = server.send_sample("push").await;
    file_appears(&site, "begun").await;

    server.signal(Signal::TERM);
    eventually("it takes nothing more", || async {
        match server.hook("Push Hook", "{}").send().await {
            Err(_) => Ok(()),
            Ok(answer) => Err(answer.status().to_string()),
        }
    })
    .await;
    site.put("go", b"");
    assert_eq!(server.terminate().await, Some(0));

    assert!(site.path().join("finished").exists());
    let server = site.serve().await;
    let record = server.settled(&event).await;
    assert_eq!(record["record"]["actions"][0]["state"], "done", "{record}");
}

#[tokio::test]
async fn a_hangup_reads_secrets_anew_that_the_configuration_only_names() {
    let site = Site::new(GITLAB);
    let server = site.serve().await;
    site.put("secret", b"another-secret-of-the-tests");
    let new = |server: &Server| {
        server
            .http
            .post(format!("{}/hooks/gitlab", server.public))
            .header("content-type", "application/json")
            .header("x-gitlab-event", "Push Hook")
            .header("x-gitlab-token", "another-secret-of-the-tests")
            .body("{}")
    };
    let refused = new(&server).send().await.expect("the server answers");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    server.signal(Signal::HUP);

    eventually("the new secret is known", || async {
        let answer = new(&server).send().await.expect("the server answers");
        match answer.status() {
            StatusCode::ACCEPTED => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    let old = server
        .hook("Push Hook", "{}")
        .send()
        .await
        .expect("the server answers");
    assert_eq!(old.status(), StatusCode::UNAUTHORIZED);
}

/// Starts the server with a data folder on a small disk of its own; none where this machine lets nobody mount.
async fn on_a_small_disk(site: &Site) -> Option<Server> {
    let mount = "mount -t tmpfs -o size=24m none data";
    let mounts = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["-rm", "/bin/sh", "-c", script])
            .current_dir(site.path());
        command
    };
    std::fs::create_dir(site.path().join("data")).expect("a folder can be made");
    let status = mounts(mount).status();
    if !status.is_ok_and(|status| status.success()) {
        return None;
    }
    let program = program();
    Some(
        site.serve_by(mounts(&format!("{mount} && exec {program} serve")))
            .await,
    )
}

#[tokio::test]
async fn a_full_disk_is_answered_with_503_and_recovers_by_itself() {
    let site = Site::new(GITLAB);
    let Some(server) = on_a_small_disk(&site).await else {
        eprintln!("LEFT OUT: this machine lets nobody mount a file system");
        return;
    };
    let first = server.send_sample("push").await;
    let data = format!("/proc/{}/root{}/data", server.pid(), site.path().display());
    let filler = std::path::Path::new(&data).join("filler");
    fill(&filler);

    let body = format!(
        "{{\"object_kind\":\"push\",\"filler\":\"{}\"}}",
        noise(600_000)
    );
    let refused = server
        .hook("Push Hook", body.clone())
        .send()
        .await
        .expect("the server answers");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let text: Value = refused.json().await.expect("JSON");
    let message = text["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("full"), "{text}");
    let ready = server
        .http
        .get(format!("{}/readyz", server.admin))
        .send()
        .await;
    let ready = ready.expect("the server answers");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let health = server
        .http
        .get(format!("{}/healthz", server.public))
        .send()
        .await;
    assert_eq!(health.expect("the server answers").status(), StatusCode::OK);

    std::fs::remove_file(&filler).expect("it can be removed");

    eventually("the delivery is taken", || async {
        let answer = server.hook("Push Hook", body.clone()).send().await;
        match answer.expect("the server answers").status() {
            StatusCode::ACCEPTED => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    server.settled(&first).await;
    eventually("both events are there", || async {
        let events = server.get("/api/v1/events").await;
        match events["events"].as_array().map(Vec::len) {
            Some(2) => Ok(()),
            _ => Err(events.to_string()),
        }
    })
    .await;
}

/// Fills the disk to its last byte.
fn fill(path: &std::path::Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).expect("it can be made");
    for size in [1 << 20, 4_096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

/// A text that cannot be packed.
fn noise(length: usize) -> String {
    let digests = (0..length / 64).map(|number| Digest::of(number.to_string().as_bytes()));
    digests.map(|digest| digest.hex().to_owned()).collect()
}
