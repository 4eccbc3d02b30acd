//! `hookbox run`: one evaluation, without a server.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::json;

use super::{CliError, Exit, Global, output, runtime};
use crate::catalog::SettingsFile;
use crate::config::MODULE_LIMIT;
use crate::domain::decision::{Action, Decision};
use crate::domain::event::Event;
use crate::domain::limits::Limits;
use crate::engine::{Answer, Engine, EngineConfig, Input, Module, Payload};
use crate::sources::samples::{inside, samples};

/// Evaluate one event with one module, and print what it gives
///
/// Performs nothing and needs no server. The limits are the defaults; a module may be larger, where the
/// server is told so by `module` under `[limits]`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The module
    module: PathBuf,
    /// A file with an event as JSON, or the name of a sample such as `gitlab/push`
    #[arg(long, value_name = "FILE")]
    event: String,
    /// A file with the event as it arrived, for rules that read `payload`
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// A settings file, as it lies beside a module
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, CliError> {
    let (event, payload) = read_event(args)?;
    let bytes = read_module(&args.module)?;
    let cache = Scratch::new()?;
    let limits = limits(&bytes);
    let module = load(&cache, &bytes, &limits)?;
    let settings = read_settings(args, &module, &limits)?;
    let input = Input::new(Arc::new(event), payload);
    let answer = module.evaluate(&input, settings, &limits);
    if global.json {
        let (decision, fault) = match &answer.result {
            Ok(decision) => (Some(decision), None),
            Err(fault) => (
                None,
                Some(json!({ "code": fault.code(), "message": fault.to_string() })),
            ),
        };
        output::json(&json!({
            "decision": decision, "fault": fault, "log": answer.log,
            "fuel": answer.fuel, "duration-us": answer.duration_us,
        }));
    } else {
        show(&answer, &limits);
    }
    Ok(if answer.result.is_ok() {
        Exit::Ok
    } else {
        Exit::Rule
    })
}

/// The default limits, but for the size of a module, which may be all that a server can be told to take.
pub(super) fn limits(module: &[u8]) -> Limits {
    if module.len() > Limits::DEFAULT.module.as_usize() {
        output::note(format!(
            "the module has {} bytes, and a server takes {}: write `module = \"{MODULE_LIMIT}\"` under `[limits]` in \
             its `hookbox.toml`",
            module.len(),
            Limits::DEFAULT.module,
        ));
    }
    Limits {
        module: MODULE_LIMIT,
        ..Limits::DEFAULT
    }
}

/// Compiles a module as the server would.
pub(super) fn load(cache: &Scratch, bytes: &[u8], limits: &Limits) -> Result<Module, CliError> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let engine = Engine::new(&EngineConfig::new(program, cache.0.clone()))
        .map_err(|error| CliError::new(Exit::Internal, error))?;
    runtime()?
        .block_on(Arc::new(engine).load(bytes, limits))
        .map_err(|error| CliError::new(Exit::Rule, error))
}

pub(super) fn read_module(path: &std::path::Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path)
        .with_context(|| format!("the module `{}` cannot be read", path.display()))
        .map_err(|error| CliError::new(Exit::Usage, error))
}

fn read_event(args: &Args) -> Result<(Event, Payload), CliError> {
    let usage = |error: anyhow::Error| CliError::new(Exit::Usage, error);
    let sample = samples()
        .chain(inside())
        .find(|sample| format!("{}/{}", sample.provider, sample.name) == args.event);
    let (text, body) = match sample {
        Some(sample) => (sample.event.to_owned(), sample.body.as_bytes().to_vec()),
        None => {
            let text = std::fs::read_to_string(&args.event)
                .with_context(|| format!("the event `{}` cannot be read", args.event))
                .map_err(|error| {
                    usage(error).hint(
                        "name a file with an event as JSON, or a sample such as `gitlab/push`",
                    )
                })?;
            (text, Vec::new())
        }
    };
    let body = match &args.payload {
        Some(path) => std::fs::read(path)
            .with_context(|| format!("the payload `{}` cannot be read", path.display()))
            .map_err(usage)?,
        None => body,
    };
    let event = serde_json::from_str(&text)
        .with_context(|| format!("`{}` is no event", args.event))
        .map_err(|error| {
            usage(error).hint("`hookbox events show ID --json` prints one under `record.event`")
        })?;
    Ok((event, Payload::new(Bytes::from(body), Arc::from([]))))
}

fn read_settings(args: &Args, module: &Module, limits: &Limits) -> Result<Arc<str>, CliError> {
    let rule = |error: anyhow::Error| CliError::new(Exit::Rule, error);
    let (bytes, name) = match &args.settings {
        Some(path) => (
            std::fs::read(path)
                .with_context(|| format!("the settings file `{}` cannot be read", path.display()))
                .map_err(|error| CliError::new(Exit::Usage, error))?,
            path.display().to_string(),
        ),
        None => (
            Vec::new(),
            "a settings file, given with --settings".to_owned(),
        ),
    };
    let file = SettingsFile::parse(&bytes).map_err(|error| CliError::new(Exit::Config, error))?;
    let manifest = module
        .describe(limits)
        .result
        .map_err(|fault| rule(anyhow::anyhow!("asked who it is, {fault}")))?;
    let settings = file
        .complete(&manifest, &name)
        .map_err(|error| CliError::new(Exit::Config, error))?;
    Ok(serde_json::Value::Object(settings).to_string().into())
}

fn show(answer: &Answer<Decision>, limits: &Limits) {
    match &answer.result {
        Ok(decision) => {
            for action in &decision.actions {
                output::line(describe(action));
            }
            if decision.actions.is_empty() {
                output::line("nothing");
            }
            if let Some(reason) = &decision.reason {
                output::line(format!("reason: {}", output::safe(reason)));
            }
        }
        Err(fault) => output::line(format!(
            "fault {}: {}",
            fault.code(),
            output::safe(&fault.to_string())
        )),
    }
    for line in &answer.log.lines {
        output::line(format!("log: {}", output::safe(&line.message)));
    }
    if answer.log.left_out > 0 {
        output::line(format!(
            "log: {} more lines were left out",
            answer.log.left_out
        ));
    }
    output::line(format!(
        "fuel: {} of {} ({} left), time: {} µs",
        answer.fuel,
        limits.fuel,
        limits.fuel.saturating_sub(answer.fuel),
        answer.duration_us
    ));
}

/// An action in a few lines.
pub(super) fn describe(action: &Action) -> String {
    match action {
        Action::Notify(message) => {
            let mut lines = vec![format!("notify {}", output::safe(&message.channel))];
            lines.extend(
                message
                    .title
                    .iter()
                    .map(|title| format!("  {}", output::safe(title))),
            );
            lines.extend(
                message
                    .text
                    .lines()
                    .map(|line| format!("  {}", output::safe(line))),
            );
            lines.extend(message.fields.iter().map(|field| {
                format!(
                    "  {}: {}",
                    output::safe(&field.name),
                    output::safe(&field.value)
                )
            }));
            lines.join("\n")
        }
        Action::Deploy(deploy) => {
            let arguments: Vec<String> = deploy
                .arguments
                .iter()
                .map(|argument| format!("{}={}", argument.name, argument.value))
                .collect();
            output::safe(&format!("deploy {} {}", deploy.name, arguments.join(" ")))
        }
        Action::Drop(reason) => format!("drop: {}", output::safe(reason)),
    }
}

/// A folder of this process's own, which goes when it is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!("hookbox-{}", uuid::Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("the folder `{}` cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left lies among temporary files, which the system clears.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
