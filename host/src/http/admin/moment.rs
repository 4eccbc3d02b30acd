//! Moments as people write them: RFC 3339, or how long ago.

use super::bad;
use crate::domain::clock::Timestamp;
use crate::domain::quantity::Span;
use crate::http::error::ApiError;

/// A moment of a query, where there is one.
///
/// # Errors
/// When it is neither RFC 3339 nor a span.
pub(super) fn read(
    key: &str,
    text: Option<&str>,
    now: Timestamp,
) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| {
        parse(text, now).ok_or_else(|| {
            bad(format!(
                "`{key}` is `{}`, which is no moment: write one such as `2026-11-22T14:00:00Z`, or how long ago, \
                 such as `2h` or `7d`",
                text.escape_debug()
            ))
        })
    })
    .transpose()
}

fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(span) = Span::try_from(text.to_owned()) {
        return Some(now.before(span.0));
    }
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_354_145_000);

    #[test]
    fn a_moment_is_a_date_with_its_offset_or_a_span_back_from_now() {
        for (text, millis) in [
            ("2026-11-22T13:29:05Z", NOW.0),
            ("2026-11-22T14:29:05+01:00", NOW.0),
            ("0s", NOW.0),
            ("2h", NOW.0 - 7_200_000),
            ("7d", NOW.0 - 604_800_000),
        ] {
            assert_eq!(parse(text, NOW), Some(Timestamp(millis)), "{text}");
        }
        for text in [
            "",
            "2",
            "yesterday",
            "2026-11-22",
            "2026-11-22T13:29:05",
            "-2h",
        ] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }
}
