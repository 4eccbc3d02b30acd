//! A module for `wasm32-wasip2`, with all that the standard library tries.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use hookbox::domain::evaluation::LogLevel;
use hookbox::domain::limits::Limits;
use hookbox::engine::Module;

use super::{fault, seen, try_at};
use crate::support::sandbox::{Sandbox, push};
use crate::support::{stderr, workspace};

const TARGET: &str = "wasm32-wasip2";

fn target_is_there() -> bool {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

fn add_target() {
    // Whether it came is seen by looking again.
    let _added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .status();
}

/// The guest `wasi-std` for the target; none where the target cannot be had.
fn built() -> Option<&'static [u8]> {
    static BUILT: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let module = BUILT.get_or_init(|| {
        if !target_is_there() {
            add_target();
        }
        target_is_there().then(build)
    });
    module.as_deref()
}

fn build() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasip2");
    let output = Command::new("cargo")
        .args(["build", "--release", "--package", "wasi-std"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&folder)
        .current_dir(workspace().join("tests/guests"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", stderr(&output));
    let module = folder.join(TARGET).join("release/wasi_std.wasm");
    std::fs::read(module).expect("the guest is built")
}

/// The module, loaded; says so where it is left out.
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests is to see what was not run"
)]
async fn loaded(sandbox: &Sandbox, test: &str) -> Option<Module> {
    let Some(module) = built() else {
        eprintln!("LEFT OUT: {test}: there is no target {TARGET}, and rustup does not add it");
        return None;
    };
    let loaded = sandbox.try_load(module).await;
    Some(loaded.unwrap_or_else(|error| panic!("it is refused: {error}")))
}

#[tokio::test]
async fn the_standard_library_finds_nothing_and_is_told_so() {
    let sandbox = Sandbox::new();
    let Some(module) = loaded(&sandbox, "the_standard_library_finds_nothing").await else {
        return;
    };

    for (attempt, nothing) in [
        ("environment", "0 variables, 0 arguments"),
        ("files", "false false false"),
        ("sockets", "false false false"),
        ("input", "Some(0) \"\""),
        ("thread", "false"),
    ] {
        let answer = try_at(&module, push(), "attempt", attempt);
        assert_eq!(seen(&answer), nothing, "{attempt}");
    }
    let answer = try_at(&module, push(), "attempt", "clocks");
    assert_eq!(seen(&answer), format!("{} 0", push().received_at.0));
}

#[tokio::test]
async fn the_standard_library_is_stopped_where_it_waits_or_ends_itself() {
    let sandbox = Sandbox::new();
    let Some(module) = loaded(&sandbox, "the_standard_library_is_stopped").await else {
        return;
    };
    let attempt = |what: &str| fault(&try_at(&module, push(), "attempt", what));

    assert_eq!(attempt("sleep").0, "rule/would-wait");
    let (code, message) = attempt("exit");
    assert_eq!(code, "rule/trapped");
    assert!(message.contains("it ended itself with"), "{message}");
    let (code, message) = attempt("panic");
    assert_eq!(code, "rule/trapped");
    assert!(message.contains("there is nothing in event"), "{message}");
}

#[tokio::test]
async fn what_the_standard_library_prints_is_logged() {
    let sandbox = Sandbox::new();
    let Some(module) = loaded(&sandbox, "what_the_standard_library_prints").await else {
        return;
    };

    let answer = try_at(&module, push(), "attempt", "output");

    assert_eq!(seen(&answer), "it is written");
    let about = format!("about {}", push().id);
    let mut lines: Vec<_> = answer
        .log
        .lines
        .iter()
        .map(|line| (line.level, line.message.as_str()))
        .collect();
    lines.sort_unstable_by_key(|(_, message)| *message);
    assert_eq!(
        lines,
        [
            (LogLevel::Warn, "a complaint"),
            (LogLevel::Info, about.as_str()),
        ]
    );
}

#[tokio::test]
async fn the_same_event_gives_the_standard_library_the_same_answer_and_fuel() {
    let (first, second) = (Sandbox::new(), Sandbox::new());
    let test = "the_same_event_gives_the_standard_library_the_same";
    let (Some(module), Some(other)) = (loaded(&first, test).await, loaded(&second, test).await)
    else {
        return;
    };
    let mut later = push();
    later.id.0.push('x');

    for attempt in ["random", "clocks", "output", "files", "sleep"] {
        let [one, two, three] = [&module, &other, &module].map(|module| {
            let answer = try_at(module, push(), "attempt", attempt);
            (answer.result, answer.log, answer.fuel)
        });

        assert_eq!(one, two, "{attempt}");
        assert_eq!(one, three, "{attempt}");
    }
    let random = |event| try_at(&module, event, "attempt", "random");
    assert_ne!(seen(&random(push())), seen(&random(later)));
    assert_eq!(
        module.describe(&Limits::DEFAULT).fuel,
        other.describe(&Limits::DEFAULT).fuel
    );
}
