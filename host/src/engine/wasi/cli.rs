//! `wasi:cli`: no environment, no arguments, no terminal, input that is at its end, and output that goes to
//! the log line by line.
//!
//! A line ends at a line feed, or with the evaluation; one without a text is left out. Standard output is
//! logged as `info`, standard error as `warn`. Both count against the limits of the log.

use super::{Caller, Ended, Instance, Own};
use crate::domain::evaluation::LogLevel;
use crate::engine::context::{Context, charge};

/// One of the two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Error,
}

impl Stream {
    /// By the number of its handle.
    pub(super) fn of(number: u32) -> Self {
        if number == STDERR {
            Self::Error
        } else {
            Self::Output
        }
    }

    fn level(self) -> LogLevel {
        match self {
            Self::Output => LogLevel::Info,
            Self::Error => LogLevel::Warn,
        }
    }
}

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// The last line of each output, which has no end yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    output: Vec<u8>,
    error: Vec<u8>,
}

impl Output {
    fn line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Output => &mut self.output,
            Stream::Error => &mut self.error,
        }
    }
}

impl Context {
    /// Takes what a rule writes to one of its outputs, and logs the lines that it ends.
    pub(super) fn write_output(&mut self, stream: Stream, contents: &[u8]) {
        let mut pieces = contents.split(|byte| *byte == b'\n');
        // There is one piece at least: what follows the last line feed, which may be nothing.
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.extend_line(stream, piece);
            self.end_line(stream);
        }
        self.extend_line(stream, last);
    }

    /// Keeps no more of a line than the log does.
    fn extend_line(&mut self, stream: Stream, piece: &[u8]) {
        let limit = self.line_limit();
        let line = self.world.output.line(stream);
        let room = limit.saturating_sub(line.len()).min(piece.len());
        line.extend_from_slice(&piece[..room]);
    }

    fn end_line(&mut self, stream: Stream) {
        let line = self.world.output.line(stream);
        let text = line.trim_ascii_end();
        if !text.is_empty() {
            let text = String::from_utf8_lossy(text).into_owned();
            line.clear();
            self.write_log(stream.level(), text);
        } else {
            line.clear();
        }
    }

    /// Logs what has no end yet; to be called when the rule has ended.
    pub(in crate::engine) fn end_output(&mut self) {
        self.end_line(Stream::Output);
        self.end_line(Stream::Error);
    }
}

pub(super) fn offer(offered: &mut Instance<'_>, interface: &str) -> wasmtime::Result<()> {
    match interface {
        "environment" => environment(offered),
        "exit" => exit(offered),
        "stdin" => stream(offered, "get-stdin", STDIN),
        "stdout" => stream(offered, "get-stdout", STDOUT),
        "stderr" => stream(offered, "get-stderr", STDERR),
        "terminal-stdin" => no_terminal(offered, "get-terminal-stdin"),
        "terminal-stdout" => no_terminal(offered, "get-terminal-stdout"),
        "terminal-stderr" => no_terminal(offered, "get-terminal-stderr"),
        _ => Ok(()),
    }
}

fn environment(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    offered.func_wrap("get-environment", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((Vec::<(String, String)>::new(),))
    })?;
    offered.func_wrap("get-arguments", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((Vec::<String>::new(),))
    })?;
    offered.func_wrap("initial-cwd", |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((None::<String>,))
    })
}

fn exit(offered: &mut Instance<'_>) -> wasmtime::Result<()> {
    offered.func_wrap(
        "exit",
        |_: Caller<'_>, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            let status = match status {
                Ok(()) => "success",
                Err(()) => "failure",
            };
            Err(Ended::Exited(status.to_owned()).into())
        },
    )?;
    offered.func_wrap(
        "exit-with-code",
        |_: Caller<'_>, (code,): (u8,)| -> wasmtime::Result<()> {
            Err(Ended::Exited(format!("code {code}")).into())
        },
    )
}

fn stream(offered: &mut Instance<'_>, item: &str, number: u32) -> wasmtime::Result<()> {
    offered.func_wrap(item, move |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((Own::new_own(number),))
    })
}

fn no_terminal(offered: &mut Instance<'_>, item: &str) -> wasmtime::Result<()> {
    offered.func_wrap(item, |mut caller: Caller<'_>, (): ()| {
        charge(&mut caller, 0)?;
        Ok((None::<Own>,))
    })
}
