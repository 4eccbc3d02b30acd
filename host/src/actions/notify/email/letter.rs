//! A message as a letter: headers, plain text, and HTML.
//!
//! Both texts say the same. Each stands in sections: title, text, fields, link, whom it is for, footer.
//!
//! Invariants:
//! - What a stranger wrote is in a header at most as its text, on one line, encoded by the library.
//! - The same message with the same key and date is the same letter, byte by byte; with the same key it has the
//!   same `Message-ID`.
//! - Neither text is longer than mail programs show.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message as Mail};

use super::super::dialect::{Plain, prefixed, render};
use super::super::error::Problem;
use super::super::markdown::Document;
use super::super::message::value;
use super::super::people::Mention;
use super::super::text::{cut, is_blank, one_line};
use super::super::{Message, color};
use super::html::{Html, bare, escaped};
use crate::domain::clock::Clock;
use crate::domain::decision::{Field, Severity};
use crate::domain::names::Digest;

/// A list of letters shows no more of a subject.
const MAX_SUBJECT: usize = 200;

/// A longer title is no heading.
const MAX_TITLE: usize = 1_000;

/// The longest text of each form, in bytes. Gmail shows about 102 KiB of a letter's HTML and hides the rest, and
/// counts it as it is sent: base64 makes four bytes of three.
/// <https://www.spamresource.com/2022/01/what-is-gmail-clipping-and-what-to-do.html>
const MAX_TEXT: usize = 72_000;

/// What the fields take of that, so that there is room for the text.
const MAX_FIELDS: usize = 24_000;

/// A value that is longer makes the table of the fields unreadable. In bytes.
const MAX_FIELD: usize = 4_000;

/// A longer address, in bytes, is none that anybody follows, and half of one is none at all.
const MAX_LINK: usize = 2_000;

/// What the channel writes on every letter.
pub(super) struct Letterhead {
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) subject_prefix: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
}

/// A letter with its addresses.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Vec<Address>,
    pub(super) cc: Vec<Address>,
    pub(super) bytes: Vec<u8>,
}

/// Reads an address, with or without a name. Only ASCII, because not every server takes more.
pub(super) fn mailbox(text: &str) -> Option<Mailbox> {
    let mailbox: Mailbox = text.trim().parse().ok()?;
    let address: &str = mailbox.email.as_ref();
    let is_sound = address.is_ascii() && !address.contains(|c: char| c.is_control() || c == ' ');
    let name = mailbox.name.as_deref().unwrap_or_default();
    (is_sound && !name.contains(char::is_control)).then_some(mailbox)
}

impl Letterhead {
    /// Writes a letter.
    pub(super) fn letter(&self, message: &Message<'_>, key: &str) -> Result<Letter, Problem> {
        let cc = self.mentioned(message.mentions());
        let digest = Digest::of(key.as_bytes());
        let (id, _) = digest.hex().split_at(32);
        let (plain, html) = (plain(message), html(message));
        let mut boundary = format!("hookbox-{id}");
        while plain.contains(&boundary) || html.contains(&boundary) {
            boundary.push('-');
            boundary.push_str(id);
        }

        let millis = u64::try_from(self.clock.now().0).unwrap_or_default();
        let mut mail = Mail::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
            .from(self.from.clone());
        mail = self.to.iter().cloned().fold(mail, |mail, to| mail.to(to));
        mail = cc.iter().cloned().fold(mail, |mail, cc| mail.cc(cc));
        // <https://www.rfc-editor.org/rfc/rfc3834#section-5>: nobody's absence is answered to a program.
        mail = mail
            .subject(self.subject(message))
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(importance) = message.severity().map(importance) {
            mail = mail.raw_header(header("Importance", importance));
        }
        let parts = MultiPart::alternative()
            .boundary(boundary)
            .singlepart(SinglePart::plain(plain))
            .singlepart(SinglePart::html(html));
        let mail = mail.multipart(parts).map_err(|error| Problem::Unsendable {
            reason: error.to_string(),
        })?;
        let addresses = |mailboxes: &[Mailbox]| {
            let addresses = mailboxes.iter().map(|mailbox| mailbox.email.clone());
            addresses.collect()
        };
        Ok(Letter {
            from: self.from.email.clone(),
            to: addresses(&self.to),
            cc: addresses(&cc),
            bytes: mail.formatted(),
        })
    }

