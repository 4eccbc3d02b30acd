//! What the tests share: the program, a running server, a receiver of messages, and modules.
//!
//! Guests and rules are built once, by the program itself, when the first test asks for them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(crate) mod corpus;
pub(crate) mod events;
pub(crate) mod hostile;
pub(crate) mod modules;
pub(crate) mod receiver;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod signature;
pub(crate) mod wire;

/// How long something that should happen may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The program under test.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_hookbox")
}

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the program in a folder, without the environment that would lead it elsewhere.
pub(crate) fn hookbox(folder: &Path, arguments: &[&str]) -> Output {
    hookbox_with(folder, arguments, &[])
}

/// Runs the program in a folder with these variables, and no other that would lead it elsewhere.
pub(crate) fn hookbox_with(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Output {
    Command::new(program())
        .args(arguments)
        .current_dir(folder)
        .env_remove("HOOKBOX_SERVER")
        .env_remove("HOOKBOX_TOKEN")
        .env_remove("HOOKBOX_LOG")
        .envs(variables.iter().copied())
        .output()
        .expect("the program can be run")
}

/// What a run of the program wrote to standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a run of the program wrote to standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a program that the shell runs.
///
/// Another process writes it: what this one has open for writing cannot be run while a child of another
/// test still holds it.
pub(crate) fn script(path: &Path, lines: &str) {
    let status = Command::new("/bin/sh")
        .args([
            "-c",
            "printf '#!/bin/sh\n%s\n' \"$2\" > \"$1\" && chmod +x \"$1\"",
            "sh",
        ])
        .arg(path)
        .arg(lines)
        .status()
        .expect("there is a shell");
    assert!(status.success(), "the script can be written");
}

/// Asks until there is an answer; fails with what was seen last.
pub(crate) async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + DEADLINE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() > deadline => panic!("in vain: {what}; last seen: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn build(folder: &Path, out: &Path) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of crates can be read")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .collect();
    paths.sort();
    let output = Command::new(program())
        .arg("build")
        .args(&paths)
        .arg("--out")
        .arg(out)
        .output()
        .expect("the program can be run");
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Where modules are put, beside the other things that are built.
fn built(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(kind)
}

/// The module of a guest in `tests/guests/`.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let out = built("guests");
        build(&workspace().join("tests/guests"), &out);
        out
    });
    module(folder, name)
}

/// The module of a rule in `rules/`.
pub(crate) fn rule(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let out = built("rules");
        build(&workspace().join("rules"), &out);
        out
    });
    module(folder, name)
}

fn module(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}
