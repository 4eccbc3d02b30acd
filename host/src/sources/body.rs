//! From the bytes of a verified request to the JSON in them: inflating, and taking JSON out of a form.
//!
//! What is stored is JSON always, so that parsers and rules need to know one shape. A form with a field
//! `payload` is what stands in that field; any other form is an object of its fields.
//!
//! Invariants:
//! - Nothing is inflated before the bytes as received have been verified.
//! - Nothing is inflated to more than the source's body limit.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::rejection::Rejection;
use crate::domain::quantity::Bytes;

/// How many fields of a form are read; more are left out.
const MAX_FIELDS: usize = 1_000;

/// The field of a form in which providers send JSON.
const PAYLOAD: &str = "payload";

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
}

impl Coding {
    /// Reads the headers.
    ///
    /// # Errors
    /// With status 415 for any coding but gzip, and for more than one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let value = values.next().map(|value| value.as_bytes().trim_ascii());
        match (value, values.next()) {
            (None | Some(b"" | b"identity"), None) => Ok(Self::Plain),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"gzip") => Ok(Self::Gzip),
            _ => Err(Rejection::unknown_coding()),
        }
    }
}

/// Whether a form is taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forms {
    Taken,
    LeftAlone,
}

/// The JSON that a body holds; whether it is JSON is not looked at.
///
/// # Errors
/// With status 413 when it inflates to more than the limit, 400 when it is not compressed as it says, and 415
/// for an unknown coding.
pub(super) fn json<'a>(
    headers: &HeaderMap,
    body: &'a [u8],
    limit: Bytes,
    forms: Forms,
) -> Result<Cow<'a, [u8]>, Rejection> {
    let plain = match Coding::of(headers)? {
        Coding::Plain => Cow::Borrowed(body),
        Coding::Gzip => Cow::Owned(inflate(body, limit)?),
    };
    Ok(if forms == Forms::Taken && is_form(headers, &plain) {
        Cow::Owned(of_form(&plain))
    } else {
        plain
    })
}

fn inflate(body: &[u8], limit: Bytes) -> Result<Vec<u8>, Rejection> {
    let mut inflated = Vec::new();
    MultiGzDecoder::new(body)
        .take(limit.0.saturating_add(1))
        .read_to_end(&mut inflated)
        .map_err(|_| Rejection::not_gzip())?;
    if inflated.len() > limit.as_usize() {
        return Err(Rejection::inflated_too_large(limit));
    }
    Ok(inflated)
}

/// Whether it is a form. Senders that say so and send JSON, as `curl --data` does, are believed by what they
/// send: the names of a form's fields have no brackets or quotes.
fn is_form(headers: &HeaderMap, body: &[u8]) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map(|kind| kind.as_bytes())
        .unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        && !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

fn of_form(body: &[u8]) -> Vec<u8> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(body).take(MAX_FIELDS) {
        if name == PAYLOAD {
            return value.into_owned().into_bytes();
        }
        // As with a header, the first one counts.
        fields
            .entry(name.into_owned())
            .or_insert_with(|| Value::String(value.into_owned()));
    }
    Value::Object(fields).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::sources::testing::headers;

    const LIMIT: Bytes = Bytes::kib(4);
    const FORM: (&str, &str) = (
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    );

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    fn read(list: &[(&str, &str)], body: &[u8]) -> Result<Vec<u8>, Rejection> {
        json(&headers(list), body, LIMIT, Forms::Taken).map(Cow::into_owned)
    }

    #[test]
    fn a_form_is_its_payload_or_an_object_of_its_fields() {
        let payload = b"a=1&payload=%7B%22a%22%3A%22%C3%A9+%2B%22%7D";
        assert_eq!(read(&[FORM], payload), Ok("{\"a\":\"é +\"}".into()));
        let fields = b"command=%2Fdeploy&text=main&text=other";
        assert_eq!(
            read(&[FORM], fields),
            Ok(br#"{"command":"/deploy","text":"main"}"#.to_vec())
        );
        // A type is a matter of the header; without it this is not JSON, as will be said.
        assert_eq!(read(&[], fields), Ok(fields.to_vec()));
        assert_eq!(read(&[FORM], br#" {"a":1}"#), Ok(br#" {"a":1}"#.to_vec()));
    }

    #[test]
    fn gzip_is_inflated_and_what_only_says_so_is_refused() {
        let gzipped = ("content-encoding", "gzip");
        assert_eq!(read(&[gzipped], &gzip(b"{}")), Ok(b"{}".to_vec()));
        let form = gzip(b"payload=%7B%7D");
        assert_eq!(read(&[gzipped, FORM], &form), Ok(b"{}".to_vec()));
        for body in [&b"{}"[..], &gzip(b"{}")[..12], b""] {
            let refused = read(&[gzipped], body).expect_err("it is not gzip");
            assert_eq!((refused.status, refused.code), (400, "hook/not-gzip"));
        }
        for list in [
            vec![("content-encoding", "br")],
            vec![("content-encoding", "gzip, gzip")],
            vec![gzipped, gzipped],
        ] {
            let refused = read(&list, b"{}").expect_err("an unknown coding");
            assert_eq!((refused.status, refused.code), (415, "hook/encoding"));
        }
    }

    #[test]
    fn a_body_that_inflates_beyond_the_limit_is_refused_without_being_inflated_whole() {
        let gzipped = ("content-encoding", "gzip");
        assert!(read(&[gzipped], &gzip(&[b' '; 4_096])).is_ok());
        let bomb = gzip(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 128 << 10);
        let refused = read(&[gzipped], &bomb).expect_err("too large");
        assert_eq!((refused.status, refused.code), (413, "hook/too-large"));
    }
}
