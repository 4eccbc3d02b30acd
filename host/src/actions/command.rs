//! Commands: programs that the operator named, which rules may ask to run.
//!
//! The configuration becomes [`Commands`] at load. For each action the worker prepares the arguments that
//! the rule gave, awaits its turn by the concurrency key, runs the command, and records its end. Each run
//! has a supervisor of its own, a process that the server's own program becomes through [`supervise`], and
//! that starts the program through [`start_program`].
//!
//! A command's environment is clean: `PATH` (`/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`),
//! `LANG` (`C.UTF-8`), `HOME` and `USER` of the user it runs as (`/`, and no `USER`, where `/etc/passwd`
//! does not list that user), `HOOKBOX_COMMAND`, `HOOKBOX_EVENT_ID`, `HOOKBOX_IDEMPOTENCY_KEY`,
//! `HOOKBOX_RULE`, `HOOKBOX_SOURCE`, `HOOKBOX_ATTEMPT`, `HOOKBOX_REPLAY` (`1`, on a replay alone), what its
//! configuration lists, and for the program that follows a git-update `HOOKBOX_COMMIT` and
//! `HOOKBOX_BRANCH`. Its standard input is empty, or the event as JSON; its standard output and standard
//! error are one stream, of which the beginning and the end are kept.
//!
//! Invariants:
//! - A value is one argument, or a part of one, as it is; no shell reads it.
//! - A value reaches a program only if its parameter accepts the whole of it.
//! - No command outlives the server, its own time limit, or its program: what that leaves in the
//!   background is ended too. A service manager that starts something on request is the way to more.
//! - The secrets of a command's environment are masked in its output.

mod build;
mod config;
mod end;
mod git;
mod identity;
mod limits;
mod mask;
mod memory;
mod output;
mod parameter;
mod prepare;
mod problem;
mod processes;
mod protocol;
mod run;
mod shown;
mod start;
mod summary;
mod supervisor;
mod template;
mod user;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

pub use self::build::Context;
pub use self::config::{
    CommandConfig, ConcurrencyConfig, EnvironmentValue, GitUpdateConfig, OnInterrupt,
    ParameterConfig, ProgramConfig, StandardInput, WorkConfig,
};
pub use self::end::{CommandEnd, CommandOutcome};
use self::git::GitUpdate;
pub use self::git::update::{GIT_UPDATE, git_update};
pub use self::git::{EventCommit, Forced, commit_of};
use self::identity::Identity;
pub use self::limits::ResourceLimits;
use self::output::{Destination, OutputKeeper};
pub use self::output::{Output, OutputState, Outputs, StoredOutput};
use self::parameter::Parameter;
pub use self::parameter::{ArgumentError, ArgumentProblem, ParameterError};
pub use self::prepare::Prepared;
use self::prepare::PreparedWork;
pub use self::problem::{CommandConfigError, ConfigProblem};
use self::protocol::{Program, Spec, StandardOutput};
pub use self::run::SUPERVISE;
pub use self::start::{START, start_program};
pub use self::summary::{CommandSummary, ParameterSummary};
pub use self::supervisor::supervise;
use self::template::Template;
pub use self::template::TemplateError;
use crate::domain::names::{CommandName, Digest};
use crate::domain::quantity::{Bytes, Span};
use crate::domain::secret::Secret;
use crate::domain::turn::WhenBusy;

/// All commands of a configuration.
#[derive(Debug, Default)]
pub struct Commands(BTreeMap<CommandName, Command>);

