//! The house style, and what the documents say of the code, as tests.
//!
//! What can be seen by reading the tree is checked here: what may use what, how files begin and how long
//! they are; and by [`documents`], that the documents name what there is. Each test lists everything that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::workspace;

mod documents;

/// More is two files.
const MAX_LINES: usize = 500;

/// Where else than in its own module a library may be named, with the reason in `ARCHITECTURE.md`.
const EXCEPTIONS: [(&str, &str); 6] = [
    ("notify", "sources"),
    ("toml", "catalog"),
    ("toml", "cli"),
    ("hmac", "actions"),
    ("reqwest", "cli"),
    ("anyhow", "cli"),
];

fn read(path: impl AsRef<Path>) -> String {
    let path = workspace().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

/// The files with one of these endings below a folder of the workspace, without what is built, hidden, or a link;
/// relative to the workspace.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let root = workspace();
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let entry = entry.expect("the entry can be read");
            let (name, path) = (entry.file_name(), entry.path());
            let name = name.to_string_lossy();
            if name.starts_with('.') || name == "target" || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(ending) {
                let path = path.strip_prefix(&root).expect("it lies below");
                found.push(path.to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The sources of every crate and test.
fn sources() -> Vec<PathBuf> {
    ["host", "guest-sdk", "rules", "tests"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .collect()
}

/// The names of what lies in a folder.
fn entries(folder: &str) -> Vec<String> {
    let folder = workspace().join(folder);
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder can be read")
        .map(|entry| {
            let name = entry.expect("the entry can be read").file_name();
            name.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The crates of a folder.
fn crates(folder: &str) -> Vec<String> {
    let mut names = entries(folder);
    names.retain(|name| {
        workspace()
            .join(folder)
            .join(name)
            .join("Cargo.toml")
            .is_file()
    });
    names
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression")
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> BTreeSet<String> {
    regex("`([^`\n]+)`")
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A row of the table of modules.
struct Module {
    uses: BTreeSet<String>,
    alone_names: BTreeSet<String>,
}

/// The table of modules in `ARCHITECTURE.md`.
fn architecture() -> BTreeMap<String, Module> {
    let row = regex(r"(?m)^\| `(\w+)` \|[^|]*\|([^|]*)\|([^|]*)\|$");
    row.captures_iter(&read("ARCHITECTURE.md"))
        .map(|found| {
            let module = Module {
                uses: quoted(&found[2]),
                alone_names: quoted(&found[3]),
            };
            (found[1].to_owned(), module)
        })
        .collect()
}

/// A file of the server: its module, and its code without comments and unit tests.
fn server_files() -> Vec<(PathBuf, String, String)> {
    let is_test = regex(r"(^|/)(conformance|corpus|mutations|tests|testing)(/|\.rs$)");
    files("host/src", ".rs")
        .into_iter()
        .filter_map(|path| {
            let inner = path.strip_prefix("host/src").expect("it lies there");
            let inner = inner.to_string_lossy().into_owned();
            let module = inner.split(['/', '.']).next()?.to_owned();
            if is_test.is_match(&inner) || module == "lib" || module == "main" {
                return None;
            }
            let text = read(&path);
            let code = text.split("\n#[cfg(test)]\nmod tests {").next()?;
            let code = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            Some((path, module, code))
        })
        .collect()
}

#[test]
fn a_module_uses_only_what_the_architecture_allows() {
    let (table, used) = (architecture(), regex(r"\bcrate::(\w+|\{)"));
    let mut wrong = Vec::new();
    for (path, module, code) in server_files() {
        let Some(row) = table.get(&module) else {
            wrong.push(format!("`{module}` has no row in ARCHITECTURE.md"));
            continue;
        };
        let path = path.display();
        for found in used.captures_iter(&code) {
            let other = &found[1];
            if other == "{" {
                wrong.push(format!("{path}: write one `use crate::module::…` for each"));
            } else if other != module && !row.uses.contains(other) {
                wrong.push(format!("{path}: `{module}` may not use `{other}`"));
            }
        }
        let at_the_root = Path::new("host/src").join(format!("{module}.rs"));
        if path.to_string() == at_the_root.display().to_string() && code.contains("\nuse super::") {
            wrong.push(format!("{path}: write `crate::` for what is beside it"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn a_library_is_named_in_its_module_alone() {
    let table = architecture();
    let homes: BTreeMap<&str, &str> = table
        .iter()
        .flat_map(|(module, row)| {
            row.alone_names
                .iter()
                .map(move |name| (name.as_str(), module.as_str()))
        })
        .collect();
    for library in [
        "wasmtime",
        "wit_component",
        "rusqlite",
        "axum",
        "reqwest",
        "clap",
        "notify",
        "anyhow",
        "toml",
        "pulldown_cmark",
        "lettre",
    ] {
        assert!(
            homes.contains_key(library),
            "`{library}` is in no row of ARCHITECTURE.md"
        );
    }
    let mut wrong = Vec::new();
    for (path, module, code) in server_files() {
        for (library, home) in &homes {
            // A module of the same name that is in scope, such as `actions::notify`, is none.
            let is_shadowed = code.contains(&format!("::{library}::{{self"));
            let named = regex(&format!(r"(^|[^:\w])(::)?{library}::")).is_match(&code);
            let allowed = module == *home || EXCEPTIONS.contains(&(*library, module.as_str()));
            if named && !allowed && !is_shadowed {
                wrong.push(format!(
                    "{}: `{library}` belongs to `{home}`",
                    path.display()
                ));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_source_file_says_first_what_it_is_for_and_stays_short() {
    let mut wrong = Vec::new();
    for path in sources() {
        let (text, path) = (read(&path), path.display());
        if !text.starts_with("//! ") && !text.starts_with("#![doc = include_str!") {
            wrong.push(format!("{path}: it does not begin with `//!`"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{path}: {lines} lines; make it two files"));
        }
        if path.to_string().ends_with("/mod.rs") {
            wrong.push(format!("{path}: write `name.rs` beside `name/`"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_crate_has_the_lints_and_the_versions_of_its_workspace() {
    let mut wrong = Vec::new();
    for manifest in files(".", "Cargo.toml") {
        let text = read(&manifest);
        let table: toml::Table = toml::from_str(&text).expect("a manifest is TOML");
        if table.contains_key("workspace") {
            continue;
        }
        let manifest = manifest.display();
        if table.get("lints").and_then(|lints| lints.get("workspace")) != Some(&true.into()) {
            wrong.push(format!("{manifest}: `[lints]` needs `workspace = true`"));
        }
        let mut places = vec![&table];
        let targets = table.get("target").and_then(toml::Value::as_table);
        places.extend(
            targets
                .into_iter()
                .flat_map(|targets| targets.values().filter_map(toml::Value::as_table)),
        );
        for place in places {
            for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let dependencies = place.get(kind).and_then(toml::Value::as_table);
                for (name, dependency) in dependencies.into_iter().flatten() {
                    if dependency.get("workspace") != Some(&true.into()) {
                        wrong.push(format!("{manifest}: `{name}` needs `workspace = true`"));
                    }
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_guest_is_named_by_a_test() {
    let tests: String = files("tests/it", ".rs")
        .into_iter()
        .filter(|path| !path.ends_with("tidy.rs"))
        .map(read)
        .collect();
    let wrong: Vec<String> = crates("tests/guests")
        .into_iter()
        .filter(|guest| !tests.contains(&format!("\"{guest}\"")))
        .map(|guest| format!("tests/guests/{guest}: no test names it"))
        .collect();
    assert_none(&wrong);
}
