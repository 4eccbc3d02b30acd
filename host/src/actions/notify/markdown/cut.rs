//! How long a text is, and its beginning where it is longer than a service takes.
//!
//! Invariants:
//! - A text of which something was left out ends with `…`.
//! - No mark is left without its end, and no character is cut in two.
//! - Finding what fits takes a number of attempts that grows with the logarithm of what fits, whatever the text is.

use unicode_segmentation::UnicodeSegmentation as _;

use super::{Block, Document, Inline};
use crate::actions::notify::text::is_blank;

/// What stands for all that was left out.
const MORE: char = '…';

/// The first length that is tried of a text that does not fit: so much fits nearly everywhere.
const FIRST_TRY: usize = 256;

/// A difference of less than this part of a text is not worth to write it once more.
const NEARLY: usize = 128;

impl Document {
    /// How many characters are seen of it, as people count them.
    pub(in crate::actions::notify) fn length(&self) -> usize {
        length_of_blocks(&self.0)
    }

    /// Whether nothing is seen of it.
    pub(in crate::actions::notify) fn is_blank(&self) -> bool {
        self.0.iter().all(is_blank_block)
    }

    /// The same with so many characters at most, the last of which is `…` where some were left out.
    pub(in crate::actions::notify) fn cut(&self, limit: usize) -> Self {
        match self.length() <= limit {
            true => self.clone(),
            false => self.cut_longer(limit),
        }
    }

    /// The same for a text that is known to be longer.
    fn cut_longer(&self, limit: usize) -> Self {
        let Some(rest) = limit.checked_sub(1) else {
            return Self::default();
        };
        let mut room = Room { rest, lacks: false };
        let mut kept = cut_blocks(&self.0, &mut room);
        if room.lacks {
            end_blocks(&mut kept);
        }
        Self(kept)
    }

    /// The text rendered, cut to what fits: the longest beginning that `fits` takes, or one that is less than a
    /// hundredth shorter. Where not even the empty text fits, the empty text.
    pub(in crate::actions::notify) fn within(
        &self,
        render: impl Fn(&Self) -> String,
        fits: impl Fn(&str) -> bool,
    ) -> String {
        render(&self.fitting(&render, fits))
    }

    /// The text cut to what fits when it is rendered, as [`Self::within`] has it.
    pub(in crate::actions::notify) fn fitting(
        &self,
        render: impl Fn(&Self) -> String,
        fits: impl Fn(&str) -> bool,
    ) -> Self {
        if fits(&render(self)) {
            return self.clone();
        }
        let shorter = self.length().saturating_sub(1);
        match longest(shorter, |length| fits(&render(&self.cut_longer(length)))) {
            // A single character may be one with thousands of accents, which no service takes.
            0 => Self::ended(render, fits),
            length => self.cut_longer(length),
        }
    }

    /// A text of which nothing but its end fits, or not even that.
    fn ended(render: impl Fn(&Self) -> String, fits: impl Fn(&str) -> bool) -> Self {
        let mut ended = Self::default();
        end_blocks(&mut ended.0);
        match fits(&render(&ended)) {
            true => ended,
            false => Self::default(),
        }
    }
}

/// The largest number up to a limit that fits, or one that is less than a hundredth smaller, where all that are
/// smaller fit as well; 0 where none does.
///
/// Looks upwards from small numbers, because texts that are far too long are the ones that take time.
pub(super) fn longest(limit: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, limit.min(FIRST_TRY));
    while low < high && fits(high) {
        low = high;
        high = limit.min(high.saturating_mul(2));
    }
    // What was tried last does not fit, or is the limit.
    high = high.saturating_sub(1).max(low);
    while low < high && high - low >= low / NEARLY {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// What is left for a text.
struct Room {
    /// How many characters.
    rest: usize,
    /// Whether something that is seen found no room.
    lacks: bool,
}

impl Room {
    /// As many of some parts as have room, the last of them cut.
    fn fill<T>(
        &mut self,
        parts: &[T],
        is_blank: impl Fn(&T) -> bool,
        cut: impl Fn(&T, &mut Self) -> T,
    ) -> Vec<T> {
        let mut kept = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            if self.rest == 0 {
                self.lacks |= !parts[number..].iter().all(is_blank);
                break;
            }
            kept.push(cut(part, self));
            if self.lacks {
                break;
            }
        }
        kept
    }

    fn text(&mut self, text: &str) -> String {
        let mut count = 0;
        for (at, _) in text.grapheme_indices(true) {
            if count == self.rest {
                self.rest = 0;
                self.lacks = !is_blank(&text[at..]);
                return text[..at].to_owned();
            }
            count += 1;
        }
        self.rest -= count;
        text.to_owned()
    }
}

fn cut_inlines(inlines: &[Inline], room: &mut Room) -> Vec<Inline> {
    room.fill(inlines, is_blank_inline, |inline, room| match inline {
        Inline::Text(text) => Inline::Text(room.text(text)),
        Inline::Code(code) => Inline::Code(room.text(code)),
        Inline::Strong(inner) => Inline::Strong(cut_inlines(inner, room)),
        Inline::Emphasis(inner) => Inline::Emphasis(cut_inlines(inner, room)),
        Inline::Strikethrough(inner) => Inline::Strikethrough(cut_inlines(inner, room)),
        Inline::Link { to, text } => Inline::Link {
            to: to.clone(),
            text: cut_inlines(text, room),
        },
        Inline::SoftBreak | Inline::HardBreak => {
            room.rest -= 1;
            inline.clone()
        }
    })
}

