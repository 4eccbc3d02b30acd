//! Changes of the configuration while the server runs, and a second server beside it.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::support::server::{SECRET, Server, Site};
use crate::support::{DEADLINE, eventually, program};

const MORE: &str = "\n[sources.mirror]\nprovider = 'gitlab'\nsecret = { file = 'secret' }\n";

/// Sends a push to a source, and returns the status.
async fn push(server: &Server, source: &str) -> u16 {
    let request = server
        .http
        .post(format!("{}/hooks/{source}", server.public))
        .header("x-gitlab-event", "Push Hook")
        .header("x-gitlab-token", SECRET)
        .header("idempotency-key", uuid::Uuid::now_v7().to_string())
        .body(include_str!("../../../guest-sdk/samples/gitlab/push.json"));
    let answer = request.send().await.expect("the server answers");
    answer.status().as_u16()
}

/// Waits until `/readyz` has this status, and returns its body.
async fn readiness(server: &Server, status: u16) -> Value {
    eventually(&format!("readyz answers {status}"), || async {
        let answer = server.http.get(format!("{}/readyz", server.admin)).send();
        let answer = answer.await.expect("the server answers");
        let found = answer.status().as_u16();
        let body: Value = answer.json().await.expect("the answer is JSON");
        if found == status {
            Ok(body)
        } else {
            Err(body.to_string())
        }
    })
    .await
}

#[tokio::test]
async fn a_source_that_is_added_to_the_file_is_in_force_without_a_restart() {
    let site = Site::new(Site::CONFIG);
    let server = site.serve().await;
    assert_eq!(push(&server, "mirror").await, 404);

    site.configure(&format!("{}{MORE}", Site::CONFIG));
    let added = eventually("the source is there", || async {
        let status = push(&server, "mirror").await;
        if status == 202 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
    added.await;
    site.configure(Site::CONFIG);
    let removed = eventually("the source is gone", || async {
        let status = push(&server, "mirror").await;
        if status == 404 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
    removed.await;

    assert_eq!(push(&server, "gitlab").await, 202);
    let listing = server.get("/api/v1/sources").await;
    assert_eq!(listing["sources"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_change_while_the_server_starts_is_not_missed() {
    let site = Site::new(&Site::CONFIG.replace("\"secret\"", "\"pipe\""));
    let pipe = site.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("`mkfifo` can be run").success());

    // The server has read the file when it opens the pipe, and waits there for its secret.
    let change = async {
        let secret = tokio::fs::OpenOptions::new().write(true).open(&pipe).await;
        let mut secret = secret.expect("the server opens the pipe");
        site.configure(&format!("{}{MORE}", Site::CONFIG));
        let written = secret.write_all(SECRET.as_bytes()).await;
        written.expect("the server reads the pipe");
        secret.flush().await.expect("the server reads the pipe");
    };
    let (server, ()) = tokio::join!(site.serve(), change);

    eventually("the change is in force", || async {
        let status = push(&server, "mirror").await;
        if status == 202 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn a_broken_configuration_is_shown_and_the_old_one_serves() {
    let site = Site::new(Site::CONFIG);
    let server = site.serve().await;
    readiness(&server, 200).await;

    for (broken, reason) in [
        ("\n[sourcse.other]\n", "is it `sources`?"),
        ("\n[sources.other\n", "line"),
        (
            "\n[sources.other]\nprovider = 'gitlub'\n",
            "did you mean \"gitlab\"?",
        ),
        (
            "\n[sources.other]\nprovider = 'gitlab'\nsecret = { file = 'lost' }\n",
            "`sources.other.secret`",
        ),
        (
            "\n[channels.chat]\nkind = 'mattermost'\nurl = 'chat'\n",
            "channel `chat`",
        ),
    ] {
        site.configure(&format!("{}{MORE}{broken}", Site::CONFIG));
        let shown = eventually("the problem is shown", || async {
            let shown = readiness(&server, 503).await.to_string();
            let problem = server.get("/api/v1/status").await["configuration-problem"].clone();
            let problem = problem.as_str().unwrap_or_default().to_owned();
            if problem.contains(reason) {
                Ok(shown)
            } else {
                Err(problem)
            }
        })
        .await;

        assert!(!shown.contains(SECRET), "{shown}");
        assert_eq!(push(&server, "mirror").await, 404, "{reason}");
        assert_eq!(push(&server, "gitlab").await, 202, "{reason}");
    }

    site.configure(&format!("{}{MORE}", Site::CONFIG));
    assert_eq!(readiness(&server, 200).await["configuration"], "ok");
    assert_eq!(push(&server, "mirror").await, 202);
}

#[tokio::test]
async fn no_channel_may_lead_to_the_servers_own_listeners() {
    let site = Site::new(Site::CONFIG);
    let server = site.serve().await;

    for address in [&server.public, &server.admin] {
        let channel = format!("[channels.loop]\nkind = 'http'\nurl = '{address}/hooks/gitlab'\n");
        site.configure(&format!("{}\n{channel}", Site::CONFIG));

        let shown = readiness(&server, 503).await.to_string();

        assert!(shown.contains("Hookbox's own listeners"), "{shown}");
        site.configure(Site::CONFIG);
        readiness(&server, 200).await;
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_data_says_so_and_ends() {
    let site = Site::new(Site::CONFIG);
    let server = site.serve().await;

    let second = tokio::process::Command::new(program())
        .arg("serve")
        .current_dir(site.path())
        .env_remove("HOOKBOX_LOG")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let second = tokio::time::timeout(DEADLINE, second).await;
    let second = second.expect("it ends").expect("the program can be run");

    let errors = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("another hookbox has the data folder"),
        "{errors}"
    );
    assert_eq!(push(&server, "gitlab").await, 202);
}
