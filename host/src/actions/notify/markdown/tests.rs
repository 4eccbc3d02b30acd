//! What is read of texts, and how they are cut.

use std::cell::Cell;

use proptest::prelude::{ProptestConfig, proptest};

use super::*;
use crate::actions::notify::dialect::{Plain, render};

fn text(text: &str) -> Inline {
    Inline::Text(text.to_owned())
}

fn paragraph(inlines: Vec<Inline>) -> Block {
    Block::Paragraph(inlines)
}

#[test]
fn marks_are_read_and_not_kept() {
    let Document(blocks) = Document::parse("a **b *c*** `d` ~~e~~ [f](https://example.org/g)\nh");
    let expected = paragraph(vec![
        text("a "),
        Inline::Strong(vec![text("b "), Inline::Emphasis(vec![text("c")])]),
        text(" "),
        Inline::Code("d".to_owned()),
        text(" "),
        Inline::Strikethrough(vec![text("e")]),
        text(" "),
        Inline::Link {
            to: "https://example.org/g".to_owned(),
            text: vec![text("f")],
        },
        Inline::SoftBreak,
        text("h"),
    ]);
    assert_eq!(blocks, [expected]);
}

#[test]
fn blocks_are_read_with_what_is_in_them() {
    let Document(blocks) = Document::parse(
        "# T\n\n> q\n\n3. x\n4. y\n   - z\n\n```rust\nlet a;\n```\n\n---\n\n|a|b|\n|-|-|\n|c|d|\n",
    );
    let cell = |cell: &str| vec![text(cell)];
    let expected = [
        Block::Heading(1, cell("T")),
        Block::Quote(vec![paragraph(cell("q"))]),
        Block::List {
            start: Some(3),
            items: vec![
                vec![paragraph(cell("x"))],
                vec![
                    paragraph(cell("y")),
                    Block::List {
                        start: None,
                        items: vec![vec![paragraph(cell("z"))]],
                    },
                ],
            ],
        },
        Block::Code {
            language: Some("rust".to_owned()),
            code: "let a;".to_owned(),
        },
        Block::Rule,
        Block::Table(vec![vec![cell("a"), cell("b")], vec![cell("c"), cell("d")]]),
    ];
    assert_eq!(blocks, expected);
}

#[test]
fn escapes_leave_no_seam_and_html_is_text() {
    let Document(blocks) = Document::parse(r"fix\_this \*now\* <b>x</b> &lt;");
    assert_eq!(blocks, [paragraph(vec![text("fix_this *now* <b>x</b> <")])]);
    let Document(blocks) = Document::parse("<script>\nalert()\n</script>\n");
    assert_eq!(
        blocks,
        [paragraph(vec![text("<script>\nalert()\n</script>\n")])]
    );
}

#[test]
fn a_link_that_could_run_something_is_none() {
    for target in [
        "javascript:alert(1)",
        "data:text/html,x",
        "/p",
        "JAVASCRIPT:x",
    ] {
        let Document(blocks) = Document::parse(&format!("[a](<{target}>)"));
        assert_eq!(blocks, [paragraph(vec![text("a")])], "{target}");
    }
}

#[test]
fn a_link_without_an_end_leaves_its_text_and_what_follows() {
    let text = format!("[x](https://example.org/{}) is down", "a".repeat(30_000));
    assert_eq!(render(&Document::parse(&text), &Plain), "x is down");
}

#[test]
fn a_picture_in_a_link_is_the_words_of_that_link() {
    let document = Document::parse("[![a](https://x.org/i.png) b](https://x.org)");
    let expected = Inline::Link {
        to: "https://x.org".to_owned(),
        text: vec![text("a b")],
    };
    assert_eq!(document.0, [paragraph(vec![expected])]);
    let Document(blocks) = Document::parse("[![a](https://x.org/i.png)](javascript:x)");
    let expected = Inline::Link {
        to: "https://x.org/i.png".to_owned(),
        text: vec![text("a")],
    };
    assert_eq!(blocks, [paragraph(vec![expected])]);
}

#[test]
fn an_image_is_a_link_with_its_description() {
    let Document(blocks) = Document::parse("![graph](https://example.org/g.png)");
    let expected = Inline::Link {
        to: "https://example.org/g.png".to_owned(),
        text: vec![text("graph")],
    };
    assert_eq!(blocks, [paragraph(vec![expected])]);
}

