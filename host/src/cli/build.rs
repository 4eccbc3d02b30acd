//! `hookbox build`: rule crates to modules.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use super::{CliError, Exit, output};

mod toolchain;

pub(super) use toolchain::Toolchain;

/// Build rule crates to modules
///
/// Each crate becomes `<DIR>/<its folder's name>.wasm`. The target `wasm32-unknown-unknown` is added
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
        let module = build(&toolchain, path)?;
        let name = folder_name(path)?;
        let target = args.out.join(format!("{name}.wasm"));
        install(&module, &target)?;
        output::line(format!("{} ({} bytes)", target.display(), size(&target)));
    }
    Ok(Exit::Ok)
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
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
    let folder = target.parent().unwrap_or(Path::new("."));
    let partial = target.with_extension("wasm.partial");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::copy(module, &partial).map(drop))
        .and_then(|()| std::fs::rename(&partial, target))
        .with_context(|| format!("`{}` cannot be written", target.display()))
        .map_err(CliError::from)
}

/// Builds one crate and returns where its module lies.
pub(super) fn build(toolchain: &Toolchain, path: &Path) -> Result<PathBuf, CliError> {
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
    let child = toolchain
        .cargo(&manifest)
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
    module_of(&String::from_utf8_lossy(&child.stdout), &manifest).ok_or_else(|| {
        CliError::new(
            Exit::Rule,
            anyhow::anyhow!("`{}` gave no module", path.display()),
        )
        .hint("its `Cargo.toml` needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`")
    })
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
