//! `hookbox dev`: builds the rules found as source, serves them, and builds again on change.
//!
//! What it built lies in `data/dev/`, beside copies of the modules and settings files of the rules
//! folder; the server serves that folder in place of the rules folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use super::{CliError, Exit, Global, build, output, serve};
use crate::actions::notify::StandardOutput;
use crate::config::Config;
use crate::domain::secret::SecretRef;
use crate::server::{Options, Server, random_secret, write_secret};
use crate::worker::Performs;

/// How often the sources are looked at. The files of a rule are few, and a look costs less than setting
/// up a watch over folders that come and go.
const LOOK: Duration = Duration::from_millis(300);

pub(super) fn run(global: &Global) -> Result<Exit, CliError> {
    output::log();
    let config = global.load()?;
    make_secrets(&config)?;
    let mut mirror = Mirror {
        rules: config.catalog.rules.clone(),
        served: config.data.join("dev"),
        toolchain: build::toolchain()?,
        built: BTreeMap::new(),
        copied: BTreeMap::new(),
    };
    std::fs::create_dir_all(&mirror.served)
        .with_context(|| format!("`{}` cannot be made", mirror.served.display()))?;
    mirror.sync()?;
    let options = Options {
        config: global.config_path(),
        rules: Some(mirror.served.clone()),
        performs: Performs::Yes,
        console: Arc::new(StandardOutput),
    };
    super::until_ended(async {
        let server = Server::start(options).await?;
        server.catalog().ready().await;
        serve::announce(&server);
        invite(global, &config)?;
        let watching = tokio::task::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let synced = tokio::task::spawn_blocking(move || {
                    let result = mirror.sync();
                    (mirror, result)
                });
                let Ok((back, result)) = synced.await else {
                    return;
                };
                mirror = back;
                if let Err(error) = result {
                    output::error(&error);
                }
            }
        });
        serve::until_told_to_end(&server).await?;
        watching.abort();
        server.end().await?;
        Ok(Exit::Ok)
    })
}

/// Makes the secrets that are files below the data folder and are not there.
fn make_secrets(config: &Config) -> Result<(), CliError> {
    let references = config
        .sources
        .values()
        .flat_map(|source| source.secret.iter().chain(source.secrets.values()));
    for SecretRef { file, .. } in references {
        let Some(path) = file.as_ref().map(|file| config.folder.join(file)) else {
            continue;
        };
        if path.starts_with(&config.data) && !path.exists() {
            let folder = path.parent().unwrap_or(&config.data);
            std::fs::create_dir_all(folder)
                .with_context(|| format!("`{}` cannot be made", folder.display()))?;
            write_secret(&path, &random_secret()?)?;
            output::note(format!("made the secret {}", path.display()));
        }
    }
    Ok(())
}

/// Prints the line that sends a signed sample to the first source that one is for.
fn invite(global: &Global, config: &Config) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let here = std::env::current_dir()?;
    let program = program.strip_prefix(&here).map_or_else(
        |_| program.display().to_string(),
        |path| path.display().to_string(),
    );
    let named = global
        .config
        .as_ref()
        .map_or_else(String::new, |path| format!(" --config {}", path.display()));
    let source = config
        .sources
        .values()
        .find(|source| source.provider == "gitlab");
    if source.is_some() {
        output::line(format!(
            "\nin another terminal, in this folder, send a signed sample:\n\n    {program}{named} send gitlab push\n\n\
             and see why it came to what it did:\n\n    {program}{named} events show last\n"
        ));
    }
    Ok(())
}

/// What tells two states of a file apart.
type State = (SystemTime, u64);

fn state(path: &Path) -> Option<State> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// The served folder, kept like the rules folder, with what is built in place of sources.
struct Mirror {
    rules: PathBuf,
    served: PathBuf,
    toolchain: build::Toolchain,
    /// For each crate, the newest of its files when it was last built.
    built: BTreeMap<PathBuf, SystemTime>,
    /// For each file that was copied, its state then.
    copied: BTreeMap<PathBuf, State>,
}

impl Mirror {
    /// Builds what changed, copies what changed, and removes what is gone. A crate that does not build
    /// keeps its last module.
    fn sync(&mut self) -> Result<(), CliError> {
        let mut wanted = BTreeSet::new();
        let folders = std::fs::read_dir(&self.rules).with_context(|| {
            format!("the rules folder `{}` cannot be read", self.rules.display())
        })?;
        for entry in folders.filter_map(Result::ok) {
            let path = entry.path();
            if !path.is_dir() {
                self.copy(&path, Path::new(""), &mut wanted)?;
            } else if path.join("Cargo.toml").is_file() {
                self.build(&path, Path::new(""), &mut wanted);
            } else if let Ok(team) = std::fs::read_dir(&path) {
                let name = PathBuf::from(entry.file_name());
                for entry in team.filter_map(Result::ok) {
                    let path = entry.path();
                    if path.join("Cargo.toml").is_file() {
                        self.build(&path, &name, &mut wanted);
                    } else {
                        self.copy(&path, &name, &mut wanted)?;
                    }
                }
            }
        }
        self.remove_all_but(&wanted);
        Ok(())
    }

    fn copy(
        &mut self,
        path: &Path,
        team: &Path,
        wanted: &mut BTreeSet<PathBuf>,
    ) -> Result<(), CliError> {
        let (Some(name), Some(now)) = (path.file_name(), state(path)) else {
            return Ok(());
        };
        let known = path
            .extension()
            .is_some_and(|ending| ending == "wasm" || ending == "toml");
        if !known || !path.is_file() {
            return Ok(());
        }
        let target = self.served.join(team).join(name);
        wanted.insert(target.clone());
        if self.copied.get(path) != Some(&now) || !target.exists() {
            build::install(path, &target)?;
            self.copied.insert(path.to_owned(), now);
        }
        Ok(())
    }

    fn build(&mut self, path: &Path, team: &Path, wanted: &mut BTreeSet<PathBuf>) {
        let Some(name) = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
        else {
            return;
        };
        let target = self.served.join(team).join(format!("{name}.wasm"));
        wanted.insert(target.clone());
        let newest = newest(path);
        if newest.is_none() || self.built.get(path) == newest.as_ref() {
            return;
        }
        let built =
            build::build(&self.toolchain, path).and_then(|module| build::install(&module, &target));
        match built {
            Ok(()) => output::note(format!("built {}", path.display())),
            Err(error) => output::error(&error),
        }
        if let Some(newest) = newest {
            self.built.insert(path.to_owned(), newest);
        }
    }

    fn remove_all_but(&self, wanted: &BTreeSet<PathBuf>) {
        let mut folders = vec![self.served.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)
                .into_iter()
                .flatten()
                .filter_map(Result::ok)
            {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !wanted.contains(&path) {
                    // Found again, and tried again, at the next look.
                    let _kept = std::fs::remove_file(&path);
                }
            }
        }
    }
}

/// When the newest file of a crate changed, `target` and hidden folders left out.
fn newest(path: &Path) -> Option<SystemTime> {
    let mut newest = None;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.filter_map(Result::ok) {
            let name = entry.file_name();
            if name == "target" || name == "Cargo.lock" || name.to_string_lossy().starts_with('.') {
                continue;
            }
            let metadata = entry.metadata().ok()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                newest = newest.max(metadata.modified().ok());
            }
        }
    }
    newest
}
