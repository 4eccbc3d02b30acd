//! `hookbox build` with what is there to build with: a rule of this repository, and machines on which
//! parts of the toolchain are missing.
//!
//! Such a machine is a `PATH` with nothing but small scripts in place of the programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hookbox::engine::Sections;
use tempfile::TempDir;

use crate::support::{hookbox, program, rule, script, stderr, stdout, workspace};

/// A machine that has the scripts it is given, and nothing else.
struct Machine(TempDir);

impl Machine {
    /// A machine with a crate to build and `cargo`, which says that it made a module of it.
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().expect("a folder can be made"));
        let (manifest, module) = (machine.path("rule/Cargo.toml"), machine.path("made.wasm"));
        std::fs::create_dir_all(machine.path("bin")).expect("a folder can be made");
        std::fs::create_dir_all(machine.path("rule")).expect("a folder can be made");
        std::fs::write(&manifest, "").expect("the file can be written");
        // As a compiler makes it, it says nothing of itself.
        let made = Sections::default().write(&rule("drop-bot-noise"));
        std::fs::write(&module, made.expect("it is a module")).expect("the file can be written");
        let made = serde_json::json!({
            "reason": "compiler-artifact", "manifest_path": manifest, "filenames": [module],
        });
        let told = serde_json::json!({
            "packages": [{
                "id": "rule", "name": "rule", "version": "1.0.0", "manifest_path": manifest, "source": null,
                "readme": null, "license_file": null, "repository": "https://example.org/rules",
            }],
            "resolve": { "nodes": [{ "id": "rule", "dependencies": [] }] },
            "workspace_root": machine.path("rule"), "target_directory": machine.path("rule/target"),
        });
        machine.has(
            "cargo",
            &format!(
                "case \"$1\" in metadata) printf '%s\\n' '{told}' ;; *) printf '%s\\n' '{made}' ;; esac"
            ),
        );
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a program on the machine; it records its arguments and settings before it runs these lines.
    fn has(&self, name: &str, lines: &str) {
        let record =
            "printf '%s\\n' \"$* RUSTC=$RUSTC BOOTSTRAP=$RUSTC_BOOTSTRAP\" >> \"$0.calls\"";
        script(&self.path("bin").join(name), &format!("{record}\n{lines}"));
    }

    /// The calls of a program so far.
    fn calls(&self, name: &str) -> String {
        let record = self.path("bin").join(format!("{name}.calls"));
        std::fs::read_to_string(record).unwrap_or_default()
    }

    fn build(&self) -> Output {
        Command::new(program())
            .args(["build", "rule", "--out", "out"])
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", self.path("bin"))
            .env(
                "__HOOKBOX_DISTRIBUTION_RUSTC",
                self.path("bin/distribution-rustc"),
            )
            .output()
            .expect("the program can be run")
    }

    /// Whether there is a module that says of itself what it is.
    fn made_a_module(&self) -> bool {
        std::fs::read(self.path("out/rule.wasm")).is_ok_and(|module| {
            let sections = Sections::read(&module).expect("they can be read");
            let source = sections.source.expect("the crate has a repository");
            source.repository.as_deref() == Some("https://example.org/rules")
                && sections
                    .manifest
                    .is_some_and(|manifest| manifest.name == "drop-bot-noise")
        })
    }
}

/// A `rustc` whose target is there once this file is.
fn rustc_with_target(file: &Path) -> String {
    let (file, folder) = (file.display(), file.parent().expect("it has one").display());
    format!("[ -e '{file}' ] && echo '{folder}'")
}

#[test]
fn build_makes_the_modules_of_several_crates() {
    let out = tempfile::tempdir().expect("a folder can be made");
    let target = out.path().to_str().expect("the path is text");

    let output = hookbox(
        &workspace(),
        &[
            "build",
            "rules/deploy-on-main",
            "rules/drop-bot-noise",
            "--out",
            target,
        ],
    );

    assert!(output.status.success(), "{}", stderr(&output));
    for name in ["deploy-on-main", "drop-bot-noise"] {
        let module =
            std::fs::read(out.path().join(format!("{name}.wasm"))).expect("the module is there");
        assert!(module.starts_with(b"\0asm"));
        assert!(stdout(&output).contains(&format!("{name}.wasm ({} bytes)", module.len())));
    }
}

