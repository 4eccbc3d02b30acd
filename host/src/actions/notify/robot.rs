//! What the robots of chat groups have in common: those of DingTalk, Feishu and WeCom.
//!
//! Such a robot answers `200` with a code of its own, refuses messages without its keyword, and signs with a
//! secret that the group's owner copies from its settings. The kinds of channels of these services share this
//! file; what they send is in their own.
//!
//! Invariants:
//! - A message holds the channel's keyword, however it is cut.
//! - A status of success without the service's own form is an error.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::client::{Answer, Client};
use super::dialect::{Dialect, render};
use super::error::{Problem, SettingError, Verdict};
use super::markdown::{Block, Document, Inline};
use super::people::Mention;
use super::text::{cut, harmless, one_line, printable};
use super::{Message, Sent, TextSetting};
use crate::domain::decision::Severity;
use crate::domain::secret::{ReadSecret, Secret};

/// A link longer than this is none: it would leave no room for the message, and clients cut it off.
pub(super) const MAX_LINK: usize = 2_048;

/// Of more fields or mentions nobody reads the last; and a card of Feishu has 200 elements at most, of which two
/// fields beside each other are five.
pub(super) const MAX_PARTS: usize = 30;

/// The name of somebody who is not in `[people]` is as long as a stranger likes.
const MAX_UNKNOWN: usize = 40;

/// More characters than this of a text that stands for a line are shown nowhere.
const MAX_WORDS: usize = 1_000;

/// The word that a robot looks for in each message, where it does.
#[derive(Debug, Clone, Default)]
pub(super) struct Keyword(Option<String>);

impl Keyword {
    /// Reads the setting `keyword`.
    pub(super) fn read(setting: Option<&str>) -> Result<Self, SettingError> {
        let keyword = setting.map(str::trim);
        if keyword.is_some_and(|word| word.is_empty() || one_line(word) != word) {
            return Err(SettingError::Invalid {
                key: "keyword".to_owned(),
                expected: "write one of the robot's keywords, on one line",
            });
        }
        Ok(Self(keyword.map(str::to_owned)))
    }

    /// Whether a text holds it; every text does where there is none.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.0.as_deref().is_none_or(|word| text.contains(word))
    }

    /// A text with it: the text itself where that holds it.
    pub(super) fn with(&self, text: String, between: &str) -> String {
        match &self.0 {
            Some(word) if !text.contains(word) => match text.is_empty() {
                true => word.clone(),
                false => text + between + word,
            },
            _ => text,
        }
    }
}

/// Reads a part of the webhook's URL that stands in a setting of its own.
pub(super) fn read_key(
    setting: &TextSetting,
    key: &'static str,
    secrets: &dyn ReadSecret,
) -> Result<Secret, SettingError> {
    let text = setting.read(key, secrets)?;
    let text = text.expose().trim();
    let is_key = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    if text.is_empty() || !text.chars().all(is_key) {
        return Err(SettingError::Invalid {
            key: key.to_owned(),
            expected: "write only what follows `=` in the webhook's URL",
        });
    }
    Ok(Secret::new(text))
}

/// The base64 of an HMAC-SHA256.
pub(super) fn signature(key: &str, message: &str) -> Result<String, Problem> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|error| {
        let reason = error.to_string();
        Problem::Unsendable { reason }
    })?;
    hmac.update(message.as_bytes());
    Ok(STANDARD.encode(hmac.finalize().into_bytes()))
}

/// What an operator gave as somebody's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address<'a> {
    /// A mobile number: 11 digits of China's, or `+` and more of them.
    Mobile(&'a str),
    /// The id of a user.
    User(&'a str),
}

impl<'a> Address<'a> {
    /// Tells what an address is; none where no service has such a one, which is then shown as text.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let are_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '-');
        let is_mobile = match text.strip_prefix('+') {
            Some(number) => number.len() > 4 && are_digits(number),
            None => text.len() == 11 && text.starts_with('1') && are_digits(text),
        };
        if is_mobile {
            return Some(Self::Mobile(text));
        }
        let is_id = |c: char| c.is_ascii_alphanumeric() || "_-.@$".contains(c);
        (!text.is_empty() && text.chars().all(is_id)).then_some(Self::User(text))
    }
}

/// What a service said in the body of its answer.
pub(super) struct Said {
    pub(super) code: i64,
    pub(super) message: String,
    /// How long it asks to wait, beside `Retry-After`.
    pub(super) after: Option<Duration>,
}

