//! The engine without a server: one module, one event, and what came of it.

use std::path::Path;
use std::sync::Arc;

use hookbox::domain::decision::Decision;
use hookbox::domain::event::Event;
use hookbox::domain::limits::Limits;
use hookbox::engine::{Answer, CompileErrorKind, Engine, EngineConfig, Input, Module, Payload};
use tempfile::TempDir;

use super::{guest, program};

/// An engine whose folder for compiled code lasts as long as it does.
pub(crate) struct Sandbox {
    engine: Arc<Engine>,
    _cache: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let cache = tempfile::tempdir().expect("a folder can be made");
        let engine = engine(&EngineConfig::new(
            program().into(),
            cache.path().to_owned(),
        ));
        Self {
            engine,
            _cache: cache,
        }
    }

    /// Loads a guest, which the engine takes.
    pub(crate) async fn load(&self, name: &str, limits: &Limits) -> Module {
        let loaded = self.engine.load(&guest(name), limits).await;
        loaded.unwrap_or_else(|error| panic!("`{name}` is refused: {}", error.kind))
    }

    /// Loads these bytes, which the engine may refuse.
    pub(crate) async fn try_load(&self, bytes: &[u8]) -> Result<Module, CompileErrorKind> {
        let loaded = self.engine.load(bytes, &Limits::DEFAULT).await;
        loaded.map_err(|error| error.kind)
    }

    /// Why the engine does not take these bytes.
    pub(crate) async fn refusal(&self, bytes: &[u8]) -> CompileErrorKind {
        refusal(&self.engine, bytes).await
    }

    /// What a guest with an empty settings file answers to a push.
    pub(crate) async fn evaluate(&self, name: &str, limits: &Limits) -> Answer<Decision> {
        let module = self.load(name, limits).await;
        module.evaluate(&input(push()), "{}".into(), limits)
    }
}

/// An engine as it is configured.
pub(crate) fn engine(config: &EngineConfig) -> Arc<Engine> {
    Arc::new(Engine::new(config).expect("the engine can be set up"))
}

/// A compiler that is not there, beside this folder for compiled code.
pub(crate) fn without_compiler(cache: &Path) -> EngineConfig {
    EngineConfig::new(cache.join("no-such-compiler"), cache.to_owned())
}

/// Why an engine does not take these bytes.
pub(crate) async fn refusal(engine: &Arc<Engine>, bytes: &[u8]) -> CompileErrorKind {
    let loaded = engine.load(bytes, &Limits::DEFAULT).await;
    loaded.expect_err("the engine refuses it").kind
}

/// The event of the sample `gitlab/push`.
pub(crate) fn push() -> Event {
    let sample = hookbox::sources::samples::samples()
        .find(|sample| sample.provider == "gitlab" && sample.name == "push")
        .expect("there is such a sample");
    serde_json::from_str(sample.event).expect("the sample is an event")
}

/// An event without the request that brought it.
pub(crate) fn input(event: Event) -> Input {
    Input::new(Arc::new(event), Payload::default())
}
