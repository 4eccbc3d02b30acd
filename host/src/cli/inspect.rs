//! `hookbox inspect`: what a module is and asks for, without running it.
//!
//! What is shown is what the module says of itself in its sections. A module that was not built by
//! `hookbox build` says nothing, and is asked in the sandbox where `--describe` says so.
//!
//! Invariants:
//! - Without `--describe`, no code of the module is compiled or run.
//! - No text of the module reaches a terminal as anything but text of its own line.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::run::{Scratch, limits, load};
use super::{CliError, Exit, Global, output};
use crate::catalog::declared;
use crate::config::MODULE_LIMIT;
use crate::domain::limits::Limits;
use crate::domain::manifest::Manifest;
use crate::domain::names::Digest;
use crate::domain::quantity::Bytes;
use crate::engine::{Form, Inspection, Sections, Source, inspect};

pub(super) mod paste;
mod text;

use text::{line, list, page};

/// Show what a module is, what it can reach and what it asks for, without running it
///
/// Prints the settings file and the grants to paste. What is shown is what the module says of itself;
/// the server compares it with what the module answers, and takes none that differs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The module
    module: PathBuf,
    /// Ask the module who it is, in the sandbox
    ///
    /// For a module that says nothing of itself, because `hookbox build` did not make it; and for any
    /// other, to see that it answers what it says.
    #[arg(long)]
    describe: bool,
    /// Print this part alone, whole
    #[arg(long, value_name = "PART", conflicts_with = "describe")]
    show: Option<Part>,
}

/// A part that a module may carry and that is longer than a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Its README
    Readme,
    /// The text of its licence
    License,
}

/// What a module that imports WASI is given, in a line.
const EMPTY: &str = "an empty one: no files, network, environment, arguments or input; the clock stands at the \
                     event's received-at, randomness follows from its id, output goes to the log";

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, CliError> {
    let bytes = read(&args.module, MODULE_LIMIT)?;
    let mut look = Look::at(&bytes)?;
    if let Some(part) = args.show {
        return show_part(&look, part);
    }
    if args.describe {
        look.ask(&bytes, &limits(&bytes))?;
    }
    if global.json {
        output::json(&look.json());
        return Ok(Exit::Ok);
    }
    look.show();
    let Some(manifest) = &look.manifest else {
        output::line(format!(
            "\nIt does not say what it asks for: `hookbox build` did not make it. `hookbox inspect --describe {}` \
             asks it in the sandbox.",
            line(&args.module.display().to_string())
        ));
        return Ok(Exit::Ok);
    };
    let stem = args.module.file_stem().map_or_else(
        || manifest.name.clone(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    output::line(format!(
        "\nsettings file `{}.toml`, beside the module:\n\n{}",
        line(&stem),
        paste::settings_file(manifest).trim_end()
    ));
    output::line(format!(
        "\ngrants in `hookbox.toml`, for a team, or under `[shared]`:\n\n{}",
        paste::grants((manifest, &look.inspection), "[teams.NAME]")
    ));
    Ok(Exit::Ok)
}

fn show_part(look: &Look, part: Part) -> Result<Exit, CliError> {
    let (found, what) = match part {
        Part::Readme => (&look.sections.readme, "README"),
        Part::License => (&look.sections.license, "text of a licence"),
    };
    let found = found.as_ref().ok_or_else(|| {
        CliError::new(Exit::Rule, anyhow::anyhow!("the module carries no {what}"))
    })?;
    output::line(page(found, usize::MAX).trim_end());
    Ok(Exit::Ok)
}

/// Reads a file of at most this size.
pub(super) fn read(path: &Path, limit: Bytes) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limit.0.saturating_add(1)).read_to_end(&mut bytes))
        .with_context(|| format!("the module `{}` cannot be read", path.display()))
        .map_err(|error| CliError::new(Exit::Usage, error))?;
    if bytes.len() > limit.as_usize() {
        return Err(CliError::new(
            Exit::Rule,
            anyhow::anyhow!(
                "`{}` has more than the {limit} that a module may have",
                path.display()
            ),
        ));
    }
    Ok(bytes)
}

/// How a manifest came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// By its section.
    Said,
    /// By its answer in the sandbox.
    Answered,
}

/// What a look at a module shows.
pub(super) struct Look {
    pub(super) digest: Digest,
    size: usize,
    pub(super) inspection: Inspection,
    sections: Sections,
    pub(super) manifest: Option<Manifest>,
    known: Known,
}

impl Look {
    /// Looks at a module, and runs nothing.
    pub(super) fn at(bytes: &[u8]) -> Result<Self, CliError> {
        let inspection = inspect(bytes).map_err(|error| CliError::new(Exit::Rule, error))?;
        let sections = Sections::read(bytes).map_err(|error| CliError::new(Exit::Rule, error))?;
        Ok(Self {
            digest: Digest::of(bytes),
            size: bytes.len(),
            inspection,
            manifest: sections.manifest.clone(),
            sections,
            known: Known::Said,
        })
    }

