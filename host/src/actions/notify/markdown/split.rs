//! Texts in pieces, for services that take a long text in several parts.
//!
//! Invariants:
//! - The pieces in their order say what the text says; no character is lost but blanks where a piece ends.
//! - A mark that a piece cuts ends with it, and begins anew in the next.

use unicode_segmentation::UnicodeSegmentation as _;

use super::cut::{length_of_blocks, length_of_inlines, longest};
use super::{Block, Document, Inline};

/// How good a place is to end a piece at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    Within,
    Word,
    Line,
    Block,
}

impl Document {
    /// The text rendered in pieces that fit, each as long as may be without parting what belongs together. What
    /// would not fit by itself is left out.
    pub(in crate::actions::notify) fn pieces(
        &self,
        render: impl Fn(&Self) -> String,
        fits: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut rest = self.clone();
        while !rest.0.is_empty() {
            let whole = render(&rest);
            if fits(&whole) {
                pieces.push(whole);
                break;
            }
            let longest = rest.longest(&render, &fits);
            if longest == 0 {
                break;
            }
            let (piece, others) = rest.split(rest.best_break(longest));
            pieces.push(render(&piece));
            rest = others;
        }
        pieces
    }

    /// The most characters of which a piece fits.
    fn longest(&self, render: impl Fn(&Self) -> String, fits: impl Fn(&str) -> bool) -> usize {
        longest(self.length(), |length| fits(&render(&self.split(length).0)))
    }

    /// The best place to end a piece of so many characters at most, in its second half.
    fn best_break(&self, limit: usize) -> usize {
        let mut breaks = Vec::new();
        mark_blocks(&self.0, &mut breaks);
        (limit / 2 + 1..=limit)
            .max_by_key(|end| breaks.get(end - 1).copied().unwrap_or(Break::Within))
            .unwrap_or(limit)
    }

    /// The first so many characters, and the others.
    fn split(&self, at: usize) -> (Self, Self) {
        let mut rest = at;
        let (first, others) = split_each(&self.0, &mut rest, split_block);
        (Self(first), Self(others))
    }
}

/// Makes the last place as good as this, where it was worse.
fn raise(breaks: &mut [Break], to: Break) {
    if let Some(last) = breaks.last_mut() {
        *last = (*last).max(to);
    }
}

fn mark_text(text: &str, breaks: &mut Vec<Break>) {
    breaks.extend(text.graphemes(true).map(|character| match character {
        "\n" | "\r\n" => Break::Line,
        _ if character.trim().is_empty() => Break::Word,
        _ => Break::Within,
    }));
}

fn mark_inlines(inlines: &[Inline], breaks: &mut Vec<Break>) {
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) => mark_text(text, breaks),
            Inline::Strong(inner)
            | Inline::Emphasis(inner)
            | Inline::Strikethrough(inner)
            | Inline::Link { text: inner, .. } => mark_inlines(inner, breaks),
            Inline::SoftBreak | Inline::HardBreak => breaks.push(Break::Line),
        }
    }
}

fn mark_blocks(blocks: &[Block], breaks: &mut Vec<Break>) {
    for block in blocks {
        match block {
            Block::Paragraph(inlines) | Block::Heading(_, inlines) => mark_inlines(inlines, breaks),
            Block::Quote(inner) => mark_blocks(inner, breaks),
            Block::List { items, .. } => {
                for item in items {
                    mark_blocks(item, breaks);
                }
            }
            Block::Code { code, .. } => mark_text(code, breaks),
            Block::Table(rows) => {
                for row in rows {
                    for cell in row {
                        mark_inlines(cell, breaks);
                    }
                    raise(breaks, Break::Line);
                }
            }
            Block::Rule => breaks.push(Break::Block),
        }
        // A heading belongs to what follows it.
        if !matches!(block, Block::Heading(..)) {
            raise(breaks, Break::Block);
        }
    }
}

/// What has a length, and can be parted.
trait Part: Clone {
    fn length(&self) -> usize;
}

impl Part for Block {
    fn length(&self) -> usize {
        length_of_blocks(std::slice::from_ref(self))
    }
}

impl Part for Inline {
    fn length(&self) -> usize {
        length_of_inlines(std::slice::from_ref(self))
    }
}

impl<T: Part> Part for Vec<T> {
    fn length(&self) -> usize {
        self.iter().map(Part::length).sum()
    }
}

/// Parts a list of things after so many characters: what comes before, and what comes after.
fn split_each<T: Part>(
    parts: &[T],
    rest: &mut usize,
    split: impl Fn(&T, &mut usize) -> (T, T),
) -> (Vec<T>, Vec<T>) {
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for part in parts {
        let length = part.length();
        if *rest == 0 {
            others.push(part.clone());
        } else if length <= *rest {
            *rest -= length;
            first.push(part.clone());
        } else {
            let (before, after) = split(part, rest);
            first.push(before);
            others.push(after);
            *rest = 0;
        }
    }
    (first, others)
}

fn split_text(text: &str, at: usize) -> (String, String) {
    let end = text.grapheme_indices(true).nth(at);
    let (first, others) = text.split_at(end.map_or(text.len(), |(end, _)| end));
    (first.to_owned(), others.to_owned())
}

