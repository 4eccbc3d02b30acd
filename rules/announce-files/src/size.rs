//! A size as people say it.
//!
//! 1 KB is 1,024 bytes, as it is to Nextcloud and Windows, so that the message and the list of files
//! agree.

use hookbox_sdk::prelude::*;

use crate::texts::Texts;

const STEP: u64 = 1024;

/// Returns a size with at most one decimal, such as `1.5 MB`, `1,5 Mo`, or `12 字节`.
pub(crate) fn in_words(size: u64, language: Language) -> String {
    let texts = Texts::of(language);
    if size < STEP {
        return format!("{size} {}", texts.bytes(size));
    }
    let powers = texts.units.into_iter().zip(1..);
    // What would be rounded to 1,024 is one of the next unit.
    let mut fitting =
        powers.filter(|(_, power)| rounded(size, STEP.pow(*power), 1) < u128::from(STEP));
    let (name, power) = fitting.next().unwrap_or((texts.bytes(size), 0));
    let unit = STEP.pow(power);
    let tenths = rounded(size, unit, 10);
    if tenths >= 1_000 || tenths.is_multiple_of(10) {
        format!("{} {name}", rounded(size, unit, 1))
    } else {
        let mark = texts.decimal_mark;
        format!("{}{mark}{} {name}", tenths / 10, tenths % 10)
    }
}

/// How many parts of a unit a size is, to the nearest whole one.
fn rounded(size: u64, unit: u64, parts: u128) -> u128 {
    let unit = u128::from(unit);
    (u128::from(size) * parts + unit / 2) / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1024 * 1024;

    #[test]
    fn a_size_is_said_as_the_language_does() {
        for (size, english, french, chinese) in [
            (0, "0 bytes", "0 octet", "0 字节"),
            (1, "1 byte", "1 octet", "1 字节"),
            (2, "2 bytes", "2 octets", "2 字节"),
            (1536, "1.5 KB", "1,5 Ko", "1.5 KB"),
            (MB * 3 / 2, "1.5 MB", "1,5 Mo", "1.5 MB"),
            (MB * MB * 5 / 4, "1.3 TB", "1,3 To", "1.3 TB"),
            (u64::MAX, "16 EB", "16 Eo", "16 EB"),
        ] {
            assert_eq!(in_words(size, Language::En), english);
            assert_eq!(in_words(size, Language::Fr), french);
            assert_eq!(in_words(size, Language::Zh), chinese);
        }
    }

    #[test]
    fn a_size_is_rounded_into_the_unit_that_people_would_take() {
        for (size, said) in [
            (1023, "1023 bytes"),
            (1024, "1 KB"),
            (1025, "1 KB"),
            (100 * 1024 - 1, "100 KB"),
            (1000 * 1024 + 600, "1001 KB"),
            (MB - 1, "1 MB"),
            (MB - 513, "1023 KB"),
            (MB, "1 MB"),
            (MB * 1024, "1 GB"),
            (MB * MB * 1024, "1 PB"),
        ] {
            assert_eq!(in_words(size, Language::En), said, "{size}");
        }
    }
}
