//! What the host offers a rule of version 0.1: `payload`, `settings`, `log`, and `state`.
//!
//! No function waits for anything. Each charges the rule for what passes either way.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::bindings::hookbox::rule::log::Level;
use super::bindings::hookbox::rule::state::StateError;
use crate::domain::evaluation::LogLevel;
use crate::engine::context::{Context, charge};

type Caller<'a> = StoreContextMut<'a, Context>;

fn length(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

/// Offers the interfaces to components that are instantiated through this linker.
pub(in crate::engine) fn add_to_linker(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    payload(linker)?;
    settings(linker)?;
    log(linker)?;
    state(linker)
}

fn payload(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    let mut payload = linker.instance("hookbox:rule/payload@0.1.0")?;
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

fn settings(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    let mut settings = linker.instance("hookbox:rule/settings@0.1.0")?;
    settings.func_wrap("all", |mut caller: Caller<'_>, (): ()| {
        let all = caller.data().settings.as_ref().to_owned();
        charge(&mut caller, all.len())?;
        Ok((all,))
    })
}

fn log(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    let mut log = linker.instance("hookbox:rule/log@0.1.0")?;
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

/// No rule is granted state yet, so each call says so.
fn state(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    let mut state = linker.instance("hookbox:rule/state@0.1.0")?;
    state.func_wrap("get", |mut caller: Caller<'_>, (key,): (String,)| {
        charge(&mut caller, key.len())?;
        Ok((Err::<Option<String>, _>(StateError::NotGranted),))
    })?;
    state.func_wrap(
        "set",
        |mut caller: Caller<'_>, (key, value, _): (String, String, Option<u32>)| {
            charge(&mut caller, key.len() + value.len())?;
            Ok((Err::<(), _>(StateError::NotGranted),))
        },
    )?;
    state.func_wrap(
        "add",
        |mut caller: Caller<'_>, (key, _, _): (String, i64, Option<u32>)| {
            charge(&mut caller, key.len())?;
            Ok((Err::<i64, _>(StateError::NotGranted),))
        },
    )?;
    state.func_wrap("remove", |mut caller: Caller<'_>, (key,): (String,)| {
        charge(&mut caller, key.len())?;
        Ok((Err::<(), _>(StateError::NotGranted),))
    })?;
    state.func_wrap("keys", |mut caller: Caller<'_>, (prefix,): (String,)| {
        charge(&mut caller, prefix.len())?;
        Ok((Err::<Vec<String>, _>(StateError::NotGranted),))
    })
}
