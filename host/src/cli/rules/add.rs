//! `hookbox rules add`: puts a rule that somebody else built into the rules folder.
//!
//! It is a local command: it reads the configuration of this folder and writes beside it, and a server that runs
//! finds what is new by itself. The module is looked at as the server will: within its limit, by its
//! digest, in the sandbox, and against the grants.
//!
//! Invariant: nothing is put in place that the server would refuse for what it is, rather than for what
//! is still to be written.

use std::path::PathBuf;

use anyhow::anyhow;
use serde_json::json;

use self::fetch::{Origin, Pinned};
use super::super::inspect::{Look, paste};
use super::super::{CliError, Exit, Global, output};
use crate::catalog::{
    Arrival, CatalogConfig, Lacking, PlaceError, Placed, Replace, place, settings_of,
};
use crate::domain::manifest::Manifest;
use crate::domain::names::{Digest, RuleName, TeamName};
use crate::engine::Inspection;

mod fetch;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The module: a file, or where to get it with https
    #[arg(value_name = "FILE|URL")]
    module: String,
    /// Add it for this team; by default it is shared
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Give it this name
    ///
    /// By default that of its file.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Take it only with this digest, as its author published it: `sha256:` and 64 digits
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Replace the module of the rule that has this name; its settings file stays
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, CliError> {
    let config = global.load()?.catalog;
    let origin = Origin::parse(&args.module)?;
    let digest = args.digest.as_deref().map(pinned).transpose()?;
    let name = name(args, &origin)?;
    if !config.rules.is_dir() {
        let error = anyhow!("the rules folder `{}` is not there", config.rules.display());
        return Err(CliError::new(Exit::Config, error)
            .hint("make it, or name another with `rules` in `hookbox.toml`"));
    }
    let known = digest.as_ref().map_or(Pinned::No, |_| Pinned::Yes);
    let bytes = origin.read(config.limits.module, known)?;
    let mut look = Look::at(&bytes)?;
    if let Some(digest) = digest.filter(|digest| *digest != look.digest) {
        let error = anyhow!(
            "`{origin}` has the digest {}, and not {digest}",
            look.digest
        );
        return Err(CliError::new(Exit::Rule, error).hint(
            "it is not the file that was published: do not use it before its author says why",
        ));
    }
    let team = config.team(name.team());
    let limits = config
        .limits
        .replaced_by(&team.cloned().unwrap_or_default().limits);
    let manifest = look.ask(&bytes, &limits)?;
    let text = paste::settings_file(&manifest);
    let there = settings_of(&config.rules, &name).map_err(not_placed)?;
    let settings = there.as_deref().unwrap_or(text.as_bytes());
    let lacking = lacking(&config, &name, (&manifest, &look.inspection), settings)?;
    let placed = place(
        &config.rules,
        &Arrival {
            name: &name,
            module: &bytes,
            settings: &text,
            replace: if args.replace {
                Replace::Module
            } else {
                Replace::Never
            },
        },
    )
    .map_err(not_placed)?;
    let added = Added {
        name,
        placed,
        lacking,
    };
    if global.json {
        output::json(&added.json(&look));
    } else {
        look.show();
        added.show();
        if args.digest.is_none() && origin.is_remote() {
            output::line(format!(
                "\nNothing says yet that this is the file its author published: compare the digest, and give it \
                 the next time, with `--digest {}`.",
                look.digest
            ));
        }
    }
    Ok(Exit::Ok)
}

/// The digest that was published.
fn pinned(text: &str) -> Result<Digest, CliError> {
    Digest::parse(text).map_err(|error| CliError::new(Exit::Usage, error))
}

/// The rule's name: what was said, or what its file is called.
fn name(args: &Args, origin: &Origin) -> Result<RuleName, CliError> {
    let usage = |error: anyhow::Error| CliError::new(Exit::Usage, error);
    let team = args.team.as_ref().map(TeamName::parse).transpose();
    let team = team.map_err(|error| usage(error.into()))?;
    let stem = match &args.name {
        Some(name) => name.clone(),
        None => origin.stem(),
    };
    RuleName::new(team, stem)
        .map_err(|error| usage(error.into()).hint("`--as NAME` gives it another name"))
}

/// What the rule lacks; an error where there is no such team, or nothing would help.
fn lacking(
    config: &CatalogConfig,
    name: &RuleName,
    asking: (&Manifest, &Inspection),
    settings: &[u8],
) -> Result<Lacking, CliError> {
    let lacking = Lacking::of(config, name, asking, settings)
        .map_err(|error| CliError::new(Exit::Rule, anyhow!(output::safe(&error.to_string()))))?;
    lacking.ok_or_else(|| {
        let team = name.team().map_or("", TeamName::as_str);
        let table = format!("[teams.{team}]");
        let error = anyhow!("there is no team `{team}` in `hookbox.toml`, and nothing was written");
        CliError::new(Exit::Config, error).hint(format!(
            "add to `hookbox.toml`, with what it may use:\n{}",
            paste::grants(asking, &table)
        ))
    })
}

fn not_placed(error: PlaceError) -> CliError {
    match error {
        PlaceError::Exists { .. } => CliError::new(Exit::Usage, error)
            .hint("`--replace` puts the new module in its place and keeps the settings file; `--as NAME` adds it beside"),
        PlaceError::Settings { .. } => CliError::new(Exit::Config, error),
        PlaceError::Write { .. } => CliError::new(Exit::Internal, error),
    }
}

/// What was done, and what is left to do.
struct Added {
    name: RuleName,
    placed: Placed,
    lacking: Lacking,
}

impl Added {
    fn json(&self, look: &Look) -> serde_json::Value {
        json!({
            "rule": self.name, "module": path(&self.placed.module), "settings": path(&self.placed.settings),
            "settings-kept": self.placed.settings_kept, "replaced": self.placed.replaced,
            "is": look.json(),
            "lacking": {
                "settings": self.lacking.settings, "settings-file": self.lacking.wrong,
                "grants": self.lacking.reasons, "lines": self.lacking.lines,
            },
        })
    }

    fn show(&self) {
        let Self {
            name,
            placed,
            lacking,
        } = self;
        output::line(format!(
            "\n{} {name}: {}\nsettings file {}{}",
            if placed.replaced { "replaced" } else { "added" },
            path(&placed.module),
            path(&placed.settings),
            if placed.settings_kept {
                ", which was there and is as it was"
            } else {
                ""
            }
        ));
        if let Some(wrong) = &lacking.wrong {
            output::line(format!("it is not taken: {}", output::safe(wrong)));
        }
        for setting in &lacking.settings {
            output::line(format!(
                "to be filled in there: `{}`",
                output::safe(setting)
            ));
        }
        for reason in &lacking.reasons {
            output::line(output::safe(reason));
        }
        if !lacking.lines.is_empty() {
            output::line("\nmissing in `hookbox.toml`, each in place of the line of its key:\n");
            output::line(output::safe(&lacking.lines.join("\n\n")));
        }
        output::line(if lacking.is_empty() {
            "\nNothing is missing: a server that runs has it at work in some seconds. `hookbox rules list` shows how \
             it stands."
        } else {
            "\nUntil then it is rejected, or cannot do all it asks for; `hookbox rules list` says what is missing."
        });
    }
}

fn path(path: &std::path::Path) -> String {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::new());
    path.strip_prefix(&here)
        .unwrap_or(path)
        .display()
        .to_string()
}
