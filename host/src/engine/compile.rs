//! Compiling in a child process, which may die of a module without harm to the server.
//!
//! The server writes the module to the child's standard input. The child encodes it as a component
//! where it is not one, compiles it, and leaves the result in Wasmtime's cache and the component
//! beside it; the server then finds both. What was compiled, and what was found too costly, is marked
//! in the cache folder by digest, so that neither is done twice.
//!
//! Invariants:
//! - The server compiles only what the child compiled before, which is a hit in the cache: where the code is gone, a
//!   child compiles it again.
//! - What is being linked is not removed meanwhile.
//! - A module that cost too much is not tried again, also after a restart, unless a thousand others did since.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, OwnedRwLockReadGuard, RwLock, Semaphore};
use tokio::task::spawn_blocking;

use super::error::CompileErrorKind;
use super::inspect::Form;
use super::{EngineConfig, config};
use crate::domain::names::Digest;
use crate::domain::quantity::{Bytes, Span};

mod kept;

pub(super) use kept::{Kept, usable_by};

/// The hidden argument with which the program compiles.
pub const ARGUMENT: &str = "__compile";

/// The children that may compile at once.
const CHILDREN: usize = 2;

/// How much longer on the wall a child may take than of CPU. It gives way to everything else, so that on a
/// busy machine a rule with the runtime of its language takes minutes, through no fault of its own.
const PATIENCE: u32 = 5;

/// What the child may print, which is one short line.
const ANSWER_LIMIT: u64 = 64 << 10;

/// How often a module is compiled whose code is gone before it is linked.
const TRIES: usize = 3;

/// After how many modules it is time to look which are needed: some 400 MB of code, as a small rule's has 400 KB.
const MANY: usize = 1_000;

/// What is kept of compiled modules, and the limits of the child.
#[derive(Debug)]
pub(super) struct Compiler {
    program: PathBuf,
    kept: Kept,
    /// What code must be usable by.
    usable_by: String,
    /// Held by those who link what is kept, and alone by those who remove of it.
    in_use: Arc<RwLock<()>>,
    children: Semaphore,
    made: AtomicUsize,
    made_many: Arc<Notify>,
    memory: Bytes,
    time: Span,
}

/// A component whose code stays where it is while this is held.
pub(super) struct Compiled {
    /// The component.
    pub(super) encoded: Vec<u8>,
    _in_use: OwnedRwLockReadGuard<()>,
}

/// What the child answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Compiled,
    Invalid { reason: String },
}

/// The folders of what is kept beneath the cache's, for this version of the program.
pub(super) fn kept(cache: &Path) -> std::io::Result<Kept> {
    Kept::within(&cache.join(fingerprint()))
}

impl Compiler {
    pub(super) fn new(config: &EngineConfig, kept: Kept, usable_by: String) -> Self {
        Self {
            program: config.compiler.clone(),
            kept,
            usable_by,
            in_use: Arc::default(),
            children: Semaphore::new(CHILDREN),
            made: AtomicUsize::new(0),
            made_many: Arc::default(),
            memory: config.compile_memory,
            time: config.compile_time,
        }
    }

    /// The component of a module, whose code is in the cache.
    pub(super) async fn compile(
        &self,
        digest: &Digest,
        bytes: &[u8],
        form: Form,
    ) -> Result<Compiled, CompileErrorKind> {
        for _ in 0..TRIES {
            if let Some(compiled) = self.find(digest).await? {
                return Ok(compiled);
            }
            self.make(digest, bytes, form).await?;
        }
        match self.find(digest).await? {
            Some(compiled) => Ok(compiled),
            None => Err(compiler(&"what it made is gone as soon as it is made")),
        }
    }

    async fn find(&self, digest: &Digest) -> Result<Option<Compiled>, CompileErrorKind> {
        let in_use = Arc::clone(&self.in_use).read_owned().await;
        let (kept, digest, usable_by) = (self.kept.clone(), digest.clone(), self.usable_by.clone());
        let found = spawn_blocking(move || kept.find(&digest, &usable_by)).await;
        let found = found.map_err(|error| compiler(&error))?;
        Ok(found.map(|encoded| Compiled {
            encoded,
            _in_use: in_use,
        }))
    }

