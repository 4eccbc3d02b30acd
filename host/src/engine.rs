//! The sandbox: compiles modules in a child process, links them, and evaluates events with them under
//! every limit.
//!
//! The catalog loads modules through [`Engine::load`] and keeps the [`Module`]s; the worker evaluates
//! with them on threads of its own. No call here waits for the network.
//!
//! Invariants:
//! - Only this module names Wasmtime and `wit-component`, and no error of theirs leaves it.
//! - Every evaluation has a fresh instance and a fresh store, which are thrown away after it.
//! - The same event, settings, payload and state give the same decision, log, fuel and changes of the state.
//! - A module's misbehaviour is a [`Fault`] or a [`CompileError`], never an error of the server.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::domain::decision::Decision;
use crate::domain::evaluation::Log;
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::limits::Limits;
use crate::domain::manifest::Manifest;
use crate::domain::names::Digest;
use crate::domain::quantity::{Bytes, Span};
use crate::domain::state::{Changes, Granted, Session};

mod compile;
mod config;
mod context;
mod error;
mod inspect;
mod interface;
mod links;
mod sections;
mod ticker;
mod v0_1;
#[cfg(test)]
mod v0_2;
mod wasi;

pub use compile::{ARGUMENT as COMPILE_ARGUMENT, child as compile_child};
use config::SetUp;
use context::Context;
pub use context::Payload;
use error::Stage;
pub use error::{CompileError, CompileErrorKind, EngineError};
pub use inspect::{Form, Inspection, inspect};
pub use interface::Interface;
use interface::{Called, Guest};
use links::Links;
pub use sections::{SectionError, Sections, Source, without_names};
use ticker::Ticker;
use wasi::World;

/// How the engine is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The program that compiles when it is given [`COMPILE_ARGUMENT`]: `hookbox` itself.
    pub compiler: PathBuf,
    /// The folder for compiled code; it must not be writable by anybody else.
    pub cache: PathBuf,
    /// The memory that compiling one module may take.
    pub compile_memory: Bytes,
    /// The CPU time that compiling one module may take. On the wall it may take five times as long.
    pub compile_time: Span,
}

impl EngineConfig {
    /// The default limits, with this program and this folder.
    #[must_use]
    pub fn new(compiler: PathBuf, cache: PathBuf) -> Self {
        Self {
            compiler,
            cache,
            // A hostile module of 1 MB was measured to take 5 GB and a minute, a rule of ordinary
            // size 40 MB and some milliseconds.
            compile_memory: Bytes::mib(1024),
            compile_time: Span::seconds(60),
        }
    }
}

/// One of the two set-ups that run rules.
struct Runner {
    engine: wasmtime::Engine,
    linker: Linker<Context>,
}

impl Runner {
    fn new(config: &wasmtime::Config) -> Result<Self, EngineError> {
        let engine = wasmtime::Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        interface::add_to_linker(&mut linker)?;
        Ok(Self { engine, linker })
    }
}

/// Compiles and runs modules.
pub struct Engine {
    compiler: compile::Compiler,
    pooled: Runner,
    on_demand: Runner,
    links: Links<Box<dyn Guest>>,
    _ticker: Ticker,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Sets the engine up.
    ///
    /// # Errors
    /// When the folder for compiled code cannot be made, or the machine cannot run WebAssembly.
    pub fn new(config: &EngineConfig) -> Result<Self, EngineError> {
        let kept = compile::kept(&config.cache).map_err(|error| EngineError {
            reason: format!("`{}`: {error}", config.cache.display()),
        })?;
        let code: Option<&Path> = Some(kept.code());
        let pooled = Runner::new(&config::pooled(code)?)?;
        let on_demand = Runner::new(&config::on_demand(code)?)?;
        let usable_by = compile::usable_by(&pooled.engine);
        let compiler = compile::Compiler::new(config, kept, usable_by);
        let ticker = Ticker::start(vec![pooled.engine.weak(), on_demand.engine.weak()]);
        Ok(Self {
            compiler,
            pooled,
            on_demand,
            links: Links::new(),
            _ticker: ticker,
        })
    }

