//! The HTML of letters.
//!
//! The few tags that every mail program shows, without styles but for those that stand with a tag: many programs
//! drop the others.
//!
//! Invariants:
//! - Every text of a stranger is escaped: the tags and attributes are those written here.

use super::super::dialect::Dialect;
use super::super::text::printable;

/// HTML as a dialect.
pub(super) struct Html;

impl Dialect for Html {
    fn text(&self, text: &str) -> String {
        escaped(&printable(text)).replace('\n', self.line_break())
    }

    fn paragraph(&self, inner: &str) -> String {
        format!("<p>{inner}</p>")
    }

    fn strong(&self, inner: &str) -> String {
        element("strong", inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        element("em", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        element("s", inner)
    }

    fn code(&self, code: &str) -> String {
        element("code", &self.text(code))
    }

    fn link(&self, inner: &str, to: &str) -> String {
        format!("<a href=\"{}\">{inner}</a>", escaped(&printable(to)))
    }

    /// The message's title is the heading of level 2; those of its text stand below it.
    fn heading(&self, level: u8, inner: &str) -> String {
        let level = level.saturating_add(2).min(6);
        element(&format!("h{level}"), inner)
    }

    fn code_block(&self, _language: Option<&str>, code: &str) -> String {
        format!("<pre><code>{}</code></pre>", escaped(&printable(code)))
    }

    fn quote(&self, inner: &str) -> String {
        format!(
            "<blockquote style=\"margin-left:0;border-left:3px solid #ccc;padding-left:10px\">{inner}</blockquote>"
        )
    }

    fn list(&self, start: Option<u64>, items: &[Vec<String>]) -> String {
        let items: String = items.iter().map(|blocks| item(blocks)).collect();
        match start {
            None => format!("<ul>\n{items}</ul>"),
            Some(1) => format!("<ol>\n{items}</ol>"),
            Some(start) => format!("<ol start=\"{start}\">\n{items}</ol>"),
        }
    }

    fn table(&self, rows: &[Vec<String>]) -> String {
        let row = |(number, row): (usize, &Vec<String>)| {
            let tag = if number == 0 { "th" } else { "td" };
            let cell = |cell: &String| {
                format!(
                    "<{tag} align=\"left\" style=\"border:1px solid #ccc;padding:4px 8px\">{cell}</{tag}>"
                )
            };
            let cells: String = row.iter().map(cell).collect();
            format!("<tr>{cells}</tr>\n")
        };
        let rows: String = rows.iter().enumerate().map(row).collect();
        format!("<table style=\"border-collapse:collapse\">\n{rows}</table>")
    }

    fn rule(&self) -> &'static str {
        "<hr>"
    }

    fn line_break(&self) -> &'static str {
        "<br>\n"
    }

    fn soft_break(&self) -> &'static str {
        self.line_break()
    }

    fn between_blocks(&self) -> &'static str {
        "\n"
    }
}

/// An item. A paragraph in it is bare, so that the items follow each other closely.
fn item(blocks: &[String]) -> String {
    let blocks: Vec<&str> = blocks.iter().map(|block| bare(block)).collect();
    format!("<li>{}</li>\n", blocks.join("<br>\n"))
}

/// A text that is one paragraph, without the tags of that.
pub(super) fn bare(html: &str) -> &str {
    let inner = html.strip_prefix("<p>");
    let inner = inner.and_then(|inner| inner.strip_suffix("</p>"));
    inner
        .filter(|inner| !inner.contains("</p>"))
        .unwrap_or(html)
}

fn element(tag: &str, inner: &str) -> String {
    format!("<{tag}>{inner}</{tag}>")
}

/// A text in which nothing is a tag, an attribute's end, or a character reference.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            _ => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::super::dialect::render;
    use super::super::super::markdown::Document;
    use super::*;

    fn shown(text: &str) -> String {
        render(&Document::parse(text), &Html)
    }

    #[test]
    fn every_mark_is_a_tag() {
        let text = "# Title\n\nA **bold *word*** and `a<b`, ~~old~~ [a link](https://example.org/?a=b&c).\nNext\n\n\
            > quoted\n\n3. one\n4. two\n   - deep\n\n```sh\nmake & run\n  it\n```\n\n|a|b|\n|-|-|\n|c|d|\n\n---";
        let cell = |tag, text| {
            format!(
                "<{tag} align=\"left\" style=\"border:1px solid #ccc;padding:4px 8px\">{text}</{tag}>"
            )
        };
        let (head, row) = (
            cell("th", "a") + &cell("th", "b"),
            cell("td", "c") + &cell("td", "d"),
        );
        assert_eq!(
            shown(text),
            format!(
                "<h3>Title</h3>\n\
                 <p>A <strong>bold <em>word</em></strong> and <code>a&lt;b</code>, <s>old</s> \
                 <a href=\"https://example.org/?a=b&amp;c\">a link</a>.<br>\nNext</p>\n\
                 <blockquote style=\"margin-left:0;border-left:3px solid #ccc;padding-left:10px\"><p>quoted</p></blockquote>\n\
                 <ol start=\"3\">\n<li>one</li>\n<li>two<br>\n<ul>\n<li>deep</li>\n</ul></li>\n</ol>\n\
                 <pre><code>make &amp; run\n  it</code></pre>\n\
                 <table style=\"border-collapse:collapse\">\n<tr>{head}</tr>\n<tr>{row}</tr>\n</table>\n<hr>"
            )
        );
    }

    #[test]
    fn no_text_of_a_stranger_is_a_tag_or_ends_an_attribute() {
        let forged = "<img src=x onerror=alert(1)> </p></code></pre> \"' &lt;b&gt; <script>";
        let cases = [
            forged.to_owned(),
            format!("`{forged}`"),
            format!("```\n{forged}\n```"),
            format!("|{forged}|\n|-|\n|{forged}|"),
            format!("[{forged}](https://example.org)"),
            "[x](<https://example.org/\"onclick='alert(1)'>)".to_owned(),
        ];
        for text in cases {
            let shown = shown(&text);
            for tag in ["<img", "<script", "<b>", "\"onclick", "onclick='"] {
                assert!(!shown.contains(tag), "{tag} in {shown}");
            }
            assert_eq!(shown.matches("</p>").count(), shown.matches("<p>").count());
            let pre = [
                shown.matches("</pre>").count(),
                shown.matches("<pre>").count(),
            ];
            assert_eq!(pre[0], pre[1], "{shown}");
        }
    }

    #[test]
    fn a_link_leads_to_the_web_or_to_a_mailbox_or_it_is_none() {
        assert_eq!(
            shown("[x](mailto:ada@example.org)"),
            "<p><a href=\"mailto:ada@example.org\">x</a></p>"
        );
        for to in ["javascript:alert(1)", "data:text/html,x", "//example.org"] {
            assert_eq!(shown(&format!("[x]({to})")), "<p>x</p>");
        }
    }
}
