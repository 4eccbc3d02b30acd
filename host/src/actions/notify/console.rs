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

#[cfg(test)]
use super::contract::Contract;
use super::dialect::{Plain, render as render_text};
use super::error::{Problem, SettingError};
use super::message::value;
use super::people::Mention;
use super::text::{columns, one_line};
use super::{Context, Message, Notifier, Quota, Sent, Settings};
use crate::domain::decision::{Field, Severity};
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
pub(super) struct Config {}

impl Settings for Config {
    const QUOTAS: &'static [Quota] = &[];

    /// Nothing outside is reached.
    const MEANINGLESS: &'static [&'static str] = &["proxy", "ca", "timeout"];

    fn open(
        &self,
        name: &ChannelName,
        context: &Context<'_>,
    ) -> Result<Box<dyn Notifier>, SettingError> {
        Ok(Box::new(Console {
            name: name.clone(),
            sink: Arc::clone(&context.console),
        }))
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
struct Console {
    name: ChannelName,
    sink: Arc<dyn ConsoleSink>,
}

#[async_trait]
impl Notifier for Console {
    fn place(&self) -> &str {
        "standard output"
    }

    async fn send(&self, message: &Message<'_>, _key: &str) -> Result<Sent, Problem> {
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

fn render(channel: &ChannelName, message: &Message<'_>, in_color: bool) -> String {
    let mark = message.severity().map(|severity| mark(severity, in_color));
    let text = render_text(&message.text(), &Plain);
    let mut body = text.trim_end().lines();
    let title = match message.title() {
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
    let has_fields = !message.fields().is_empty();
    let has_body = body.clone().next().is_some();
    body.for_each(&mut line);
    if has_body && has_fields {
        line("");
    }
    fields(message.fields()).iter().for_each(|text| line(text));
    if let Some(url) = message.link() {
        line(&one_line(url));
    }
    let names: Vec<&str> = message.mentions().iter().map(name).collect();
    if !names.is_empty() {
        line(&format!("to {}", one_line(&names.join(", "))));
    }
    if let Some(footer) = message.footer() {
        line(&one_line(footer));
    }
    block
}

fn name<'a>(mention: &Mention<'a>) -> &'a str {
    match mention {
        Mention::Everybody => "all",
        Mention::Person { name, .. } | Mention::Unknown { name } => name,
    }
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
        let value = render_text(&value(field), &Plain);
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
pub(super) const CONTRACT: Contract = Contract::Own {
    transcript: |notification| Box::pin(tests::printed(notification)),
};

#[cfg(test)]
mod tests {
    use super::super::contract::{full, plain};
    use super::super::people::People;
    use super::super::tests::{Printed, context, dev};
    use super::*;
    use crate::domain::decision::Notification;

    fn shown(message: &Notification) -> String {
        let people = People::default();
        render(&dev(), &people.message(message, "console"), false)
    }

    /// What a channel prints.
    pub(super) async fn printed(message: Notification) -> String {
        let printed = Arc::new(Printed::default());
        let console = {
            let context = Context {
                console: Arc::clone(&printed) as Arc<dyn ConsoleSink>,
                ..context()
            };
            Config {}.open(&dev(), &context).expect("a channel")
        };
        let people = People::default();
        let sent = console
            .send(&people.message(&message, "console"), "key")
            .await;
        assert_eq!(sent.expect("a message printed").detail, "written");
        let blocks = printed.0.lock().expect("no test panicked");
        assert_eq!(blocks.len(), 1, "a message is one write");
        blocks[0].clone()
    }

    #[test]
    fn a_text_alone_is_a_plain_line() {
        assert_eq!(shown(&plain("deployed")), "dev: deployed\n");
        assert_eq!(shown(&plain("one\n\ntwo\n")), "dev: one\n\n    two\n");
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
        let (people, message) = (People::default(), full());
        let colored = render(&name, &people.message(&message, "console"), true);
        assert!(colored.starts_with("\u{1b}[31m[error]\u{1b}[0m dev: "));
        assert!(!shown(&full()).contains('\u{1b}'));
    }
}
