//! Modules of two versions of the interface, side by side in one engine.
//!
//! The guests are built as for the tests of the whole program. That program does not serve this version, so the
//! engine is that of the unit tests, which compile in this process what it would have a child compile.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;

use crate::domain::decision::{Action, Decision};
use crate::domain::evaluation::{Log, LogLevel};
use crate::domain::event::Event;
use crate::domain::fault::{FailureKind, Fault};
use crate::domain::limits::Limits;
use crate::domain::quantity::Bytes;
use crate::domain::state::{Changes, Granted, State};
use crate::engine::{
    CompileErrorKind, Engine, EngineConfig, Input, Interface, Module, Payload, inspect,
};
use crate::sources::samples::samples;

/// The modules of these tests, built when the first is asked for.
struct Guests {
    echo: Vec<u8>,
    counter: Vec<u8>,
    talks: Vec<u8>,
    next: Vec<u8>,
    mixed: Vec<u8>,
    newer: Vec<u8>,
}

fn guests() -> &'static Guests {
    static BUILT: OnceLock<Guests> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests");
        let build = |name: &str| {
            let built = crate::cli::module_of_crate(&folder.join(name));
            built.unwrap_or_else(|error| panic!("`{name}`: {error:#}"))
        };
        Guests {
            echo: build("echo"),
            counter: build("counter"),
            talks: build("log-flood"),
            next: build("next-interface"),
            mixed: build("mixed-interfaces"),
            newer: build("newer-interface"),
        }
    })
}

/// An engine whose folder for compiled code lasts as long as it does.
struct Sandbox {
    engine: Arc<Engine>,
    _cache: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let cache = tempfile::tempdir().expect("a folder can be made");
        let none = cache.path().join("no-such-compiler");
        let engine = Engine::new(&EngineConfig::new(none, cache.path().to_owned()));
        Self {
            engine: Arc::new(engine.expect("the engine can be set up")),
            _cache: cache,
        }
    }

    async fn load(&self, module: &[u8]) -> Module {
        self.engine.compiler.compile_here(module);
        let loaded = self.engine.load(module, &Limits::DEFAULT).await;
        loaded.unwrap_or_else(|error| panic!("it is refused: {}", error.kind))
    }
}

/// The event of the sample `gitlab/push`, with the request that brought it and a note that no module of 0.1 sees.
fn noted(note: Option<&str>) -> Input {
    let sample = samples()
        .find(|sample| sample.provider == "gitlab" && sample.name == "push")
        .expect("there is such a sample");
    let mut event: Event = serde_json::from_str(sample.event).expect("the sample is an event");
    event.note = note.map(str::to_owned);
    let body = br#"{"object_kind": "push"}"#.as_slice().into();
    Input::new(Arc::new(event), Payload::new(body, Arc::from([])))
}

const SETTINGS: &str = r#"{"channel":"notes-team","tag":"tagged"}"#;

/// An answer, without the time that it took.
type Seen = (Result<Decision, Fault>, Log, u64, Changes);

/// What a module with an empty state answers.
fn evaluate(module: &Module, input: &Input) -> Seen {
    let granted = Granted {
        state: State::default(),
        quota: Bytes::kib(64),
    };
    let limits = Limits::DEFAULT;
    let answer = module.evaluate_with(input, SETTINGS.into(), &limits, Some(granted));
    (answer.result, answer.log, answer.fuel, answer.changes)
}

#[tokio::test]
async fn a_module_of_each_version_says_what_it_is_and_takes_its_settings() {
    let (sandbox, limits) = (Sandbox::new(), Limits::DEFAULT);
    for (module, name, interface) in [
        (&guests().echo, "echo", Interface::V0_1),
        (&guests().next, "next-interface", Interface::V0_2),
    ] {
        let module = sandbox.load(module).await;

        let manifest = module
            .describe(&limits)
            .result
            .expect("it describes itself");
        let taken = module.configure(SETTINGS.into(), &limits).result;
        let refused = module.configure("{}".into(), &limits).result;

        assert_eq!(module.inspection().interface, interface);
        assert_eq!(manifest.name, name);
        assert_eq!(manifest.settings[0].name, "channel");
        assert_eq!(taken, Ok(()));
        let Err(Fault::Failed { failure, message }) = refused else {
            panic!("{name}: it took settings without a channel: {refused:?}");
        };
        assert_eq!(failure, FailureKind::Settings);
        assert!(message.contains("`channel`"), "{name}: {message}");
    }
}

