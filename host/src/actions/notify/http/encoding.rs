//! How values are written into a body, so that none breaks out of its place.
//!
//! An [`Encoding`] follows from the type of the body. While a template is read it looks at what stands before
//! each placeholder and says which [`Place`] that is, or why nothing can safely stand there.
//!
//! Invariants:
//! - A value has no influence on the structure of the body, whatever it holds.

use serde_json::Value;

use super::part::{Part, Parts};

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Escaped within strings; whole values elsewhere.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// With character references; within a tag only in quotes.
    Xml,
    /// The same, and nothing in scripts and styles, where character references mean nothing.
    Html,
    /// As they are.
    Text,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Within a string, or anywhere in a form of text alone.
    Within,
    /// Where JSON has a value.
    Whole,
}

impl Encoding {
    /// The encoding for a type of body; the error says what is wrong with the type.
    pub(super) fn of(content_type: &str) -> Result<Self, &'static str> {
        let mut parts = content_type.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        for parameter in parts {
            let charset = parameter.to_ascii_lowercase().replace('"', "");
            if charset.starts_with("charset=") && charset != "charset=utf-8" {
                return Err("bodies are UTF-8: remove `charset`, or write `charset=utf-8`");
            }
        }
        match essence.as_str() {
            "application/json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "application/xml" | "text/xml" => Ok(Self::Xml),
            "text/html" | "application/xhtml+xml" => Ok(Self::Html),
            "text/plain" | "text/markdown" => Ok(Self::Text),
            other if other.ends_with("+json") => Ok(Self::Json),
            other if other.ends_with("+xml") => Ok(Self::Xml),
            _ => Err(
                "values are written for JSON (`application/json`, `…+json`), XML (`application/xml`, `text/xml`, \
                 `…+xml`), `text/html`, `application/x-www-form-urlencoded`, `text/plain`, and `text/markdown`",
            ),
        }
    }

    /// A part as it stands in the body.
    pub(super) fn write(self, place: Place, part: Part, parts: &impl Parts) -> String {
        match (self, place) {
            (Self::Json, Place::Whole) => parts.value(part).to_string(),
            (Self::Json, Place::Within) => {
                let quoted = Value::String(parts.text(part)).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            (Self::Form, _) => {
                form_urlencoded::byte_serialize(parts.text(part).as_bytes()).collect()
            }
            (Self::Xml | Self::Html, _) => references(&parts.text(part)),
            (Self::Text, _) => parts.text(part),
        }
    }
}

/// A text with references for what has a meaning in XML or HTML, and without what XML cannot hold.
fn references(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '&' => written.push_str("&amp;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            // https://www.w3.org/TR/xml/#charsets
            '\t' | '\n' | '\r' => written.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => written.push('\u{fffd}'),
            _ => written.push(c),
        }
    }
    written
}

/// Follows a template from its beginning, and knows where it is.
pub(super) struct Cursor {
    encoding: Encoding,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside of everything.
    Open,
    /// In a string of JSON.
    String,
    /// In a string of JSON, after a backslash.
    Escape,
    /// In a tag, outside of quotes.
    Tag,
    /// In a value of an attribute that ends with this.
    Attribute(char),
    /// In a comment.
    Comment,
    /// In a section of characters of XML.
    Characters,
    /// In a script or a style of HTML, to the end of the template.
    Script,
}

impl Cursor {
    /// At the beginning of a template.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            state: State::Open,
        }
    }

    /// Goes on behind a piece of the template.
    pub(super) fn pass(&mut self, piece: &str) {
        let step = match self.encoding {
            Encoding::Json => json,
            Encoding::Xml => xml,
            Encoding::Html => html,
            Encoding::Form | Encoding::Text => return,
        };
        for (at, c) in piece.char_indices() {
            self.state = step(self.state, c, &piece[..at], &piece[at..]);
        }
    }

    /// The place where it is; the error says why nothing can stand there.
    pub(super) fn place(&self) -> Result<Place, &'static str> {
        match self.state {
            State::Open if self.encoding == Encoding::Json => Ok(Place::Whole),
            State::Open | State::String | State::Attribute(_) => Ok(Place::Within),
            State::Escape => Err("stands behind a backslash, which would escape what it gives"),
            State::Tag => Err(
                "stands in a tag outside of quotes, where what it gives could be another attribute",
            ),
            State::Comment => Err("stands in a comment, which what it gives could end"),
            State::Characters => Err(
                "stands in a CDATA section, which what it gives could end: take it out of there",
            ),
            State::Script => Err(
                "stands behind `<script` or `<style`, where nothing can be escaped safely: put it before",
            ),
        }
    }
}

fn json(state: State, c: char, _before: &str, _rest: &str) -> State {
    match (state, c) {
        (State::String, '\\') => State::Escape,
        (State::String, '"') => State::Open,
        (State::Open, '"') | (State::Escape, _) => State::String,
        _ => state,
    }
}

fn xml(state: State, c: char, before: &str, rest: &str) -> State {
    match (state, c) {
        (State::Open, '<') if rest.starts_with("<!--") => State::Comment,
        (State::Open, '<') if rest.starts_with("<![CDATA[") => State::Characters,
        (State::Open, '<') => State::Tag,
        (State::Tag, '>') => State::Open,
        (State::Tag, '"' | '\'') => State::Attribute(c),
        (State::Attribute(end), _) if c == end => State::Tag,
        (State::Comment, '>') if before.ends_with("--") => State::Open,
        (State::Characters, '>') if before.ends_with("]]") => State::Open,
        _ => state,
    }
}

fn html(state: State, c: char, before: &str, rest: &str) -> State {
    let begins = |tag: &str| {
        rest.get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    match state {
        State::Open if begins("<script") || begins("<style") => State::Script,
        _ => xml(state, c, before, rest),
    }
}