    /// Checks, compiles and links a module that will run within these limits.
    ///
    /// # Errors
    /// When the engine does not take it; the error says why, with a stable code.
    pub async fn load(
        self: &Arc<Self>,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Module, CompileError> {
        let digest = Digest::of(bytes);
        let result = self.try_load(&digest, bytes, limits).await;
        result.map_err(|kind| CompileError { digest, kind })
    }

    async fn try_load(
        self: &Arc<Self>,
        digest: &Digest,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Module, CompileErrorKind> {
        let found = Bytes(bytes.len().try_into().unwrap_or(u64::MAX));
        if found > limits.module {
            return Err(CompileErrorKind::TooLarge {
                found,
                limit: limits.module,
            });
        }
        let inspection = inspect(bytes)?;
        let set_up = SetUp::within(limits);
        let linking = self.compile_and_link(digest, bytes, &inspection, set_up);
        Ok(Module {
            digest: digest.clone(),
            engine: self.runner(set_up).engine.clone(),
            guest: self.links.find_or(digest, set_up, linking).await?,
            inspection,
        })
    }

    /// Removes the compiled code that is kept of a module. Whoever has it loaded keeps it, and the next load compiles it
    /// again.
    pub async fn forget(&self, digest: &Digest) {
        if let Err(error) = self.compiler.forget(digest).await {
            tracing::warn!("the code of the module {digest} could not be removed: {error}");
        }
    }

    /// Is notified whenever so many modules were compiled that it is time for [`retain`](Self::retain).
    #[must_use]
    pub fn has_compiled_many(&self) -> Arc<Notify> {
        self.compiler.made_many()
    }

    /// Removes the compiled code that is kept of all modules but these, by the digits of their digests, and what a crash
    /// left half made.
    pub async fn retain(&self, digests: BTreeSet<String>) {
        if let Err(error) = self.compiler.retain(digests).await {
            tracing::warn!("compiled code that nobody needs could not be removed: {error}");
        }
    }

    async fn compile_and_link(
        self: &Arc<Self>,
        digest: &Digest,
        bytes: &[u8],
        inspection: &Inspection,
        set_up: SetUp,
    ) -> Result<Box<dyn Guest>, CompileErrorKind> {
        let compiled = self.compiler.compile(digest, bytes, inspection.form);
        let compiled = compiled.await?;
        let (engine, looked) = (Arc::clone(self), inspection.clone());
        // A hit in the cache still reads and maps the code, which takes a millisecond or more.
        tokio::task::spawn_blocking(move || engine.link(&compiled.encoded, &looked, set_up))
            .await
            .map_err(|error| CompileErrorKind::Compiler {
                reason: error.to_string(),
            })?
    }

    fn runner(&self, set_up: SetUp) -> &Runner {
        match set_up {
            SetUp::Pooled => &self.pooled,
            SetUp::OnDemand => &self.on_demand,
        }
    }

    fn link(
        &self,
        encoded: &[u8],
        inspection: &Inspection,
        set_up: SetUp,
    ) -> Result<Box<dyn Guest>, CompileErrorKind> {
        let runner = self.runner(set_up);
        let invalid = |error: wasmtime::Error| CompileErrorKind::Invalid {
            reason: format!("{error:#}"),
        };
        let component = Component::new(&runner.engine, encoded).map_err(invalid)?;
        // Only what imports WASI has a linker of its own: the others share one.
        let linker = if inspection.imports_wasi() {
            let mut own = runner.linker.clone();
            wasi::add_to_linker(&mut own, &component).map_err(invalid)?;
            Cow::Owned(own)
        } else {
            Cow::Borrowed(&runner.linker)
        };
        let interface = inspection.interface;
        interface.link(&linker, &component).map_err(invalid)
    }
}

/// An event with its payload, ready for rules.
#[derive(Debug, Clone)]
pub struct Input {
    /// The event.
    pub event: Arc<Event>,
    /// The event as it arrived.
    pub payload: Payload,
}

impl Input {
    /// Puts an event and its payload together.
    #[must_use]
    pub fn new(event: Arc<Event>, payload: Payload) -> Self {
        Self { event, payload }
    }
}

/// A compiled and linked module. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    digest: Digest,
    engine: wasmtime::Engine,
    guest: Arc<Box<dyn Guest>>,
    inspection: Inspection,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// What a call of a module gave, and what it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The answer, or why there is none.
    pub result: Result<T, Fault>,
    /// What it wrote to its log.
    pub log: Log,
    /// The fuel it used.
    pub fuel: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// What it changed of its state: nothing where it gave no answer.
    pub changes: Changes,
}

impl Module {
    /// The digest of its file.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What a look at it showed.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// Asks it who it is and what it asks for. Blocks this thread for as long as the limits let it.
    #[must_use]
    pub fn describe(&self, limits: &Limits) -> Answer<Manifest> {
        self.run(
            limits,
            Context::new(Payload::default(), "{}".into(), limits),
            |store, guest| guest.describe(store),
        )
    }

