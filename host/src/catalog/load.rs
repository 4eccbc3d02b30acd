//! From a module's bytes and its settings file to a rule at work, or the reason why not.

use std::sync::Arc;

use super::CatalogConfig;
use super::conditions::RuleDescription;
use super::declared::{self, DeclaredError};
use super::life::Version;
use super::settings::{OnFault, SettingsError, SettingsFile, check_subject};
use crate::capability::{AskTable, Asks, Grants, NotPermitted, Permits, more};
use crate::domain::evaluation::LogLine;
use crate::domain::fault::{FailureKind, Fault};
use crate::domain::limits::Limits;
use crate::domain::manifest::{Manifest, ManifestError};
use crate::domain::names::{Digest, RuleName};
use crate::domain::pattern::PatternError;
use crate::domain::quantity::Bytes;
use crate::domain::state::Changes;
use crate::engine::{Answer, CompileError, Engine, Inspection, Module};

/// A rule at work: a module with its settings, loaded, checked and permitted.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name and when it is asked.
    pub description: RuleDescription,
    /// The settings file it was loaded with; empty where there was none.
    pub file: Arc<[u8]>,
    /// What its module says of itself.
    pub manifest: Manifest,
    /// The module.
    pub module: Module,
    /// Its settings, as one JSON object.
    pub settings: Arc<str>,
    /// What it may use.
    pub limits: Limits,
    /// What it may have performed.
    pub permits: Permits,
    /// Its place among the rules of its folder.
    pub order: i64,
    /// What its fault means for the event, where it is shared.
    pub on_fault: OnFault,
}

impl Rule {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &RuleName {
        &self.description.name
    }

    /// Whether its fault ends the event: a shared rule whose settings file says so, and that performs something.
    #[must_use]
    pub fn stops_at_fault(&self) -> bool {
        self.on_fault == OnFault::Stop && self.name().team().is_none() && !self.description.shadow
    }

    /// How large what it keeps between events may be; none where its module does not import `state`, or where that
    /// is not granted.
    #[must_use]
    pub fn state_quota(&self) -> Option<Bytes> {
        self.permits.state()
    }

    /// Which version it is.
    pub(super) fn version(&self) -> Version {
        Version {
            module: self.description.module.clone(),
            settings: self.description.settings.clone(),
        }
    }

    /// The same, but performing nothing.
    pub(super) fn in_shadow(&self) -> Self {
        let mut rule = self.clone();
        rule.description.shadow = true;
        rule
    }

    /// The same under another configuration, where its files are not taken anew; none where its team is gone.
    pub(super) fn under(&self, config: &CatalogConfig) -> Option<Self> {
        let team = config.team(self.name().team())?;
        let mut rule = self.clone();
        rule.description.grants.clone_from(&team.grants);
        rule.permits = rule.permits.under(&team.grants, &config.known);
        Some(rule)
    }
}

/// Why a rule could not be loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// Its file could not be read, or is not one.
    #[error("{reason}")]
    File {
        /// Why.
        reason: String,
    },
    /// The engine does not take its module.
    #[error("{}", .0.kind)]
    Compile(CompileError),
    /// Its settings file is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Its manifest could not be read.
    #[error("asked who it is, {fault}")]
    Describe {
        /// How it failed.
        fault: Fault,
    },
    /// What it says of itself in its sections is not what it answers.
    #[error(transparent)]
    Declared(#[from] DeclaredError),
    /// Its manifest has a pattern that is none.
    #[error("in its manifest, {0}")]
    Pattern(#[from] PatternError),
    /// Its manifest is larger than one may be.
    #[error("in its manifest, {0}")]
    Manifest(#[from] ManifestError),
    /// Its manifest names a subject that there is not.
    #[error("in its manifest, {0}")]
    Subject(SettingsError),
    /// It needs what it is not granted.
    #[error("{}", in_lines(&.0.wrong))]
    NotPermitted(Box<Refused>),
    /// It does not take its settings.
    #[error("{}", refused(.fault, .log))]
    Configure {
        /// How it failed.
        fault: Fault,
        /// What it logged.
        log: Vec<LogLine>,
    },
}

/// What a version that was refused asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it may not use.
    pub wrong: Vec<NotPermitted>,
    /// The version, as the module says it.
    pub version: String,
    /// The digest of its module.
    pub module: Digest,
    /// All that it asks for, beside what is granted and what the version at work asks for.
    pub asks: AskTable,
}

fn in_lines(wrong: &[NotPermitted]) -> String {
    let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

fn refused(fault: &Fault, log: &[LogLine]) -> String {
    match fault {
        Fault::Failed {
            failure: FailureKind::Settings,
            message,
        } => format!("it does not take its settings: {message}"),
        other => {
            let log: Vec<&str> = log.iter().map(|line| line.message.as_str()).collect();
            format!("checking its settings, {other} {}", log.join("; "))
                .trim_end()
                .to_owned()
        }
    }
}

impl LoadError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "rule/file",
            Self::Compile(error) => error.kind.code(),
            Self::Settings(_) => "rule/settings",
            Self::Describe { fault } | Self::Configure { fault, .. } => match fault {
                Fault::Failed { .. } => "rule/settings",
                fault => fault.code(),
            },
            Self::Declared(_) | Self::Pattern(_) | Self::Manifest(_) | Self::Subject(_) => {
                "rule/manifest"
            }
            Self::NotPermitted(_) => "rule/not-granted",
        }
    }
}

