//! A server whose program is replaced while it runs, as every update does.

use std::process::Command;

use rustix::process::Signal;

use crate::support::server::Site;
use crate::support::{eventually, program, rule};

/// A command that writes a word.
fn configuration(word: &str) -> String {
    let config = Site::CONFIG;
    format!(
        r#"{config}
        [commands.deploy-site]
        argv = ["/bin/sh", "-c", "echo {word} >>runs", "deploy", "{{branch}}", "{{commit}}"]
        parameters.branch = {{ pattern = "main" }}
        parameters.commit = {{ pattern = "[0-9a-f]{{40}}" }}
        cwd = "."
        "#
    )
}

#[tokio::test]
async fn a_server_whose_program_was_replaced_runs_the_commands_of_a_new_configuration() {
    let site = Site::new(&configuration("before"));
    site.put(
        "rules/deploy-on-main.toml",
        b"[settings]\ncommand = 'deploy-site'",
    );
    site.put("rules/deploy-on-main.wasm", &rule("deploy-on-main"));
    // Another process writes it: what this one has open for writing cannot be run while a child of another test
    // still holds it.
    let copied = site.path().join("program");
    let status = Command::new("cp").arg(program()).arg(&copied).status();
    assert!(status.expect("it runs").success());
    let mut command = Command::new(&copied);
    command.arg("serve");
    let server = site.serve_by(command).await;
    server.rule_in_state("deploy-on-main", "active").await;

    site.put("program", b"no program at all");
    site.configure(&configuration("after"));
    server.signal(Signal::HUP);

    eventually("a command of the new configuration runs", || async {
        let event = server.send_sample("push").await;
        let record = server.settled(&event).await;
        let runs = std::fs::read_to_string(site.path().join("runs")).unwrap_or_default();
        if runs.ends_with("after\n") {
            Ok(())
        } else {
            Err(record.to_string())
        }
    })
    .await;
}
