//! The command line: one file for each command.
//!
//! What asks a running server speaks to its admin listener; everything else reads the configuration
//! and the files itself. Standard output is written in [`output`] alone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod actions;
mod build;
mod channels;
mod check;
mod client;
mod commands;
mod dev;
mod error;
mod events;
mod exit_code;
mod init;
mod inspect;
mod new;
mod output;
mod pauses;
mod rules;
mod run;
mod samples;
mod send;
mod serve;
mod sources;

#[cfg(test)]
pub(crate) use build::module_of_crate;
pub use error::CliError;
pub use exit_code::Exit;

/// Give webhook and file events to sandboxed rules, and perform what they ask for
#[derive(Debug, Parser)]
#[command(name = "hookbox", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Read this configuration
    ///
    /// By default `hookbox.toml` of the current folder.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask the server with this admin address
    ///
    /// By default `HOOKBOX_SERVER`, and else what the configuration says.
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    /// Build the rules found as source, serve them, and rebuild and swap on change
    ///
    /// A folder of the rules folder with a `Cargo.toml` is the source of a rule. Secrets that are files
    /// below the data folder and are not there yet are made, so that a first try needs nothing else.
    Dev,
    Serve(serve::Args),
    /// Check the configuration, the secrets, the rules and their grants
    ///
    /// Loads everything as the server would, and starts nothing. The exit code says whether it would all
    /// be taken.
    Check,
    New(new::Args),
    Build(build::Args),
    Run(run::Args),
    Inspect(inspect::Args),
    Send(send::Args),
    /// Show what arrived and what became of it, and have it evaluated again
    #[command(subcommand)]
    Events(events::Command),
    /// Show what rules asked for, try it again, and cancel it
    #[command(subcommand)]
    Actions(actions::Command),
    /// Show the rules and how they stand, and pause them
    #[command(subcommand)]
    Rules(rules::Command),
    /// Show where deliveries come from, learn what to expect of them, and pause them
    #[command(subcommand)]
    Sources(sources::Command),
    /// Show where messages go and how that stands, test it, and pause it
    #[command(subcommand)]
    Channels(channels::Command),
    /// Show what may be run, run it by hand, and pause it
    #[command(subcommand)]
    Commands(commands::Command),
    /// Show the samples that come with Hookbox
    #[command(subcommand)]
    Samples(samples::Command),
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let global = cli.global.clone();
    let result = match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Dev => dev::run(&global),
        Command::Serve(args) => serve::run(&global, &args),
        Command::Check => check::run(&global),
        Command::New(args) => new::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Run(args) => run::run(&global, &args),
        Command::Inspect(args) => inspect::run(&global, &args),
        Command::Send(args) => send::run(&global, &args),
        Command::Events(command) => events::run(&global, &command),
        Command::Actions(command) => actions::run(&global, &command),
        Command::Rules(command) => rules::run(&global, &command),
        Command::Sources(command) => sources::run(&global, &command),
        Command::Channels(command) => channels::run(&global, &command),
        Command::Commands(command) => commands::run(&global, &command),
        Command::Samples(command) => samples::run(&global, &command),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::error(&error);
            error.exit.into()
        }
    }
}

impl Global {
    /// The configuration file.
    fn config_path(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| PathBuf::from(crate::config::FILE_NAME))
    }

    /// Reads the configuration.
    fn load(&self) -> Result<crate::config::Config, CliError> {
        let path = self.config_path();
        if self.config.is_none() && !path.exists() {
            return Err(CliError::new(
                Exit::Config,
                anyhow::anyhow!("there is no `{}` in this folder", crate::config::FILE_NAME),
            )
            .hint("`hookbox init` makes one; `--config FILE` names another"));
        }
        crate::config::Config::load(&path).map_err(|error| CliError::new(Exit::Config, error))
    }
}

/// A runtime for commands that wait for something.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Internal, error))
}

/// How long a thread may go on that waits for a file system which does not answer, once everything else has ended.
const LEFT_BEHIND: std::time::Duration = std::time::Duration::from_secs(2);

/// Runs a server to its end.
fn until_ended<T>(server: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = runtime()?;
    let result = runtime.block_on(server);
    runtime.shutdown_timeout(LEFT_BEHIND);
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
