//! Everything that is written for people and scripts: standard output, and errors.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::Value;
use tracing_subscriber::EnvFilter;

use super::CliError;

/// Writes a line to standard output.
pub(super) fn line(text: impl AsRef<str>) {
    // A reader that has gone needs no more lines.
    let _gone = writeln!(std::io::stdout(), "{}", text.as_ref());
}

/// Writes a text to standard output as it is, with no line feed after it.
pub(super) fn write(text: &str) {
    // A reader that has gone needs no more.
    let _gone = std::io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| std::io::stdout().flush());
}

/// Writes something as JSON to standard output.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(text),
        Err(error) => note(format!("error: {error}")),
    }
}

/// Writes a line to standard error: what the program is doing.
pub(super) fn note(text: impl AsRef<str>) {
    // Nobody is left to tell.
    let _gone = writeln!(std::io::stderr(), "{}", text.as_ref());
}

/// Writes an error with its causes and hints, which may quote what strangers wrote.
pub(super) fn error(error: &CliError) {
    note(format!("error: {}", safe(&error.source.to_string())));
    let mut said = error.source.to_string();
    for cause in error.source.chain().skip(1) {
        let text = cause.to_string();
        if text != said {
            note(format!("caused by: {}", safe(&text)));
        }
        said = text;
    }
    for hint in &error.hints {
        note(format!("hint: {}", safe(hint)));
    }
}

/// Makes a stranger's text safe for a terminal: control characters are shown escaped.
pub(super) fn safe(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character.to_string(),
            control if control.is_control() => control.escape_default().to_string(),
            other => other.to_string(),
        })
        .collect()
}

/// A value of an answer as a cell of a table: a text made safe, and `-` where there is nothing.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => safe(text),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// A value of an answer in one line: what is not at hand is `-`, and line feeds are spaces.
pub(super) fn one_line(value: &Value) -> String {
    text(value).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How long ago something was, in one unit, such as `3h`. Both moments are the server's, in milliseconds.
pub(super) fn ago(now: &Value, then: &Value) -> String {
    let (Some(now), Some(then)) = (now.as_i64(), then.as_i64()) else {
        return "-".to_owned();
    };
    let seconds = now.saturating_sub(then).max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// That something is paused, since when and why; none where it is not.
pub(super) fn paused(pause: &Value) -> Option<String> {
    let since = pause["since-local"].as_str()?;
    let reason = pause["reason"].as_str();
    let reason = reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    Some(safe(&format!("paused since {since}{reason}")))
}

/// The entries of a list of an answer; none where there is no list.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Writes rows under their headings, each column as wide as its widest cell.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .chain([headings[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let write = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(padded.join("  ").trim_end());
    };
    write(&headings.iter().map(ToString::to_string).collect::<Vec<_>>());
    for row in rows {
        write(row);
    }
}

/// Lets the program's log go to standard error, as `HOOKBOX_LOG` says; `info` by default.
pub(super) fn log() {
    let filter = crate::config::env::variable("HOOKBOX_LOG").unwrap_or_else(|| "info".to_owned());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second call, in one process of a test, changes nothing.
    let _set_already = builder.try_init();
}
