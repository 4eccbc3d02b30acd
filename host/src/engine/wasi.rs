//! The WASI that a rule is given: one that holds nothing.
//!
//! Compilers and language runtimes import WASI whether a rule uses it or not. So all of WASI 0.2 is there,
//! whichever patch of it a component was built for, and nothing is behind it: no environment, arguments,
//! files, network, or input. The clocks stand at the event's `received-at`, randomness follows from the
//! event's identifier, and what is written to standard output goes to the log. Each interface of a
//! component is filled with functions that trap, and those that a component without files and sockets can
//! come to are put in their place. Everything else takes a handle, such as one of an open file, which
//! nothing ever gives out.
//!
//! Invariants:
//! - No call reads the host's clock, environment, files, or randomness, and none reaches a network.
//! - No call waits: what would wait ends the evaluation with [`Ended::WouldWait`].
//! - The same event gives the same answers of every call.
//! - A call costs fuel as the host's own calls do, and keeps nothing that grows but the log.
//!
//! The interfaces: <https://github.com/WebAssembly/WASI/tree/main/proposals>.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::StoreContextMut;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType, Val};

use super::context::{Context, charge};
use crate::domain::event::Event;

mod cli;
mod clocks;
mod io;
mod random;

type Caller<'a> = StoreContextMut<'a, Context>;
type Instance<'a> = LinkerInstance<'a, Context>;

/// The packages that are offered, and their interfaces.
const OFFERED: [(&str, &[&str]); 7] = [
    (
        "cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("clocks", &["monotonic-clock", "wall-clock", "timezone"]),
    ("filesystem", &["types", "preopens"]),
    ("http", &["types", "outgoing-handler"]),
    ("io", &["error", "poll", "streams"]),
    ("random", &["random", "insecure", "insecure-seed"]),
    (
        "sockets",
        &[
            "network",
            "instance-network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
            "ip-name-lookup",
        ],
    ),
];

/// Why a call of WASI ended an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ended {
    /// It waits for a moment that never comes, because the clock stands still.
    #[error("it would wait")]
    WouldWait,
    /// It ended its process.
    #[error("it ended itself with {0} in place of an answer")]
    Exited(String),
    /// It called what takes a handle that nothing gives out, or is left out.
    #[error("it called `{0}`, and the WASI of a rule has no files and no network")]
    NotThere(String),
    /// It asked for more than a call gives.
    #[error("it asked for {0} bytes in one call of WASI, and a call gives {most} at most", most = random::MOST)]
    TooMuch(u64),
}

/// A handle of any resource, told apart by its number. One type for all: an interface may give another's
/// resource a name of its own, so that a name says nothing of the type.
struct Handle;

type Own = Resource<Handle>;

/// What WASI shows a rule of the world, which is the event, and what it has used of it.
#[derive(Debug, Default)]
pub(super) struct World {
    event: Option<Arc<Event>>,
    randomness: random::Drawn,
    output: cli::Output,
}

impl World {
    /// The world at an event. The one by default is at the Unix epoch, and has no event.
    pub(super) fn at(event: &Arc<Event>) -> Self {
        Self {
            event: Some(Arc::clone(event)),
            ..Self::default()
        }
    }

    /// The time that every clock shows, in nanoseconds since the Unix epoch.
    fn now(&self) -> u64 {
        let millis = self.event.as_ref().map_or(0, |event| event.received_at.0);
        u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)
    }

    /// What randomness follows from.
    fn seed(&self) -> [u8; 32] {
        let id = self.event.as_ref().map_or("", |event| event.id.0.as_str());
        let mut hash = Sha256::new();
        hash.update(b"hookbox randomness\0");
        hash.update(id);
        hash.finalize().into()
    }
}

/// Splits `wasi:io/streams@0.2.6` into `io` and `streams`; none for what is not offered, such as an
/// interface of another version.
fn interface_of(name: &str) -> Option<(&str, &str)> {
    let (path, version) = name.strip_prefix("wasi:")?.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    if patch.is_empty() || !patch.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (package, interface) = path.split_once('/')?;
    OFFERED
        .iter()
        .any(|(known, interfaces)| *known == package && interfaces.contains(&interface))
        .then_some((package, interface))
}