#[test]
fn a_text_is_cut_between_characters_as_people_see_them() {
    let document = Document::parse("**构建 👩\u{200d}💻👍🏽 e\u{301}nd**");
    assert_eq!(document.length(), 9);
    let plain = |limit| render(&document.cut(limit), &Plain);
    assert_eq!(plain(9), "构建 👩\u{200d}💻👍🏽 e\u{301}nd");
    assert_eq!(plain(5), "构建 👩\u{200d}💻…");
    assert_eq!(plain(4), "构建 …");
    assert_eq!(plain(1), "…");
    assert_eq!(plain(0), "");
}

#[test]
fn what_is_cut_between_two_pieces_ends_with_a_mark_of_it() {
    for (text, limit, expected) in [
        ("ab**cd**", 2, "a…"),
        ("ab**cd**", 3, "ab…"),
        ("ab**cd** `e`", 5, "abcd…"),
        ("a\nb\nc", 3, "a…"),
        ("a\n\nb\n\nc", 2, "a…"),
        ("a\n\n---\n\nb", 2, "a…"),
        ("---\n\n---\n\na", 2, "———\n\n…"),
        ("- a\n- b\n- c", 2, "• a…"),
        ("> a\n\nb\n\nc", 2, "> a…"),
        ("|a|b|\n|-|-|\n|c|d|", 3, "a | b…"),
        ("```\na\n```\n\nbc", 2, "a…"),
        ("[ab](https://x.org) c", 2, "a… (https://x.org)"),
    ] {
        let cut = Document::parse(text).cut(limit);
        assert_eq!(render(&cut, &Plain), expected, "{text} {limit}");
        assert!(cut.length() <= limit);
    }
}

#[test]
fn a_character_of_thousands_of_accents_is_left_out_with_a_mark() {
    let document = Document::parse(&format!("a{}", "\u{301}".repeat(10_000)));
    let shown =
        |bytes: usize| document.within(|text| render(text, &Plain), |text| text.len() <= bytes);
    assert_eq!(shown(100), "…");
    assert_eq!(shown(2), "");
}

#[test]
fn little_is_written_to_find_what_fits_of_a_long_text() {
    for text in ["a ", "- x\n", "**a**`b`", "|c|d|\n"] {
        let document = Document::parse(&text.repeat(16_000));
        let written = Cell::new(0);
        let count = |text: &Document| {
            written.set(written.get() + text.length());
            render(text, &Plain)
        };
        let shown = document.within(count, |text| text.len() <= 2_000);
        let others = written.get() - document.length();
        assert!(!shown.is_empty() && others <= 16 * 2_000, "{others}");
    }
}

#[test]
fn the_longest_beginning_that_fits_is_kept() {
    let document = Document::parse("one **two** three\n\nfour");
    let shown =
        |bytes: usize| document.within(|cut| render(cut, &Plain), |text| text.len() <= bytes);
    assert_eq!(shown(100), "one two three\n\nfour");
    assert_eq!(shown(10), "one two…");
    assert_eq!(shown(0), "");
}

#[test]
fn what_is_nested_deeper_than_any_reader_stands_without_its_mark_and_in_its_order() {
    for mark in [">", "- ", "1. ", "**_"] {
        let document = Document::parse(&format!("{}x", mark.repeat(20_000)));
        let shown = render(&document, &Plain);
        assert!(shown.contains('x'), "{mark}");
    }
    let nested: String = (0..9)
        .map(|depth| format!("{}- **b{depth}**\n", "  ".repeat(depth)))
        .collect();
    let shown = render(&Document::parse(&format!("{nested}\nend")), &Plain);
    let found: Vec<_> = (0..9)
        .map(|depth| shown.find(&format!("b{depth}")))
        .collect();
    assert!(found.is_sorted() && found[0].is_some(), "{shown}");
    assert!(shown.ends_with("end"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_and_cut_to_any_length(source in "[a-z*_`~#>| \\[\\]()<!\n&;\\\\0-9.👩好-]{0,80}", limit in 0..90_usize) {
        let document = Document::parse(&source);
        let cut = document.cut(limit);
        assert!(cut.length() <= limit);
        let whole = document.cut(document.length());
        assert_eq!(whole.length(), document.length());
    }
}
