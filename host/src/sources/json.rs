//! Reading JSON that strangers sent.
//!
//! [`read`] says whether a body is JSON within the depth; [`Node`] walks through it. A provider never
//! touches a `serde_json::Value` for what it puts into an event: through a node everything is optional,
//! and everything is cut to what an event may hold.
//!
//! Invariants:
//! - The depth is checked without recursion and before anything is parsed.
//! - What is absent, empty, or of another type is `None`.
//! - No text and no list that a node gives is longer than an event may hold.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::rejection::Rejection;

/// How deep a body may be nested.
const MAX_DEPTH: usize = 128;
/// How long a text of an event may be, in bytes; the payload has the whole.
const MAX_TEXT: usize = 64 << 10;
/// How many entries a list of an event may have.
const MAX_LIST: usize = 1_000;

/// Reads a body as JSON. None is JSON that cannot be represented, such as `1e999`.
///
/// # Errors
/// With status 400 when it is not JSON, or nested more than 128 levels deep.
pub(super) fn read(body: &[u8]) -> Result<Option<Value>, Rejection> {
    if is_too_deep(body) {
        return Err(Rejection::too_deep(MAX_DEPTH));
    }
    match serde_json::from_slice(body) {
        Ok(value) => Ok(Some(value)),
        // The grammar alone, without recursion: what is JSON is stored, even where no event can hold it.
        Err(error) => match std::str::from_utf8(body).map(serde_json::from_str::<IgnoredAny>) {
            Ok(Ok(_)) => Ok(None),
            Ok(Err(_)) | Err(_) => Err(Rejection::not_json(error.line(), error.column())),
        },
    }
}

/// Reads the beginnings of a body: its objects down to so many levels, with their texts and numbers.
/// Lists, and what lies deeper, are checked to be JSON and left out. It is what is looked at before a
/// delivery is committed.
///
/// # Errors
/// With status 400 when it is not JSON, or nested more than 128 levels deep.
pub(super) fn outline(body: &[u8], depth: usize) -> Result<Option<Value>, Rejection> {
    if is_too_deep(body) {
        return Err(Rejection::too_deep(MAX_DEPTH));
    }
    let read = std::str::from_utf8(body).ok().and_then(|text| {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Outline(depth).deserialize(&mut reader).ok()?;
        reader.end().ok().map(|()| value)
    });
    match read {
        Some(value) => Ok(Some(value)),
        // What cannot be represented, and the place of what is wrong.
        None => self::read(body),
    }
}

/// How deep an outline reaches for most providers: what the body says of its kind, its project, and its subject.
pub(super) const OUTLINE_DEPTH: usize = 3;

/// Reads objects down to so many levels.
struct Outline(usize);

impl<'de> DeserializeSeed<'de> for Outline {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0 == 0 {
            return deserializer
                .deserialize_ignored_any(IgnoredAny)
                .map(|_| Value::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outline {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            object.insert(key, entries.next_value_seed(Self(self.0 - 1))?);
        }
        Ok(Value::Object(object))
    }
}

/// Whether the brackets are nested deeper than a body may be.
fn is_too_deep(body: &[u8]) -> bool {
    // Most bodies have fewer brackets than that in all, and counting them is faster by far.
    let opened = body
        .iter()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    opened > MAX_DEPTH && depth(body) > MAX_DEPTH
}

/// How deep the brackets are nested; of what is not JSON, some number.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Remembers whether something was cut while an event was read.
#[derive(Debug, Default)]
pub(super) struct Cut(Cell<bool>);

impl Cut {
    /// Whether something was cut.
    pub(super) fn happened(&self) -> bool {
        self.0.get()
    }

    /// A text, cut to what an event may hold.
    pub(super) fn text(&self, text: &str) -> String {
        if text.len() <= MAX_TEXT {
            return text.to_owned();
        }
        self.0.set(true);
        text[..text.floor_char_boundary(MAX_TEXT)].to_owned()
    }

    /// The first parts of what becomes one text: as many as it may hold, and the one that is too much, so that
    /// the text is seen to be cut.
    pub(super) fn parts(&self, texts: impl Iterator<Item = String>) -> Vec<String> {
        let mut size = 0;
        let fitting = texts.take_while(|text| {
            let has_room = size <= MAX_TEXT;
            size += text.len();
            has_room
        });
        fitting.collect()
    }

    /// The first entries of a list, as many as an event may hold.
    pub(super) fn list<T>(&self, entries: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut entries = entries.into_iter();
        let list = entries.by_ref().take(MAX_LIST).collect();
        if entries.next().is_some() {
            self.0.set(true);
        }
        list
    }
}

/// A place in a body, which may not be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    value: Option<&'a Value>,
    cut: &'a Cut,
}

impl<'a> Node<'a> {
    /// The whole body.
    pub(super) fn root(value: &'a Value, cut: &'a Cut) -> Self {
        let value = Some(value);
        Self { value, cut }
    }

