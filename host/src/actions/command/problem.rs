//! What can be wrong with the configuration of a command, in words for the operator.

use std::path::PathBuf;

use super::limits::LOWEST_PRIORITY;
use super::output::OUTPUT_LIMIT;
use super::parameter::ParameterError;
use super::protocol::GRACE_LIMIT;
use super::template::TemplateError;
use crate::domain::names::{CommandName, NameError};
use crate::domain::quantity::{Bytes, Span};
use crate::domain::secret::SecretError;

/// A command's configuration that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("command `{command}`: {problem}")]
pub struct CommandConfigError {
    /// The command.
    pub command: CommandName,
    /// What is wrong with it.
    pub problem: ConfigProblem,
}

/// What is wrong with a command's configuration.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigProblem {
    /// There is no program.
    #[error("`{key}` is empty: it needs the program and its arguments")]
    NoProgram {
        /// Where it should stand.
        key: &'static str,
    },
    /// A rule could choose the program.
    #[error("the program `{program}`, the first of `{key}`, has a placeholder: only arguments may")]
    ProgramFromRule {
        /// Where it stands.
        key: &'static str,
        /// The program as it is configured.
        program: String,
    },
    /// A text holds a NUL byte.
    #[error("`{key}` holds a NUL byte")]
    Nul {
        /// Where it stands.
        key: String,
    },
    /// An argument or the key has a brace that belongs to no placeholder.
    #[error("{0}")]
    Template(TemplateError),
    /// A placeholder names no parameter.
    #[error(
        "the placeholder `{{{name}}}` names no parameter; add `parameters.{name} = {{ pattern = \"…\" }}`"
    )]
    UnknownParameter {
        /// The name in the placeholder.
        name: String,
    },
    /// A parameter is in no placeholder.
    #[error("its parameter `{name}` is never used; write `{{{name}}}` in `{key}`, or remove it")]
    UnusedParameter {
        /// Where it could stand.
        key: &'static str,
        /// The parameter.
        name: String,
    },
    /// A parameter makes no sense.
    #[error("its parameter `{name}`: {error}")]
    Parameter {
        /// The parameter.
        name: String,
        /// What is wrong with it.
        error: ParameterError,
    },
    /// The working folder is not there.
    #[error("its working folder `{}` does not exist or is no folder", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The user is not known.
    #[error("the user `{name}` is not in /etc/passwd")]
    UnknownUser {
        /// The user's name.
        name: String,
    },
    /// A variable's name cannot be one, or is Hookbox's own.
    #[error(
        "`{name}` cannot be a variable of its environment: use letters, digits and `_`, not beginning with \
         a digit or with `HOOKBOX_`"
    )]
    VariableName {
        /// The name.
        name: String,
    },
    /// A secret could not be read.
    #[error("its variable `{variable}`: {error}")]
    Secret {
        /// The variable.
        variable: String,
        /// Why it could not be read.
        error: SecretError,
    },
    /// The group is not known.
    #[error("the group `{name}` is not in /etc/group")]
    UnknownGroup {
        /// The group's name.
        name: String,
    },
    /// The server may not become the user or the group.
    #[error(
        "it is to run as {wanted}, and the server lacks {lacks} for that: run the server as root, or write \
         `AmbientCapabilities=CAP_SETUID CAP_SETGID CAP_KILL` into its systemd unit, or leave `user` and \
         `group` out; a program may be run through `sudo -n -u` in `argv`, and is then ended by nobody at \
         its time limit"
    )]
    Privileges {
        /// The user and the group.
        wanted: String,
        /// The privileges that are missing.
        lacks: String,
    },
    /// A limit lets no program run.
    #[error(
        "`limits.{key}` is zero, with which no program runs; leave it out where there is no limit"
    )]
    ZeroLimit {
        /// The limit.
        key: &'static str,
    },
    /// The priority is none that it can be lowered by.
    #[error("`nice` is {found}, and goes from 0, the server's own priority, to {LOWEST_PRIORITY}")]
    Nice {
        /// What is configured.
        found: u8,
    },
    /// The grace is longer than the end of a server may take.
    #[error(
        "`grace` is {found}, and may be {} at most: a run that a killed server left behind keeps the next one \
         waiting for so long; let the program end sooner after TERM",
        Span(GRACE_LIMIT)
    )]
    Grace {
        /// What is configured.
        found: Span,
    },
    /// More output is to be kept than may be.
    #[error("`output_limit` is {found}, and may be {OUTPUT_LIMIT} at most")]
    OutputLimit {
        /// What is configured.
        found: Bytes,
    },
    /// The name of the concurrency group is none.
    #[error("`concurrency.group`: {0}")]
    Group(NameError),
    /// A git-update has a concurrency key of its own.
    #[error(
        "`concurrency.{key}` does not apply to a git-update: all runs for the same `path` wait for each \
         other"
    )]
    UpdateKey {
        /// The key of the configuration.
        key: &'static str,
    },
    /// A git-update has a parameter with a name that means the commit.
    #[error("its parameter `commit` is built in for a git-update; remove `parameters.commit`")]
    BuiltIn,
    /// Standard input is for nobody.
    #[error("`stdin` is for the program of `then`, and there is none")]
    StdinForNobody,
    /// A text of a git-update is empty, or would be an option of Git.
    #[error("`{key}` is `{found}`, which is no {expected}")]
    NotForGit {
        /// The key of the configuration.
        key: &'static str,
        /// What is configured.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
}
