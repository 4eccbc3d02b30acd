//! The console: messages as blocks of text on standard output.
//!
//! For a first try, for `hookbox dev`, and for a log that something else reads. A block is
//!
//! ```text
//! [error] dev: Pipeline #7 failed
//!     two jobs failed
//!
//!     Branch  main
//!     Author  Ada
//!     https://gitlab.example.org/…
//!     to Ada, all
//!     GitLab
//! ```
//!
//! Invariants:
//! - A block is one write, so that blocks do not interleave.
//! - No control sequence of a message reaches the terminal, and nothing in a message begins at the left
//!   margin, where the next block does.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::error::{Problem, SettingError};
use super::text::{columns, one_line, printable};
use super::{Context, Notifier, Sent};
use crate::domain::decision::{Field, Notification, Severity};
use crate::domain::names::ChannelName;

const INDENT: &str = "    ";

/// The widest name of a field that values are aligned to; beside a longer one they would be far off.
const MAX_NAME: usize = 24;

/// The settings of a channel of the kind `console`: it has none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::empty_structs_with_brackets,
    reason = "it is read from a table, and a key in it is an error that names the key"
)]
pub struct ConsoleConfig {}

impl ConsoleConfig {
    pub(super) fn open(
        &self,
        name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Console, SettingError> {
        Ok(Console {
            name: name.clone(),
            sink: Arc::clone(&context.console),
        })
    }
}

/// Where channels of the kind `console` print.
pub trait ConsoleSink: Send + Sync + 'static {
    /// Writes a block with one call. May block: it is called on a thread for that, once for each
    /// message, and for several at a time.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write(&self, block: &str) -> io::Result<()>;

    /// Whether it shows colours. Asked once for each message.
    fn is_terminal(&self) -> bool;
}

/// The standard output of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardOutput;

impl ConsoleSink for StandardOutput {
    fn write(&self, block: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        output.write_all(block.as_bytes())?;
        output.flush()
    }

    fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }
}

/// A channel of the kind `console`.
pub(super) struct Console {
    name: ChannelName,
    sink: Arc<dyn ConsoleSink>,
}

#[async_trait]
impl Notifier for Console {
    fn place(&self) -> &str {
        "standard output"
    }

    async fn send(&self, message: &Notification, _key: &str) -> Result<Sent, Problem> {
        let block = render(&self.name, message, self.sink.is_terminal());
        let sink = Arc::clone(&self.sink);
        let unwritable = |reason| Problem::Unwritable { reason };
        tokio::task::spawn_blocking(move || sink.write(&block))
            .await
            .map_err(|error| unwritable(error.to_string()))?
            .map_err(|error| unwritable(error.to_string()))?;
        Ok(Sent {
            detail: "written".to_owned(),
        })
    }
}

fn render(channel: &ChannelName, message: &Notification, in_color: bool) -> String {
    let mark = message.severity.map(|severity| mark(severity, in_color));
    let text = printable(&message.text);
    let mut body = text.trim_end().lines();
    let title = match &message.title {
        Some(title) => one_line(title),
        // A text alone begins on the first line.
        None => body.next().unwrap_or_default().to_owned(),
    };
    let mut block = format!("{}{channel}: {title}\n", mark.unwrap_or_default());
    let mut line = |text: &str| {
        // An empty line has no blanks at its end.
        block.push_str(if text.is_empty() { "" } else { INDENT });
        block.push_str(text);
        block.push('\n');
    };
    let has_fields = !message.fields.is_empty();
    let has_body = body.clone().next().is_some();
    body.for_each(&mut line);
    if has_body && has_fields {
        line("");
    }
    fields(&message.fields).iter().for_each(|text| line(text));
    if let Some(url) = &message.url {
        line(&one_line(url));
    }
    if !message.mentions.is_empty() {
        line(&format!("to {}", one_line(&message.mentions.join(", "))));
    }
    if let Some(footer) = &message.footer {
        line(&one_line(footer));
    }
    block
}

fn mark(severity: Severity, in_color: bool) -> String {
    let (word, color) = match severity {
        Severity::Info => ("info", 34),
        Severity::Success => ("success", 32),
        Severity::Warning => ("warning", 33),
        Severity::Error => ("error", 31),
    };
    if in_color {
        format!("\u{1b}[{color}m[{word}]\u{1b}[0m ")
    } else {
        format!("[{word}] ")
    }
}

/// The fields as lines: values begin in the same column, and so do their further lines.
fn fields(fields: &[Field]) -> Vec<String> {
    let names: Vec<_> = fields.iter().map(|field| one_line(&field.name)).collect();
    let width = names
        .iter()
        .map(|name| columns(name))
        .filter(|width| *width <= MAX_NAME);
    let width = width.max().unwrap_or_default();
    let mut lines = Vec::new();
    for (name, field) in names.iter().zip(fields) {
        let value = printable(&field.value);
        let mut values = value.lines();
        let padding = " ".repeat(width.saturating_sub(columns(name)));
        lines.push(format!(
            "{name}{padding}  {}",
            values.next().unwrap_or_default()
        ));
        let margin = " ".repeat(width + 2);
        lines.extend(values.map(|value| format!("{margin}{value}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::tests::{full, plain};
    use super::*;

    fn shown(message: &Notification) -> String {
        render(&ChannelName::parse("dev").expect("a name"), message, false)
    }

    #[test]
    fn a_text_alone_is_a_plain_line() {
        assert_eq!(shown(&plain("deployed")), "dev: deployed\n");
        assert_eq!(shown(&plain("one\n\ntwo\n")), "dev: one\n\n    two\n");
    }

    #[test]
    fn every_part_of_a_message_is_shown_in_one_block() {
        let expected = "\
[error] dev: Pipeline #7 failed
    two jobs failed:
    - build

    Branch  main
    分支    主
    https://gitlab.example.org/p/7
    to ada, all
    GitLab
";
        assert_eq!(shown(&full()), expected);
    }

    #[test]
    fn what_strangers_write_moves_no_cursor_and_forges_no_block() {
        let mut message = plain("a\u{1b}[2Jb\n[error] ops: forged");
        message.title = Some("x\n[error] ops: forged\u{7}".to_owned());
        let expected =
            "dev: x\\n[error] ops: forged\\u{7}\n    a\\u{1b}[2Jb\n    [error] ops: forged\n";
        assert_eq!(shown(&message), expected);
    }

    #[test]
    fn only_a_terminal_gets_colors() {
        let name = ChannelName::parse("dev").expect("a name");
        assert!(render(&name, &full(), true).starts_with("\u{1b}[31m[error]\u{1b}[0m dev: "));
        assert!(!shown(&full()).contains('\u{1b}'));
    }
}
