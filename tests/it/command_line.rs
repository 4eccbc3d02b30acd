//! The commands that need no server, as somebody types them.
//!
//! What builds modules is in `toolchain.rs` beside this.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::Site;
use crate::support::{guest, hookbox, program, rule, stderr, stdout, workspace};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), bytes).expect("the file can be written");
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output)
}

#[test]
fn every_command_has_a_help_text_that_begins_with_what_it_does() {
    let mut waiting = vec![Vec::new()];
    let mut seen = 0;

    while let Some(command) = waiting.pop() {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = succeeded(&hookbox(
            &workspace(),
            &[&arguments[..], &["--help"]].concat(),
        ));

        let first = help.lines().next().unwrap_or_default();
        assert!(first.starts_with(char::is_uppercase), "{command:?}: {help}");
        assert!(!first.ends_with('.'), "{command:?}: {first}");
        assert!(help.contains("\nUsage: hookbox"), "{command:?}: {help}");
        for nested in commands_in(&help) {
            waiting.push([&command[..], &[nested]].concat());
        }
        seen += 1;
    }
    assert!(seen > 15, "{seen} commands");
}

/// The commands that a help text lists.
fn commands_in(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What is indented deeper goes on with the line before.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn init_makes_a_folder_that_passes_its_check_and_a_second_one_changes_nothing() {
    let folder = folder();

    let first = succeeded(&hookbox(folder.path(), &["init"]));
    let made = contents(folder.path());
    let second = succeeded(&hookbox(folder.path(), &["init"]));

    let secret =
        std::fs::read_to_string(folder.path().join("secrets/gitlab")).expect("the secret is there");
    assert!(first.contains(secret.trim()), "{first}");
    assert!(second.contains("kept ./hookbox.toml"), "{second}");
    assert_eq!(contents(folder.path()), made);
    succeeded(&hookbox(folder.path(), &["check"]));
}

/// The files of a folder, with their contents.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = std::fs::read(&path).expect("the file can be read");
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

#[test]
fn what_init_and_check_make_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();

    succeeded(&hookbox(folder.path(), &["init"]));
    succeeded(&hookbox(folder.path(), &["check"]));

    for name in ["secrets", "secrets/gitlab", "data"] {
        let metadata = std::fs::metadata(folder.path().join(name)).expect("it is there");
        let mode = metadata.permissions().mode();
        assert_eq!(mode & 0o077, 0, "`{name}` has {mode:o}");
    }
}

#[test]
fn check_without_a_configuration_says_how_to_get_one() {
    let folder = folder();

    let output = hookbox(folder.path(), &["check"]);

    assert_eq!(output.status.code(), Some(3));
    let error = stderr(&output);
    assert!(
        error.starts_with("error: there is no `hookbox.toml`"),
        "{error}"
    );
    assert!(error.contains("\nhint: `hookbox init`"), "{error}");
}

#[test]
fn check_names_the_neighbour_of_a_misspelt_key() {
    for (config, neighbour) in [
        ("timezon = 'UTC'", "timezone"),
        ("[sources.gitlab]\nprovder = 'gitlab'", "provider"),
        ("[shared]\nchanels = ['*']", "channels"),
        ("[limits]\nfeul = 1", "fuel"),
    ] {
        let site = Site::new(config);

        let output = hookbox(site.path(), &["check"]);

        assert_eq!(output.status.code(), Some(3));
        let error = stderr(&output);
        assert!(
            error.starts_with("error: the configuration `hookbox.toml`"),
            "{error}"
        );
        assert!(error.contains(&format!("is it `{neighbour}`?")), "{error}");
    }
}

#[test]
fn check_tells_of_a_rejected_rule_beside_a_good_one() {
    let site = Site::new(Site::CONFIG);
    site.put("rules/echo.toml", b"[settings]\nchannel = 'console'");
    site.put("rules/echo.wasm", &guest("echo"));
    let good = hookbox(site.path(), &["check"]);
    site.put("rules/beam.wasm", &guest("unknown-import"));

    let output = hookbox(site.path(), &["check"]);

    succeeded(&good);
    assert_eq!(output.status.code(), Some(4));
    let listing = stdout(&output);
    assert!(listing.contains("beam (rule/unknown-import):"), "{listing}");
    assert!(listing.contains("hookbox:rule/teleport@0.1.0"), "{listing}");
    let error = stderr(&output);
    assert!(
        error.contains("error: 1 of 2 rules would be rejected"),
        "{error}"
    );
}

#[test]
fn run_prints_what_a_rule_asks_for_with_its_settings() {
    let folder = folder();
    write(folder.path(), "deploy.wasm", rule("deploy-on-main"));
    write(
        folder.path(),
        "deploy.toml",
        "[settings]\ncommand = 'deploy-site'",
    );
    let run = ["run", "deploy.wasm", "--event", "gitlab/push"];
    let settings = ["--settings", "deploy.toml"];

    let with = succeeded(&hookbox(folder.path(), &[&run[..], &settings].concat()));
    let without = hookbox(folder.path(), &run);

    assert!(
        with.starts_with("deploy deploy-site branch=main commit="),
        "{with}"
    );
    assert!(with.contains("\nreason: `main` is at "), "{with}");
    assert!(with.contains(" of 10000000 ("), "{with}");
    assert_eq!(without.status.code(), Some(3));
    let error = stderr(&without);
    assert!(error.contains("`command`"), "{error}");
}

