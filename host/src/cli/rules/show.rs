//! `hookbox rules show`: how one rule stands, what it is, and what it is set to.

use serde_json::Value;

use crate::cli::output::{self, items, text};

/// Writes a rule.
pub(super) fn show(rule: &Value) {
    output::line(format!(
        "rule {}  {} since {}",
        text(&rule["name"]),
        text(&rule["state"]),
        text(&rule["since-local"])
    ));
    if let Some(reason) = rule["reason"].as_str() {
        let reason = output::safe(reason).replace('\n', "\n  ");
        output::line(format!("  {reason} ({})", text(&rule["code"])));
    }
    if let Some(by) = rule["by"].as_str() {
        output::line(format!("  by {}", output::safe(by)));
    }
    if let Some(until) = rule["until-local"].as_str() {
        output::line(format!("  asked again from {}", output::safe(until)));
    }
    if let Some(paused) = output::paused(&rule["paused"]) {
        let missed = text(&rule["missed"]);
        output::line(format!("  {paused}; it has missed {missed} events"));
    }
    let refused = &rule["refused"];
    if !refused.is_null() {
        output::line(format!(
            "  refused: version {} ({}); `hookbox rules grants {}` says what it asks for",
            text(&refused["version"]),
            text(&refused["module"]),
            text(&rule["name"])
        ));
    }
    if rule["rule"].is_null() {
        output::line("  no version of it is at work");
    } else {
        show_module(&rule["rule"]);
        show_settings(&rule["rule"]);
        show_conditions(&rule["rule"]);
        show_limits(&rule["rule"]);
    }
    show_versions(rule);
}

/// Writes which versions were at work, the newest first.
fn show_versions(rule: &Value) {
    let versions = items(&rule["versions"]);
    if versions.is_empty() {
        return;
    }
    output::line("\nversions that were at work:");
    let rows = versions.iter().map(|version| {
        let is_serving = ["module", "settings"]
            .iter()
            .all(|key| version[key] == rule["serving"][key]);
        let short = |key: &str| {
            let digest = text(&version[key]);
            digest.get(7..19).unwrap_or(&digest).to_owned()
        };
        let serves = if is_serving { "serves" } else { "" };
        vec![
            text(&version["number"]),
            short("module"),
            short("settings"),
            serves.to_owned(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    output::table(&["VERSION", "MODULE", "SETTINGS", ""], &rows);
}

fn list(values: &Value) -> String {
    items(values)
        .iter()
        .map(text)
        .collect::<Vec<_>>()
        .join(", ")
}

fn show_module(module: &Value) {
    output::line(format!(
        "\nat work: {} {}",
        text(&module["name"]),
        text(&module["version"])
    ));
    let lines = [
        ("summary", text(&module["summary"])),
        ("authors", list(&module["authors"])),
        ("licence", text(&module["license"])),
        ("homepage", text(&module["homepage"])),
        ("module", text(&module["module"])),
        ("interface", text(&module["interface"])),
        ("imports", list(&module["imports"])),
    ];
    for (name, value) in lines {
        if !value.is_empty() && value != "-" {
            output::line(format!("  {name}: {value}"));
        }
    }
}

fn show_settings(module: &Value) {
    let settings = items(&module["settings"]);
    if settings.is_empty() {
        return;
    }
    output::line("\nsettings:");
    let value = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        value => output::safe(&value.to_string()),
    };
    let rows = settings.iter().map(|setting| {
        let default = match setting["required"].as_bool() {
            Some(true) => "must be given".to_owned(),
            _ => value(&setting["default"]),
        };
        vec![
            text(&setting["name"]),
            text(&setting["kind"]),
            value(&setting["value"]),
            default,
            output::one_line(&setting["summary"]),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    output::table(&["SETTING", "KIND", "VALUE", "DEFAULT", "MEANING"], &rows);
}

fn show_conditions(module: &Value) {
    output::line("\nasked about:");
    let subjects = list(&module["subjects"]);
    let subjects = if subjects.is_empty() {
        "every subject but schedule".to_owned()
    } else {
        subjects
    };
    output::line(format!("  its module: {subjects}"));
    for (key, values) in module["conditions"].as_object().into_iter().flatten() {
        output::line(format!(
            "  its settings file: {key} = {}",
            output::safe(&values.to_string())
        ));
    }
    let on_fault = match module["on-fault"].as_str() {
        Some("stop") => "; its fault ends the event",
        _ => "",
    };
    output::line(format!("  order: {}{on_fault}", text(&module["order"])));
}

fn show_limits(module: &Value) {
    output::line("\nlimits:");
    for (key, limit) in module["limits"].as_object().into_iter().flatten() {
        output::line(format!("  {key}: {}", text(limit)));
    }
}
