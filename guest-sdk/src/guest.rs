//! What stands between `rule!` and the module's exports.
//!
//! `rule!` makes a type that implements the interface with the functions of this module; nobody else
//! calls them.
//!
//! Invariant: a panic leaves its message in the rule's log before the module traps.

pub use crate::bindings::exports::hookbox::rule::evaluator::{Guest, Manifest as Described};
use crate::bindings::hookbox::rule::manifest::{Manifest, Setting};
use crate::decision::{Decision, Deploy, Notify};
use crate::event::Event;
use crate::failure::Failure;
use crate::settings::Settings;

/// The allocator of modules: it only ever takes the next bytes.
///
/// An instance lives for one evaluation, so that nothing is worth freeing, and a free list is most of
/// what a small rule would spend.
#[cfg(target_family = "wasm")]
pub type Allocator = lol_alloc::LockedAllocator<lol_alloc::LeakingAllocator>;

/// Makes the allocator.
#[cfg(target_family = "wasm")]
#[must_use]
pub const fn allocator() -> Allocator {
    lol_alloc::LockedAllocator::new(lol_alloc::LeakingAllocator::new())
}

/// Prepares an instance; each export calls it first. Does nothing natively, where tests show panics.
pub fn start() {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("panic");
        match panic.location() {
            Some(at) => crate::log::error(format!("{}:{}: {message}", at.file(), at.line())),
            None => crate::log::error(message),
        }
    }));
}

/// A function that decides: `fn(&Event) -> Answer` or `fn(&Event, &Settings) -> Answer`.
pub trait Evaluate<Signature> {
    /// Describes the settings that the function takes.
    fn settings() -> Vec<Setting>;

    /// Decides about one event; reads the settings first if the function takes them.
    ///
    /// # Errors
    /// The function's own failure, or that of its settings.
    fn evaluate(&self, event: &Event) -> Result<Decision, Failure>;
}

impl<F, A> Evaluate<(A,)> for F
where
    F: Fn(&Event) -> A,
    A: Answer,
{
    fn settings() -> Vec<Setting> {
        Vec::new()
    }

    fn evaluate(&self, event: &Event) -> Result<Decision, Failure> {
        self(event).into_answer()
    }
}

impl<F, S, A> Evaluate<(S, A)> for F
where
    F: Fn(&Event, &S) -> A,
    S: Settings,
    A: Answer,
{
    fn settings() -> Vec<Setting> {
        S::declare()
    }

    fn evaluate(&self, event: &Event) -> Result<Decision, Failure> {
        self(event, &S::load()?).into_answer()
    }
}

/// A function that checks settings further: `fn(&Settings) -> Result<(), E>` or `fn() -> Result<(), E>`.
///
/// It runs after each setting was found to be of its type; an `E` of text is a failure of the settings.
pub trait Configure<Signature> {
    /// Checks.
    ///
    /// # Errors
    /// What is wrong with the settings.
    fn configure(&self) -> Result<(), Failure>;
}

impl<F, E> Configure<(E,)> for F
where
    F: Fn() -> Result<(), E>,
    E: SettingsProblem,
{
    fn configure(&self) -> Result<(), Failure> {
        self().map_err(SettingsProblem::into_failure)
    }
}

impl<F, S, E> Configure<(S, E)> for F
where
    F: Fn(&S) -> Result<(), E>,
    S: Settings,
    E: SettingsProblem,
{
    fn configure(&self) -> Result<(), Failure> {
        self(&S::load()?).map_err(SettingsProblem::into_failure)
    }
}

/// What a `configure` function may fail with.
pub trait SettingsProblem {
    /// Turns it into a failure.
    fn into_failure(self) -> Failure;
}

impl SettingsProblem for Failure {
    fn into_failure(self) -> Failure {
        self
    }
}

impl SettingsProblem for String {
    fn into_failure(self) -> Failure {
        Failure::Settings(self)
    }
}

impl SettingsProblem for &str {
    fn into_failure(self) -> Failure {
        Failure::Settings(self.to_owned())
    }
}

/// What an `evaluate` function may return.
pub trait Answer {
    /// Turns it into the interface's answer.
    ///
    /// # Errors
    /// Those of a `Result` that is one.
    fn into_answer(self) -> Result<Decision, Failure>;
}

impl Answer for Decision {
    fn into_answer(self) -> Result<Decision, Failure> {
        Ok(self)
    }
}

impl Answer for Notify {
    fn into_answer(self) -> Result<Decision, Failure> {
        Ok(self.into())
    }
}

impl Answer for Deploy {
    fn into_answer(self) -> Result<Decision, Failure> {
        Ok(self.into())
    }
}

impl<T: Into<Decision>, E: Into<Failure>> Answer for Result<T, E> {
    fn into_answer(self) -> Result<Decision, Failure> {
        self.map(Into::into).map_err(Into::into)
    }
}

/// What a rule's Cargo.toml says of it.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// `CARGO_PKG_NAME`.
    pub name: &'static str,
    /// `CARGO_PKG_VERSION`.
    pub version: &'static str,
    /// `CARGO_PKG_DESCRIPTION`.
    pub summary: &'static str,
    /// `CARGO_PKG_AUTHORS`, with `:` between them.
    pub authors: &'static str,
    /// `CARGO_PKG_LICENSE`.
    pub license: &'static str,
    /// `CARGO_PKG_HOMEPAGE`.
    pub homepage: &'static str,
}

/// What a rule's `rule!` asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asks {
    /// Names of subjects.
    pub subjects: &'static [&'static str],
    /// Patterns of channels.
    pub channels: &'static [&'static str],
    /// Patterns of commands.
    pub commands: &'static [&'static str],
}

/// Puts a manifest together.
#[must_use]
pub fn manifest(package: &Package, asks: &Asks, settings: Vec<Setting>) -> Manifest {
    Manifest {
        name: package.name.to_owned(),
        version: package.version.to_owned(),
        summary: package.summary.to_owned(),
        authors: package
            .authors
            .split(':')
            .filter(|author| !author.is_empty())
            .map(str::to_owned)
            .collect(),
        license: given(package.license),
        homepage: given(package.homepage),
        subjects: owned(asks.subjects),
        channels: owned(asks.channels),
        commands: owned(asks.commands),
        settings,
    }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
