//! The texts that outputs become.

use super::unfinished::Writer;
use super::*;

/// What the record holds of an output that came in these pieces.
fn keep(limit: u64, pieces: &[&[u8]]) -> Output {
    let mut writer = Writer::in_memory(limit);
    for piece in pieces {
        writer.append(piece).expect("memory takes it");
    }
    let contents = writer.into_contents().expect("it was written");
    let cut = Cut::new(&contents, Bytes(limit)).and_then(|cut| cut.read());
    cut.expect("memory can be read")
}

#[test]
fn a_short_output_is_kept_whole() {
    let output = keep(8, &["aé€".as_bytes(), b"zz"]);

    assert_eq!(output.text(), "aé€zz");
    assert_eq!(output.left_out, 0);
}

#[test]
fn of_a_long_output_the_head_and_the_tail_are_kept_and_the_rest_is_counted() {
    let output = keep(8, &[b"01234", b"5", b"6789abcdef", b"gh"]);

    assert_eq!(
        (output.head.as_str(), output.tail.as_str()),
        ("0123", "efgh")
    );
    assert_eq!(output.left_out, 10);
    assert_eq!(output.text(), "0123\n… 10 bytes left out …\nefgh");
}

#[test]
fn no_character_is_cut_in_two() {
    let output = keep(8, &["abc€defghij€xyz".as_bytes()]);

    assert_eq!((output.head.as_str(), output.tail.as_str()), ("abc", "xyz"));
    assert_eq!(output.left_out, 13);
    for limit in 0..40 {
        let text = keep(limit, &["aé€🦀".repeat(4).as_bytes()]).text();
        assert!(!text.contains('\u{fffd}'), "{limit}: {text}");
    }
}

#[test]
fn escapes_count_towards_the_limit() {
    for limit in 0..80 {
        let output = keep(limit, &[b"a\0b\x1bc\xffd\0e"]);

        let length = (output.head.len() + output.tail.len()) as u64;
        assert!(length <= limit.max(31), "{limit}: {output:?}");
        assert!(
            output.left_out == 0 || length <= limit,
            "{limit}: {output:?}"
        );
    }
    assert_eq!(
        keep(14, &[&[0; 7]]).text(),
        "\\u{0}\n… 5 bytes left out …\n\\u{0}"
    );
    assert_eq!(keep(64, &[&[0; 7]]).text(), "\\u{0}".repeat(7));
}

#[test]
fn the_last_lines_begin_at_a_line() {
    let output = keep(64, &[b"first\nsecond\nthird\n\n"]);

    assert_eq!(output.last_lines(14), "second\nthird");
    assert_eq!(output.last_lines(3), "ird");
    assert_eq!(output.last_lines(100), "first\nsecond\nthird");
    assert_eq!(Output::default().last_lines(10), "");
}

#[test]
fn trouble_is_told_below_the_text() {
    let output = Output {
        head: "done".to_owned(),
        trouble: Some("no space".to_owned()),
        ..Output::default()
    };

    assert_eq!(
        output.text(),
        "done\n… on disk it is not complete: no space …\n"
    );
}
