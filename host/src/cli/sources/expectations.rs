//! What a delivery says of itself, added to a source's `expect` in the configuration file.
//!
//! Invariant: nothing else in the file changes, comments and order included.

use anyhow::Context as _;
use serde_json::Value;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table};

/// What was learned from a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Learned {
    project: Option<Project>,
    event: Option<String>,
    instance: Option<String>,
}

/// A project: its number where the provider has one, else its full name.
#[derive(Debug, PartialEq, Eq)]
enum Project {
    Number(i64),
    Name(String),
}

impl Learned {
    /// Reads the facts of a delivery; none where they say nothing that can be expected.
    pub(super) fn of(facts: &Value) -> Option<Self> {
        let text = |key: &str| facts[key].as_str().map(str::to_owned);
        let number = text("project-id").and_then(|id| id.parse().ok());
        let learned = Self {
            project: match (number, text("project")) {
                (Some(number), _) => Some(Project::Number(number)),
                // A name is read as a pattern; one that has its characters would match others.
                (None, name) => name
                    .filter(|name| !name.contains(['*', '?', '[', '{', '\\']))
                    .map(Project::Name),
            },
            event: text("event"),
            instance: text("instance"),
        };
        let is_empty =
            learned.project.is_none() && learned.event.is_none() && learned.instance.is_none();
        (!is_empty).then_some(learned)
    }

    /// The line as it would stand in a table without one.
    pub(super) fn line(&self) -> String {
        let mut table = InlineTable::new();
        self.add(&mut |key, value| push(&mut table, key, value));
        format!("expect = {table}")
    }

    /// A configuration with what was learned added to a source's table.
    pub(super) fn added_to(&self, text: &str, source: &str) -> anyhow::Result<String> {
        let mut document: DocumentMut = text.parse().context("the configuration is not TOML")?;
        let table = document
            .get_mut("sources")
            .and_then(|sources| sources.get_mut(source))
            .with_context(|| format!("the configuration has no table `[sources.{source}]`"))?;
        let table = table
            .as_table_like_mut()
            .with_context(|| format!("`sources.{source}` is no table"))?;
        if !table.contains_key("expect") {
            table.insert("expect", Item::Value(InlineTable::new().into()));
        }
        let expect = table
            .get_mut("expect")
            .and_then(Item::as_table_like_mut)
            .with_context(|| format!("`sources.{source}.expect` is no table"))?;
        let mut is_list = true;
        self.add(&mut |key, value| {
            let list = expect
                .entry(key)
                .or_insert_with(|| Item::Value(Array::new().into()));
            match list.as_array_mut() {
                Some(list) => extend(list, value),
                None => is_list = false,
            }
        });
        anyhow::ensure!(is_list, "`sources.{source}.expect` holds what is no list");
        Ok(document.to_string())
    }

    /// The `expect` of a source in a configuration, as one line.
    pub(super) fn line_of(&self, text: &str, source: &str) -> String {
        let document: Option<DocumentMut> = text.parse().ok();
        let expect = document
            .as_ref()
            .and_then(|document| document.get("sources")?.get(source)?.get("expect").cloned());
        match expect {
            Some(Item::Value(value)) => format!("expect = {}", value.to_string().trim()),
            Some(Item::Table(table)) => format!("expect = {}", inline(table)),
            _ => self.line(),
        }
    }

    fn add(&self, add: &mut dyn FnMut(&'static str, toml_edit::Value)) {
        match &self.project {
            Some(Project::Number(number)) => add("projects", (*number).into()),
            Some(Project::Name(name)) => add("projects", name.clone().into()),
            None => {}
        }
        if let Some(event) = &self.event {
            add("events", event.clone().into());
        }
        if let Some(instance) = &self.instance {
            add("instances", instance.clone().into());
        }
    }
}

fn inline(table: Table) -> String {
    table.into_inline_table().to_string()
}

fn push(table: &mut InlineTable, key: &str, value: toml_edit::Value) {
    let list = table.get_or_insert(key, Array::new());
    if let Some(list) = list.as_array_mut() {
        extend(list, value);
    }
}

/// Adds a value that is not there yet.
fn extend(list: &mut Array, value: toml_edit::Value) {
    let same = |known: &toml_edit::Value| match (known.as_integer(), known.as_str()) {
        (Some(number), _) => value.as_integer() == Some(number),
        (_, Some(text)) => value.as_str() == Some(text),
        _ => false,
    };
    if !list.iter().any(same) {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn learned() -> Learned {
        let facts = json!({"project-id": "15", "project": "payments/storefront", "event": "Push Hook", "instance": null});
        Learned::of(&facts).expect("it says something")
    }

    #[test]
    fn the_line_names_a_number_where_there_is_one() {
        assert_eq!(
            learned().line(),
            r#"expect = { projects = [15], events = ["Push Hook"] }"#
        );
        let named =
            Learned::of(&json!({"project": "payments/storefront"})).expect("it says something");
        assert_eq!(
            named.line(),
            r#"expect = { projects = ["payments/storefront"] }"#
        );
        assert_eq!(Learned::of(&json!({"delivery": "x"})), None);
    }

    #[test]
    fn what_is_learned_is_added_and_the_rest_of_the_file_stays() {
        let text = "# ours\n[sources.gitlab] # the main one\nprovider = 'gitlab'\n\n[channels.console]\nkind = 'console'\n";
        let once = learned().added_to(text, "gitlab").expect("it is added");
        let expected = "# ours\n[sources.gitlab] # the main one\nprovider = 'gitlab'\nexpect = { projects = [15], events \
                        = [\"Push Hook\"] }\n\n[channels.console]\nkind = 'console'\n";
        assert_eq!(once, expected);
        assert_eq!(
            learned().added_to(&once, "gitlab").expect("it is there"),
            once
        );

        let other = Learned::of(&json!({"project-id": "16", "event": "Push Hook"}))
            .expect("it says something");
        let twice = other.added_to(&once, "gitlab").expect("it is added");
        assert_eq!(
            other.line_of(&twice, "gitlab"),
            r#"expect = { projects = [15, 16], events = ["Push Hook"] }"#
        );
        let table =
            "[sources.gitlab]\nprovider = 'gitlab'\n[sources.gitlab.expect]\nprojects = [15]\n";
        let added = other.added_to(table, "gitlab").expect("it is added");
        assert!(added.contains("projects = [15, 16]"), "{added}");
        assert!(learned().added_to(text, "github").is_err());
    }
}