#[test]
fn build_of_a_folder_without_a_crate_says_so() {
    let folder = tempfile::tempdir().expect("a folder can be made");

    let output = hookbox(folder.path(), &["build", "nothing"]);

    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: `nothing` is no crate: there is no `Cargo.toml` in it\n\
         hint: `hookbox new NAME` makes one\n"
    );
}

#[test]
fn a_missing_target_is_added_with_rustup() {
    let machine = Machine::new();
    let added = machine.path("added");
    machine.has("rustc", &rustc_with_target(&added));
    machine.has(
        "rustup",
        &format!("[ \"$1\" = target ] && : > '{}' || true", added.display()),
    );

    let first = machine.build();
    let asked = machine.calls("rustup");
    let second = machine.build();

    assert!(first.status.success(), "{}", stderr(&first));
    assert!(
        asked.contains("\ntarget add wasm32-unknown-unknown "),
        "{asked}"
    );
    assert!(stderr(&first).contains("running `rustup target add wasm32-unknown-unknown`"));
    assert!(machine.made_a_module());
    assert!(second.status.success(), "{}", stderr(&second));
    assert_eq!(machine.calls("rustup"), asked);
}

#[test]
fn without_a_target_and_rustup_the_error_says_what_was_looked_for_and_what_to_install() {
    let machine = Machine::new();
    machine.has("rustc", "exit 1");

    let output = machine.build();

    assert_eq!(output.status.code(), Some(4));
    let error = stderr(&output);
    for expected in [
        "error: there is no compiler for wasm32-unknown-unknown: ",
        "`rustc` has no target wasm32-unknown-unknown",
        "`rustup`, which would add it, is not on the PATH",
        "distribution-rustc`",
        "\nhint: with rustup: `rustup target add wasm32-unknown-unknown`\n",
        "`apt-get install rustc-web rust-web-src`",
    ] {
        assert!(error.contains(expected), "`{expected}` is missing: {error}");
    }
    assert_eq!(machine.calls("cargo"), "");
}

#[test]
fn a_rustup_that_does_not_add_the_target_is_named_in_the_error() {
    let machine = Machine::new();
    machine.has("rustc", "exit 1");
    machine.has("rustup", "[ \"$1\" = --version ]");

    let output = machine.build();

    assert_eq!(output.status.code(), Some(4));
    let error = stderr(&output);
    let expected = "`rustup target add wasm32-unknown-unknown` did not add it";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_distributions_compiler_builds_its_library_along() {
    let machine = Machine::new();
    let source = machine.path("system/lib/rustlib/src/rust/library/std");
    std::fs::create_dir_all(&source).expect("a folder can be made");
    std::fs::write(source.join("Cargo.toml"), "").expect("the file can be written");
    let root = machine.path("system");
    machine.has("rust-lld", "exit 1");
    machine.has("distribution-rustc", &format!("echo '{}'", root.display()));

    let output = machine.build();

    assert!(output.status.success(), "{}", stderr(&output));
    assert!(machine.made_a_module());
    let asked = machine.calls("cargo");
    assert!(asked.contains("-Zbuild-std=std,panic_abort"), "{asked}");
    let library = root.join("lib/rustlib/src/rust");
    let unseen = format!("--remap-path-prefix={}=/rustc", library.display());
    assert!(asked.contains(&unseen), "{asked}");
    assert!(
        asked.contains("bin/distribution-rustc BOOTSTRAP=1"),
        "{asked}"
    );
}

#[test]
fn a_distributions_compiler_without_its_source_is_told_of() {
    let machine = Machine::new();
    let root = machine.path("system");
    machine.has("distribution-rustc", &format!("echo '{}'", root.display()));

    let output = machine.build();

    assert_eq!(output.status.code(), Some(4));
    let error = stderr(&output);
    assert!(
        error.contains("is there without its library's source"),
        "{error}"
    );
    assert!(error.contains("library/std/Cargo.toml"), "{error}");
}
