//! `hookbox init`: a folder to begin with.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{CliError, Exit, output};
use crate::server::{random_secret, write_secret};

/// Make a folder with a commented configuration, a rules folder and generated secrets
///
/// Nothing that is there already is changed. Prints what to paste into the provider.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder, by default the current one
    #[arg(default_value = ".", value_name = "DIR")]
    dir: PathBuf,
}

const CONFIG: &str = include_str!("init/hookbox.toml");

const IGNORED: &str = "# What only this machine has.\n/data/\n/secrets/\n";

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let dir = &args.dir;
    let secrets = dir.join("secrets");
    make_private(&secrets)?;
    std::fs::create_dir_all(dir.join("rules"))
        .with_context(|| format!("`{}` cannot be made", dir.join("rules").display()))?;
    let secret_path = secrets.join("gitlab");
    if !secret_path.exists() {
        write_secret(&secret_path, &random_secret()?)?;
        output::line(format!("wrote {}", secret_path.display()));
    }
    write(&dir.join(crate::config::FILE_NAME), CONFIG)?;
    write(&dir.join(".gitignore"), IGNORED)?;
    let secret = std::fs::read_to_string(&secret_path)
        .with_context(|| format!("`{}` cannot be read", secret_path.display()))?;
    output::line(format!(
        "\nin GitLab, under Settings > Webhooks of a project or group, add:\n\
         \x20 URL           http://THIS-HOST:8080/hooks/gitlab\n\
         \x20 Secret token  {}\n\
         \x20 Triggers      push, tag push, merge request, comment, issue, pipeline, job, release events\n\n\
         next:\n\
         \x20 hookbox new rules/my-rule       a rule with its test\n\
         \x20 hookbox dev                     build it and serve it\n\
         \x20 hookbox send gitlab push        send a signed sample",
        secret.trim()
    ));
    Ok(Exit::Ok)
}

fn make_private(folder: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("`{}` cannot be made", folder.display()))
        .map_err(CliError::from)
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if path.exists() {
        output::line(format!("kept {}", path.display()));
        return Ok(());
    }
    std::fs::write(path, text)
        .with_context(|| format!("`{}` cannot be written", path.display()))?;
    output::line(format!("wrote {}", path.display()));
    Ok(())
}
