//! From the configuration of a command to the command: every check that needs no event.
//!
//! [`Commands::build`](super::Commands::build) goes through here when a configuration is loaded.
//!
//! Invariants:
//! - What a command could never do right is an error of the configuration, and not of its first run.
//! - A rule chooses neither the program nor a variable of its environment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Command;
use super::config::{CommandConfig, EnvironmentValue, WhenBusy};
use super::parameter::{Parameter, ParameterError};
use super::shown::shown;
use super::template::{Template, TemplateError};
use super::user::User;
use crate::domain::names::CommandName;
use crate::domain::secret::{ReadSecret, Secret, SecretError};

/// Where programs are looked up.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What commands are built with.
pub struct Context<'a> {
    /// Reads the secrets of their environments.
    pub secrets: &'a dyn ReadSecret,
    /// The program that calls [`supervise`](super::supervise) when its first argument is `__supervise`: the
    /// server's own.
    pub supervisor: PathBuf,
    /// The folder for outputs, one file for each attempt; made when the first is written.
    pub output: PathBuf,
    /// The configuration file's folder, from which relative paths count.
    pub folder: PathBuf,
}

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
    #[error("`argv` is empty: it needs the program and its arguments")]
    NoProgram,
    /// A rule could choose the program.
    #[error("the program `{program}`, the first of `argv`, has a placeholder: only arguments may")]
    ProgramFromRule {
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
    #[error("its parameter `{name}` is never used; write `{{{name}}}` in `argv`, or remove it")]
    UnusedParameter {
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
    /// What to do with a busy key is not known to this version.
    #[error("this version knows only `when_busy = \"queue\"`, not \"{found}\"")]
    WhenBusy {
        /// What is configured.
        found: WhenBusy,
    },
}

impl Command {
    /// Checks a command's configuration and reads its secrets.
    pub(super) fn build(
        name: &CommandName,
        config: &CommandConfig,
        context: &Context<'_>,
    ) -> Result<Self, ConfigProblem> {
        if config.concurrency.when_busy != WhenBusy::Queue {
            return Err(ConfigProblem::WhenBusy {
                found: config.concurrency.when_busy,
            });
        }
        let (program, arguments) = argv(config, &context.folder)?;
        let key = config.concurrency.key.as_deref().unwrap_or(name.as_str());
        let key = Template::parse(key).map_err(ConfigProblem::Template)?;
        let parameters = parameters(config)?;
        check_placeholders(arguments.iter().chain([&key]), &parameters)?;
        let cwd = config
            .cwd
            .as_ref()
            .map_or_else(|| PathBuf::from("/"), |cwd| context.folder.join(cwd));
        if !cwd.is_dir() {
            return Err(ConfigProblem::NoFolder { path: cwd });
        }
        let user = config.user.as_ref().map(|name| {
            User::named(name).ok_or_else(|| ConfigProblem::UnknownUser { name: name.clone() })
        });
        let user = user.transpose()?;
        let (environment, secrets) = environment(config, user.as_ref(), context.secrets)?;
        Ok(Self {
            name: name.clone(),
            program,
            arguments,
            key,
            parameters,
            cwd,
            user,
            environment,
            secrets,
            timeout: config.timeout,
            grace: config.grace,
            output_limit: config.output_limit,
            on_interrupt: config.on_interrupt,
            report_channel: config.report_channel.clone(),
            retries: config.retries,
            supervisor: context.supervisor.clone(),
            output: context.output.clone(),
        })
    }
}

/// Reads the program and its arguments; a relative path of the program counts from the folder.
fn argv(config: &CommandConfig, folder: &Path) -> Result<(String, Vec<Template>), ConfigProblem> {
    let (program, arguments) = config
        .argv
        .split_first()
        .filter(|(program, _)| !program.is_empty())
        .ok_or(ConfigProblem::NoProgram)?;
    if config.argv.iter().any(|text| text.contains('\0')) {
        return Err(ConfigProblem::Nul {
            key: "argv".to_owned(),
        });
    }
    let template = Template::parse(program).map_err(ConfigProblem::Template)?;
    if template.placeholders().next().is_some() {
        return Err(ConfigProblem::ProgramFromRule {
            program: program.clone(),
        });
    }
    let mut program = template.render(&BTreeMap::new());
    if program.contains('/') {
        program = folder.join(program).to_string_lossy().into_owned();
    }
    let arguments = arguments
        .iter()
        .map(|argument| Template::parse(argument).map_err(ConfigProblem::Template))
        .collect::<Result<_, _>>()?;
    Ok((program, arguments))
}

fn parameters(config: &CommandConfig) -> Result<BTreeMap<String, Parameter>, ConfigProblem> {
    config
        .parameters
        .iter()
        .map(|(name, config)| match Parameter::build(name, config) {
            Ok(parameter) => Ok((name.clone(), parameter)),
            Err(error) => Err(ConfigProblem::Parameter {
                name: shown(name),
                error,
            }),
        })
        .collect()
}

/// Every placeholder names a parameter, and every parameter is named by one.
fn check_placeholders<'a>(
    templates: impl Iterator<Item = &'a Template>,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<(), ConfigProblem> {
    let used: BTreeSet<&str> = templates.flat_map(Template::placeholders).collect();
    if let Some(name) = used.iter().find(|name| !parameters.contains_key(**name)) {
        return Err(ConfigProblem::UnknownParameter {
            name: (*name).to_owned(),
        });
    }
    match parameters.keys().find(|name| !used.contains(name.as_str())) {
        Some(name) => Err(ConfigProblem::UnusedParameter { name: name.clone() }),
        None => Ok(()),
    }
}

/// Variables by name, and those of them that are secrets.
type Environment = (BTreeMap<String, String>, BTreeMap<String, Secret>);

/// The environment but for what belongs to one run.
fn environment(
    config: &CommandConfig,
    user: Option<&User>,
    secrets: &dyn ReadSecret,
) -> Result<Environment, ConfigProblem> {
    let mut plain = BTreeMap::from([
        ("PATH".to_owned(), PATH.to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("HOME".to_owned(), "/".to_owned()),
    ]);
    if let Some(user) = user.cloned().or_else(User::current) {
        plain.insert("HOME".to_owned(), user.home);
        plain.insert("USER".to_owned(), user.name);
    }
    let mut secret = BTreeMap::new();
    for (name, value) in &config.environment {
        if !is_variable_name(name) {
            return Err(ConfigProblem::VariableName { name: shown(name) });
        }
        match value {
            EnvironmentValue::Plain(value) => {
                plain.insert(name.clone(), value.clone());
            }
            EnvironmentValue::Secret(reference) => {
                let value = secrets
                    .read(reference)
                    .map_err(|error| ConfigProblem::Secret {
                        variable: name.clone(),
                        error,
                    })?;
                secret.insert(name.clone(), value);
            }
        }
        let value = plain.get(name).map(String::as_str);
        let value = value.or_else(|| secret.get(name).map(Secret::expose));
        if value.is_some_and(|value| value.contains('\0')) {
            return Err(ConfigProblem::Nul {
                key: format!("environment.{name}"),
            });
        }
    }
    Ok((plain, secret))
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with("HOOKBOX_")
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
