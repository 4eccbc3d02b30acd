//! The texts of messages, read as `CommonMark`.
//!
//! A rule writes `CommonMark`; every service has a dialect of its own. A channel parses a text into a
//! [`Document`] and writes that in its service's dialect ([`super::dialect`]), so that what a text means
//! stays, whatever marks it needs. Tables and strikethrough of GitHub's flavour are read as well, because
//! people write them.
//!
//! Invariants:
//! - HTML is text.
//! - A link leads to `https:`, `http:` or `mailto:`, or it is none.
//! - No link stands in a link, and texts that follow one another are one.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

mod cut;
mod split;

/// Deeper than this a text says nothing more with its nesting.
const MAX_DEPTH: usize = 16;

/// A link that is longer stands as its text alone: beside it nothing else would fit into a message.
const MAX_LINK: usize = 2_000;

/// A text of `CommonMark`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Document(pub(super) Vec<Block>);

/// A block of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Inline>),
    /// A heading with its level, 1 to 6.
    Heading(u8, Vec<Inline>),
    Quote(Vec<Self>),
    List {
        /// The number of the first item; none for a list with bullets.
        start: Option<u64>,
        items: Vec<Vec<Self>>,
    },
    Code {
        /// The language, where the text names one.
        language: Option<String>,
        code: String,
    },
    /// Rows of cells, the head first.
    Table(Vec<Vec<Vec<Inline>>>),
    /// A line across.
    Rule,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    Text(String),
    Code(String),
    Strong(Vec<Self>),
    Emphasis(Vec<Self>),
    Strikethrough(Vec<Self>),
    Link {
        to: String,
        text: Vec<Self>,
    },
    /// The end of a line of the text, within a paragraph.
    SoftBreak,
    /// The end of a line that was asked for.
    HardBreak,
}

impl Document {
    /// Reads a text. Every text is one.
    pub(super) fn parse(text: &str) -> Self {
        let options =
            Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        let mut builder = Builder::default();
        for event in Parser::new_ext(text, options) {
            builder.take(event);
        }
        Self(builder.finish())
    }
}

/// What is open while a text is read.
enum Open {
    Blocks(Container, Vec<Block>),
    Inlines(Span, Vec<Inline>),
    List(Option<u64>, Vec<Vec<Block>>),
    Table(Vec<Vec<Vec<Inline>>>),
    Row(Vec<Vec<Inline>>),
    Code(Option<String>, String),
}

enum Container {
    Quote,
    Item,
}

enum Span {
    Paragraph,
    Heading(u8),
    Strong,
    Emphasis,
    Strikethrough,
    Link(String),
    Cell,
}

