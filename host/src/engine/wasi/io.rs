//! `wasi:io`: streams that are closed or lead to the log, and a poll that never waits.

use wasmtime::component::{ComponentType, Lower};

use super::cli::Stream;
use super::{Caller, Ended, Instance, Own};
use crate::engine::context::charge;

/// The number of a pollable that is ready, as everything is that needs no waiting for.
pub(super) const READY: u32 = 0;

/// The number of a pollable that is never ready: a timer, because the clock stands still.
pub(super) const NEVER: u32 = 1;

/// What may be written at once, in bytes; a program writes more in several calls.
const PERMIT: u64 = 64 << 10;

/// What a line of output costs beyond its bytes, as bytes that are passed.
const LINE: usize = 64;

/// `wasi:io/streams stream-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[expect(
        dead_code,
        reason = "a stream of the interface may fail, and none here does"
    )]
    Failed(Own),
    #[component(name = "closed")]
    Closed,
}

pub(super) fn offer(offered: &mut Instance<'_>, interface: &str) -> wasmtime::Result<()> {
    match interface {
        "poll" => poll(offered),
        "streams" => {
            input(offered)?;
            output(offered)?;
            zeroes(offered)?;
            splices(offered)
        }
        _ => Ok(()),
    }
}

fn poll(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    offered.func_wrap(
        "[method]pollable.ready",
        |mut caller: Caller<'_>, (pollable,): (Own,)| {
            charge(&mut caller, 0)?;
            Ok((pollable.rep() == READY,))
        },
    )?;
    offered.func_wrap(
        "[method]pollable.block",
        |mut caller: Caller<'_>, (pollable,): (Own,)| {
            charge(&mut caller, 0)?;
            if pollable.rep() == READY {
                Ok(())
            } else {
                Err(Ended::WouldWait.into())
            }
        },
    )?;
    offered.func_wrap(
        "poll",
        |mut caller: Caller<'_>, (pollables,): (Vec<Own>,)| {
            charge(&mut caller, pollables.len() * 8)?;
            let ready: Vec<u32> = (0..)
                .zip(&pollables)
                .filter(|(_, pollable)| pollable.rep() == READY)
                .map(|(place, _)| place)
                .collect();
            if ready.is_empty() {
                return Err(Ended::WouldWait.into());
            }
            Ok((ready,))
        },
    )
}

/// Standard input, the only input there is, is at its end.
fn input(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    for item in ["read", "blocking-read"] {
        offered.func_wrap(
            &format!("[method]input-stream.{item}"),
            |mut caller: Caller<'_>, (_, _): (Own, u64)| {
                charge(&mut caller, 0)?;
                Ok((Err::<Vec<u8>, _>(StreamError::Closed),))
            },
        )?;
    }
    for item in ["skip", "blocking-skip"] {
        offered.func_wrap(
            &format!("[method]input-stream.{item}"),
            |mut caller: Caller<'_>, (_, _): (Own, u64)| {
                charge(&mut caller, 0)?;
                Ok((Err::<u64, _>(StreamError::Closed),))
            },
        )?;
    }
    subscribe(offered, "[method]input-stream.subscribe")
}

fn subscribe(offered: &mut Instance<'_>, item: &str) -> wasmtime::Result<()> {
    offered.func_wrap(item, |mut caller: Caller<'_>, (_,): (Own,)| {
        charge(&mut caller, 0)?;
        Ok((Own::new_own(READY),))
    })
}

/// Standard output and standard error, which take everything at once.
fn output(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    offered.func_wrap(
        "[method]output-stream.check-write",
        |mut caller: Caller<'_>, (_,): (Own,)| {
            charge(&mut caller, 0)?;
            Ok((Ok::<_, StreamError>(PERMIT),))
        },
    )?;
    for item in ["write", "blocking-write-and-flush"] {
        offered.func_wrap(
            &format!("[method]output-stream.{item}"),
            |mut caller: Caller<'_>, (stream, contents): (Own, Vec<u8>)| {
                write(&mut caller, &stream, &contents)
            },
        )?;
    }
    for item in ["flush", "blocking-flush"] {
        offered.func_wrap(
            &format!("[method]output-stream.{item}"),
            |mut caller: Caller<'_>, (_,): (Own,)| {
                charge(&mut caller, 0)?;
                Ok((Ok::<(), StreamError>(()),))
            },
        )?;
    }
    subscribe(offered, "[method]output-stream.subscribe")
}

type Written = (Result<(), StreamError>,);

fn write(caller: &mut Caller<'_>, stream: &Own, contents: &[u8]) -> wasmtime::Result<Written> {
    let lines = memchr::memchr_iter(b'\n', contents).count();
    charge(caller, contents.len() + lines * LINE)?;
    caller
        .data_mut()
        .write_output(Stream::of(stream.rep()), contents);
    Ok((Ok(()),))
}

fn zeroes(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    for item in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        offered.func_wrap(
            &format!("[method]output-stream.{item}"),
            |mut caller: Caller<'_>, (stream, count): (Own, u64)| {
                if count > PERMIT {
                    return Err(Ended::TooMuch(count).into());
                }
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                write(&mut caller, &stream, &vec![0; count])
            },
        )?;
    }
    Ok(())
}

fn splices(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    for item in ["splice", "blocking-splice"] {
        offered.func_wrap(
            &format!("[method]output-stream.{item}"),
            |mut caller: Caller<'_>, (_, _, _): (Own, Own, u64)| {
                charge(&mut caller, 0)?;
                Ok((Err::<u64, _>(StreamError::Closed),))
            },
        )?;
    }
    Ok(())
}
