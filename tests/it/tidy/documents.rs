//! What the documents say of the code: names of what there is, examples that work, and links that lead somewhere.
//!
//! The README has what a first look needs, with every provider, kind of channel, and exit code in its tables; the
//! pages in `docs/` have the rest. What is listed for reference may stand in any of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use hookbox::actions::notify::ChannelConfig;
use hookbox::catalog::SettingsFile;
use hookbox::cli::{Cli, Exit};
use hookbox::config::Config;
use hookbox::domain::fault::Fault;
use hookbox::engine::CompileErrorKind;

use super::{assert_none, crates, files, quoted, read, regex, server_files};
use crate::support::workspace;

/// The documents whose words are checked, besides the pages in `docs/`.
const DOCUMENTS: [&str; 4] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

/// The README and the pages beside it, for operators.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md")];
    pages.extend(files("docs", ".md"));
    pages
}

/// All that operators can read.
fn reference() -> String {
    pages().into_iter().map(read).collect()
}

#[test]
fn the_readme_names_every_provider_channel_and_rule() {
    let named = quoted(&read("README.md"));
    let providers = hookbox::sources::providers().map(str::to_owned);
    let kinds = ChannelConfig::KINDS.iter().map(|kind| (*kind).to_owned());
    let wrong: Vec<String> = providers
        .chain(kinds)
        .chain(crates("rules"))
        .filter(|name| !named.contains(name))
        .map(|name| format!("README.md: `{name}` is in no table"))
        .collect();
    assert_none(&wrong);
}