#[derive(Default)]
struct Builder {
    done: Vec<Block>,
    open: Vec<Open>,
    /// Whether each tag that is open was taken: what is nested too deeply stands without its mark. A text of
    /// thousands of marks would otherwise be deeper than the stack of whoever walks through it.
    taken: Vec<Taken>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Yes,
    No,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(end) => self.end(end),
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.text(&text),
            Event::Code(code) => self.inline(Inline::Code(code.into_string())),
            Event::SoftBreak => self.inline(Inline::SoftBreak),
            Event::HardBreak => self.inline(Inline::HardBreak),
            Event::Rule => self.block(Block::Rule),
            Event::TaskListMarker(true) => self.text("☑ "),
            Event::TaskListMarker(false) => self.text("☐ "),
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        let is_block = matches!(tag, Tag::BlockQuote(_) | Tag::List(_) | Tag::Item);
        let nests = is_block || matches!(tag, Tag::Strong | Tag::Emphasis | Tag::Strikethrough);
        if nests && self.open.len() >= MAX_DEPTH {
            self.taken.push(Taken::No);
            if is_block {
                self.close_lines();
            }
            return;
        }
        self.taken.push(Taken::Yes);
        let open = match tag {
            Tag::BlockQuote(_) => Open::Blocks(Container::Quote, Vec::new()),
            Tag::Item => Open::Blocks(Container::Item, Vec::new()),
            Tag::List(start) => Open::List(start, Vec::new()),
            Tag::Table(_) => Open::Table(Vec::new()),
            Tag::TableHead | Tag::TableRow => Open::Row(Vec::new()),
            Tag::TableCell => Open::Inlines(Span::Cell, Vec::new()),
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => {
                        info.split_whitespace().next().map(str::to_owned)
                    }
                    CodeBlockKind::Indented => None,
                };
                Open::Code(language, String::new())
            }
            Tag::Heading { level, .. } => {
                // Six levels fit into a byte.
                let level = u8::try_from(level as usize).unwrap_or(6);
                Open::Inlines(Span::Heading(level), Vec::new())
            }
            Tag::Strong => Open::Inlines(Span::Strong, Vec::new()),
            Tag::Emphasis => Open::Inlines(Span::Emphasis, Vec::new()),
            Tag::Strikethrough => Open::Inlines(Span::Strikethrough, Vec::new()),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                Open::Inlines(Span::Link(dest_url.into_string()), Vec::new())
            }
            // HTML is text, and so is what this version of the parser has besides.
            _ => Open::Inlines(Span::Paragraph, Vec::new()),
        };
        self.open.push(open);
    }

    fn end(&mut self, end: TagEnd) {
        // A text in an item stands in no paragraph where the list is tight: it was opened by its text.
        if matches!(end, TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::List(_)) {
            self.close_lines();
        }
        if self.taken.pop() == Some(Taken::Yes) {
            self.close();
        }
    }

    /// Closes what a text opened by itself.
    fn close_lines(&mut self) {
        while matches!(self.open.last(), Some(Open::Inlines(..))) {
            self.close();
        }
    }

    fn close(&mut self) {
        match self.open.pop() {
            None => {}
            Some(Open::Blocks(Container::Quote, blocks)) => self.block(Block::Quote(blocks)),
            Some(Open::Blocks(Container::Item, blocks)) => match self.open.last_mut() {
                Some(Open::List(_, items)) => items.push(blocks),
                _ => blocks.into_iter().for_each(|block| self.block(block)),
            },
            Some(Open::List(start, items)) => self.block(Block::List { start, items }),
            Some(Open::Table(rows)) => self.block(Block::Table(rows)),
            Some(Open::Row(cells)) => {
                if let Some(Open::Table(rows)) = self.open.last_mut() {
                    rows.push(cells);
                }
            }
            Some(Open::Code(language, code)) => {
                let code = code.strip_suffix('\n').unwrap_or(&code).to_owned();
                self.block(Block::Code { language, code });
            }
            Some(Open::Inlines(span, inlines)) => self.close_span(span, inlines),
        }
    }

    fn close_span(&mut self, span: Span, inlines: Vec<Inline>) {
        match span {
            Span::Paragraph if inlines.is_empty() => {}
            Span::Paragraph => self.block(Block::Paragraph(inlines)),
            Span::Heading(level) => self.block(Block::Heading(level, inlines)),
            Span::Strong => self.inline(Inline::Strong(inlines)),
            Span::Emphasis => self.inline(Inline::Emphasis(inlines)),
            Span::Strikethrough => self.inline(Inline::Strikethrough(inlines)),
            Span::Link(to) if !is_link(&to) || self.is_in_link() => {
                for inline in inlines {
                    match inline {
                        // What would be harmless alone may not be so behind another text.
                        Inline::Text(text) => self.text(&text),
                        other => self.inline(other),
                    }
                }
            }
            Span::Link(to) => {
                let text = match inlines.is_empty() {
                    true => vec![Inline::Text(to.clone())],
                    false => inlines,
                };
                self.inline(Inline::Link { to, text });
            }
            Span::Cell => {
                if let Some(Open::Row(cells)) = self.open.last_mut() {
                    cells.push(inlines);
                }
            }
        }
    }

    /// Whether what is read stands in a link: a picture there, which is a badge as a rule, is none itself.
    fn is_in_link(&self) -> bool {
        let mut open = self.open.iter();
        open.any(|open| matches!(open, Open::Inlines(Span::Link(to), _) if is_link(to)))
    }

    fn text(&mut self, text: &str) {
        if let Some(Open::Code(_, code)) = self.open.last_mut() {
            code.push_str(text);
            return;
        }
        // Texts that follow one another are one, so that an escape in the middle leaves no seam.
        if let Some(Open::Inlines(_, inlines)) = self.open.last_mut()
            && let Some(Inline::Text(last)) = inlines.last_mut()
        {
            last.push_str(text);
            return;
        }
        self.inline(Inline::Text(text.to_owned()));
    }

    fn inline(&mut self, inline: Inline) {
        if let Some(Open::Inlines(_, inlines)) = self.open.last_mut() {
            inlines.push(inline);
        } else {
            self.open.push(Open::Inlines(Span::Paragraph, vec![inline]));
        }
    }

    fn block(&mut self, block: Block) {
        // A tight item's text ends where a block begins.
        if matches!(self.open.last(), Some(Open::Inlines(Span::Paragraph, _)))
            && let Some(Open::Inlines(_, inlines)) = self.open.pop()
        {
            self.block(Block::Paragraph(inlines));
        }
        match self.open.last_mut() {
            Some(Open::Blocks(_, blocks)) => blocks.push(block),
            // Its item was not taken.
            Some(Open::List(_, items)) => items.push(vec![block]),
            _ => self.done.push(block),
        }
    }

    fn finish(mut self) -> Vec<Block> {
        while !self.open.is_empty() {
            self.close();
        }
        self.done
    }
}

/// Whether a link is one that stands.
fn is_link(to: &str) -> bool {
    leads(to) && to.len() <= MAX_LINK
}

/// Whether an address is one to follow: anything else could make a client run or open what it should not.
pub(super) fn leads(to: &str) -> bool {
    let schemes = ["https://", "http://", "mailto:"];
    let scheme = schemes.iter().any(|scheme| {
        to.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    scheme && !to.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests;
