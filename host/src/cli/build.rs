//! `hookbox build`: rule crates to modules that say of themselves what they are.
//!
//! What the compiler made is asked who it is, in the sandbox, and gets the answer as a section, with the
//! README, the licence, and the source: a stranger can then look at it without running it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use super::run::{Scratch, load};
use super::{CliError, Exit, output};
use crate::domain::limits::Limits;
use crate::domain::manifest::Manifest;
use crate::domain::names::Digest;
use crate::domain::quantity::Bytes;
use crate::engine::without_names;

mod crates;
mod git;
mod papers;
mod toolchain;

use crates::Crates;
pub(super) use toolchain::Toolchain;

/// Build rule crates to modules
///
/// Each crate becomes `<DIR>/<its folder's name>.wasm`, which holds its manifest, README, licence, and
/// source revision for `hookbox inspect`. The same source gives the same bytes. The target `wasm32-unknown-unknown` is added
/// with rustup where it is missing; without rustup, a distribution's compiler with its library source
/// does as well.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folders of the crates
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Put the modules into this folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let toolchain = Toolchain::find()?;
    for path in &args.paths {
        let name = folder_name(path)?;
        let target = args.out.join(format!("{name}.wasm"));
        let module = complete(&compile(&toolchain, path)?, path)?;
        put(&target, |partial| std::fs::write(partial, &module))?;
        output::line(format!(
            "{} ({} bytes), {}",
            target.display(),
            module.len(),
            Digest::of(&module)
        ));
    }
    Ok(Exit::Ok)
}

/// What came of compiling a crate.
struct Compiled {
    module: PathBuf,
    crates: Crates,
}

/// The most that a module may have anywhere: whoever adds it may have raised the limit.
const MODULE_LIMIT: Bytes = Bytes::mib(32);

/// The module with what it says of itself.
fn complete(compiled: &Compiled, path: &Path) -> Result<Vec<u8>, CliError> {
    let Compiled { module, crates } = compiled;
    let read = std::fs::read(module);
    let bytes = read.with_context(|| format!("`{}` cannot be read", module.display()))?;
    // The names that the compiler gave to functions hold a digest of the crate's folder.
    let bytes = without_names(&bytes).map_err(|error| CliError::new(Exit::Rule, error))?;
    let mut sections = papers::of(crates);
    match describe(&bytes) {
        Ok(manifest) => sections.manifest = Some(manifest),
        Err(error) => {
            output::note(format!(
                "warning: `{}` is written without its manifest, because the server would not take it: {:#}",
                path.display(),
                error.source
            ));
        }
    }
    sections
        .write(&bytes)
        .map_err(|error| CliError::new(Exit::Rule, error))
}

/// Asks a module who it is, in the sandbox.
fn describe(module: &[u8]) -> Result<Manifest, CliError> {
    let limits = Limits {
        module: MODULE_LIMIT,
        ..Limits::DEFAULT
    };
    let scratch = Scratch::new()?;
    let manifest = load(&scratch, module, &limits)?
        .describe(&limits)
        .result
        .map_err(|fault| CliError::new(Exit::Rule, anyhow::anyhow!("asked who it is, {fault}")))?;
    manifest
        .check()
        .map_err(|error| CliError::new(Exit::Rule, anyhow::anyhow!("in its manifest, {error}")))?;
    Ok(manifest)
}

/// The name of a crate's folder, which becomes the rule's.
fn folder_name(path: &Path) -> Result<String, CliError> {
    let whole = std::path::absolute(path).map_err(|error| CliError::new(Exit::Usage, error))?;
    whole
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .ok_or_else(|| {
            CliError::new(
                Exit::Usage,
                anyhow::anyhow!("`{}` has no name", path.display()),
            )
        })
}

/// Puts a module in place as a whole.
pub(super) fn install(module: &Path, target: &Path) -> Result<(), CliError> {
    put(target, |partial| std::fs::copy(module, partial).map(drop))
}

/// Puts a file in place as a whole, written by somebody.
fn put(target: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), CliError> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let partial = target.with_extension("wasm.partial");
    std::fs::create_dir_all(folder)
        .and_then(|()| write(&partial))
        .and_then(|()| std::fs::rename(&partial, target))
        .with_context(|| format!("`{}` cannot be written", target.display()))
        .map_err(CliError::from)
}

/// Builds one crate and returns where its module lies, as the compiler made it.
pub(super) fn build(toolchain: &Toolchain, path: &Path) -> Result<PathBuf, CliError> {
    compile(toolchain, path).map(|compiled| compiled.module)
}

/// The module of a crate as the compiler makes it, for unit tests of what runs modules.
#[cfg(test)]
pub(crate) fn module_of_crate(path: &Path) -> anyhow::Result<Vec<u8>> {
    let built = Toolchain::find().and_then(|toolchain| build(&toolchain, path));
    Ok(std::fs::read(built.map_err(|error| error.source)?)?)
}

fn compile(toolchain: &Toolchain, path: &Path) -> Result<Compiled, CliError> {
    let manifest = path.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(CliError::new(
            Exit::Usage,
            anyhow::anyhow!(
                "`{}` is no crate: there is no `Cargo.toml` in it",
                path.display()
            ),
        )
        .hint("`hookbox new NAME` makes one"));
    }
    output::note(format!("building {} …", path.display()));
    let told = run_cargo(&mut toolchain.metadata(&manifest), path)?;
    let crates = Crates::read(&told, &manifest).map_err(|error| {
        let context = format!(
            "what `cargo metadata` says of `{}` is not understood",
            path.display()
        );
        CliError::new(Exit::Rule, error.context(context))
    })?;
    let told = run_cargo(&mut toolchain.build(&manifest, &crates), path)?;
    let module = module_of(&told, &manifest).ok_or_else(|| {
        CliError::new(
            Exit::Rule,
            anyhow::anyhow!("`{}` gave no module", path.display()),
        )
        .hint("its `Cargo.toml` needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`")
    })?;
    Ok(Compiled { module, crates })
}

/// Runs cargo, whose errors go to standard error, and returns what it tells programs.
fn run_cargo(cargo: &mut Command, path: &Path) -> Result<String, CliError> {
    let child = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .context("`cargo` could not be run")
        .map_err(|error| {
            CliError::new(Exit::Rule, error).hint("install Rust: https://rustup.rs")
        })?;
    if !child.status.success() {
        return Err(CliError::new(
            Exit::Rule,
            anyhow::anyhow!(
                "`{}` does not build: the compiler says why above",
                path.display()
            ),
        ));
    }
    Ok(String::from_utf8_lossy(&child.stdout).into_owned())
}

/// The module among what cargo reports of a crate.
fn module_of(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let manifest = std::fs::canonicalize(manifest).ok()?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| {
            message["manifest_path"]
                .as_str()
                .and_then(|path| std::fs::canonicalize(path).ok())
                .is_some_and(|path| path == manifest)
        })
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .find(|name| name.extension().is_some_and(|ending| ending == "wasm"))
}

/// Finds what builds modules, for `hookbox dev`.
pub(super) fn toolchain() -> Result<Toolchain, CliError> {
    Toolchain::find()
}

/// The words of a command, for messages.
fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
