//! What an operator pastes to have a rule at work: its settings file, and the lines that grant it what it asks for.
//!
//! Invariant: what a module says of itself stays within its comment or its value, so that the files are
//! TOML with the keys that stand here, and no others.

use serde_json::Value;

use super::text::{is_hidden, line};
use crate::domain::manifest::{Manifest, Setting, SettingKind};
use crate::domain::state::GRANT_LINE;
use crate::engine::Inspection;

/// More is no file to read, and the server takes none of more than 64 KiB.
const MOST: usize = 48 << 10;

/// The settings file of a rule: every setting with its meaning, its kind, and its default. What must be
/// given is there to be filled in, and named by the server as long as it is not.
pub(in crate::cli) fn settings_file(manifest: &Manifest) -> String {
    let title = format!(
        "# The settings of {} {}: {}\n",
        line(&manifest.name),
        line(&manifest.version),
        line(&manifest.summary)
    );
    if manifest.settings.is_empty() {
        return format!("{title}# It has none of its own.\n");
    }
    let mut file = format!("{title}\n[settings]\n");
    for setting in &manifest.settings {
        file.push_str(&entry(setting));
    }
    if file.len() > MOST {
        return format!(
            "{title}# They are too many to list: `hookbox inspect --json` has them.\n\n[settings]\n"
        );
    }
    file
}

fn entry(setting: &Setting) -> String {
    let default = setting.default.as_deref();
    let default = default.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let default = default.as_ref().and_then(value);
    let kind = setting.kind.in_words();
    let (note, mark) = match (&default, setting.required) {
        (None, true) => ("must be given: take the `#` off the next line", "# "),
        (None, false) => ("may be left out", "# "),
        (Some(_), true) => ("the rule's default, to be looked at", ""),
        (Some(_), false) => ("the rule's default, where it is left out", "# "),
    };
    let summary = line(&setting.summary);
    let summary = if summary.is_empty() {
        String::new()
    } else {
        format!("# {summary}\n")
    };
    format!(
        "{summary}# {kind}; {note}\n{mark}{} = {}\n\n",
        key(&setting.name),
        default.unwrap_or_else(|| example(setting.kind).to_owned())
    )
}

/// The lines that grant what a rule asks for, under the table of this name.
pub(in crate::cli) fn grants(
    (manifest, inspection): (&Manifest, &Inspection),
    table: &str,
) -> String {
    let channels = asked(
        manifest,
        &manifest.channels,
        [SettingKind::Channel, SettingKind::Channels],
        "CHANNEL",
    );
    let commands = asked(
        manifest,
        &manifest.commands,
        [SettingKind::Command, SettingKind::Commands],
        "COMMAND",
    );
    let state = if inspection.imports_interface("state") {
        format!("\n{GRANT_LINE}")
    } else {
        String::new()
    };
    format!("{table}\nsources = [\"*\"]\nchannels = [{channels}]\ncommands = [{commands}]{state}")
}