#[test]
fn the_readme_has_a_row_and_its_page_a_section_for_every_kind_of_channel() {
    let (readme, page) = (read("README.md"), read("docs/channels.md"));
    let (_, table) = readme
        .split_once("\n## Channels\n")
        .expect("the README has channels");
    let (table, _) = table.split_once("\n## ").unwrap_or((table, ""));
    let sections: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("### "))
        .flat_map(quoted)
        .collect();
    let mut wrong = Vec::new();
    for kind in ChannelConfig::KINDS {
        if !table.contains(&format!("\n| `{kind}` | ")) {
            wrong.push(format!(
                "README.md: `{kind}` has no row in the table of channels"
            ));
        }
        if !sections.contains(*kind) {
            wrong.push(format!("docs/channels.md: `{kind}` has no section"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_documents_name_every_code() {
    let named = quoted(&reference());
    let code = regex(r#""((?:hook|delivery|store|api|rule)/[a-z-]+)""#);
    let mut codes: BTreeSet<String> = server_files()
        .iter()
        .flat_map(|(_, _, text)| {
            code.captures_iter(text)
                .map(|found| found[1].to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    codes.extend(Fault::CODES.map(str::to_owned));
    codes.extend(CompileErrorKind::CODES.map(str::to_owned));
    let wrong: Vec<String> = codes
        .into_iter()
        .filter(|code| !named.contains(code))
        .map(|code| format!("`{code}` is in no table of the documents"))
        .collect();
    assert_none(&wrong);
}

#[test]
fn the_documents_name_no_code_that_there_is_not() {
    let is_code = regex(r"^(hook|delivery|store|api|rule)/[a-z-]+$");
    let code: String = server_files()
        .into_iter()
        .map(|(_, _, code)| code)
        .collect();
    let wrong: Vec<String> = quoted(&reference())
        .into_iter()
        .filter(|name| is_code.is_match(name) && !code.contains(&format!("\"{name}\"")))
        .map(|name| format!("there is no code `{name}`"))
        .collect();
    assert_none(&wrong);
}

#[test]
fn the_readme_has_every_exit_code_with_its_meaning() {
    let readme = read("README.md");
    for (exit, meaning) in Exit::ALL {
        let row = format!("| {} | {meaning} |", exit.code());
        assert!(readme.contains(&row), "README.md lacks the row `{row}`");
    }
}

#[test]
fn the_readme_has_every_command_with_its_options() {
    let readme = read("README.md");
    let mut wrong = Vec::new();
    let mut commands = vec![("hookbox".to_owned(), Cli::command())];
    while let Some((path, command)) = commands.pop() {
        let mut inner = command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set())
            .peekable();
        if inner.peek().is_none() && !readme.contains(&format!("`{path}")) {
            wrong.push(format!("README.md: `{path}` is not there"));
        }
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            if !readme.contains(&format!("--{option}")) {
                wrong.push(format!("README.md: `--{option}` of `{path}` is not there"));
            }
        }
        commands.extend(inner.map(|inner| (format!("{path} {}", inner.get_name()), inner.clone())));
    }
    assert_none(&wrong);
}

/// The blocks of a Markdown text that are fenced with this tag.
fn blocks(text: &str, tag: &str) -> Vec<String> {
    text.split(&format!("```{tag}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_configurations_in_the_documents_are_taken() {
    let reference = reference();
    let (configs, settings) = (
        blocks(&reference, "toml config"),
        blocks(&reference, "toml settings"),
    );
    assert!(!configs.is_empty() && !settings.is_empty());
    for config in configs {
        if let Err(error) = Config::parse(&config, "/srv/hookbox".into()) {
            panic!("{error}\n{config}");
        }
    }
    for file in settings {
        if let Err(error) = SettingsFile::parse(file.as_bytes()) {
            panic!("{error}\n{file}");
        }
    }
}

#[test]
fn the_rule_in_the_readme_is_the_one_that_the_sdk_compiles() {
    let first = |path: &str| blocks(&read(path), "rust").into_iter().next();
    let compiled = first("guest-sdk/README.md").expect("the SDK has an example");
    // What is hidden from readers begins with `#`, but for attributes.
    let shown: Vec<&str> = compiled
        .lines()
        .filter(|line| *line != "#" && !line.starts_with("# "))
        .collect();
    assert_eq!(
        first("README.md").expect("there is a rule"),
        shown.join("\n")
    );
}

/// Every document, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let others = DOCUMENTS.map(PathBuf::from);
    let all: BTreeSet<PathBuf> = others.into_iter().chain(pages()).collect();
    all.into_iter()
        .map(|path| {
            let text = read(&path);
            (path, text)
        })
        .collect()
}

/// The anchors of a document's headings, as GitHub and GitLab make them.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| {
            line.trim_start_matches('#')
                .strip_prefix(' ')
                .filter(|_| line.starts_with('#'))
        })
        .map(|heading| {
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| match c {
                    ' ' => '-',
                    c => c.to_ascii_lowercase(),
                })
                .collect()
        })
        .collect()
}

#[test]
fn the_documents_name_only_paths_that_there_are() {
    let is_path =
        regex(r"^(host|guest-sdk|tests|wit|\.ci|\.cargo)(/[\w.-]+)*/?$|^[A-Z]+[\w-]*\.(md|toml)$");
    let mut wrong = Vec::new();
    for (document, text) in documents() {
        let paths = quoted(&text)
            .into_iter()
            .filter(|name| is_path.is_match(name) && name != "host" && name != "tests");
        for path in paths {
            if !workspace().join(&path).exists() {
                wrong.push(format!("{}: there is no `{path}`", document.display()));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_link_of_the_documents_leads_to_a_file_and_a_heading_that_there_are() {
    let link = regex(r"\]\(([^):#]*)(?:#([\w-]+))?\)");
    let mut wrong = Vec::new();
    for (document, text) in documents() {
        let folder = document.parent().unwrap_or(Path::new(""));
        for found in link.captures_iter(&text) {
            let (path, anchor) = (&found[1], found.get(2).map(|anchor| anchor.as_str()));
            let target = match path.is_empty() {
                true => document.clone(),
                false => folder.join(path),
            };
            let leads = match anchor {
                _ if !workspace().join(&target).exists() => false,
                Some(anchor) => anchors(&read(&target)).contains(anchor),
                None => !path.is_empty(),
            };
            if !leads {
                let document = document.display();
                wrong.push(format!("{document}: `{}` leads nowhere", &found[0]));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let code: String = ["host/src", "tests/it"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .map(read)
        .collect();
    let is_test = regex(r"^[a-z0-9]+(_[a-z0-9]+){3,}$");
    let mut wrong = Vec::new();
    for page in ["ARCHITECTURE.md", "docs/threat-model.md"] {
        let named = quoted(&read(page));
        let named = named.into_iter().filter(|name| is_test.is_match(name));
        let missing = named.filter(|name| !code.contains(&format!("fn {name}(")));
        wrong.extend(missing.map(|name| format!("{page}: there is no test `{name}`")));
    }
    assert_none(&wrong);
}
