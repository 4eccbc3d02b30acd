//! Compiling in a child process, which may die of a module without harm to the server.
//!
//! The server writes the module to the child's standard input. The child encodes it as a component
//! where it is not one, compiles it, and leaves the result in Wasmtime's cache and the component
//! beside it; the server then finds both. What was compiled, and what was found too costly, is marked
//! in the cache folder by digest, so that neither is done twice.
//!
//! Invariants:
//! - The server compiles only what the child compiled before, which is a hit in the cache.
//! - A module that cost too much is not tried again, also after a restart.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use super::config;
use super::error::CompileErrorKind;
use super::inspect::Form;
use crate::domain::names::Digest;
use crate::domain::quantity::{Bytes, Span};

/// The hidden argument with which the program compiles.
pub const ARGUMENT: &str = "__compile";

/// The children that may compile at once.
const CHILDREN: usize = 2;

/// How much longer on the wall a child may take than of CPU. It gives way to everything else, so that on a
/// busy machine a rule with the runtime of its language takes minutes, through no fault of its own.
const PATIENCE: u32 = 5;

/// What the child may print, which is one short line.
const ANSWER_LIMIT: u64 = 64 << 10;

/// The folders of the cache, and the limits of the child.
#[derive(Debug)]
pub(super) struct Compiler {
    program: PathBuf,
    /// Wasmtime's own folder: it removes whatever else it finds in it.
    code: PathBuf,
    /// The components, and the marks of modules that were too costly.
    rules: PathBuf,
    children: Semaphore,
    memory: Bytes,
    time: Span,
}

/// What the child answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Compiled,
    Invalid { reason: String },
}

impl Compiler {
    pub(super) fn new(
        program: PathBuf,
        cache: &Path,
        memory: Bytes,
        time: Span,
    ) -> std::io::Result<Self> {
        let cache = cache.join(fingerprint());
        let (code, rules) = (cache.join("code"), cache.join("rules"));
        std::fs::create_dir_all(&code)?;
        std::fs::create_dir_all(&rules)?;
        Ok(Self {
            program,
            code,
            rules,
            children: Semaphore::new(CHILDREN),
            memory,
            time,
        })
    }

    /// Where Wasmtime keeps compiled code.
    pub(super) fn code(&self) -> &Path {
        &self.code
    }

    fn component(&self, digest: &Digest) -> PathBuf {
        self.rules.join(format!("{}.component", digest.hex()))
    }

    fn rejection(&self, digest: &Digest) -> PathBuf {
        self.rules.join(format!("{}.rejected", digest.hex()))
    }

    /// The component of a module, whose code is in the cache when this returns.
    pub(super) async fn compile(
        &self,
        digest: &Digest,
        bytes: &[u8],
        form: Form,
    ) -> Result<Vec<u8>, CompileErrorKind> {
        let component = self.component(digest);
        if let Ok(encoded) = tokio::fs::read(&component).await {
            return Ok(encoded);
        }
        if let Ok(limit) = tokio::fs::read_to_string(self.rejection(digest)).await {
            return Err(CompileErrorKind::TooCostly { limit });
        }
        let _turn = self
            .children
            .acquire()
            .await
            .map_err(|error| compiler(&error))?;
        match self.run_child(bytes, form, &component).await? {
            Outcome::Answered(Answer::Compiled) => tokio::fs::read(&component)
                .await
                .map_err(|error| compiler(&error)),
            Outcome::Answered(Answer::Invalid { reason }) => {
                Err(CompileErrorKind::Invalid { reason })
            }
            Outcome::Exceeded(limit) => {
                tokio::fs::write(self.rejection(digest), &limit)
                    .await
                    .map_err(|error| compiler(&error))?;
                Err(CompileErrorKind::TooCostly { limit })
            }
        }
    }