    /// Lets it check its settings, a JSON object. Blocks this thread for as long as the limits let it.
    #[must_use]
    pub fn configure(&self, settings: Arc<str>, limits: &Limits) -> Answer<()> {
        self.run(
            limits,
            Context::new(Payload::default(), settings, limits),
            |store, guest| guest.configure(store),
        )
    }

    /// Evaluates an event, with no state granted. Blocks this thread for as long as the limits let it.
    #[must_use]
    pub fn evaluate(&self, input: &Input, settings: Arc<str>, limits: &Limits) -> Answer<Decision> {
        self.evaluate_with(input, settings, limits, None)
    }

    /// Evaluates an event with what the rule keeps, where it is granted; what it changes of it is in the answer.
    /// Blocks this thread for as long as the limits let it.
    #[must_use]
    pub fn evaluate_with(
        &self,
        input: &Input,
        settings: Arc<str>,
        limits: &Limits,
        granted: Option<Granted>,
    ) -> Answer<Decision> {
        let mut context = Context::new(input.payload.clone(), settings, limits);
        context.world = World::at(&input.event);
        context.state = granted.map(|granted| Session::begin(granted, input.event.received_at));
        let mut answer = self.run(limits, context, |store, guest| {
            guest.evaluate(store, &input.event)
        });
        if let Ok(decision) = &answer.result
            && let Err(reason) = check(decision, limits)
        {
            answer.result = Err(Fault::BadOutput { reason });
        }
        // What a fault wrote is half of something.
        if answer.result.is_err() {
            answer.changes = Changes::default();
        }
        answer
    }

    fn run<T>(
        &self,
        limits: &Limits,
        context: Context,
        call: impl FnOnce(&mut Store<Context>, &dyn Guest) -> Called<T>,
    ) -> Answer<T> {
        let began = Instant::now();
        let mut store = Store::new(&self.engine, context);
        let result = context::limit(&mut store, limits)
            .map_err(instantiating)
            .and_then(|()| {
                let _running = ticker::run();
                call(&mut store, self.guest.as_ref().as_ref())
            });
        let left = store.get_fuel().unwrap_or(0);
        store.data_mut().end_output();
        let result = match result {
            Ok(Err(Fault::Failed {
                failure,
                mut message,
            })) => {
                // It is the guest's text, and is kept with every evaluation.
                context::cut(&mut message, limits.log_line.as_usize());
                Err(Fault::Failed { failure, message })
            }
            Ok(result) => result,
            Err((error, stage)) => Err(error::fault_of(&error, store.data(), limits, stage)),
        };
        let context = store.data_mut();
        Answer {
            result,
            fuel: limits.fuel.saturating_sub(left),
            log: std::mem::take(&mut context.log),
            duration_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            changes: context.state.take().map(Session::end).unwrap_or_default(),
        }
    }
}

fn instantiating(error: wasmtime::Error) -> (wasmtime::Error, Stage) {
    (error, Stage::Instantiating)
}

fn running(error: wasmtime::Error) -> (wasmtime::Error, Stage) {
    (error, Stage::Running)
}

/// Checks a decision against the limits of number and size.
fn check(decision: &Decision, limits: &Limits) -> Result<(), String> {
    let count = decision.actions.len();
    if count > limits.actions as usize {
        return Err(format!(
            "it holds {count} actions, and may hold {}",
            limits.actions
        ));
    }
    let mut size = Size(0);
    serde_json::to_writer(&mut size, decision).map_err(|error| error.to_string())?;
    let Size(size) = size;
    if size > limits.actions_size.as_usize() {
        return Err(format!(
            "its actions have {} in all, and may have {}",
            Bytes(size.try_into().unwrap_or(u64::MAX)),
            limits.actions_size
        ));
    }
    Ok(())
}

/// Counts what is written.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
