//! Letters as mail programs read them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::names::Digest;

/// More lines than this are shown by their first and last ones.
const SHOWN: usize = 150;

/// A letter that was sent.
#[derive(Debug)]
pub(super) struct Letter {
    /// As it was sent.
    raw: String,
    /// The headers with their names as they were sent, each on one line.
    pub(super) headers: BTreeMap<String, String>,
    /// What the parts are, and their texts.
    pub(super) parts: Vec<(String, String)>,
}

impl Letter {
    pub(super) fn read(raw: &str) -> Self {
        assert!(raw.is_ascii(), "a letter needs nothing but ASCII");
        let (headers, body) = entity(raw);
        let boundary = headers["Content-Type"]
            .split('"')
            .nth(1)
            .expect("a boundary");
        let mark = format!("--{boundary}");
        let mut parts: Vec<&str> = body.split(&mark).collect();
        assert_eq!(
            parts.pop().map(str::trim_end),
            Some("--"),
            "the end is marked"
        );
        assert_eq!(parts.remove(0), "", "nothing stands before the parts");
        let parts = parts.into_iter().map(|part| {
            let (headers, body) = entity(part.strip_prefix("\r\n").expect("a line's end"));
            let body = match headers["Content-Transfer-Encoding"].as_str() {
                "7bit" => body.to_owned(),
                "quoted-printable" => quoted_printable(body),
                "base64" => base64(&body.replace("\r\n", "")),
                other => panic!("{other}"),
            };
            (headers["Content-Type"].clone(), body.replace("\r\n", "\n"))
        });
        Self {
            raw: raw.to_owned(),
            parts: parts.collect(),
            headers,
        }
    }

    pub(super) fn plain(&self) -> &str {
        self.part("text/plain; charset=utf-8")
    }

    pub(super) fn html(&self) -> &str {
        self.part("text/html; charset=utf-8")
    }

    fn part(&self, kind: &str) -> &str {
        let part = self.parts.iter().find(|(found, _)| found == kind);
        &part.expect("both texts").1
    }

    /// The subject, decoded.
    pub(super) fn subject(&self) -> String {
        decoded(&self.headers["Subject"])
    }

    /// Whether no line is longer than a mail server must take (RFC 5322, section 2.1.1).
    pub(super) fn has_short_lines(&self) -> bool {
        self.raw.split("\r\n").all(|line| line.len() <= 998)
    }

    /// All of it: as it was sent, and as it is read.
    pub(super) fn shown(&self) -> String {
        let mut shown = vec![short(&self.raw)];
        shown.push(format!("== Subject ==\n{}", short(&self.subject())));
        for (kind, text) in &self.parts {
            shown.push(format!("== {kind} ==\n{}", short(text)));
        }
        shown.push("== end of the letter ==".to_owned());
        shown.join("\n")
    }
}

/// The headers, with their lines unfolded, and what is behind them.
fn entity(text: &str) -> (BTreeMap<String, String>, &str) {
    let (head, body) = text.split_once("\r\n\r\n").expect("headers");
    let head = head.replace("\r\n ", " ");
    assert!(!head.replace("\r\n", "").contains(['\r', '\n']));
    let mut headers = BTreeMap::new();
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ").expect("a header");
        let former = headers.insert(name.to_owned(), value.to_owned());
        assert_eq!(former, None, "the header {name} came twice");
    }
    (headers, body)
}

fn base64(text: &str) -> String {
    let bytes = STANDARD.decode(text).expect("base64");
    String::from_utf8(bytes).expect("UTF-8")
}

fn quoted_printable(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut pieces = text.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at(2);
        bytes.extend(hex::decode(code).expect("two digits"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Decodes the words of a header.
fn decoded(text: &str) -> String {
    let mut words = Vec::new();
    let mut is_after_encoded = false;
    for word in text.split(' ') {
        let encoded = word.strip_prefix("=?utf-8?b?");
        let encoded = encoded.and_then(|word| word.strip_suffix("?="));
        let shown = encoded.map_or_else(|| word.to_owned(), base64);
        // What separates two encoded words is none of the text.
        if !(words.is_empty() || is_after_encoded && encoded.is_some()) {
            words.push(" ".to_owned());
        }
        words.push(shown);
        is_after_encoded = encoded.is_some();
    }
    words.concat()
}

/// A long text by its beginning and its end, and all of it by its digest.
fn short(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<String> = text.trim_end().lines().map(short_line).collect();
    if lines.len() <= SHOWN {
        return lines.join("\n");
    }
    let digest = Digest::of(text.as_bytes());
    let left_out = lines.len() - 60;
    format!(
        "{}\n⟦{left_out} lines; all have {} bytes, {digest}⟧\n{}",
        lines[..50].join("\n"),
        text.len(),
        lines[lines.len() - 10..].join("\n")
    )
}

fn short_line(line: &str) -> String {
    let count = line.chars().count();
    if count <= 180 {
        return line.to_owned();
    }
    let head: String = line.chars().take(8).collect();
    let tail: String = line.chars().skip(count - 6).collect();
    let digest = Digest::of(line.as_bytes());
    format!(
        "{head} ⟦{count} characters, {} bytes, {digest}⟧ {tail}",
        line.len()
    )
}