    /// What remembers the cuts.
    pub(super) fn cut(self) -> &'a Cut {
        self.cut
    }

    /// The place under a key of an object.
    pub(super) fn get(self, key: &str) -> Self {
        let value = self.value.and_then(|value| value.get(key));
        Self { value, ..self }
    }

    /// The place of an entry of a list.
    pub(super) fn at(self, index: usize) -> Self {
        let value = self.value.and_then(|value| value.get(index));
        Self { value, ..self }
    }

    /// Whether there is something other than `null`.
    pub(super) fn exists(self) -> bool {
        self.value.is_some_and(|value| !value.is_null())
    }

    /// The text under a key.
    pub(super) fn text(self, key: &str) -> Option<String> {
        self.raw(key).map(|text| self.cut.text(text))
    }

    /// The text under a key, neither copied nor cut.
    pub(super) fn raw(self, key: &str) -> Option<&'a str> {
        self.value?
            .get(key)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    /// The address under a key: of a web page, and nothing else, because people will open it.
    pub(super) fn link(self, key: &str) -> Option<String> {
        let text = self.raw(key)?;
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        is_web.then(|| self.cut.text(text))
    }

    /// The whole number under a key.
    pub(super) fn number(self, key: &str) -> Option<u64> {
        self.value?.get(key)?.as_u64()
    }

    /// The identifier under a key: a text, or a whole number as text.
    pub(super) fn id(self, key: &str) -> Option<String> {
        match self.value?.get(key)? {
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => self.text(key),
        }
    }

    /// The yes or no under a key.
    pub(super) fn flag(self, key: &str) -> Option<bool> {
        self.value?.get(key)?.as_bool()
    }

    /// The seconds under a key, which may have a fraction, in milliseconds.
    pub(super) fn seconds_as_millis(self, key: &str) -> Option<u64> {
        let seconds = self.value?.get(key)?.as_f64()?;
        let duration = Duration::try_from_secs_f64(seconds).ok()?;
        u64::try_from(duration.as_millis()).ok()
    }

    /// The entries of the list under a key; none where there is no list.
    pub(super) fn items(self, key: &str) -> impl Iterator<Item = Self> {
        let list = self
            .value
            .and_then(|value| value.get(key))
            .and_then(Value::as_array);
        let cut = self.cut;
        list.into_iter().flatten().map(move |value| Self {
            value: Some(value),
            cut,
        })
    }

    /// The texts of the list under a key.
    pub(super) fn texts(self, key: &str) -> Vec<String> {
        let texts = self.items(key).filter_map(|item| item.value?.as_str());
        self.cut.list(texts.map(|text| self.cut.text(text)))
    }

    /// The keys of the object and the places under them.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        let object = self.value.and_then(Value::as_object);
        let cut = self.cut;
        object.into_iter().flatten().map(move |(key, value)| {
            let value = Some(value);
            (key.as_str(), Self { value, cut })
        })
    }

    /// What stands here as a text for people: a list as its entries, an object as its title or name.
    pub(super) fn shown(self) -> Option<String> {
        match self.value? {
            Value::Null => None,
            Value::String(text) => (!text.is_empty()).then(|| self.cut.text(text)),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(list) => {
                let names = list.iter().filter_map(|value| {
                    let value = Some(value);
                    Self { value, ..self }.name()
                });
                let text = self.cut.list(names).join(", ");
                (!text.is_empty()).then(|| self.cut.text(&text))
            }
            Value::Object(_) => self.name(),
        }
    }

    /// What a list's entry is called.
    fn name(self) -> Option<String> {
        match self.value? {
            Value::Null => None,
            Value::String(text) => Some(self.cut.text(text)),
            Value::Object(_) => ["title", "username", "name", "key", "id"]
                .into_iter()
                .find_map(|key| self.id(key)),
            value => Some(self.cut.text(&value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        let mut body = vec![b'['; depth];
        body.extend(vec![b']'; depth]);
        body
    }

    #[test]
    fn a_body_may_be_128_levels_deep_and_no_deeper() {
        assert!(read(&nested(128)).is_ok());
        let rejection = read(&nested(129)).expect_err("too deep");
        assert_eq!((rejection.status, rejection.code), (400, "hook/too-deep"));
        assert!(read(&nested(5_000_000)).is_err());
        assert!(read(br#"{"text":"[[[[\"[[["}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_refused_and_what_is_only_too_large_is_kept() {
        for body in [
            &b""[..],
            b"{",
            b"hello",
            b"{\"a\":1,}",
            b"\xff",
            b"{} {}",
            b"\"\xff\"",
        ] {
            let rejection = read(body).expect_err("not JSON");
            assert_eq!((rejection.status, rejection.code), (400, "hook/not-json"));
        }
        assert_eq!(read(br#"{"a":1e999}"#), Ok(None));
        assert_eq!(read(b"5"), Ok(Some(Value::from(5))));
    }

    #[test]
    fn absent_empty_and_mistyped_values_are_none() {
        let value =
            serde_json::json!({"a": "", "b": 5, "c": "javascript:alert(1)", "d": -1.5, "e": null});
        let cut = Cut::default();
        let node = Node::root(&value, &cut);
        assert_eq!(node.text("a"), None);
        assert_eq!(node.text("b"), None);
        assert_eq!(node.get("x").get("y").text("z"), None);
        assert_eq!(node.link("c"), None);
        assert_eq!(node.seconds_as_millis("d"), None);
        assert_eq!(node.id("b"), Some("5".to_owned()));
        assert!(!node.get("e").exists());
    }

    #[test]
    fn long_texts_and_lists_are_cut_at_a_character_and_remembered() {
        let value =
            serde_json::json!({"text": "é".repeat(40_000), "list": vec!["x"; 1_001], "short": "x"});
        let cut = Cut::default();
        let node = Node::root(&value, &cut);
        assert_eq!(node.text("short"), Some("x".to_owned()));
        assert!(!cut.happened());
        assert_eq!(node.texts("list").len(), 1_000);
        assert!(cut.happened());
        assert_eq!(node.text("text").map(|text| text.len()), Some(65_536));
    }
}