    /// Asks the module who it is, in the sandbox, and refuses one whose section says something else.
    pub(super) fn ask(&mut self, bytes: &[u8], limits: &Limits) -> Result<Manifest, CliError> {
        let scratch = Scratch::new()?;
        let manifest = load(&scratch, bytes, limits)?
            .describe(limits)
            .result
            .map_err(|fault| {
                let fault = line(&fault.to_string());
                CliError::new(Exit::Rule, anyhow::anyhow!("asked who it is, {fault}"))
            })?;
        declared::check(bytes, &manifest).map_err(|error| {
            CliError::new(Exit::Rule, anyhow::anyhow!(line(&error.to_string())))
        })?;
        self.manifest = Some(manifest.clone());
        self.known = Known::Answered;
        Ok(manifest)
    }

    /// All of it, for scripts.
    pub(super) fn json(&self) -> Value {
        json!({
            "digest": self.digest, "size": self.size, "form": self.form(),
            "interface": self.inspection.interface.as_str(), "imports": self.inspection.imports,
            "wasi": self.inspection.imports_wasi().then_some("empty"),
            "asks-for-state": self.inspection.imports_interface("state"),
            "manifest": self.manifest,
            "manifest-from": self.manifest.as_ref().map(|_| match self.known {
                Known::Said => "section",
                Known::Answered => "describe",
            }),
            "readme": self.sections.readme, "license-text": self.sections.license,
            "source": self.sections.source, "sdk": self.sections.sdk,
        })
    }

    fn form(&self) -> &'static str {
        match self.inspection.form {
            Form::Core => "core module",
            Form::Component => "component",
        }
    }

    /// Writes what it is, with as much of the README as fits a screen.
    pub(super) fn show(&self) {
        if let Some(manifest) = &self.manifest {
            output::line(format!(
                "{} {}",
                line(&manifest.name),
                line(&manifest.version)
            ));
            output::line(line(&manifest.summary));
        }
        output::line(format!("digest     {}", self.digest));
        output::line(format!("size       {} bytes, {}", self.size, self.form()));
        output::line(format!(
            "interface  hookbox:rule@{}",
            self.inspection.interface.as_str()
        ));
        output::line(format!("imports    {}", list(&self.inspection.imports)));
        if self.inspection.imports_wasi() {
            output::line(format!("wasi       {EMPTY}"));
        }
        if self.inspection.imports_interface("state") {
            output::line("state      asked for: it may keep something between events");
        }
        if let Some(manifest) = &self.manifest {
            show_manifest(manifest);
        }
        if let Some(source) = &self.sections.source {
            output::line(format!("source     {}", line(&of_source(source))));
        }
        if let Some(sdk) = &self.sections.sdk {
            output::line(format!("sdk        {}", line(sdk)));
        }
        output::line(match (&self.manifest, self.known) {
            (None, _) => "manifest   none",
            (_, Known::Said) => {
                "manifest   as its section says; the server compares it with what the module answers"
            }
            (_, Known::Answered) => "manifest   as it answered in the sandbox",
        });
        if let Some(text) = &self.sections.license {
            let first = text.lines().map(str::trim).find(|line| !line.is_empty());
            output::line(format!(
                "\nits licence begins “{}”; `--show license` prints it",
                line(first.unwrap_or_default())
            ));
        }
        if let Some(readme) = &self.sections.readme {
            output::line("\nits README:\n");
            output::line(page(readme, SCREEN).trim_end());
        }
    }
}

/// The lines of a README that are shown with everything else.
const SCREEN: usize = 40;

fn show_manifest(manifest: &Manifest) {
    output::line(format!("authors    {}", list(&manifest.authors)));
    let license = manifest.license.as_deref().unwrap_or("none given");
    output::line(format!("licence    {}", line(license)));
    if let Some(homepage) = &manifest.homepage {
        output::line(format!("homepage   {}", line(homepage)));
    }
    output::line(format!(
        "subjects   {}",
        if manifest.subjects.is_empty() {
            "all but schedule".to_owned()
        } else {
            list(&manifest.subjects)
        }
    ));
    output::line(format!("channels   {}", list(&manifest.channels)));
    output::line(format!("commands   {}", list(&manifest.commands)));
}

fn of_source(source: &Source) -> String {
    let mut parts = Vec::new();
    parts.extend(source.repository.clone());
    parts.extend(source.path.as_ref().map(|path| format!("folder {path}")));
    parts.extend(
        source
            .commit
            .as_ref()
            .map(|commit| format!("commit {commit}")),
    );
    if source.dirty == Some(true) {
        parts.push("with changes that are in no commit".to_owned());
    }
    parts.join(", ")
}
