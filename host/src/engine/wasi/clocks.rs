//! `wasi:clocks`: clocks that stand still.
//!
//! Both show the event's `received-at`, and the Unix epoch where there is no event. A moment that is not
//! past by then never comes.

use wasmtime::component::{ComponentType, Lower};

use super::io::{NEVER, READY};
use super::{Caller, Instance, Own};
use crate::engine::context::charge;

/// How exact the clocks are: a moment of an event is kept in milliseconds.
const RESOLUTION: u32 = 1_000_000;

const SECOND: u64 = 1_000_000_000;

/// `wasi:clocks/wall-clock datetime`.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

pub(super) fn offer(offered: &mut Instance<'_>, interface: &str) -> wasmtime::Result<()> {
    match interface {
        "monotonic-clock" => monotonic(offered),
        "wall-clock" => wall(offered),
        _ => Ok(()),
    }
}

fn wall(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    offered.func_wrap("now", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        let now = caller.data().world.now();
        let nanoseconds = u32::try_from(now % SECOND).unwrap_or(0);
        Ok((Datetime {
            seconds: now / SECOND,
            nanoseconds,
        },))
    })?;
    offered.func_wrap("resolution", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((Datetime {
            seconds: 0,
            nanoseconds: RESOLUTION,
        },))
    })
}

fn monotonic(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    offered.func_wrap("now", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((caller.data().world.now(),))
    })?;
    offered.func_wrap("resolution", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((u64::from(RESOLUTION),))
    })?;
    offered.func_wrap(
        "subscribe-instant",
        |mut caller: Caller<'_>, (when,): (u64,)| {
            charge(&mut caller, 0)?;
            let past = when <= caller.data().world.now();
            Ok((Own::new_own(if past { READY } else { NEVER }),))
        },
    )?;
    offered.func_wrap(
        "subscribe-duration",
        |mut caller: Caller<'_>, (long,): (u64,)| {
            charge(&mut caller, 0)?;
            Ok((Own::new_own(if long == 0 { READY } else { NEVER }),))
        },
    )
}