#[test]
fn run_prints_json_for_scripts() {
    let folder = folder();
    write(folder.path(), "trap.wasm", guest("trap"));
    write(folder.path(), "flood.wasm", guest("log-flood"));
    let run = |module| {
        let output = hookbox(
            folder.path(),
            &["run", module, "--event", "gitlab/push", "--json"],
        );
        let answer: Value = serde_json::from_str(&stdout(&output)).expect("it prints JSON");
        (output.status.code(), answer)
    };

    let (fell, fault) = run("trap.wasm");
    let (ended, decision) = run("flood.wasm");

    assert_eq!(fell, Some(4));
    assert_eq!(fault["fault"]["code"], "rule/trapped");
    assert!(fault["decision"].is_null(), "{fault}");
    assert_eq!(ended, Some(0));
    assert_eq!(decision["decision"]["reason"], "all is written");
    assert!(decision["fault"].is_null(), "{decision}");
    assert_eq!(decision["log"]["left-out"], 100_000 - 64);
    assert!(decision["fuel"].as_u64() > Some(300_000), "{decision}");
}

#[test]
fn inspect_shows_what_a_module_reaches_and_what_to_paste() {
    let folder = folder();
    let module = rule("deploy-on-main");
    write(folder.path(), "10-deploy.wasm", &module);
    let digest = hookbox::domain::names::Digest::of(&module).to_string();

    let text = succeeded(&hookbox(folder.path(), &["inspect", "10-deploy.wasm"]));
    let json = succeeded(&hookbox(
        folder.path(),
        &["inspect", "10-deploy.wasm", "--json"],
    ));

    for expected in [
        digest.as_str(),
        &format!("{} bytes, core module", module.len()),
        "interface  hookbox:rule@0.1\n",
        "hookbox:rule/settings@0.1.0",
        "subjects   push, merge-request\n",
        "settings file `10-deploy.toml`",
        "\n# command = \"COMMAND\"\n",
        "\n# branch = \"main\"\n",
        "\nchannels = [\"CHANNEL\"]\ncommands = [\"COMMAND\"]\n",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing: {text}");
    }
    let json: Value = serde_json::from_str(&json).expect("it prints JSON");
    assert_eq!(json["digest"], digest.as_str());
    assert_eq!(json["manifest"]["name"], "deploy-on-main");
}

#[test]
fn inspect_says_why_a_file_is_no_rule() {
    let folder = folder();
    write(folder.path(), "script.wasm", "#!/bin/sh\n");

    let output = hookbox(folder.path(), &["inspect", "script.wasm"]);

    assert_eq!(output.status.code(), Some(4));
    let error = stderr(&output);
    assert!(
        error.starts_with("error: the file is not WebAssembly"),
        "{error}"
    );
}

#[test]
fn an_error_has_its_cause_and_a_hint_each_on_a_line() {
    let folder = folder();
    write(folder.path(), "echo.wasm", guest("echo"));

    let output = hookbox(
        folder.path(),
        &["run", "echo.wasm", "--event", "gitlab/pull"],
    );

    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "error: the event `gitlab/pull` cannot be read");
    assert!(lines[1].starts_with("caused by: No such file"), "{error}");
    assert!(lines[2].starts_with("hint: name a file"), "{error}");
    assert_eq!(lines.len(), 3, "{error}");
}

#[test]
fn a_new_rule_passes_its_test_and_becomes_a_module() {
    let folder = folder();
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-rule");

    let made = succeeded(&hookbox(folder.path(), &["new", "my-rule"]));
    let again = hookbox(folder.path(), &["new", "my-rule"]);
    let tested = Command::new(env!("CARGO"))
        .args(["test", "--manifest-path", "my-rule/Cargo.toml"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", &shared)
        .output()
        .expect("cargo can be run");
    let built = Command::new(program())
        .args(["build", "my-rule", "--out", "rules"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", &shared)
        .output()
        .expect("the program can be run");
    let inspected = hookbox(folder.path(), &["inspect", "rules/my-rule.wasm"]);
    let sdk = format!("my-rule/.hookbox/sdk-{}", env!("CARGO_PKG_VERSION"));
    let mut carried: Vec<_> = std::fs::read_dir(folder.path().join(sdk))
        .expect("the SDK is there")
        .map(|entry| entry.expect("the folder can be read").file_name())
        .collect();
    carried.sort();

    assert_eq!(
        carried,
        ["Cargo.toml", "README.md", "samples", "src", "wit"]
    );
    assert!(made.contains("hookbox build my-rule"), "{made}");
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(stderr(&again), "error: `my-rule` is there already\n");
    let tests = succeeded(&tested);
    assert!(
        tests.contains("an_opened_merge_request_is_told ... ok"),
        "{tests}"
    );
    assert!(!stderr(&tested).contains("warning:"), "{}", stderr(&tested));
    assert!(succeeded(&built).starts_with("rules/my-rule.wasm ("));
    let inspected = succeeded(&inspected);
    assert!(inspected.starts_with("my-rule 0.1.0\n"), "{inspected}");
    assert!(
        inspected.contains("subjects   merge-request\n"),
        "{inspected}"
    );
}

#[test]
fn new_refuses_what_cannot_be_the_name_of_a_rule() {
    let folder = folder();

    for name in ["My-Rule", "-rule", "my rule", ".."] {
        let output = hookbox(folder.path(), &["new", "--", name]);

        assert_eq!(output.status.code(), Some(2), "`{name}`");
    }
    assert_eq!(contents(folder.path()), []);
}

#[test]
fn the_first_rule_of_the_readme_has_fifteen_lines_with_its_test() {
    let readme = include_str!("../../guest-sdk/README.md");

    let block = readme.split("```").nth(1).expect("there is an example");
    let lines = block
        .lines()
        .skip(1)
        // Lines that only the documentation's own test sees begin so.
        .take_while(|line| !line.starts_with("# "))
        .filter(|line| !line.trim().is_empty());

    assert!(block.contains("#[test]"), "{block}");
    assert!(lines.count() <= 15, "{block}");
}
