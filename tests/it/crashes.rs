//! The end of the server, in order and out of order: nothing that was accepted is lost, nothing is
//! evaluated twice, and no command goes on without its server.

use std::path::Path;

use crate::support::eventually;

mod deploys;
mod left_behind;
mod storm;

/// A source, and everything granted to the shared rules, as fast as they like.
const GITLAB: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }

    [shared]
    sources = ["*"]
    channels = ["*"]
    commands = ["*"]

    [limits]
    rate = 1_000_000
    burst = 1_000_000
"#;

/// A settings file for the rule `deploy-on-main`.
const DEPLOY_SETTINGS: &[u8] = b"[settings]\ncommand = 'deploy-site'";

/// The lines of a file that commands write; none while it is not there.
fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The processes that work in a folder, or have been told of it.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = std::fs::canonicalize(folder).expect("it is there");
    let name = folder.to_str().expect("its name is text").to_owned();
    let processes = std::fs::read_dir("/proc").expect("processes are listed");
    processes
        .filter_map(Result::ok)
        .map(|process| process.path())
        .filter(|process| {
            let holds = |file: &str| {
                std::fs::read(process.join(file))
                    .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(&name))
            };
            std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
                || holds("environ")
                || holds("cmdline")
        })
        .map(|process| {
            let cmdline = std::fs::read(process.join("cmdline")).unwrap_or_default();
            let cmdline = String::from_utf8_lossy(&cmdline).replace('\0', " ");
            format!("{}: {cmdline}", process.display())
        })
        .collect()
}

/// Waits until nothing works in a folder any more.
async fn gone(folder: &Path) {
    eventually("no command outlives its server", || async {
        let left = processes_of(folder);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}