/// Whether an import is of an interface that is offered.
pub(super) fn offers(import: &str) -> bool {
    interface_of(import).is_some()
}

/// Offers a component those interfaces of WASI that it imports.
pub(super) fn add_to_linker(
    linker: &mut Linker<Context>,
    component: &Component,
) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    linker.allow_shadowing(true);
    for (name, import) in component.component_type().imports(&engine) {
        let (Some((package, interface)), ComponentItem::ComponentInstance(wanted)) =
            (interface_of(name), import.ty)
        else {
            continue;
        };
        let mut offered = linker.instance(name)?;
        for (item, export) in wanted.exports(&engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => {
                    not_there(&mut offered, package, interface, item)?;
                }
                ComponentItem::Resource(_) => {
                    offered.resource(item, ResourceType::host::<Handle>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
        match (package, interface) {
            ("cli", _) => cli::offer(&mut offered, interface)?,
            ("clocks", _) => clocks::offer(&mut offered, interface)?,
            ("io", _) => io::offer(&mut offered, interface)?,
            ("random", _) => random::offer(&mut offered, interface)?,
            ("filesystem", "preopens") => preopens(&mut offered)?,
            ("sockets", _) => sockets(&mut offered, interface)?,
            _ => {}
        }
    }
    Ok(())
}

/// A function that nobody can call without a handle of what is not there, or that is left out.
fn not_there(
    offered: &mut Instance<'_>,
    package: &str,
    interface: &str,
    item: &str,
) -> wasmtime::Result<()> {
    let name = format!("wasi:{package}/{interface} {item}");
    offered.func_new(item, move |_, _, _, _| {
        Err(Ended::NotThere(name.clone()).into())
    })
}

/// No folder is open when a rule begins, so that no path leads anywhere.
fn preopens(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    offered.func_wrap("get-directories", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((Vec::<(Own, String)>::new(),))
    })
}

/// There is a network that denies every socket and every look at a name.
fn sockets(offered: &mut Instance<'_>, interface: &str) -> wasmtime::Result<()> {
    match interface {
        "instance-network" => {
            offered.func_wrap("instance-network", |mut caller: Caller<'_>, (): ()| {
                charge(&mut caller, 0)?;
                Ok((Own::new_own(0),))
            })
        }
        "tcp-create-socket" => denied(offered, "create-tcp-socket"),
        "udp-create-socket" => denied(offered, "create-udp-socket"),
        "ip-name-lookup" => denied(offered, "resolve-addresses"),
        _ => Ok(()),
    }
}

fn denied(offered: &mut Instance<'_>, item: &str) -> wasmtime::Result<()> {
    offered.func_new(item, |mut caller, _, arguments, results| {
        let mut passed = 0;
        for argument in arguments {
            match argument {
                Val::String(text) => passed += text.len(),
                // What a call borrows is given back before it returns.
                Val::Resource(handle) => handle.resource_drop(&mut caller)?,
                _ => {}
            }
        }
        charge(&mut caller, passed)?;
        let denied = Val::Enum("access-denied".to_owned());
        if let [result] = results {
            *result = Val::Result(Err(Some(Box::new(denied))));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_of_wasi_0_2_is_offered_and_nothing_else() {
        for name in [
            "wasi:io/poll@0.2.0",
            "wasi:cli/exit@0.2.12",
            "wasi:sockets/tcp@0.2.99",
        ] {
            assert!(offers(name), "{name}");
        }
        for name in [
            "wasi:io/poll",
            "wasi:io/poll@0.2",
            "wasi:io/poll@0.2.",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll@0.2.0-rc-2023-11-10",
            "wasi:io/pipes@0.2.0",
            "wasi:keyvalue/store@0.2.0",
            "hookbox:rule/log@0.1.0",
            "wasi_snapshot_preview1",
        ] {
            assert!(!offers(name), "{name}");
        }
    }
}
