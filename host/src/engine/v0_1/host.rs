//! What the host offers a rule of version 0.1, and of each later one that has left it so: `payload`, `settings`,
//! `log`, and `state`.
//!
//! No function waits for anything. Each charges the rule for what passes either way.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance};

use super::bindings::hookbox::rule::log::Level;
use super::bindings::hookbox::rule::state::StateError;
use crate::domain::evaluation::LogLevel;
use crate::domain::state::{Session, SessionError};
use crate::engine::context::{Context, charge};
use crate::engine::interface::Interface;

type Caller<'a> = StoreContextMut<'a, Context>;
type Offered<'a> = LinkerInstance<'a, Context>;

fn length(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

/// Offers the interfaces, under the name of a version, to components that are instantiated through this linker.
pub(in crate::engine) fn add_to_linker(
    linker: &mut Linker<Context>,
    version: Interface,
) -> wasmtime::Result<()> {
    payload(&mut linker.instance(&version.name_of("payload"))?)?;
    settings(&mut linker.instance(&version.name_of("settings"))?)?;
    log(&mut linker.instance(&version.name_of("log"))?)?;
    state(&mut linker.instance(&version.name_of("state"))?)
}

fn payload(payload: &mut Offered<'_>) -> wasmtime::Result<()> {
    payload.func_wrap(
        "pointer",
        |mut caller: Caller<'_>, (pointer,): (String,)| {
            let found = caller.data().payload.pointer(&pointer);
            charge(&mut caller, pointer.len() + length(found.as_ref()))?;
            Ok((found,))
        },
    )?;
    payload.func_wrap("body", |mut caller: Caller<'_>, (): ()| {
        let body = caller.data().payload.body.clone();
        charge(&mut caller, body.len())?;
        Ok((body.to_vec(),))
    })?;
    payload.func_wrap("header", |mut caller: Caller<'_>, (name,): (String,)| {
        let found = caller.data().payload.header(&name);
        charge(&mut caller, name.len() + length(found.as_ref()))?;
        Ok((found,))
    })?;
    payload.func_wrap("query", |mut caller: Caller<'_>, (name,): (String,)| {
        let found = caller.data().payload.query(&name);
        charge(&mut caller, name.len() + length(found.as_ref()))?;
        Ok((found,))
    })?;
    payload.func_wrap("remote-address", |mut caller: Caller<'_>, (): ()| {
        let found = caller.data().payload.remote_address.clone();
        charge(&mut caller, length(found.as_ref()))?;
        Ok((found,))
    })
}

fn settings(settings: &mut Offered<'_>) -> wasmtime::Result<()> {
    settings.func_wrap("all", |mut caller: Caller<'_>, (): ()| {
        let all = caller.data().settings.as_ref().to_owned();
        charge(&mut caller, all.len())?;
        Ok((all,))
    })
}

fn log(log: &mut Offered<'_>) -> wasmtime::Result<()> {
    log.func_wrap(
        "write",
        |mut caller: Caller<'_>, (level, message): (Level, String)| {
            charge(&mut caller, message.len())?;
            let level = match level {
                Level::Debug => LogLevel::Debug,
                Level::Info => LogLevel::Info,
                Level::Warn => LogLevel::Warn,
                Level::Error => LogLevel::Error,
            };
            caller.data_mut().write_log(level, message);
            Ok(())
        },
    )
}

/// Answers from the session; without one the rule is granted no state, and each call says so.
fn state(state: &mut Offered<'_>) -> wasmtime::Result<()> {
    state.func_wrap("get", |mut caller: Caller<'_>, (key,): (String,)| {
        let found = session(&mut caller).map(|session| session.get(&key).map(str::to_owned));
        let value = found.as_ref().ok().and_then(Option::as_ref);
        charge(&mut caller, key.len() + length(value))?;
        Ok((found,))
    })?;
    state.func_wrap(
        "set",
        |mut caller: Caller<'_>, (key, value, seconds): (String, String, Option<u32>)| {
            charge(&mut caller, key.len() + value.len())?;
            let set = session(&mut caller)
                .and_then(|session| session.set(&key, &value, seconds).map_err(refused));
            Ok((set,))
        },
    )?;
    state.func_wrap(
        "add",
        |mut caller: Caller<'_>, (key, amount, seconds): (String, i64, Option<u32>)| {
            charge(&mut caller, key.len())?;
            let added = session(&mut caller)
                .and_then(|session| session.add(&key, amount, seconds).map_err(refused));
            Ok((added,))
        },
    )?;
    state.func_wrap("remove", |mut caller: Caller<'_>, (key,): (String,)| {
        charge(&mut caller, key.len())?;
        Ok((session(&mut caller).map(|session| session.remove(&key)),))
    })?;
    state.func_wrap("keys", |mut caller: Caller<'_>, (prefix,): (String,)| {
        let found = session(&mut caller).map(|session| {
            let keys = session.keys(&prefix).map(str::to_owned);
            keys.collect::<Vec<_>>()
        });
        let keys = found.as_deref().unwrap_or_default();
        // Each entry of the list takes room besides its text.
        let bytes: usize = keys.iter().map(|key| key.len() + LISTED).sum();
        charge(&mut caller, prefix.len() + bytes)?;
        Ok((found,))
    })
}

/// What an entry of a list counts besides its text: its place in the list, and the text's own allocation.
const LISTED: usize = 32;

fn session<'a>(caller: &'a mut Caller<'_>) -> Result<&'a mut Session, StateError> {
    let state = caller.data_mut().state.as_mut();
    state.ok_or(StateError::NotGranted)
}

fn refused(error: SessionError) -> StateError {
    match error {
        SessionError::TooLarge => StateError::TooLarge,
    }
}
