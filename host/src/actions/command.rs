//! Commands: programs that the operator named, which rules may ask to run.
//!
//! The configuration becomes [`Commands`] at load. For each action the worker prepares the arguments that
//! the rule gave, awaits its turn by the concurrency key, runs the command, and records its end. Each run
//! has a supervisor of its own, a process that the server's own program becomes through [`supervise`].
//!
//! A command's environment is clean: `PATH` (`/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`),
//! `LANG` (`C.UTF-8`), `HOME` and `USER` of the user it runs as (`/`, and no `USER`, where `/etc/passwd`
//! does not list that user), `HOOKBOX_EVENT_ID`, `HOOKBOX_IDEMPOTENCY_KEY`, `HOOKBOX_RULE`,
//! `HOOKBOX_SOURCE`, `HOOKBOX_ATTEMPT`, and what its configuration lists. Its standard input is empty; its
//! standard output and standard error are one stream, of which the beginning and the end are kept.
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
mod mask;
mod output;
mod parameter;
mod processes;
mod protocol;
mod run;
mod shown;
mod supervisor;
mod template;
mod user;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use self::build::{CommandConfigError, ConfigProblem, Context};
pub use self::config::{
    CommandConfig, ConcurrencyConfig, EnvironmentValue, OnInterrupt, ParameterConfig, WhenBusy,
};
pub use self::end::{CommandEnd, CommandOutcome};
pub use self::output::Output;
use self::output::OutputKeeper;
use self::parameter::Parameter;
pub use self::parameter::{ArgumentError, ArgumentProblem, ParameterError};
use self::protocol::Spec;
pub use self::run::SUPERVISE;
use self::shown::shown;
pub use self::supervisor::supervise;
use self::template::Template;
pub use self::template::TemplateError;
use self::user::User;
use crate::domain::decision::Argument;
use crate::domain::names::CommandName;
use crate::domain::quantity::{Bytes, Span};
use crate::domain::secret::Secret;

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

/// A program that the operator named, and how it is run.
#[derive(Debug)]
pub struct Command {
    name: CommandName,
    program: String,
    arguments: Vec<Template>,
    key: Template,
    parameters: BTreeMap<String, Parameter>,
    cwd: PathBuf,
    user: Option<User>,
    environment: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    timeout: Span,
    grace: Span,
    output_limit: Bytes,
    on_interrupt: OnInterrupt,
    report_channel: Option<String>,
    retries: u32,
    supervisor: PathBuf,
    output: PathBuf,
}

/// A command with its arguments put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    argv: Vec<String>,
    concurrency_key: String,
}

impl Prepared {
    /// Runs with the same key go one after the other: `<command>:<key>`.
    #[must_use]
    pub fn concurrency_key(&self) -> &str {
        &self.concurrency_key
    }

    /// The program and its arguments.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        &self.argv
    }
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

    /// How many times it is tried again when it fails.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Checks the arguments that a rule gave, and puts them in.
    ///
    /// # Errors
    /// When an argument is unknown, missing, doubled, or not what its parameter accepts.
    pub fn prepare(&self, arguments: &[Argument]) -> Result<Prepared, ArgumentError> {
        let error = |problem| ArgumentError {
            command: self.name.clone(),
            problem,
        };
        let mut values = BTreeMap::new();
        for Argument { name, value } in arguments {
            let parameter = self
                .parameters
                .get(name)
                .ok_or_else(|| error(self.unknown(name)))?;
            parameter.check(value).map_err(error)?;
            if values.insert(name.as_str(), value.as_str()).is_some() {
                let parameter = name.clone();
                return Err(error(ArgumentProblem::Doubled { parameter }));
            }
        }
        for (name, parameter) in &self.parameters {
            if !values.contains_key(name.as_str()) {
                let default = parameter
                    .default()
                    .ok_or_else(|| error(parameter.missing()))?;
                values.insert(name, default);
            }
        }
        let rendered = self
            .arguments
            .iter()
            .map(|argument| argument.render(&values));
        Ok(Prepared {
            argv: std::iter::once(self.program.clone())
                .chain(rendered)
                .collect(),
            concurrency_key: format!("{}:{}", self.name, self.key.render(&values)),
        })
    }

    fn unknown(&self, name: &str) -> ArgumentProblem {
        let known: Vec<String> = self
            .parameters
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        ArgumentProblem::Unknown {
            parameter: shown(name),
            known: if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            },
        }
    }

    /// Runs it to its end. Never fails: whatever happens is in the end that it returns.
    ///
    /// Dropping the future ends the command with everything that came of it: TERM, and KILL after its grace.
    pub async fn run(&self, prepared: &Prepared, run: &RunContext<'_>) -> CommandEnd {
        let mut environment = self.environment.clone();
        for (name, secret) in &self.secrets {
            environment.insert(name.clone(), secret.expose().to_owned());
        }
        let attempt = run.attempt.to_string();
        for (name, value) in [
            ("HOOKBOX_EVENT_ID", run.event),
            ("HOOKBOX_IDEMPOTENCY_KEY", run.key),
            ("HOOKBOX_RULE", run.rule),
            ("HOOKBOX_SOURCE", run.source),
            ("HOOKBOX_ATTEMPT", &attempt),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        let spec = Spec {
            argv: prepared.argv.clone(),
            cwd: self.cwd.clone(),
            user: self.user.clone(),
            environment,
            timeout: self.timeout.0,
            grace: self.grace.0,
        };
        let secrets = self.secrets.values().map(Secret::expose);
        let mut keeper = OutputKeeper::new(self.output_limit.as_usize(), secrets);
        let ended = run::run(&self.supervisor, &spec, &mut keeper).await;
        let mut output = keeper.finish();
        if let Err(error) = output::write(&mut output, &self.output, run.key, run.attempt).await {
            let folder = self.output.display();
            let name = &self.name;
            tracing::warn!(command.name = %name, %error, "The output cannot be kept in `{folder}`.");
        }
        CommandEnd {
            outcome: ended.outcome,
            duration: ended.duration,
            limit: self.timeout,
            left_running: ended.left_running,
            output,
        }
    }
}

#[cfg(test)]
mod tests;
