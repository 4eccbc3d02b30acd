//! Fitting a message into what a service takes.
//!
//! Services give their limits in characters and rarely say what they count as one. Kinds that use this file count
//! UTF-16 units, of which no text has fewer than characters, so that a text that fits here fits by either count.
//!
//! Invariants:
//! - Whom a message really mentions is never crowded out by names that are mere text.
//! - What is left out is marked: by `…`, or by how many there are more.

use super::dialect::{Dialect, Plain, render};
use super::markdown::{Block, Document, Inline};
use super::message::value;
use super::people::Mention;
use super::text::one_line;
use crate::domain::decision::Field;

/// A name that nobody is mentioned by is shown to this length: it is a word of a rule, and may be anything.
const MAX_NAME: usize = 80;

/// The UTF-16 units of a text.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A document in a dialect, cut to so many units.
pub(super) fn rendered(text: &Document, dialect: &impl Dialect, limit: usize) -> String {
    let render = |text: &Document| render(text, dialect);
    // No character is less than a unit, so that what is longer never fits.
    text.cut(limit + 1)
        .within(render, |text| units(text) <= limit)
}

/// Plain text of a stranger on one line as `write` escapes it, cut to so many units.
pub(super) fn line(text: &str, write: impl Fn(&str) -> String, limit: usize) -> String {
    let text = Inline::Text(one_line(text));
    let text = Document(vec![Block::Paragraph(vec![text])]);
    let write = |text: &Document| write(&render(text, &Plain));
    text.cut(limit + 1)
        .within(write, |text| units(text) <= limit)
}

/// A name that nobody is mentioned by.
pub(super) fn name(name: &str, write: impl Fn(&str) -> String) -> String {
    line(name, write, MAX_NAME)
}

/// Mentions with those first that reach the most people, and those last that reach nobody.
pub(super) fn notified_first<'a>(mentions: &[Mention<'a>]) -> Vec<Mention<'a>> {
    let mut mentions = mentions.to_vec();
    mentions.sort_by_key(|mention| match mention {
        Mention::Everybody => 0,
        Mention::Person { .. } => 1,
        Mention::Unknown { .. } => 2,
    });
    mentions
}

/// As many parts as fit into so many units, with commas between them, and `…` for the others.
pub(super) fn joined(parts: impl IntoIterator<Item = String>, limit: usize) -> String {
    const MORE: &str = ", …";
    let mut line = String::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let comma = if line.is_empty() { "" } else { ", " };
        if units(&line) + units(comma) + units(&part) + units(MORE) > limit {
            line.push_str(if line.is_empty() { "…" } else { MORE });
            break;
        }
        line.push_str(comma);
        line.push_str(&part);
    }
    line
}

/// What of a room is the fields', where a text wants so many units of it: what the text leaves, and half of it at
/// least.
pub(super) fn share_of_fields(room: usize, text: usize) -> usize {
    room - text.min(room / 2)
}

/// What a service takes of fields.
pub(super) struct FieldLimits {
    /// How many there may be.
    pub(super) count: usize,
    /// Units of a name.
    pub(super) name: usize,
    /// Units of a value.
    pub(super) value: usize,
    /// Units of all names and values.
    pub(super) total: usize,
}

/// Fields as they are shown.
pub(super) struct Fields {
    pub(super) shown: Vec<ShownField>,
    /// How many found no room.
    pub(super) left_out: usize,
}

/// A field as it is shown.
pub(super) struct ShownField {
    /// Whether it may stand beside another.
    pub(super) short: bool,
    pub(super) name: String,
    pub(super) value: String,
}

impl Fields {
    /// The fields that a service takes, with names as `write` escapes them and values in a dialect. Those with
    /// neither a name nor a value are none.
    pub(super) fn within(
        fields: &[Field],
        limits: &FieldLimits,
        write: impl Fn(&str) -> String,
        dialect: &impl Dialect,
    ) -> Self {
        let has_content =
            |field: &&Field| !field.name.trim().is_empty() || !field.value.trim().is_empty();
        let fields: Vec<&Field> = fields.iter().filter(has_content).collect();
        let mut room = limits.total;
        let mut shown = Vec::new();
        for field in &fields {
            let name = line(field.name.trim(), &write, limits.name);
            // A field of which nothing but its name could be shown says less than that it was left out.
            let Some(rest) = room.checked_sub(units(&name)).filter(|rest| *rest > 0) else {
                break;
            };
            if shown.len() == limits.count {
                break;
            }
            let value = rendered(&value(field), dialect, limits.value.min(rest));
            room = rest - units(&value);
            shown.push(ShownField {
                short: field.short,
                name,
                value,
            });
        }
        Self {
            left_out: fields.len() - shown.len(),
            shown,
        }
    }

    /// The line that says how many fields were left out.
    pub(super) fn more(&self) -> Option<String> {
        (self.left_out > 0).then(|| format!("… and {} more", self.left_out))
    }
}

