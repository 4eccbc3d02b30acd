//! Adaptive cards: the elements that a message is shown by.
//!
//! <https://adaptivecards.io/explorer/>
//!
//! Invariants:
//! - Every text in an element has gone through the dialect.

use serde_json::{Value, json};

use super::dialect::{Card, code_lines};
use crate::actions::notify::color;
use crate::actions::notify::dialect::{render, render_line};
use crate::actions::notify::markdown::{Block, Document, Inline};
use crate::actions::notify::room::Fields;
use crate::domain::decision::Severity;

/// More columns are no table on a telephone; the cells then stand in a line.
const MAX_COLUMNS: usize = 5;

/// What stands for a line across.
const RULE: &str = "———";

/// A text. An empty one is a blank, as an element without a text is none.
pub(super) fn text_block(text: &str) -> Value {
    let text = if text.is_empty() { "\u{a0}" } else { text };
    json!({ "type": "TextBlock", "text": text, "wrap": true })
}

/// A text with properties of its own.
pub(super) fn text_with(text: &str, properties: Value) -> Value {
    merged(text_block(text), properties)
}

/// Elements within one.
pub(super) fn container(items: Vec<Value>, properties: Value) -> Value {
    merged(json!({ "type": "Container", "items": items }), properties)
}

fn merged(mut element: Value, properties: Value) -> Value {
    if let (Some(element), Value::Object(properties)) = (element.as_object_mut(), properties) {
        element.extend(properties);
    }
    element
}

/// The elements of a text: one for each of its blocks, as a card's texts have neither headings nor quotations, code or
/// tables.
pub(super) fn elements(text: &Document) -> Vec<Value> {
    text.0.iter().flat_map(element).collect()
}

fn element(block: &Block) -> Vec<Value> {
    let shaded = |items: Vec<Value>| match items.is_empty() {
        true => Vec::new(),
        false => vec![container(items, json!({ "style": "emphasis" }))],
    };
    match block {
        Block::Paragraph(inlines) => vec![text_block(&render_line(inlines, &Card::Paragraph))],
        Block::Heading(level, inlines) => {
            let size = if *level < 3 { "Medium" } else { "Default" };
            let text = render_line(inlines, &Card::Item);
            vec![text_with(
                &text,
                json!({ "weight": "Bolder", "size": size }),
            )]
        }
        Block::Quote(inner) => shaded(inner.iter().flat_map(element).collect()),
        Block::List { .. } => {
            let list = Document(vec![block.clone()]);
            vec![text_block(&render(&list, &Card::Item))]
        }
        Block::Code { code, .. } => {
            let lines = code_lines(code).map(|line| {
                text_with(&line, json!({ "fontType": "Monospace", "spacing": "None" }))
            });
            shaded(lines.collect())
        }
        Block::Table(rows) => table(rows),
        Block::Rule => vec![text_block(RULE)],
    }
}

fn table(rows: &[Vec<Vec<Inline>>]) -> Vec<Value> {
    let rows = rows.iter().enumerate().map(|(number, row)| {
        let weight = match number {
            0 => json!({ "weight": "Bolder" }),
            _ => json!({}),
        };
        let cells = row.iter().map(|cell| render_line(cell, &Card::Item));
        if row.len() > MAX_COLUMNS {
            let line = cells.collect::<Vec<_>>().join(" | ");
            return text_with(&line, weight);
        }
        let columns = cells.map(|cell| {
            let cell = text_with(&cell, weight.clone());
            json!({ "type": "Column", "width": "stretch", "items": [cell] })
        });
        let columns: Vec<Value> = columns.collect();
        json!({ "type": "ColumnSet", "spacing": "Small", "columns": columns })
    });
    rows.collect()
}

/// The elements of fields: short ones that follow one another are a set of facts, in two columns.
pub(super) fn field_elements(fields: &Fields) -> Vec<Value> {
    let mut elements: Vec<Value> = Vec::new();
    for field in &fields.shown {
        if !field.short {
            let name = text_with(&field.name, json!({ "weight": "Bolder" }));
            let value = text_with(&field.value, json!({ "spacing": "None" }));
            let parts = [(&field.name, name), (&field.value, value)];
            elements.extend(
                parts
                    .into_iter()
                    .filter(|(text, _)| !text.is_empty())
                    .map(|(_, part)| part),
            );
            continue;
        }
        let fact = json!({ "title": field.name, "value": field.value });
        match elements.last_mut().and_then(|last| last.get_mut("facts")) {
            Some(Value::Array(facts)) => facts.push(fact),
            _ => elements.push(json!({ "type": "FactSet", "facts": [fact] })),
        }
    }
    elements.extend(fields.more().map(|more| text_block(&more)));
    elements
}

/// The style of a container that shows a severity, or comes nearest to a colour: cards have no colours of their own.
/// <https://adaptivecards.io/explorer/ContainerStyle.html>
pub(super) fn style(color: u32) -> &'static str {
    let styles = [
        (Severity::Info, "accent"),
        (Severity::Success, "good"),
        (Severity::Warning, "warning"),
        (Severity::Error, "attention"),
    ];
    let distance = |(severity, _): &(Severity, &str)| {
        let of_style = color::of(*severity);
        let part = |shift: u32| {
            let difference = (color >> shift & 0xff).abs_diff(of_style >> shift & 0xff);
            difference * difference
        };
        part(16) + part(8) + part(0)
    };
    let nearest = styles.into_iter().min_by_key(distance);
    nearest.map_or("default", |(_, style)| style)
}