    async fn run_child(
        &self,
        bytes: &[u8],
        form: Form,
        component: &Path,
    ) -> Result<Outcome, CompileErrorKind> {
        let mut child = tokio::process::Command::new(&self.program)
            .arg(ARGUMENT)
            .arg(&self.code)
            .arg(component)
            .arg(match form {
                Form::Core => "core",
                Form::Component => "component",
            })
            .arg(self.memory.0.to_string())
            .arg(self.time.0.as_secs().max(1).to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| compiler(&error))?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(compiler(&"its pipes are missing"));
        };
        let mut answer = Vec::new();
        let exchange = async {
            // A child that dies while it reads shows by its status, not by this.
            let _broken_pipe = stdin.write_all(bytes).await;
            drop(stdin);
            let read = stdout.take(ANSWER_LIMIT).read_to_end(&mut answer).await;
            (read, child.wait().await)
        };
        let Ok((read, status)) = tokio::time::timeout(self.time.0 * PATIENCE, exchange).await
        else {
            let patience = Span(self.time.0 * PATIENCE);
            return Ok(Outcome::Exceeded(format!("{patience} on the wall")));
        };
        read.map_err(|error| compiler(&error))?;
        let status = status.map_err(|error| compiler(&error))?;
        if status.success() {
            return serde_json::from_slice(&answer)
                .map(Outcome::Answered)
                .map_err(|error| compiler(&error));
        }
        if status.code() == Some(i32::from(COULD_NOT_BEGIN)) {
            return Err(compiler(&String::from_utf8_lossy(&answer)));
        }
        match status.signal().and_then(Signal::from_named_raw) {
            // Whoever stops the server, by a signal to its whole group, ends its children as well.
            Some(Signal::TERM | Signal::INT | Signal::HUP | Signal::QUIT) => {
                Err(compiler(&"it was told to end"))
            }
            // Out of memory aborts, the limit of CPU time kills, and so does a machine without memory.
            Some(_) => Ok(Outcome::Exceeded(format!(
                "{} of memory or {} of time",
                self.memory, self.time
            ))),
            None => Ok(Outcome::Answered(Answer::Invalid {
                reason: format!("the compiler gave it up: {status}"),
            })),
        }
    }
}

enum Outcome {
    Answered(Answer),
    Exceeded(String),
}

fn compiler(error: &dyn std::fmt::Display) -> CompileErrorKind {
    CompileErrorKind::Compiler {
        reason: error.to_string(),
    }
}

/// What makes compiled code usable: the engine's version, and this crate's, which sets it up.
fn fingerprint() -> String {
    format!("hookbox-{}-wasmtime-48", env!("CARGO_PKG_VERSION"))
}

/// The exit code of a child that failed before it saw the module.
const COULD_NOT_BEGIN: u8 = 3;

/// What the hidden command does: reads a module from standard input, and compiles it into the cache.
#[must_use]
pub fn child(arguments: &[String]) -> ExitCode {
    let answer = match run(arguments) {
        Ok(answer) => answer,
        Err(reason) => {
            // The server reads the reason; where it does not, there is nobody to tell.
            let _unread = std::io::stdout().write_all(reason.as_bytes());
            return ExitCode::from(COULD_NOT_BEGIN);
        }
    };
    match serde_json::to_writer(std::io::stdout(), &answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(COULD_NOT_BEGIN),
    }
}

fn run(arguments: &[String]) -> Result<Answer, String> {
    let [cache, component, form, memory, seconds] = arguments else {
        return Err("wrong arguments".to_owned());
    };
    let memory: u64 = memory.parse().map_err(|_| "wrong limit of memory")?;
    let seconds: u64 = seconds.parse().map_err(|_| "wrong limit of time")?;
    confine(memory, Duration::from_secs(seconds)).map_err(|error| error.to_string())?;
    let engine = config::compiling(Path::new(cache))
        .and_then(|config| Ok(wasmtime::Engine::new(&config)?))
        .map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    let encoded = match form.as_str() {
        "core" => match encode(&bytes) {
            Ok(encoded) => encoded,
            Err(reason) => return Ok(Answer::Invalid { reason }),
        },
        _ => bytes,
    };
    if let Err(error) = wasmtime::component::Component::new(&engine, &encoded) {
        return Ok(Answer::Invalid {
            reason: format!("{error:#}"),
        });
    }
    store(Path::new(component), &encoded).map_err(|error| error.to_string())?;
    Ok(Answer::Compiled)
}

/// Takes away what a compiler does not need, and gives way to everything else.
fn confine(memory: u64, time: Duration) -> std::io::Result<()> {
    let limit = |most: u64| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(Resource::As, limit(memory))?;
    setrlimit(Resource::Cpu, limit(time.as_secs()))?;
    setrlimit(Resource::Core, limit(0))?;
    nice(10)?;
    Ok(())
}

/// Makes a component of a core module that carries the description of its interface.
fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

/// Writes a file that is there as a whole or not at all.
fn store(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    std::fs::write(&partial, bytes)?;
    std::fs::rename(&partial, path)
}