/// What is asked for of one kind: the manifest's patterns, and what settings name by default.
fn asked(
    manifest: &Manifest,
    patterns: &[String],
    kinds: [SettingKind; 2],
    placeholder: &str,
) -> String {
    let mut names = patterns.to_vec();
    for setting in &manifest.settings {
        if !kinds.contains(&setting.kind) {
            continue;
        }
        let default = setting.default.as_deref();
        match default.and_then(|text| serde_json::from_str(text).ok()) {
            Some(Value::String(name)) => names.push(name),
            Some(Value::Array(list)) => {
                names.extend(
                    list.iter()
                        .filter_map(|name| name.as_str().map(str::to_owned)),
                );
            }
            _ => names.push(placeholder.to_owned()),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let names: Vec<String> = names.iter().map(|name| text(name)).collect();
    names.join(", ")
}

/// A JSON value as TOML in one line; none where TOML has no word for it.
fn value(json: &Value) -> Option<String> {
    match json {
        Value::Null => None,
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if number.is_i64() || number.is_f64() => Some(number.to_string()),
        Value::Number(_) => None,
        Value::String(found) => Some(text(found)),
        Value::Array(list) => {
            let values: Option<Vec<String>> = list.iter().map(value).collect();
            Some(format!("[{}]", values?.join(", ")))
        }
        Value::Object(entries) => {
            let entries: Option<Vec<String>> = entries
                .iter()
                .map(|(name, found)| Some(format!("{} = {}", key(name), value(found)?)))
                .collect();
            Some(format!("{{ {} }}", entries?.join(", ")))
        }
    }
}

/// A text as TOML has it between quotes, in one line.
fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            hidden if is_hidden(hidden) => {
                let number = format!("\\U{:08X}", u32::from(hidden));
                quoted.push_str(&number);
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A key: bare where it may be.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        text(name)
    }
}

fn example(kind: SettingKind) -> &'static str {
    match kind {
        SettingKind::Text => "\"…\"",
        SettingKind::Channel => "\"CHANNEL\"",
        SettingKind::Command => "\"COMMAND\"",
        SettingKind::Texts | SettingKind::Channels | SettingKind::Commands => "[]",
        SettingKind::Integer => "0",
        SettingKind::Boolean => "false",
        SettingKind::Json => "{}",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::SettingsFile;
    use crate::engine::{Form, Interface};

    fn manifest(settings: &Value) -> Manifest {
        serde_json::from_value(json!({
            "name": "route", "version": "1.0.0", "summary": "Routes\n[teams.x]", "settings": settings,
            "channels": ["dev-*", "a\"]\nb"],
        }))
        .expect("it is a manifest")
    }

    fn importing(imports: &[&str]) -> Inspection {
        Inspection {
            form: Form::Core,
            interface: Interface::V0_1,
            imports: imports.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn every_setting_has_its_meaning_its_kind_and_its_default() {
        let file = settings_file(&manifest(&json!([
            { "name": "channel", "summary": "Where.", "kind": "channel", "required": true },
            { "name": "language", "summary": "Which.", "kind": "text", "required": false, "default": "\"en\"" },
            { "name": "more", "summary": "", "kind": "json", "required": false, "default": "{\"a b\":[1,null]}" },
        ])));

        assert_eq!(
            file,
            "# The settings of route 1.0.0: Routes [teams.x]\n\n[settings]\n\
             # Where.\n# the name of a channel; must be given: take the `#` off the next line\n# channel = \"CHANNEL\"\n\n\
             # Which.\n# a text; the rule's default, where it is left out\n# language = \"en\"\n\n\
             # any value; may be left out\n# more = {}\n\n"
        );
    }

    #[test]
    fn what_a_module_says_stays_within_its_line_and_reads_back_as_it_was() {
        let evil = "x\"\n[limits]\nfuel = 1 \u{1b}[2J \u{202e} \\";
        let manifest = manifest(&json!([
            { "name": evil, "summary": evil, "kind": "text", "required": true,
              "default": Value::from(evil).to_string() },
            { "name": "n", "summary": "", "kind": "json", "required": true, "default": "{\"k\":[1.5,true,{}]}" },
        ]));

        let file = settings_file(&manifest);
        let read = SettingsFile::parse(file.as_bytes()).expect("it is a settings file");

        assert_eq!(read.settings.len(), 2, "{file}");
        assert_eq!(read.settings[evil].as_str(), Some(evil));
        assert_eq!(read.settings["n"].to_string(), "{ k = [1.5, true, {}] }");
        assert_eq!(read.limits, crate::domain::limits::Narrowing::default());
        assert!(
            !file.contains(|c: char| c != '\n' && is_hidden(c)),
            "{file}"
        );
    }

    #[test]
    fn grants_have_the_patterns_and_the_defaults_of_settings() {
        let manifest = manifest(&json!([
            { "name": "to", "summary": "", "kind": "channel", "required": false, "default": "\"ops\"" },
            { "name": "run", "summary": "", "kind": "command", "required": true },
        ]));

        assert_eq!(
            grants((&manifest, &importing(&[])), "[teams.x]"),
            "[teams.x]\nsources = [\"*\"]\nchannels = [\"dev-*\", \"a\\\"]\\U0000000Ab\", \"ops\"]\ncommands = [\"COMMAND\"]"
        );
    }

    #[test]
    fn a_module_that_imports_state_has_the_line_that_grants_it() {
        let asking = (
            &manifest(&json!([])),
            &importing(&["hookbox:rule/state@0.1.0"]),
        );

        let lines = grants(asking, "[shared]");

        assert!(
            lines.ends_with("\ncommands = []\nstate = \"64KiB\""),
            "{lines}"
        );
    }
}