fn cut_blocks(blocks: &[Block], room: &mut Room) -> Vec<Block> {
    room.fill(blocks, is_blank_block, |block, room| match block {
        Block::Paragraph(inlines) => Block::Paragraph(cut_inlines(inlines, room)),
        Block::Heading(level, inlines) => Block::Heading(*level, cut_inlines(inlines, room)),
        Block::Quote(inner) => Block::Quote(cut_blocks(inner, room)),
        Block::List { start, items } => Block::List {
            start: *start,
            items: room.fill(
                items,
                |item| item.iter().all(is_blank_block),
                |item, room| cut_blocks(item, room),
            ),
        },
        Block::Code { language, code } => Block::Code {
            language: language.clone(),
            code: room.text(code),
        },
        Block::Table(rows) => Block::Table(room.fill(
            rows,
            |row| is_blank_row(row),
            |row, room| {
                let is_blank = |cell: &Vec<Inline>| cell.iter().all(is_blank_inline);
                room.fill(row, is_blank, |cell, room| cut_inlines(cell, room))
            },
        )),
        Block::Rule => {
            room.rest -= 1;
            Block::Rule
        }
    })
}

fn is_blank_inline(inline: &Inline) -> bool {
    match inline {
        Inline::Text(text) | Inline::Code(text) => is_blank(text),
        Inline::Strong(inner)
        | Inline::Emphasis(inner)
        | Inline::Strikethrough(inner)
        | Inline::Link { text: inner, .. } => inner.iter().all(is_blank_inline),
        Inline::SoftBreak | Inline::HardBreak => true,
    }
}

fn is_blank_block(block: &Block) -> bool {
    match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => {
            inlines.iter().all(is_blank_inline)
        }
        Block::Quote(inner) => inner.iter().all(is_blank_block),
        Block::List { items, .. } => items.iter().flatten().all(is_blank_block),
        Block::Code { code, .. } => is_blank(code),
        Block::Table(rows) => rows.iter().all(|row| is_blank_row(row)),
        Block::Rule => false,
    }
}

fn is_blank_row(row: &[Vec<Inline>]) -> bool {
    row.iter().flatten().all(is_blank_inline)
}

/// Marks the end of a text of which something is left out.
fn end_blocks(blocks: &mut Vec<Block>) {
    match blocks.last_mut() {
        Some(Block::Paragraph(inlines) | Block::Heading(_, inlines)) => end_inlines(inlines),
        Some(Block::Quote(inner)) => end_blocks(inner),
        Some(Block::List { items, .. }) if !items.is_empty() => {
            items.last_mut().into_iter().for_each(end_blocks);
        }
        Some(Block::Code { code, .. }) => code.push(MORE),
        Some(Block::Table(rows)) if rows.last().is_some_and(|row| !row.is_empty()) => {
            let row = rows.last_mut().into_iter().flatten();
            row.last().into_iter().for_each(end_inlines);
        }
        Some(Block::List { .. } | Block::Table(_) | Block::Rule) | None => {
            blocks.push(Block::Paragraph(vec![Inline::Text(MORE.into())]));
        }
    }
}

fn end_inlines(inlines: &mut Vec<Inline>) {
    while matches!(inlines.last(), Some(Inline::SoftBreak | Inline::HardBreak)) {
        inlines.pop();
    }
    match inlines.last_mut() {
        Some(Inline::Text(text) | Inline::Code(text)) => text.push(MORE),
        Some(
            Inline::Strong(inner)
            | Inline::Emphasis(inner)
            | Inline::Strikethrough(inner)
            | Inline::Link { text: inner, .. },
        ) => end_inlines(inner),
        Some(Inline::SoftBreak | Inline::HardBreak) | None => {
            inlines.push(Inline::Text(MORE.into()));
        }
    }
}

pub(super) fn length_of_inlines(inlines: &[Inline]) -> usize {
    let each = inlines.iter().map(|inline| match inline {
        Inline::Text(text) | Inline::Code(text) => text.graphemes(true).count(),
        Inline::Strong(inner)
        | Inline::Emphasis(inner)
        | Inline::Strikethrough(inner)
        | Inline::Link { text: inner, .. } => length_of_inlines(inner),
        Inline::SoftBreak | Inline::HardBreak => 1,
    });
    each.sum()
}

pub(super) fn length_of_blocks(blocks: &[Block]) -> usize {
    let each = blocks.iter().map(|block| match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => length_of_inlines(inlines),
        Block::Quote(inner) => length_of_blocks(inner),
        Block::List { items, .. } => items.iter().map(|item| length_of_blocks(item)).sum(),
        Block::Code { code, .. } => code.graphemes(true).count(),
        Block::Table(rows) => rows
            .iter()
            .flatten()
            .map(|cell| length_of_inlines(cell))
            .sum(),
        Block::Rule => 1,
    });
    each.sum()
}
