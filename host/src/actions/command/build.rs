//! From the configuration of a command to the command: every check that needs no event.
//!
//! [`Commands::build`](super::Commands::build) goes through here when a configuration is loaded.
//!
//! Invariants:
//! - What a command could never do right is an error of the configuration, and not of its first run.
//! - A rule chooses neither the program nor a variable of its environment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::config::{
    CommandConfig, EnvironmentValue, GitUpdateConfig, ProgramConfig, StandardInput, WorkConfig,
};
use super::git::{COMMIT, GitUpdate};
use super::identity::{Identity, Own};
use super::limits::LOWEST_PRIORITY;
use super::output::OUTPUT_LIMIT;
use super::parameter::Parameter;
use super::problem::ConfigProblem;
use super::protocol::GRACE_LIMIT;
use super::shown::shown;
use super::summary::CommandSummary;
use super::template::Template;
use super::user::{User, group_named};
use super::{Command, Place, Work};
use crate::domain::names::CommandName;
use crate::domain::secret::{ReadSecret, Secret};
use crate::domain::turn::WhenBusy;

/// Where programs are looked up.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What commands are built with.
pub struct Context<'a> {
    /// Reads the secrets of their environments.
    pub secrets: &'a dyn ReadSecret,
    /// The program that calls [`supervise`](super::supervise) when its first argument is `__supervise`: the
    /// server's own. A server gives `/proc/self/exe`: its own file is then found also after an update has replaced it.
    pub supervisor: PathBuf,
    /// The folder for outputs, one file for each attempt; made when the first is written.
    pub output: PathBuf,
    /// The configuration file's folder, from which relative paths count.
    pub folder: PathBuf,
}

