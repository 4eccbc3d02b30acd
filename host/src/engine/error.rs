//! What can go wrong with a module, and the one place where the engine's own errors become faults.
//!
//! Invariant: no error of Wasmtime leaves the engine.

use wasmtime::Trap;

use super::context::{Context, Stop};
use super::interface::Interface;
use super::wasi::Ended;
use crate::domain::fault::Fault;
use crate::domain::limits::Limits;
use crate::domain::names::Digest;
use crate::domain::quantity::Bytes;

/// A module that the engine does not take.
#[derive(Debug, Clone, thiserror::Error)]
#[error("module {} cannot be used", digest.short())]
pub struct CompileError {
    /// The module.
    pub digest: Digest,
    /// Why.
    #[source]
    pub kind: CompileErrorKind,
}

/// Why the engine does not take a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileErrorKind {
    /// The file is larger than a module may be.
    #[error(
        "the file has {found}, and a module may have {limit}: raise `module` under `[limits]` in `hookbox.toml`, or build it smaller"
    )]
    TooLarge {
        /// Its size.
        found: Bytes,
        /// What it may have.
        limit: Bytes,
    },
    /// It does not begin as WebAssembly does.
    #[error("the file is not WebAssembly: build the rule with `hookbox build`")]
    NotWasm,
    /// It begins as WebAssembly and does not go on so: it is cut off or damaged.
    #[error("the file is cut off or damaged: {reason}")]
    Broken {
        /// What the reader says.
        reason: String,
    },
    /// It exports no rule.
    #[error(
        "the module exports no `hookbox:rule/evaluator`: it is not a rule, or `rule!` is missing"
    )]
    NotARule,
    /// It was built for a version of the interface that this host does not serve.
    #[error(
        "the module was built for version {version} of the interface, and hookbox {} serves {}: \
         run a hookbox that serves {version}, or build the rule with the SDK of this one",
        env!("CARGO_PKG_VERSION"), Interface::served()
    )]
    NewerInterface {
        /// The version it was built for.
        version: String,
    },
    /// It imports what the host does not offer.
    #[error(
        "the module imports `{name}`, which this hookbox does not offer: a rule imports `hookbox:rule` and WASI 0.2, which is empty"
    )]
    UnknownImport {
        /// What it imports.
        name: String,
    },
    /// It imports WASI as it was before components.
    #[error(
        "the module imports `{name}`, which is WASI before its version 0.2: build it for the target `wasm32-wasip2`, or for `wasm32-unknown-unknown` with `hookbox build`"
    )]
    WasiPreview {
        /// What it imports.
        name: String,
    },
    /// The engine refuses it.
    #[error("the module is not valid: {reason}")]
    Invalid {
        /// What the engine says.
        reason: String,
    },
    /// Compiling it took more memory or time than it may.
    #[error(
        "compiling the module takes more than {limit}; it is not tried again until the file changes"
    )]
    TooCostly {
        /// What it may take, in words.
        limit: String,
    },
    /// The compiler itself could not run, which is not the module's doing.
    #[error("the compiler could not run: {reason}")]
    Compiler {
        /// Why.
        reason: String,
    },
}

impl CompileErrorKind {
    /// Every code it may have.
    pub const CODES: [&'static str; 9] = [
        "rule/too-large",
        "rule/not-wasm",
        "rule/broken",
        "rule/not-a-rule",
        "rule/newer-interface",
        "rule/unknown-import",
        "rule/invalid",
        "rule/too-costly-to-compile",
        "rule/compiler",
    ];

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "rule/too-large",
            Self::NotWasm => "rule/not-wasm",
            Self::Broken { .. } => "rule/broken",
            Self::NotARule => "rule/not-a-rule",
            Self::NewerInterface { .. } => "rule/newer-interface",
            Self::UnknownImport { .. } | Self::WasiPreview { .. } => "rule/unknown-import",
            Self::Invalid { .. } => "rule/invalid",
            Self::TooCostly { .. } => "rule/too-costly-to-compile",
            Self::Compiler { .. } => "rule/compiler",
        }
    }
}

/// The engine itself could not be made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the WebAssembly engine cannot be set up: {reason}")]
pub struct EngineError {
    pub(super) reason: String,
}

impl From<wasmtime::Error> for EngineError {
    fn from(error: wasmtime::Error) -> Self {
        Self {
            reason: format!("{error:#}"),
        }
    }
}

/// How far an instance had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was being made.
    Instantiating,
    /// It was running, or handing over its answer.
    Running,
}

/// Turns what the engine says into a fault.
pub(super) fn fault_of(
    error: &wasmtime::Error,
    context: &Context,
    limits: &Limits,
    stage: Stage,
) -> Fault {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::CpuTime => Fault::OutOfTime {
                limit: limits.cpu_time,
            },
            Stop::WallTime => Fault::TimedOut {
                limit: limits.wall_time,
            },
        };
    }
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return match ended {
            Ended::WouldWait => Fault::WouldWait,
            other => Fault::Trapped {
                message: other.to_string(),
            },
        };
    }
    if context.memory_refused {
        return Fault::OutOfMemory {
            limit: limits.memory,
        };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match trap {
            Trap::OutOfFuel => Fault::OutOfFuel { limit: limits.fuel },
            Trap::StackOverflow => Fault::StackOverflow {
                limit: Bytes(super::config::STACK.try_into().unwrap_or(u64::MAX)),
            },
            other => Fault::Trapped {
                message: context.panic_message().map_or_else(
                    || other.to_string(),
                    |panic| format!("{other}, after it logged: {panic}"),
                ),
            },
        };
    }
    let message = format!("{error:#}");
    // Wasmtime keeps the type of this error to itself; the guest `huge-result` shows when it changes.
    if message.contains("fuel allocated for hostcalls has been exhausted") {
        return Fault::CopiedTooMuch {
            limit: limits.copied_out,
        };
    }
    match stage {
        Stage::Instantiating => Fault::Engine { message },
        // Text that is not UTF-8, a list beyond the memory's end, a case that does not exist.
        Stage::Running => Fault::BadOutput { reason: message },
    }
}