    /// Has a child compile a module, unless it is known to be too costly.
    async fn make(
        &self,
        digest: &Digest,
        bytes: &[u8],
        form: Form,
    ) -> Result<(), CompileErrorKind> {
        if let Some(limit) = self.kept.exceeded(digest) {
            return Err(CompileErrorKind::TooCostly { limit });
        }
        let _turn = self
            .children
            .acquire()
            .await
            .map_err(|error| compiler(&error))?;
        let workplace = Workplace(self.kept.workplace(digest));
        let component = self.kept.component(digest);
        match self
            .run_child((bytes, form), &workplace.0, &component)
            .await?
        {
            Outcome::Answered(Answer::Compiled) => {
                if self.made.fetch_add(1, Ordering::Relaxed) % MANY == MANY - 1 {
                    self.made_many.notify_one();
                }
                Ok(())
            }
            Outcome::Answered(Answer::Invalid { reason }) => {
                Err(CompileErrorKind::Invalid { reason })
            }
            Outcome::Exceeded(limit) => {
                self.kept
                    .reject(digest, &limit)
                    .map_err(|error| compiler(&error))?;
                Err(CompileErrorKind::TooCostly { limit })
            }
        }
    }

    /// Is notified whenever many modules were compiled.
    pub(super) fn made_many(&self) -> Arc<Notify> {
        Arc::clone(&self.made_many)
    }

    /// Removes what is kept of a module, but not that it was too costly.
    pub(super) async fn forget(&self, digest: &Digest) -> std::io::Result<()> {
        let _alone = self.in_use.write().await;
        let (kept, digest) = (self.kept.clone(), digest.clone());
        spawn_blocking(move || kept.forget(&digest))
            .await
            .map_err(std::io::Error::other)?
    }

    /// Removes what is kept of all modules but these, by the digits of their digests.
    pub(super) async fn retain(&self, digests: BTreeSet<String>) -> std::io::Result<()> {
        let _alone = self.in_use.write().await;
        let kept = self.kept.clone();
        spawn_blocking(move || kept.retain(&digests))
            .await
            .map_err(std::io::Error::other)?
    }

    /// Compiles a core module as the child does: unit tests have no program for that.
    #[cfg(test)]
    pub(super) fn compile_here(&self, module: &[u8]) {
        let digest = Digest::of(module);
        let workplace = Workplace(self.kept.workplace(&digest));
        let made = make(
            (&workplace.0, self.kept.code()),
            &self.kept.component(&digest),
            ("core", module.to_vec()),
        );
        assert!(matches!(made, Ok(Answer::Compiled)), "{made:?}");
    }

    async fn run_child(
        &self,
        (bytes, form): (&[u8], Form),
        workplace: &Path,
        component: &Path,
    ) -> Result<Outcome, CompileErrorKind> {
        let mut child = tokio::process::Command::new(&self.program)
            .arg(ARGUMENT)
            .arg(workplace)
            .arg(self.kept.code())
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

/// The folder of one child, which goes with it, however it ended.
struct Workplace(PathBuf);

impl Drop for Workplace {
    fn drop(&mut self) {
        // It is not there where the child never began. What stays is removed at the next start.
        let _not_there = std::fs::remove_dir_all(&self.0);
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
    let [workplace, code, component, form, memory, seconds] = arguments else {
        return Err("wrong arguments".to_owned());
    };
    let memory: u64 = memory.parse().map_err(|_| "wrong limit of memory")?;
    let seconds: u64 = seconds.parse().map_err(|_| "wrong limit of time")?;
    confine(memory, Duration::from_secs(seconds)).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    make(
        (Path::new(workplace), Path::new(code)),
        Path::new(component),
        (form, bytes),
    )
}

/// Compiles a module in a folder of its own, and keeps what comes of it.
fn make(
    (workplace, code): (&Path, &Path),
    component: &Path,
    (form, bytes): (&str, Vec<u8>),
) -> Result<Answer, String> {
    std::fs::create_dir(workplace).map_err(|error| error.to_string())?;
    let engine = config::compiling(workplace)
        .and_then(|config| Ok(wasmtime::Engine::new(&config)?))
        .map_err(|error| error.to_string())?;
    let encoded = match form {
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
    kept::keep((workplace, code), usable_by(&engine), (component, &encoded))
        .map_err(|error| error.to_string())?;
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