fn split_inlines(inlines: &[Inline], rest: &mut usize) -> (Vec<Inline>, Vec<Inline>) {
    let (mut first, others) = split_each(inlines, rest, split_inline);
    match first.last_mut() {
        Some(Inline::SoftBreak | Inline::HardBreak) => drop(first.pop()),
        Some(Inline::Text(text)) => text.truncate(text.trim_end().len()),
        _ => {}
    }
    (first, others)
}

fn split_inline(inline: &Inline, rest: &mut usize) -> (Inline, Inline) {
    let mut both = |inner: &[Inline], mark: &dyn Fn(Vec<Inline>) -> Inline| {
        let (first, others) = split_inlines(inner, rest);
        (mark(first), mark(others))
    };
    match inline {
        Inline::Strong(inner) => both(inner, &Inline::Strong),
        Inline::Emphasis(inner) => both(inner, &Inline::Emphasis),
        Inline::Strikethrough(inner) => both(inner, &Inline::Strikethrough),
        Inline::Link { to, text } => both(text, &|text| Inline::Link {
            to: to.clone(),
            text,
        }),
        Inline::Text(text) => {
            let (first, others) = split_text(text, *rest);
            (Inline::Text(first), Inline::Text(others))
        }
        Inline::Code(code) => {
            let (first, others) = split_text(code, *rest);
            (Inline::Code(first), Inline::Code(others))
        }
        // One character is not parted.
        Inline::SoftBreak | Inline::HardBreak => (inline.clone(), Inline::Text(String::new())),
    }
}

fn split_block(block: &Block, rest: &mut usize) -> (Block, Block) {
    match block {
        Block::Paragraph(inlines) => {
            let (first, others) = split_inlines(inlines, rest);
            (Block::Paragraph(first), Block::Paragraph(others))
        }
        Block::Heading(level, inlines) => {
            let (first, others) = split_inlines(inlines, rest);
            (
                Block::Heading(*level, first),
                Block::Heading(*level, others),
            )
        }
        Block::Quote(inner) => {
            let (first, others) = split_each(inner, rest, split_block);
            (Block::Quote(first), Block::Quote(others))
        }
        Block::List { start, items } => {
            let (first, others) = split_each(items, rest, |item, rest| {
                split_each(item, rest, split_block)
            });
            let items_before = u64::try_from(items.len() - others.len()).unwrap_or(u64::MAX);
            let next = start.map(|start| start.saturating_add(items_before));
            let list = |start, items| Block::List { start, items };
            (list(*start, first), list(next, others))
        }
        Block::Code { language, code } => {
            let (first, others) = split_text(code, *rest);
            let first = first.strip_suffix('\n').unwrap_or(&first).to_owned();
            let code = |code| Block::Code {
                language: language.clone(),
                code,
            };
            (code(first), code(others))
        }
        Block::Table(rows) => {
            let (first, others) = split_each(rows, rest, |row, rest| {
                split_each(row, rest, |cell, rest| split_inlines(cell, rest))
            });
            (Block::Table(first), Block::Table(others))
        }
        // One character is not parted.
        Block::Rule => (Block::Rule, Block::Paragraph(Vec::new())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};

    use super::*;
    use crate::actions::notify::dialect::{CommonMark, Plain, render};

    fn pieces(text: &str, limit: usize) -> Vec<String> {
        Document::parse(text).pieces(
            |text| render(text, &CommonMark),
            |text| text.chars().count() <= limit,
        )
    }

    #[test]
    fn a_text_that_fits_is_one_piece_and_no_text_is_none() {
        assert_eq!(pieces("one **two**", 100), ["one **two**"]);
        assert!(pieces("", 100).is_empty());
    }

    #[test]
    fn pieces_end_with_a_block_or_a_line_or_a_word_where_they_can() {
        assert_eq!(
            pieces("one two three\n\nfour five", 20),
            ["one two three", "four five"]
        );
        assert_eq!(
            pieces("one two and\nthree four", 16),
            ["one two and", "three four"]
        );
        assert_eq!(pieces("one two three four", 10), ["one two", "three four"]);
        assert_eq!(pieces("onetwothree", 4), ["onet", "woth", "ree"]);
    }

    #[test]
    fn marks_end_with_a_piece_and_begin_anew() {
        assert_eq!(
            pieces("**one two three** end", 14),
            ["**one two**", "**three** end"]
        );
        assert_eq!(
            pieces("```sh\nmake\ntest\n```", 14),
            ["```sh\nmake\n```", "```sh\ntest\n```"]
        );
        assert_eq!(
            pieces("[one two](https://a.org)", 24),
            ["[one two](https://a.org)"]
        );
    }

    #[test]
    fn numbers_go_on_in_the_next_piece() {
        assert_eq!(
            pieces("3. one\n4. two\n5. three", 14),
            ["3. one\n4. two", "5. three"]
        );
    }

    #[test]
    fn what_fits_by_no_means_is_left_out() {
        assert!(pieces("**one**", 3).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_character_is_lost_between_pieces(source in "[a-z*_`~#>| \\[\\]()<!\n&;\\\\0-9.👩好-]{0,120}", limit in 12..60_usize) {
            let document = Document::parse(&source);
            let fits = |text: &str| text.chars().count() <= limit;
            let pieces = document.pieces(|text| render(text, &Plain), fits);
            assert!(pieces.iter().all(|piece| fits(piece)));
            let seen = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let whole = render(&document, &Plain);
            let said: String = pieces.iter().map(|piece| seen(piece)).collect();
            // A text whose marks alone fill a piece is cut short.
            assert!(seen(&whole).starts_with(&said));
        }
    }
}