#[tokio::test]
async fn the_newer_version_sees_its_field_and_the_host_as_the_older_does() {
    let module = Sandbox::new().load(&guests().next).await;

    let (result, log, _, changes) = evaluate(&module, &noted(Some("two commits were cut")));
    let (without, _, _, unchanged) = evaluate(&module, &noted(None));

    let decision = result.expect("it decides");
    let [Action::Notify(notification)] = decision.actions.as_slice() else {
        panic!("it asks for something else: {decision:?}");
    };
    assert_eq!(notification.channel, "notes-team");
    assert_eq!(notification.text, "two commits were cut");
    assert_eq!(notification.url, noted(None).event.url);
    assert_eq!(decision.reason.as_deref(), Some("note 1"));
    assert_eq!(log.lines.len(), 1);
    assert_eq!(log.lines[0].level, LogLevel::Info);
    assert_eq!(log.lines[0].message, r#""push" of gitlab"#);
    assert!(changes.entries.contains_key("notes"), "{changes:?}");
    let failed = without.expect_err("there is no note");
    assert_eq!(failed.to_string(), "it says: it has no note");
    assert!(unchanged.is_empty());
}

#[tokio::test]
async fn a_module_of_the_older_version_answers_beside_a_newer_one_as_it_does_alone() {
    let together = Sandbox::new();
    let next = together.load(&guests().next).await;
    for module in [&guests().echo, &guests().counter, &guests().talks] {
        let alone = evaluate(&Sandbox::new().load(module).await, &noted(None));
        let module = together.load(module).await;

        let before = evaluate(&module, &noted(None));
        let newer = evaluate(&next, &noted(Some("a note")));
        let after = evaluate(&module, &noted(None));
        let with_note = evaluate(&module, &noted(Some("a note")));

        assert!(alone.0.is_ok(), "{:?}", alone.0);
        assert!(newer.0.is_ok(), "{:?}", newer.0);
        assert_eq!(before, alone);
        assert_eq!(after, alone);
        assert_eq!(with_note, alone);
    }
}

#[tokio::test]
async fn modules_of_both_versions_answer_alike_on_every_thread() {
    let sandbox = Sandbox::new();
    let modules = [
        sandbox.load(&guests().counter).await,
        sandbox.load(&guests().next).await,
    ];
    let input = noted(Some("a note"));
    let first: Vec<Seen> = modules.iter().map(|it| evaluate(it, &input)).collect();
    let begin = std::sync::Barrier::new(4);

    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..100 {
                    let again: Vec<Seen> = modules.iter().map(|it| evaluate(it, &input)).collect();
                    assert_eq!(again, first);
                }
            });
        }
    });

    for (result, ..) in &first {
        assert!(result.is_ok(), "{result:?}");
    }
}

#[tokio::test]
async fn a_module_may_import_from_a_newer_version_than_it_was_built_for() {
    let module = Sandbox::new().load(&guests().mixed).await;

    let (result, log, ..) = evaluate(&module, &noted(None));

    assert_eq!(module.inspection().interface, Interface::V0_1);
    assert!(module.inspection().imports_interface("payload"));
    let decision = result.expect("it decides");
    assert_eq!(decision.reason.as_deref(), Some("both parts ran"));
    let lines: Vec<_> = log
        .lines
        .iter()
        .map(|it| (it.level, it.message.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (LogLevel::Info, "the older part saw gitlab"),
            (LogLevel::Warn, r#"the newer part saw "push""#),
        ]
    );
}

#[test]
fn a_version_newer_than_all_is_refused_with_those_that_are_served() {
    let refusal = inspect(&guests().newer).expect_err("it is refused");

    let version = "0.3.0".to_owned();
    assert_eq!(refusal, CompileErrorKind::NewerInterface { version });
    assert!(
        refusal.to_string().contains("serves 0.1, 0.2:"),
        "{refusal}"
    );
}
