//! Reading the JSON of settings, a value at a time.
//!
//! `serde_json` would be more than half of a small module, and reading every setting into a tree most of
//! what a small rule spends. The server has already checked the text, so that what is not JSON is only
//! refused here, not explained.

/// A JSON value, as the text it is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a> {
    text: &'a str,
}

impl<'a> Json<'a> {
    /// What a missing setting is.
    pub const NULL: Json<'static> = Json { text: "null" };

    /// Takes the text of one value.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text: text.trim() }
    }

    /// The value as it is written.
    #[must_use]
    pub fn as_text(self) -> &'a str {
        self.text
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.text == "null"
    }

    /// The value, if it is true or false.
    #[must_use]
    pub fn to_bool(self) -> Option<bool> {
        match self.text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The value, if it is a whole number.
    #[must_use]
    pub fn to_i64(self) -> Option<i64> {
        self.text.parse().ok()
    }

    /// The text, if it is one.
    #[must_use]
    pub fn to_text(self) -> Option<String> {
        unescaped(self.text.strip_prefix('"')?.strip_suffix('"')?)
    }

    /// The items, if it is a list.
    #[must_use]
    pub fn to_items(self) -> Option<Vec<Self>> {
        let mut rest = self.text.strip_prefix('[')?.strip_suffix(']')?.trim();
        let mut items = Vec::new();
        while !rest.is_empty() {
            let (item, after) = split(rest)?;
            items.push(item);
            rest = next(after)?;
        }
        Some(items)
    }

    /// The keys and values, if it is an object.
    #[must_use]
    pub fn to_entries(self) -> Option<Vec<(String, Self)>> {
        let mut rest = self.text.strip_prefix('{')?.strip_suffix('}')?.trim();
        let mut entries = Vec::new();
        while !rest.is_empty() {
            let (key, after) = split(rest)?;
            let (value, after) = split(after.strip_prefix(':')?.trim_start())?;
            entries.push((key.to_text()?, value));
            rest = next(after)?;
        }
        Some(entries)
    }
}

/// What follows the comma; nothing at the end.
fn next(after: &str) -> Option<&str> {
    if after.is_empty() {
        return Some(after);
    }
    after.strip_prefix(',').map(str::trim_start)
}

/// The first value of a text, and the rest after the space behind it.
fn split(text: &str) -> Option<(Json<'_>, &str)> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let ends = match byte {
            b'\\' if in_string => {
                bytes.next();
                false
            }
            b'"' => {
                in_string = !in_string;
                !in_string && depth == 0
            }
            _ if in_string => false,
            b'[' | b'{' => {
                depth += 1;
                false
            }
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                depth == 0
            }
            b',' | b':' if depth == 0 => return cut(text, at),
            _ => false,
        };
        if ends {
            return cut(text, at + 1);
        }
    }
    // A number or a word at the end of the text.
    if in_string || depth > 0 {
        None
    } else {
        cut(text, text.len())
    }
}

fn cut(text: &str, at: usize) -> Option<(Json<'_>, &str)> {
    let (value, rest) = text.split_at_checked(at)?;
    Some((Json::new(value), rest.trim_start()))
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        plain.push(match characters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode(&mut characters)?,
            itself => itself,
        });
    }
    Some(plain)
}

/// A character written as `\uXXXX`, or as a pair of them beyond the basic plane.
fn unicode(characters: &mut std::str::Chars<'_>) -> Option<char> {
    let first = four_digits(characters)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    if characters.next() != Some('\\') || characters.next() != Some('u') {
        return None;
    }
    let second = four_digits(characters)?.checked_sub(0xDC00)?;
    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + second)
}

fn four_digits(characters: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |number, _| {
        Some(number * 16 + characters.next()?.to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn values_are_told_apart() {
        assert_eq!(Json::new(" 5 ").to_i64(), Some(5));
        assert_eq!(Json::new("-5").to_i64(), Some(-5));
        assert_eq!(Json::new("1.5").to_i64(), None);
        assert_eq!(Json::new("\"5\"").to_i64(), None);
        assert_eq!(Json::new("true").to_bool(), Some(true));
        assert!(Json::new("null").is_null());
        assert_eq!(Json::new("dev").to_text(), None);
    }

    #[test]
    fn texts_are_read_as_serde_json_writes_them() {
        for text in [
            "",
            "plain",
            "a \"quote\" and a \\",
            "tab\tline\n\u{8}\u{c}\r\u{1}",
            "é 日本語 🚀",
            "/",
        ] {
            let written = serde_json::to_string(text).unwrap();
            assert_eq!(Json::new(&written).to_text().as_deref(), Some(text));
        }
        assert_eq!(
            Json::new(r#""\ud83d\ude80 \u00e9 \/""#)
                .to_text()
                .as_deref(),
            Some("🚀 é /")
        );
        assert_eq!(Json::new(r#""\ud83d""#).to_text(), None);
    }

    #[test]
    fn objects_and_lists_are_split_at_their_own_commas() {
        let object = Json::new(r#" { "a" : [1, "x,]\"y", {"b": []}] , "c":{"d":"}"},"e": 7 } "#);

        let entries = object.to_entries().unwrap();

        let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "c", "e"]);
        let items = entries[0].1.to_items().unwrap();
        assert_eq!(items[1].to_text().as_deref(), Some("x,]\"y"));
        assert_eq!(items[2].as_text(), r#"{"b": []}"#);
        assert_eq!(entries[1].1.as_text(), r#"{"d":"}"}"#);
        assert_eq!(entries[2].1.to_i64(), Some(7));
        assert_eq!(Json::new("{}").to_entries(), Some(Vec::new()));
        assert_eq!(Json::new("[]").to_items(), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1", r#"{"a"}"#, r#"{"a":"b}"#, "[1}2]", "{]}"] {
            let json = Json::new(text);
            assert!(
                json.to_entries().is_none() && json.to_items().is_none(),
                "{text}"
            );
        }
    }
}