/// A text in which the bare addresses are written in one way, and what is between them in another.
pub(super) fn with_addresses(
    text: &str,
    write: impl Fn(&str) -> String,
    write_address: impl Fn(&str) -> String,
) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut written, mut from) = (0, 0);
    while let Some(start) = next_scheme(text, from) {
        let address = address(&text[start..]);
        if address.is_empty() {
            from = start + "http".len();
            continue;
        }
        shown.push_str(&write(&text[written..start]));
        shown.push_str(&write_address(address));
        from = start + address.len();
        written = from;
    }
    shown.push_str(&write(&text[written..]));
    shown
}

/// Where the next address may begin: not within a word, of which thousands would each be read to the end of the text.
fn next_scheme(text: &str, from: usize) -> Option<usize> {
    let found = text[from..].match_indices("http");
    let mut starts = found.map(|(at, _)| from + at);
    starts.find(|start| !text[..*start].ends_with(|c: char| c.is_ascii_alphanumeric()))
}

/// The address that a text begins with; empty where it begins with none.
fn address(text: &str) -> &str {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.starts_with(scheme));
    let Some(scheme) = scheme else { return "" };
    // What is no ASCII ends an address: texts in Chinese put no blank behind it.
    let ends = |c: char| !c.is_ascii_graphic() || "<>\"`|\\^{}".contains(c);
    let end = text.find(ends).unwrap_or(text.len());
    let mut address = &text[..end];
    let mut unopened = address
        .matches(')')
        .count()
        .saturating_sub(address.matches('(').count());
    // The marks of a sentence, or around the address, are not its own.
    while let Some(last) = address.chars().last() {
        match last {
            ')' if unopened > 0 => unopened -= 1,
            _ if ".,;:!?'*_~[]".contains(last) => {}
            _ => break,
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    if address.len() > scheme.len() {
        address
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        Field {
            name: name.to_owned(),
            value: value.to_owned(),
            short: false,
        }
    }

    fn fields(fields: &[Field], limits: &FieldLimits) -> Vec<String> {
        let fields = Fields::within(fields, limits, str::to_owned, &Plain);
        let shown = fields.shown.iter();
        let shown = shown.map(|field| format!("{}={}", field.name, field.value));
        shown.chain(fields.more()).collect()
    }

    #[test]
    fn units_are_those_of_utf16() {
        assert_eq!(units("a好👍"), 4);
        assert_eq!(line("👍👍👍👍", str::to_owned, 5), "👍👍…");
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        let escaped = |text: &str| text.replace('&', "&amp;");
        assert_eq!(line("a&&b", escaped, 11), "a&amp;…");
        assert_eq!(line("a&&b", escaped, 12), "a&amp;&amp;b");
    }

    #[test]
    fn fields_are_shown_while_there_is_room_and_the_others_counted() {
        let limits = FieldLimits {
            count: 3,
            name: 4,
            value: 5,
            total: 12,
        };
        let many = [field("a", "1"), field("abcdef", "123456"), field("b", "23")];
        assert_eq!(
            fields(&many, &limits),
            ["a=1", "abc…=1234…", "… and 1 more"]
        );
        let many = vec![field("a", "1"); 5];
        assert_eq!(fields(&many, &limits)[3], "… and 2 more");
        assert!(fields(&[field(" ", "")], &limits).is_empty());
    }

    #[test]
    fn a_long_text_leaves_half_of_the_room_to_the_fields() {
        assert_eq!(share_of_fields(100, 30), 70);
        assert_eq!(share_of_fields(100, 3_000), 50);
    }

    #[test]
    fn names_are_joined_while_there_is_room() {
        let names = |count| (0..count).map(|number| format!("n{number}"));
        assert_eq!(joined(names(3), 100), "n0, n1, n2");
        assert_eq!(joined(names(30), 12), "n0, n1, …");
        assert_eq!(joined(names(1), 1), "…");
        assert_eq!(joined(names(0), 10), "");
    }

    #[test]
    fn those_who_are_notified_come_first() {
        let bob = Mention::Unknown { name: "bob" };
        let ada = Mention::Person {
            name: "ada",
            address: "U1",
        };
        let sorted = notified_first(&[bob, ada, Mention::Everybody]);
        assert_eq!(sorted, [Mention::Everybody, ada, bob]);
    }

    #[test]
    fn addresses_in_a_text_are_found_without_the_marks_around_them() {
        for (text, shown) in [
            (
                "see https://a.org/x_y, now",
                "{see }[https://a.org/x_y]{, now}",
            ),
            ("(https://a.org/(x))", "{(}[https://a.org/(x)]{)}"),
            ("见https://a.org。好", "{见}[https://a.org]{。好}"),
            ("http https:// xhttps://a", "{http https:// xhttps://a}"),
            ("*https://a.org*", "{*}[https://a.org]{*}"),
            ("https://a https://b", "{}[https://a]{ }[https://b]{}"),
        ] {
            let written = with_addresses(
                text,
                |text| format!("{{{text}}}"),
                |address| format!("[{address}]"),
            );
            assert_eq!(written, shown, "{text}");
        }
    }

    #[test]
    fn no_address_is_looked_for_within_a_word() {
        let text = "ahttp://".repeat(7_500);
        assert_eq!(next_scheme(&text, 0), None);
        assert_eq!(next_scheme("xhttp:// http://a", 0), Some(9));
    }
}
