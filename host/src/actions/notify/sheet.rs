//! A message as one text, for services that have no form for its parts.
//!
//! [`Sheet`] writes the text, the fields, and the footer one below the other in a dialect, and keeps the whole
//! within what the service takes: the head, which mentions, is never cut, fields and text share the room that is
//! left, and a field that has none is counted.
//!
//! Invariants:
//! - What is written is no longer than the limit, where the head alone is not.
//! - No mark is left open, and no character is cut in two.

use super::dialect::{CommonMark, Dialect, render};
use super::markdown::Document;
use super::message::{Message, value};
use super::people::Mention;
use super::text::{cut, one_line};
use crate::domain::decision::{Field, Severity};

/// The names of fields are words; a longer one is no name.
const MAX_NAME: usize = 80;

/// Small print that is longer is not small.
const MAX_FOOTER: usize = 200;

/// A name that is longer is nobody's.
const MAX_MENTION: usize = 80;

/// The severity as a sign, for services without colours.
pub(super) fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "ℹ️",
        Severity::Success => "✅",
        Severity::Warning => "⚠️",
        Severity::Error => "❌",
    }
}

/// How a message is written as one text.
pub(super) struct Sheet<'a, D> {
    pub(super) dialect: &'a D,
    /// The length of a text as the service counts it. That of two texts together is the sum of theirs.
    pub(super) length: fn(&str) -> usize,
    /// How long the whole may be.
    pub(super) limit: usize,
}

impl<D: Dialect> Sheet<'_, D> {
    /// The message below a head that is written already, with a link at its end where it has one.
    pub(super) fn write(&self, head: &str, message: &Message<'_>, link: Option<&str>) -> String {
        let foot = self.foot(message.footer(), link);
        let seams = 3 * (self.length)(self.dialect.between_blocks());
        let around = (self.length)(head) + (self.length)(&foot) + seams;
        let room = self.limit.saturating_sub(around);
        let text = message.text();
        let length = (self.length)(&render(&text, self.dialect));
        let fields = self.fields(message.fields(), room.saturating_sub(length).max(room / 2));
        let text = self.within(&text, room.saturating_sub((self.length)(&fields)));
        self.blocks([head, &text, &fields, &foot])
    }

    /// A line of mentions, in which as many stand as are a quarter of the whole; if they are more, those that
    /// mention somebody come first.
    pub(super) fn mentions(
        &self,
        mentions: &[Mention<'_>],
        write: impl Fn(&Mention<'_>) -> String,
    ) -> String {
        let limit = self.limit / 4;
        let is_name = |mention: &Mention<'_>| matches!(mention, Mention::Unknown { .. });
        let mut written: Vec<(bool, String)> = mentions
            .iter()
            .map(|mention| (is_name(mention), write(mention)))
            .collect();
        let length = |(_, one): &(bool, String)| (self.length)(one) + 2;
        if written.iter().map(length).sum::<usize>() > limit {
            written.sort_by_key(|(is_name, _)| *is_name);
        }
        let mut line = String::new();
        for (number, (_, one)) in written.iter().enumerate() {
            if number > 0 {
                line.push_str(", ");
            }
            // One more blank, comma, and `…` may follow.
            if (self.length)(&line) + (self.length)(one) + 5 > limit {
                line.push('…');
                break;
            }
            line.push_str(one);
        }
        line
    }

    /// A name that mentions nobody.
    pub(super) fn name(&self, name: &str) -> String {
        self.dialect.text(&cut(&one_line(name), MAX_MENTION))
    }

    fn within(&self, text: &Document, limit: usize) -> String {
        text.within(
            |text| render(text, self.dialect),
            |text| (self.length)(text) <= limit,
        )
    }

    fn blocks<const N: usize>(&self, blocks: [&str; N]) -> String {
        let blocks: Vec<&str> = blocks
            .into_iter()
            .filter(|block| !block.trim().is_empty())
            .collect();
        blocks.join(self.dialect.between_blocks())
    }

    fn foot(&self, footer: Option<&str>, link: Option<&str>) -> String {
        let link = link.map(|to| self.dialect.link(&self.dialect.text(to), to));
        let footer = footer.map(|footer| {
            let footer = self.dialect.text(&cut(&one_line(footer), MAX_FOOTER));
            self.dialect.emphasis(&footer)
        });
        let lines: Vec<String> = link.into_iter().chain(footer).collect();
        lines.join(self.dialect.line_break())
    }

    /// The fields, two short ones to a line; those that do not fit are counted.
    fn fields(&self, fields: &[Field], limit: usize) -> String {
        let more = |left: usize| format!("… {left} more");
        let mut shown = String::new();
        let mut before = Before::Nothing;
        for (number, field) in fields.iter().enumerate() {
            let one = self.field(field, limit);
            let is_line = !one.contains('\n');
            let seam = match before {
                Before::Nothing => "",
                Before::Short if field.short && is_line => " · ",
                Before::Short | Before::Line if is_line => self.dialect.line_break(),
                _ => self.dialect.between_blocks(),
            };
            let reserve =
                (self.length)(&more(fields.len())) + (self.length)(self.dialect.between_blocks());
            let length = (self.length)(&shown) + (self.length)(seam) + (self.length)(&one);
            if length + reserve > limit {
                let seam = if number > 0 {
                    self.dialect.between_blocks()
                } else {
                    ""
                };
                return shown + seam + &more(fields.len() - number);
            }
            shown = shown + seam + &one;
            before = match before {
                Before::Nothing | Before::Line | Before::Block if field.short && is_line => {
                    Before::Short
                }
                _ if is_line => Before::Line,
                _ => Before::Block,
            };
        }
        shown
    }

    /// A field as `name: value`, the value below the name where it has several lines.
    fn field(&self, field: &Field, limit: usize) -> String {
        let name = self.dialect.text(&cut(&one_line(&field.name), MAX_NAME));
        let name = self.dialect.strong(&format!("{name}:"));
        let value = self.within(&value(field), limit / 2);
        match value.contains('\n') {
            true => name + self.dialect.between_blocks() + &value,
            false => format!("{name} {value}"),
        }
    }
}

/// What stands before a field.
enum Before {
    Nothing,
    /// One short field, beside which another may stand.
    Short,
    Line,
    Block,
}

/// `CommonMark` as pages show it, where the end of a line is one only if it is asked for.
pub(super) struct Page;

impl Dialect for Page {
    fn text(&self, text: &str) -> String {
        CommonMark.text(text).replace('\n', self.line_break())
    }

    fn strong(&self, inner: &str) -> String {
        CommonMark.strong(inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        CommonMark.emphasis(inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        CommonMark.strikethrough(inner)
    }

    fn code(&self, code: &str) -> String {
        CommonMark.code(code)
    }

    fn link(&self, inner: &str, to: &str) -> String {
        CommonMark.link(inner, to)
    }

    fn heading(&self, level: u8, inner: &str) -> String {
        CommonMark.heading(level, &inner.replace(self.line_break(), " "))
    }

    fn code_block(&self, language: Option<&str>, code: &str) -> String {
        CommonMark.code_block(language, code)
    }

    fn item(&self, number: Option<u64>) -> String {
        CommonMark.item(number)
    }

    fn table(&self, rows: &[Vec<String>]) -> String {
        CommonMark.table(rows)
    }

    fn rule(&self) -> &'static str {
        CommonMark.rule()
    }

    fn line_break(&self) -> &'static str {
        "  \n"
    }

    fn soft_break(&self) -> &'static str {
        self.line_break()
    }
}