/// Reads the answer of DingTalk and of WeCom.
pub(super) fn errcode(answer: &Answer) -> Option<Said> {
    #[derive(Deserialize)]
    struct Errcode {
        errcode: i64,
        #[serde(default)]
        errmsg: String,
    }
    let Errcode { errcode, errmsg } = answer.json()?;
    Some(Said {
        code: errcode,
        message: errmsg,
        after: None,
    })
}

/// A code of a service that is known, with what the operator can do about it.
pub(super) struct Code {
    pub(super) code: i64,
    pub(super) verdict: Verdict,
    pub(super) advice: &'static str,
}

impl Code {
    pub(super) const fn permanent(code: i64, advice: &'static str) -> Self {
        Self {
            code,
            verdict: Verdict::Permanent,
            advice,
        }
    }

    pub(super) const fn passing(code: i64, after: Option<Duration>, advice: &'static str) -> Self {
        Self {
            code,
            verdict: Verdict::Passing { after },
            advice,
        }
    }
}

/// Tells what an answer means, whatever its status is: 0 is a success, a code of the list means what the list says.
pub(super) fn judge(
    client: &Client,
    answer: &Answer,
    said: Option<Said>,
    codes: &[Code],
    expected: &'static str,
) -> Result<Sent, Problem> {
    let is_success = answer.status.is_success();
    let Some(said) = said else {
        return Err(match is_success {
            true => client.not_taken(answer, expected),
            false => client.refused(answer, &answer.text()),
        });
    };
    let known = codes.iter().find(|known| known.code == said.code);
    match known {
        _ if said.code == 0 && is_success => Ok(answer.sent()),
        Some(known) => {
            let verdict = match known.verdict {
                Verdict::Passing { after } => Verdict::Passing {
                    after: said.after.or(answer.retry_after).or(after),
                },
                other => other,
            };
            // What to do comes first, so that a long explanation does not cut it off.
            let message = format!("{}: {}", known.advice, said.message);
            Err(client.coded(said.code, &message, verdict))
        }
        // Nobody knows what it is about: it may pass, and it may be the message.
        None if is_success => Err(client.coded(said.code, &said.message, Verdict::Doubtful)),
        None => Err(client.refused(answer, &said.message)),
    }
}

/// Where a message leads, if there is room for it.
pub(super) fn link<'a>(message: &Message<'a>) -> Option<&'a str> {
    message.link().filter(|link| link.len() <= MAX_LINK)
}

/// What stands over a message: its title, else where it leads, else how much it matters.
pub(super) fn heading<'a>(message: &Message<'a>) -> Option<&'a str> {
    let severity = message.severity().map(|severity| match severity {
        Severity::Info => "Info",
        Severity::Success => "Success",
        Severity::Warning => "Warning",
        Severity::Error => "Error",
    });
    message.title().or(message.link()).or(severity)
}

/// A text that is plain, to be written in a dialect and cut as others are.
pub(super) fn words(text: &str) -> Document {
    let text = one_line(&cut(text, MAX_WORDS));
    Document(vec![Block::Paragraph(vec![Inline::Text(text)])])
}

/// A text in a dialect, cut to so many bytes.
pub(super) fn within(text: &Document, dialect: &impl Dialect, bytes: usize) -> String {
    text.within(|text| render(text, dialect), |text| text.len() <= bytes)
}

/// A body with a text, which is cut until the whole body has so many bytes.
pub(super) fn fit<T: Serialize>(
    text: &Document,
    dialect: &impl Dialect,
    bytes: usize,
    body: impl Fn(String) -> T,
) -> T {
    let size = |body: &T| serde_json::to_vec(body).map_or(usize::MAX, |body| body.len());
    let fits = |text: &str| size(&body(text.to_owned())) <= bytes;
    body(text.within(|text| render(text, dialect), fits))
}

/// The first of some parts, as many as have so many bytes together, and what says how many others there are. Those
/// for which there is no room are not made.
pub(super) fn first_of(
    mut parts: impl ExactSizeIterator<Item = String>,
    bytes: usize,
) -> (Vec<String>, Option<String>) {
    let mut rest = bytes;
    let mut kept = Vec::new();
    while kept.len() < MAX_PARTS {
        let left = parts.len();
        match parts.next() {
            None => return (kept, None),
            Some(part) if part.len() > rest => return (kept, Some(format!("… and {left} more"))),
            Some(part) => {
                rest -= part.len();
                kept.push(part);
            }
        }
    }
    let more = (parts.len() > 0).then(|| format!("… and {} more", parts.len()));
    (kept, more)
}