impl Commands {
    /// Checks the configuration of all commands and reads their secrets.
    ///
    /// # Errors
    /// With the first command that cannot be used, and why.
    pub fn build(
        configs: &BTreeMap<CommandName, CommandConfig>,
        context: &Context<'_>,
    ) -> Result<Self, CommandConfigError> {
        configs
            .iter()
            .map(|(name, config)| {
                Command::build(name, config, context)
                    .map(|command| (name.clone(), command))
                    .map_err(|problem| CommandConfigError {
                        command: name.clone(),
                        problem,
                    })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The names of all commands, in their order.
    pub fn names(&self) -> impl Iterator<Item = &CommandName> {
        self.0.keys()
    }

    /// The command with a name.
    #[must_use]
    pub fn get(&self, name: &CommandName) -> Option<&Command> {
        self.0.get(name)
    }
}

/// What the operator named, and how it is run.
#[derive(Debug)]
pub struct Command {
    name: CommandName,
    work: Work,
    place: Place,
    when_busy: WhenBusy,
    parameters: BTreeMap<String, Parameter>,
    identity: Option<Identity>,
    environment: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    stdin: StandardInput,
    limits: ResourceLimits,
    nice: Option<u8>,
    timeout: Span,
    grace: Span,
    output_limit: Bytes,
    on_interrupt: OnInterrupt,
    report_channel: Option<String>,
    retries: u32,
    supervisor: PathBuf,
    output: PathBuf,
    summary: CommandSummary,
}

/// What a command does.
#[derive(Debug)]
enum Work {
    /// It runs a program.
    Program {
        program: String,
        arguments: Vec<Template>,
        cwd: PathBuf,
    },
    /// It updates a checkout.
    GitUpdate(GitUpdate),
}

/// Among which runs a command waits for its turn.
#[derive(Debug)]
struct Place {
    prefix: String,
    key: Template,
}

/// What a run is for; the command finds it in its environment.
#[derive(Debug, Clone, Copy)]
pub struct RunContext<'a> {
    /// The event's identifier: `HOOKBOX_EVENT_ID`.
    pub event: &'a str,
    /// The action's idempotency key: `HOOKBOX_IDEMPOTENCY_KEY`.
    pub key: &'a str,
    /// The rule that asked for it: `HOOKBOX_RULE`.
    pub rule: &'a str,
    /// The event's source: `HOOKBOX_SOURCE`.
    pub source: &'a str,
    /// Which attempt it is, counted from 1: `HOOKBOX_ATTEMPT`.
    pub attempt: u32,
    /// Whether the event is being replayed: `HOOKBOX_REPLAY` is `1` then, and else not there.
    pub replay: bool,
    /// The commit of the event, as [`commit_of`] says it; for git-updates.
    pub commit: EventCommit<'a>,
    /// The event as JSON, for a command whose [`Command::stdin`] asks for it; without it that one finds an
    /// empty standard input.
    pub stdin: Option<&'a str>,
}

impl Command {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &CommandName {
        &self.name
    }

    /// What becomes of a run that a crash of the server cut off.
    #[must_use]
    pub fn on_interrupt(&self) -> OnInterrupt {
        self.on_interrupt
    }

    /// The channel that is told of such a run.
    #[must_use]
    pub fn report_channel(&self) -> Option<&str> {
        self.report_channel.as_deref()
    }

    /// How long after TERM it is ended with KILL.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace.0
    }

    /// How many times it is tried again when it fails.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// What its standard input holds.
    #[must_use]
    pub fn stdin(&self) -> StandardInput {
        self.stdin
    }

    /// Runs it to its end, or until `until` comes, which gives it up. Never fails: whatever happens is in the
    /// end that it returns.
    ///
    /// When it returns, no process of the command is left, but for those that the end counts. A run that is
    /// given up ends as one whose future is dropped, and is then [`CommandOutcome::Canceled`]; one that ended
    /// by itself at the same moment tells how.
    ///
    /// Dropping the future ends the command with everything that came of it: TERM, and KILL after its grace.
    pub async fn run(
        &self,
        prepared: &Prepared,
        run: &RunContext<'_>,
        until: impl Future<Output = ()>,
    ) -> CommandEnd {
        let ended_before = |reason| self.end(run::Ended::not_updated(reason), Output::default());
        let program = match self.program(prepared, run) {
            Ok(program) => program,
            Err(reason) => return ended_before(reason),
        };
        let turn = Digest::of(prepared.turn().key.as_bytes());
        let spec = Spec {
            place: self.output.join("turns").join(turn.hex()),
            program,
            timeout: self.timeout.0,
            grace: self.grace.0,
        };
        let destination = Destination {
            folder: self.output.clone(),
            key: run.key,
            attempt: run.attempt,
            limit: self.output_limit,
        };
        let secrets = self.secrets.values().map(Secret::expose);
        let mut keeper = OutputKeeper::begin(destination, secrets).await;
        let ended = run::run(&self.supervisor, &spec, &mut keeper, until).await;
        let output = keeper.finish().await;
        if let Some(trouble) = &output.trouble {
            let folder = self.output.display();
            let name = &self.name;
            tracing::warn!(
                command.name = %name,
                "The output cannot be kept whole in `{folder}`: {trouble}."
            );
        }
        self.end(ended, output)
    }

    fn end(&self, ended: run::Ended, output: Output) -> CommandEnd {
        CommandEnd {
            outcome: ended.outcome,
            duration: ended.duration,
            limit: self.timeout,
            left_running: ended.left_running,
            output,
        }
    }

    /// What the start stage becomes, or why there is nothing to run.
    fn program(&self, prepared: &Prepared, run: &RunContext<'_>) -> Result<Program, String> {
        let environment = self.environment_of(run);
        let (argv, cwd, stdout) = match prepared.work() {
            PreparedWork::Program { argv, cwd } => {
                (argv.clone(), cwd.clone(), StandardOutput::Output)
            }
            PreparedWork::GitUpdate(update) => {
                let plan = update.plan(run.commit, &environment)?;
                let (argv, cwd) = plan.program()?;
                (argv, cwd, StandardOutput::Supervisor)
            }
        };
        Ok(Program {
            argv,
            cwd,
            identity: self.identity,
            environment,
            stdin: match self.stdin {
                StandardInput::None => None,
                StandardInput::Event => run.stdin.map(str::to_owned),
            },
            limits: self.limits,
            nice: self.nice,
            stdout,
        })
    }

    fn environment_of(&self, run: &RunContext<'_>) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        for (name, secret) in &self.secrets {
            environment.insert(name.clone(), secret.expose().to_owned());
        }
        let attempt = run.attempt.to_string();
        for (name, value) in [
            ("HOOKBOX_COMMAND", self.name.as_str()),
            ("HOOKBOX_EVENT_ID", run.event),
            ("HOOKBOX_IDEMPOTENCY_KEY", run.key),
            ("HOOKBOX_RULE", run.rule),
            ("HOOKBOX_SOURCE", run.source),
            ("HOOKBOX_ATTEMPT", &attempt),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        if run.replay {
            environment.insert("HOOKBOX_REPLAY".to_owned(), "1".to_owned());
        }
        environment
    }
}

#[cfg(test)]
mod tests;