/// What a rule is loaded from.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The rule's name.
    pub name: RuleName,
    /// The module's bytes.
    pub module: Arc<[u8]>,
    /// The settings file's bytes; empty where there is none.
    pub settings: Arc<[u8]>,
    /// What the version at work asks for, where one is.
    pub running: Option<Asks>,
}

/// What came of loading a rule.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// It is at work.
    Active(Arc<Rule>),
    /// Its settings file takes it out of work.
    Disabled,
}

/// Loads a rule.
pub(super) async fn load(
    engine: &Arc<Engine>,
    config: &CatalogConfig,
    candidate: &Candidate,
) -> Result<Loaded, LoadError> {
    let file = SettingsFile::parse(&candidate.settings)?;
    if file.enabled == Some(false) {
        return Ok(Loaded::Disabled);
    }
    let name = &candidate.name;
    let team = config.team(name.team()).ok_or_else(|| LoadError::File {
        reason: no_such_team(name),
    })?;
    let limits = config
        .limits
        .replaced_by(&team.limits)
        .narrowed_by(&file.limits);
    let module = engine
        .load(&candidate.module, &limits)
        .await
        .map_err(LoadError::Compile)?;
    let manifest = describe(&module, &limits).await?;
    declared::check(&candidate.module, &manifest)?;
    let settings = file.complete(&manifest, &format!("{name}.toml"))?;
    let asks = Asks::of(&manifest, &settings)?.keeping(kept(module.inspection(), &limits));
    let permits = permitted(config, candidate, (asks, &team.grants)).map_err(|(wrong, asks)| {
        LoadError::NotPermitted(Box::new(Refused {
            wrong,
            version: manifest.version.clone(),
            module: module.digest().clone(),
            asks: *asks,
        }))
    })?;
    let settings: Arc<str> = serde_json::Value::Object(settings).to_string().into();
    configure(&module, &settings, &limits).await?;
    Ok(Loaded::Active(Arc::new(Rule {
        description: RuleDescription {
            name: name.clone(),
            module: module.digest().clone(),
            settings: Digest::of(&candidate.settings),
            version: manifest.version.clone(),
            subjects: manifest.subjects.clone(),
            conditions: file.conditions(),
            grants: team.grants.clone(),
            shadow: file.shadow,
        },
        file: Arc::clone(&candidate.settings),
        manifest,
        module,
        settings,
        limits,
        permits,
        order: file.order,
        on_fault: file.on_fault,
    })))
}

/// The most that a module could keep between events under its limits; none where it does not ask for `state`.
fn kept(inspection: &Inspection, limits: &Limits) -> Option<Bytes> {
    inspection
        .imports_interface("state")
        .then_some(limits.state)
}

/// What a rule may use of what it asks for; or what it may not, and all that it asks for.
fn permitted(
    config: &CatalogConfig,
    candidate: &Candidate,
    (asks, grants): (Asks, &Grants),
) -> Result<Permits, (Vec<NotPermitted>, Box<AskTable>)> {
    let (running, team) = (candidate.running.as_ref(), candidate.name.team());
    let mut more = more(running, &asks, grants, &config.known, team);
    let wrong = match asks.permits(grants, &config.known, team) {
        Ok(permits) if more.is_empty() => return Ok(permits),
        Ok(_) => more,
        Err(mut wrong) => {
            more.retain(|more| wrong.iter().all(|wrong| wrong.what() != more.what()));
            wrong.extend(more);
            wrong
        }
    };
    let table = asks.table(running, grants, &config.known, team);
    Err((wrong, Box::new(table)))
}

/// What to write for a team's folder that the operator's file does not know.
pub(super) fn no_such_team(name: &RuleName) -> String {
    let team = name.team().map_or("", |team| team.as_str());
    format!(
        "the folder `{team}` is not a team yet: add to `hookbox.toml`\n\
         [teams.{team}]\nsources = [\"*\"]\nchannels = []\ncommands = []"
    )
}

async fn describe(module: &Module, limits: &Limits) -> Result<Manifest, LoadError> {
    let (module, limits) = (module.clone(), limits.clone());
    let answer = blocking(move || module.describe(&limits)).await;
    let manifest = answer
        .result
        .map_err(|fault| LoadError::Describe { fault })?;
    manifest.check()?;
    for subject in &manifest.subjects {
        check_subject(subject).map_err(LoadError::Subject)?;
    }
    Ok(manifest)
}

async fn configure(module: &Module, settings: &Arc<str>, limits: &Limits) -> Result<(), LoadError> {
    let (module, limits, settings) = (module.clone(), limits.clone(), Arc::clone(settings));
    let answer = blocking(move || module.configure(settings, &limits)).await;
    answer.result.map_err(|fault| LoadError::Configure {
        fault,
        log: answer.log.lines,
    })
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Answer<T> + Send + 'static,
) -> Answer<T> {
    tokio::task::spawn_blocking(call)
        .await
        .unwrap_or_else(|error| Answer {
            result: Err(Fault::Engine {
                message: error.to_string(),
            }),
            log: crate::domain::evaluation::Log::default(),
            fuel: 0,
            duration_us: 0,
            changes: Changes::default(),
        })
}