/// The same as one text.
pub(super) fn first_joined(
    parts: impl ExactSizeIterator<Item = String>,
    bytes: usize,
    between: &str,
) -> String {
    let (mut kept, more) = first_of(parts, bytes);
    kept.extend(more);
    kept.join(between)
}

/// The mentions in an order in which those who are known are not crowded out by those who are text.
pub(super) fn known_first<'a>(mentions: &[Mention<'a>]) -> Vec<Mention<'a>> {
    let mut mentions = mentions.to_vec();
    mentions.sort_by_key(|mention| matches!(mention, Mention::Unknown { .. }));
    mentions
}

/// The name of somebody whom no service knows, in a dialect.
pub(super) fn unknown(name: &str, dialect: &impl Dialect) -> String {
    dialect.text(&cut(&one_line(name), MAX_UNKNOWN))
}

/// The color of a service that is nearest to one.
pub(super) fn nearest(rgb: u32, of: &[(u32, &'static str)]) -> Option<&'static str> {
    let distance = |other: u32| -> u32 {
        let [_, parts @ ..] = rgb.to_be_bytes();
        let [_, others @ ..] = other.to_be_bytes();
        let each = parts.iter().zip(others);
        each.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let nearest = of.iter().min_by_key(|(other, _)| distance(*other));
    nearest.map(|(_, name)| *name)
}

/// A text in which nothing begins a tag, not even for a reader that knows no escapes: behind each `<` that would
/// begin one stands a zero-width space.
pub(super) fn tagless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut previous = ' ';
    for c in text.chars() {
        if previous == '<' && (c.is_ascii_alphabetic() || "/!?@".contains(c)) {
            shown.push('\u{200b}');
        }
        shown.push(c);
        previous = c;
    }
    shown
}

/// Text without any mark that mentions nobody, for messages of text alone.
pub(super) struct Words;

impl Dialect for Words {
    fn text(&self, text: &str) -> String {
        tagless(&harmless(&printable(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_mobile_number_or_the_id_of_a_user() {
        for (text, expected) in [
            ("13800000000", Some(Address::Mobile("13800000000"))),
            (" +852-98765432 ", Some(Address::Mobile("+852-98765432"))),
            ("ada", Some(Address::User("ada"))),
            ("0123456789012", Some(Address::User("0123456789012"))),
            ("ou_18eac85d35a26", Some(Address::User("ou_18eac85d35a26"))),
            ("ada></at><at id=all", None),
            ("", None),
        ] {
            assert_eq!(Address::of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_keyword_is_added_only_where_it_is_missing() {
        let keyword = Keyword::read(Some(" 告警 ")).expect("a keyword");
        assert_eq!(keyword.with("一个告警".to_owned(), "\n"), "一个告警");
        assert_eq!(keyword.with("ok".to_owned(), "\n"), "ok\n告警");
        assert_eq!(keyword.with(String::new(), "\n"), "告警");
        assert_eq!(Keyword::default().with("ok".to_owned(), "\n"), "ok");
        assert!(Keyword::read(Some(" ")).is_err() && Keyword::read(Some("a\nb")).is_err());
    }

    #[test]
    fn the_parts_that_have_no_room_are_counted() {
        let joined = |bytes| {
            let parts = ["aaaa", "bbbb", "cc"].map(str::to_owned);
            first_joined(parts.into_iter(), bytes, " ")
        };
        assert_eq!(joined(10), "aaaa bbbb cc");
        assert_eq!(joined(9), "aaaa bbbb … and 1 more");
        assert_eq!(joined(3), "… and 3 more");
        let many = first_joined(vec![String::from("a"); 40].into_iter(), 100, "");
        assert_eq!(many, "a".repeat(MAX_PARTS) + "… and 10 more");
    }

    #[test]
    fn no_text_begins_a_tag() {
        assert_eq!(
            tagless("<@ada> </b> <font> a<b"),
            "<\u{200b}@ada> <\u{200b}/b> <\u{200b}font> a<\u{200b}b"
        );
        assert_eq!(tagless("a < b <3 <"), "a < b <3 <");
    }

    #[test]
    fn the_nearest_color_is_taken() {
        let of = [
            (0xff_0000, "red"),
            (0x00_ff00, "green"),
            (0x80_8080, "grey"),
        ];
        assert_eq!(nearest(0xef_4444, &of), Some("red"));
        assert_eq!(nearest(0x3b_82f6, &of), Some("grey"));
        assert_eq!(nearest(0, &[]), None);
    }
}
