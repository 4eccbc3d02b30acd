//! Replacing secrets in a body before it is stored.
//!
//! The rest of the body stays byte for byte what was received: numbers keep their digits and keys their
//! order, so that a person who compares it with the provider's own record finds the same.
//!
//! Invariant: a body without secrets is not changed.

use std::borrow::Cow;

/// Where the secrets of a provider's bodies are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hidden {
    /// Keys whose value is a secret wherever they stand.
    pub(super) keys: &'static [&'static str],
    /// Paths from the top, with `*` for each entry of a list.
    pub(super) paths: &'static [&'static [&'static str]],
}

impl Hidden {
    /// No secrets.
    pub(super) const NOTHING: Self = Self {
        keys: &[],
        paths: &[],
    };

    fn covers(&self, stack: &[Frame<'_>]) -> bool {
        let key = match stack.last() {
            Some(Frame::Object { key, .. }) => key.as_ref(),
            Some(Frame::List) | None => return false,
        };
        self.keys.iter().any(|known| known.as_bytes() == key)
            || self.paths.iter().any(|path| {
                path.len() == stack.len()
                    && path.iter().zip(stack).all(|(part, frame)| match frame {
                        Frame::Object { key, .. } => key.as_ref() == part.as_bytes(),
                        Frame::List => *part == "*",
                    })
            })
    }
}

/// What stands in the place of a secret.
const REPLACEMENT: &[u8] = b"\"[hidden]\"";

enum Frame<'a> {
    Object { key: Cow<'a, [u8]>, at_key: bool },
    List,
}

/// The body with its secrets replaced. It has been found to be JSON; of anything else some bytes come
/// back, but nothing panics.
pub(super) fn hide(body: &[u8], hidden: Hidden) -> Cow<'_, [u8]> {
    if hidden.keys.is_empty() && hidden.paths.is_empty() {
        return Cow::Borrowed(body);
    }
    let mut result = Vec::new();
    let mut stack: Vec<Frame<'_>> = Vec::new();
    let (mut at, mut copied) = (0, 0);
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'{' => stack.push(Frame::Object {
                key: Cow::Borrowed(b""),
                at_key: true,
            }),
            b'[' => stack.push(Frame::List),
            b'}' | b']' => {
                stack.pop();
            }
            b',' => {
                if let Some(Frame::Object { at_key, .. }) = stack.last_mut() {
                    *at_key = true;
                }
            }
            b'"' => {
                let end = text_end(body, at - 1);
                if let Some(Frame::Object { key, at_key }) = stack.last_mut()
                    && *at_key
                {
                    *at_key = false;
                    *key = decoded(&body[at - 1..end]);
                }
                at = end;
            }
            b':' if hidden.covers(&stack) => {
                let start = at
                    + body[at..]
                        .iter()
                        .take_while(|byte| byte.is_ascii_whitespace())
                        .count();
                let end = value_end(body, start);
                // Nothing is given away by an absent secret, and its absence may matter to somebody.
                if !matches!(&body[start..end], b"null" | b"\"\"" | b"") {
                    result.extend_from_slice(&body[copied..start]);
                    result.extend_from_slice(REPLACEMENT);
                    copied = end;
                }
                at = end;
            }
            _ => {}
        }
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    result.extend_from_slice(&body[copied..]);
    Cow::Owned(result)
}

/// A key as it reads, with its escapes undone: `tok\u0065n` is `token`.
fn decoded(quoted: &[u8]) -> Cow<'_, [u8]> {
    let inner = quoted
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(quoted);
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    serde_json::from_slice::<String>(quoted)
        .map_or(Cow::Borrowed(inner), |key| Cow::Owned(key.into_bytes()))
}

/// Where the text that begins at `start` ends, after its closing quote.
fn text_end(body: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = body
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += found;
        match body[at] {
            b'"' => return at + 1,
            _ => at += 2,
        }
    }
    body.len()
}

/// Where the value that begins at `start` ends.
fn value_end(body: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => at = text_end(body, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            b'}' | b']' | b',' if depth == 0 => return at,
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return at;
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: Hidden = Hidden {
        keys: &["token"],
        paths: &[&["attributes", "variables", "*", "value"]],
    };

    fn hidden(body: &str) -> String {
        String::from_utf8(hide(body.as_bytes(), HIDDEN).into_owned()).expect("text stays text")
    }

    #[test]
    fn secrets_are_replaced_and_every_other_byte_stays() {
        let body = r#"{ "z" : 1.00, "token":"s\"3","attributes": {"variables":[{"key":"A","value":"s1"},{"value" : 12 }],"value":"kept"}, "a":1e999 }"#;
        let expected = r#"{ "z" : 1.00, "token":"[hidden]","attributes": {"variables":[{"key":"A","value":"[hidden]"},{"value" : "[hidden]" }],"value":"kept"}, "a":1e999 }"#;
        assert_eq!(hidden(body), expected);
    }

    #[test]
    fn a_body_without_secrets_is_not_changed() {
        for body in [
            r#"{"token":null,"a":{"token":""},"text":"\"token\":\"x\"","list":["token","x"]}"#,
            "5",
            "[]",
            r#"{"value":"token"}"#,
        ] {
            assert_eq!(hidden(body), body);
        }
    }

    #[test]
    fn an_escaped_key_and_a_nested_value_do_not_get_away() {
        assert_eq!(
            hidden(r#"{"tok\u0065n":"s"}"#),
            r#"{"tok\u0065n":"[hidden]"}"#
        );
        assert_eq!(
            hidden(r#"{"a":[{"token":{"x":["s]"]}}],"b":1}"#),
            r#"{"a":[{"token":"[hidden]"}],"b":1}"#
        );
        assert_eq!(
            hidden(r#"{"token":[{"a":[1]},{"b":2}],"token":"s2"}"#),
            r#"{"token":"[hidden]","token":"[hidden]"}"#
        );
    }
}