impl Command {
    /// Checks a command's configuration and reads its secrets.
    pub(super) fn build(
        name: &CommandName,
        config: &CommandConfig,
        context: &Context<'_>,
    ) -> Result<Self, ConfigProblem> {
        check_bounds(config)?;
        let parameters = parameters(config)?;
        let (work, place) = match &config.work {
            WorkConfig::Program(program) => self::program(name, config, program, &context.folder)?,
            WorkConfig::GitUpdate(update) => git_update(config, update, &context.folder)?,
        };
        check_placeholders(&work, &place, &parameters)?;
        let user = config.user.as_ref().map(|name| {
            User::named(name).ok_or_else(|| ConfigProblem::UnknownUser { name: name.clone() })
        });
        let user = user.transpose()?;
        let identity = identity(config, user.as_ref(), &Own::current())?;
        let (environment, secrets) = environment(config, user.as_ref(), context.secrets)?;
        let when_busy = config.concurrency.when_busy.unwrap_or(match config.work {
            WorkConfig::Program(_) => WhenBusy::Queue,
            WorkConfig::GitUpdate(_) => WhenBusy::Latest,
        });
        Ok(Self {
            summary: CommandSummary::new(config, &parameters, when_busy),
            name: name.clone(),
            work,
            place,
            when_busy,
            parameters,
            identity,
            environment,
            secrets,
            stdin: config.stdin,
            limits: config.limits,
            nice: config.nice,
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

/// Checks what is a number.
fn check_bounds(config: &CommandConfig) -> Result<(), ConfigProblem> {
    if let Some(key) = config.limits.zero() {
        return Err(ConfigProblem::ZeroLimit { key });
    }
    if let Some(found) = config.nice.filter(|nice| *nice > LOWEST_PRIORITY) {
        return Err(ConfigProblem::Nice { found });
    }
    if config.grace.0 > GRACE_LIMIT {
        return Err(ConfigProblem::Grace {
            found: config.grace,
        });
    }
    if config.output_limit > OUTPUT_LIMIT {
        return Err(ConfigProblem::OutputLimit {
            found: config.output_limit,
        });
    }
    Ok(())
}

/// A program to run, and which of its runs wait for each other.
fn program(
    name: &CommandName,
    config: &CommandConfig,
    program: &ProgramConfig,
    folder: &Path,
) -> Result<(Work, Place), ConfigProblem> {
    let (program_path, arguments) = argv("argv", &program.argv, folder)?;
    let cwd = program.cwd.as_ref();
    let cwd = cwd.map_or_else(|| PathBuf::from("/"), |cwd| folder.join(cwd));
    if !cwd.is_dir() {
        return Err(ConfigProblem::NoFolder { path: cwd });
    }
    // Names of groups have the form that names of commands have.
    let group = config.concurrency.group.as_ref();
    let group = group.map(|group| CommandName::parse(group.as_str()).map_err(ConfigProblem::Group));
    let group = group.transpose()?;
    let prefix = match &group {
        Some(group) => format!("group/{group}"),
        None => name.to_string(),
    };
    let key = config.concurrency.key.as_deref();
    let key = key.unwrap_or_else(|| group.as_ref().unwrap_or(name).as_str());
    Ok((
        Work::Program {
            program: program_path,
            arguments,
            cwd,
        },
        Place {
            prefix: format!("{prefix}:"),
            key: Template::parse(key).map_err(ConfigProblem::Template)?,
        },
    ))
}

/// A checkout to update, and the place that all runs for the same folder share.
fn git_update(
    config: &CommandConfig,
    update: &GitUpdateConfig,
    folder: &Path,
) -> Result<(Work, Place), ConfigProblem> {
    for (key, value) in [
        ("key", &config.concurrency.key),
        ("group", &config.concurrency.group),
    ] {
        if value.is_some() {
            return Err(ConfigProblem::UpdateKey { key });
        }
    }
    if config.parameters.contains_key(COMMIT) {
        return Err(ConfigProblem::BuiltIn);
    }
    if update.then.is_none() && config.stdin != StandardInput::None {
        return Err(ConfigProblem::StdinForNobody);
    }
    for (key, found, expected) in [
        ("remote", &update.remote, "name of a remote"),
        ("branch", &update.branch, "name of a branch"),
    ] {
        if found.is_empty() || found.starts_with('-') || found.contains('\0') {
            let found = shown(found);
            return Err(ConfigProblem::NotForGit {
                key,
                found,
                expected,
            });
        }
    }
    let path = folder.join(&update.path);
    let path = path
        .canonicalize()
        .ok()
        .filter(|path| path.is_dir())
        .ok_or(ConfigProblem::NoFolder { path })?;
    let then = update.then.as_ref().map(|then| argv("then", then, &path));
    let prefix = format!("git/{}", path.display());
    Ok((
        Work::GitUpdate(GitUpdate {
            path,
            remote: update.remote.clone(),
            branch: Template::parse(&update.branch).map_err(ConfigProblem::Template)?,
            then: then.transpose()?,
        }),
        Place {
            prefix,
            key: Template::default(),
        },
    ))
}

/// Reads the program and its arguments; a relative path of the program counts from the folder.
fn argv(
    key: &'static str,
    argv: &[String],
    folder: &Path,
) -> Result<(String, Vec<Template>), ConfigProblem> {
    let (program, arguments) = argv
        .split_first()
        .filter(|(program, _)| !program.is_empty())
        .ok_or(ConfigProblem::NoProgram { key })?;
    if argv.iter().any(|text| text.contains('\0')) {
        return Err(ConfigProblem::Nul {
            key: key.to_owned(),
        });
    }
    let template = Template::parse(program).map_err(ConfigProblem::Template)?;
    if template.placeholders().next().is_some() {
        return Err(ConfigProblem::ProgramFromRule {
            key,
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
fn check_placeholders(
    work: &Work,
    place: &Place,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<(), ConfigProblem> {
    let (key, templates): (_, Vec<&Template>) = match work {
        Work::Program { arguments, .. } => ("argv", arguments.iter().chain([&place.key]).collect()),
        Work::GitUpdate(update) => ("branch", vec![&update.branch]),
    };
    let mut used: BTreeSet<&str> = templates
        .into_iter()
        .flat_map(Template::placeholders)
        .collect();
    if let Work::GitUpdate(GitUpdate {
        then: Some((_, arguments)),
        ..
    }) = work
    {
        let names = arguments.iter().flat_map(Template::placeholders);
        used.extend(names.filter(|name| *name != COMMIT));
    }
    if let Some(name) = used.iter().find(|name| !parameters.contains_key(**name)) {
        return Err(ConfigProblem::UnknownParameter {
            name: (*name).to_owned(),
        });
    }
    match parameters.keys().find(|name| !used.contains(name.as_str())) {
        Some(name) => Err(ConfigProblem::UnusedParameter {
            key,
            name: name.clone(),
        }),
        None => Ok(()),
    }
}

/// Whom it becomes; none where it stays who the server is.
fn identity(
    config: &CommandConfig,
    user: Option<&User>,
    own: &Own,
) -> Result<Option<Identity>, ConfigProblem> {
    let group = config.group.as_ref().map(|name| {
        group_named(name).ok_or_else(|| ConfigProblem::UnknownGroup { name: name.clone() })
    });
    let Some(gid) = group.transpose()?.or(user.map(|user| user.gid)) else {
        return Ok(None);
    };
    let wanted = own.with(user.map(|user| user.uid), gid);
    let lacks = own.lacks(wanted);
    if lacks.is_empty() {
        return Ok(Some(wanted));
    }
    let names = [("user", &config.user), ("group", &config.group)];
    let names = names
        .iter()
        .filter_map(|(what, name)| name.as_ref().map(|name| format!("{what} `{name}`")));
    Err(ConfigProblem::Privileges {
        wanted: names.collect::<Vec<_>>().join(", "),
        lacks: lacks.join(", "),
    })
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
