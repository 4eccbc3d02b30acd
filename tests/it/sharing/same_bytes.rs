//! The same source gives the same bytes, wherever it lies and wherever its dependencies lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use hookbox::config::env::variable;
use hookbox::engine::Sections;

use super::succeeded;
use crate::support::{hookbox, program};

/// A folder for this test alone, which is there between runs, so that dependencies are built once.
fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("same-bytes")
        .join(name)
}

/// Makes a rule as `hookbox new` does, with the SDK below it.
fn make(folder: &Path) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).expect("it can be removed");
    }
    std::fs::create_dir_all(folder).expect("a folder can be made");
    succeeded(&hookbox(folder, &["new", "rule"]));
    std::fs::write(folder.join("rule/LICENSE"), "Do as you like.\n").expect("it can be written");
}

fn build(folder: &Path, more: &[(&str, &Path)]) -> Vec<u8> {
    let output = Command::new(program())
        .args(["build", "rule"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", place("target"))
        .envs(more.iter().copied())
        .output()
        .expect("the program can be run");
    succeeded(&output);
    std::fs::read(folder.join("rule.wasm")).expect("the module is there")
}

/// Another folder for what Cargo downloads, with the same in it: what it unpacks lies elsewhere.
fn other_cargo_home() -> PathBuf {
    let home = variable("CARGO_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            Path::new(&variable("HOME").expect("somebody runs the tests")).join(".cargo")
        });
    let other = place("cargo-home");
    std::fs::create_dir_all(other.join("registry")).expect("a folder can be made");
    for name in ["config.toml", "registry/index", "registry/cache"] {
        let (from, to) = (home.join(name), other.join(name));
        if from.exists() && !to.exists() {
            std::os::unix::fs::symlink(from, to).expect("a link can be made");
        }
    }
    other
}

#[test]
fn the_same_source_in_two_folders_gives_the_same_bytes() {
    let (one, two) = (place("one"), place("two/with a space/deeper"));
    make(&one);
    make(&two);

    let first = build(&one, &[]);
    let second = build(
        &two,
        &[
            ("CARGO_HOME", &other_cargo_home()),
            ("CARGO_NET_OFFLINE", Path::new("true")),
        ],
    );

    let has = |text: &str| {
        first
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    // Without this the SDK's paths would not be in the module at all, and the test could not fail.
    assert!(has(".hookbox/sdk-"), "a path of the SDK is in the module");
    assert!(!has("same-bytes"), "a folder of this machine is in it");
    assert!(
        first == second,
        "they differ: {} and {} bytes",
        first.len(),
        second.len()
    );
    let sections = Sections::read(&first).expect("they can be read");
    assert_eq!(sections.license.as_deref(), Some("Do as you like.\n"));
    assert!(sections.readme.expect("it has one").starts_with("# rule\n"));
    assert_eq!(sections.manifest.expect("it has one").name, "rule");
    assert_eq!(sections.sdk.as_deref(), Some(env!("CARGO_PKG_VERSION")));
}