    /// The people who get a copy, each once.
    fn mentioned(&self, mentions: &[Mention<'_>]) -> Vec<Mailbox> {
        let mut cc = Vec::<Mailbox>::new();
        for mention in mentions {
            let Mention::Person { name, address } = mention else {
                continue;
            };
            let Some(mut person) = mailbox(address) else {
                continue;
            };
            let is_known = |known: &Mailbox| {
                let known: &str = known.email.as_ref();
                known.eq_ignore_ascii_case(person.email.as_ref())
            };
            if self.to.iter().chain(&cc).any(is_known) {
                continue;
            }
            person.name.get_or_insert_with(|| one_line(name));
            cc.push(person);
        }
        cc
    }

    fn subject(&self, message: &Message<'_>) -> String {
        let title = match message.title() {
            Some(title) => one_line(title),
            // A text alone is about its first line, and an address alone about that.
            None => {
                let text = render(&message.text(), &Plain);
                let line = text.lines().find(|line| !is_blank(line));
                one_line(line.or(message.link()).unwrap_or_default())
            }
        };
        let subject = match &self.subject_prefix {
            Some(prefix) => format!("{prefix} {title}"),
            None => title,
        };
        // The library leaves ASCII as it is, and a mail program would decode what looks like an encoded word.
        cut(subject.trim(), MAX_SUBJECT).replace("=?", "=\u{200b}?")
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// <https://www.rfc-editor.org/rfc/rfc2156#section-2.3.1.15>
fn importance(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "high",
        Severity::Warning | Severity::Success => "normal",
        Severity::Info => "low",
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Success => "success",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// The title as plain text. A link needs none here: it stands by itself.
fn title(message: &Message<'_>) -> Option<String> {
    // An address that is too long for a link is shown by its beginning.
    let too_long = message.link().filter(|_| link(message).is_none());
    let title = message.title().or(too_long);
    title.map(|title| cut(&one_line(title), MAX_TITLE))
}

fn link<'a>(message: &Message<'a>) -> Option<&'a str> {
    message.link().filter(|link| link.len() <= MAX_LINK)
}

/// Whom it is for, where it mentions anybody.
fn mentioned(message: &Message<'_>) -> Option<String> {
    let names = message.mentions().iter().map(|mention| match mention {
        Mention::Everybody => "all".to_owned(),
        Mention::Person { name, .. } | Mention::Unknown { name } => one_line(name),
    });
    let names = names.collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| format!("For {}", cut(&names, MAX_TITLE)))
}

/// The sections with the text among them, which is cut to what they leave.
fn joined(
    head: Option<String>,
    text: impl FnOnce(usize) -> String,
    rest: Vec<Option<String>>,
    between: &str,
) -> String {
    let taken: usize = head
        .iter()
        .chain(rest.iter().flatten())
        .map(|section| section.len() + between.len())
        .sum();
    let text = text(MAX_TEXT.saturating_sub(taken));
    let sections = [head, Some(text)].into_iter().chain(rest).flatten();
    let sections: Vec<String> = sections.filter(|section| !section.is_empty()).collect();
    sections.join(between)
}

fn within(text: &Document, limit: usize, render: impl Fn(&Document) -> String) -> String {
    text.within(render, |text| text.len() <= limit)
}

/// The message as plain text.
fn plain(message: &Message<'_>) -> String {
    let mark = message
        .severity()
        .map(|severity| format!("[{}]", word(severity)));
    let head: Vec<String> = mark.into_iter().chain(title(message)).collect();
    let text = message.text();
    let rendered = |text: &Document| render(text, &Plain).trim_end().to_owned();
    let rest = vec![
        listed(
            &message.fields().chunks(1).collect::<Vec<_>>(),
            |row| row.iter().map(plain_field).collect(),
            |count| format!("… and {count} more"),
        ),
        link(message).map(one_line),
        mentioned(message),
        message
            .footer()
            .map(|footer| cut(&one_line(footer), MAX_TITLE)),
    ];
    let head = (!head.is_empty()).then(|| head.join(" "));
    let body = joined(head, |room| within(&text, room, rendered), rest, "\n\n");
    body + "\n"
}

fn plain_field(field: &Field) -> String {
    let value = within(&value(field), MAX_FIELD, |value| render(value, &Plain));
    let name = cut(&one_line(&field.name), MAX_TITLE);
    prefixed("", "    ", &format!("{name}: {value}"))
}

/// Rows of fields, as many as have room, and how many fields are in those that do not.
fn listed(
    rows: &[&[Field]],
    shown: impl Fn(&[Field]) -> String,
    more: impl Fn(usize) -> String,
) -> Option<String> {
    let (mut lines, mut room) = (Vec::new(), MAX_FIELDS);
    for (number, row) in rows.iter().enumerate() {
        let line = shown(row);
        let Some(left) = room.checked_sub(line.len() + 1) else {
            lines.push(more(rows[number..].iter().map(|row| row.len()).sum()));
            break;
        };
        room = left;
        lines.push(line);
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The message as HTML.
fn html(message: &Message<'_>) -> String {
    let bar = match color::hex(message.notification()) {
        Some(color) => format!(" style=\"border-left:4px solid {color};padding-left:12px\""),
        None => String::new(),
    };
    let link = link(message).map(|link| escaped(&one_line(link)));
    // A link without a title is its own.
    let heading = title(message).map(|title| escaped(&title)).or(link.clone());
    let head = heading.map(|heading| match &link {
        Some(link) => format!("<h2><a href=\"{link}\">{heading}</a></h2>"),
        None => format!("<h2>{heading}</h2>"),
    });
    let small = |text: &str| {
        let text = escaped(&cut(&one_line(text), MAX_TITLE));
        format!("<p style=\"color:#666\"><small>{text}</small></p>")
    };
    let rest = vec![
        table(message.fields()),
        mentioned(message).map(|names| format!("<p>{}</p>", escaped(&names))),
        message.footer().map(small),
    ];
    let text = message.text();
    let rendered = |text: &Document| render(text, &Html);
    let body = joined(head, |room| within(&text, room, rendered), rest, "\n");
    format!(
        "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n\
         <body style=\"font-family:sans-serif\">\n<div{bar}>\n{body}\n</div>\n</body>\n</html>\n"
    )
}

/// The fields as a table: two short ones beside each other, and each long one on a row of its own.
fn table(fields: &[Field]) -> Option<String> {
    let (mut rows, mut rest) = (Vec::new(), fields);
    while !rest.is_empty() {
        let is_pair = rest.iter().take(2).filter(|field| field.short).count() == 2;
        let (row, others) = rest.split_at(if is_pair { 2 } else { 1 });
        rows.push(row);
        rest = others;
    }
    let row = |row: &[Field]| {
        let attributes = if row.len() == 1 { " colspan=\"2\"" } else { "" };
        let cells: String = row
            .iter()
            .map(|field| html_cell(attributes, field))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let more = |count| format!("<tr><td colspan=\"2\">… and {count} more</td></tr>");
    listed(&rows, row, more).map(|rows| format!("<table>\n{rows}\n</table>"))
}

fn html_cell(attributes: &str, field: &Field) -> String {
    let rendered = |value: &Document| bare(&render(value, &Html)).to_owned();
    let value = within(&value(field), MAX_FIELD, rendered);
    let name = escaped(&cut(&one_line(&field.name), MAX_TITLE));
    format!(
        "<td{attributes} valign=\"top\" style=\"padding:4px 24px 4px 0\"><strong>{name}</strong><br>\n{value}</td>"
    )
}
