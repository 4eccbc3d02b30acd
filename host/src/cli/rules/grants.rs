//! `hookbox rules grants`: what each rule asks for beside what is granted, and the lines that would grant the rest.

use serde_json::Value;

use crate::cli::output::{self, items, text};
use crate::cli::{CliError, Exit, Global};

/// Writes the asks and grants of every rule, or of one.
pub(super) fn show(global: &Global, listing: &Value, name: Option<&str>) -> Result<Exit, CliError> {
    let rules = items(&listing["rules"]).iter();
    let rules: Vec<&Value> = rules
        .filter(|rule| name.is_none_or(|name| rule["name"] == name))
        .collect();
    if let (Some(name), true) = (name, rules.is_empty()) {
        let error = anyhow::anyhow!("there is no rule `{}`", output::safe(name));
        return Err(CliError::new(Exit::Refused, error).hint("`hookbox rules list` lists them"));
    }
    if global.json {
        let shown = rules.iter().map(|rule| of_rule(rule));
        output::json(&serde_json::json!({ "rules": shown.collect::<Vec<_>>() }));
        return Ok(Exit::Ok);
    }
    let rows: Vec<Vec<String>> = rules.iter().flat_map(|rule| rows(rule)).collect();
    let headings = ["RULE", "VERSION", "ASKS FOR", "BY", "GRANTED", "MAY USE"];
    output::table(&headings, &rows);
    for rule in rules {
        show_rest(rule);
    }
    Ok(Exit::Ok)
}

/// What of a rule's entry is about grants.
fn of_rule(rule: &Value) -> Value {
    serde_json::json!({
        "name": rule["name"],
        "state": rule["state"],
        "code": rule["code"],
        "reason": rule["reason"],
        "serving": version(&rule["serving"]),
        "refused": version(&rule["refused"]),
    })
}

fn version(version: &Value) -> Value {
    if version.is_null() {
        return Value::Null;
    }
    serde_json::json!({
        "version": version["version"],
        "module": version["module"],
        "asks": version["asks"],
    })
}

fn rows(rule: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (key, mark) in [("serving", ""), ("refused", ", refused")] {
        let version = &rule[key];
        if version.is_null() {
            continue;
        }
        let named = |ask: &Value| {
            let new = if ask["is-new"] == true { ", new" } else { "" };
            match ask["kind"].as_str() {
                Some("state") => format!("state{new}"),
                _ => format!("{} {}{new}", text(&ask["kind"]), text(&ask["name"])),
            }
        };
        let asks = items(&version["asks"]["asks"]).iter().map(|ask| {
            let usable: Vec<String> = items(&ask["usable"]).iter().map(text).collect();
            let granted = match ask["standing"].as_str().unwrap_or_default() {
                "granted" => "yes",
                "partly" => "in part",
                "unknown" => "there is none",
                _ => "no",
            };
            let usable = usable.join(", ");
            [
                named(ask),
                text(&ask["by"]),
                granted.to_owned(),
                if usable.is_empty() {
                    "-".to_owned()
                } else {
                    usable
                },
            ]
        });
        let mut asks: Vec<[String; 4]> = asks.collect();
        if asks.is_empty() {
            asks.push(["nothing", "-", "-", "-"].map(str::to_owned));
        }
        for ask in asks {
            let version = format!("{}{mark}", text(&version["version"]));
            let mut row = vec![text(&rule["name"]), version];
            row.extend(ask);
            rows.push(row);
        }
    }
    if rows.is_empty() {
        let state = text(&rule["state"]);
        let mut row = vec![text(&rule["name"]), state];
        row.extend(["not known", "-", "-", "-"].map(str::to_owned));
        rows.push(row);
    }
    rows
}

/// Writes what a rule's table grants, why its newer version was refused, and what would grant the rest.
fn show_rest(rule: &Value) {
    let refused = &rule["refused"];
    let newest = if refused.is_null() {
        &rule["serving"]
    } else {
        refused
    };
    let asks = &newest["asks"];
    if asks.is_null() {
        if let Some(reason) = rule["reason"].as_str() {
            output::line(format!(
                "\n{}: {}",
                text(&rule["name"]),
                output::safe(reason)
            ));
        }
        return;
    }
    let granted = &asks["granted"];
    let list = |key: &str| {
        let texts: Vec<String> = items(&granted[key]).iter().map(text).collect();
        if texts.is_empty() {
            "none".to_owned()
        } else {
            texts.join(", ")
        }
    };
    output::line(format!(
        "\n{}: {}",
        text(&rule["name"]),
        text(&asks["table"])
    ));
    output::line(format!("  sources: {}", list("sources")));
    let projects = match &granted["projects"] {
        Value::Null => "every one of its sources".to_owned(),
        _ => list("projects"),
    };
    output::line(format!("  projects: {projects}"));
    let confidential = match granted["confidential"].as_bool() {
        Some(true) => "shown",
        _ => "hidden",
    };
    output::line(format!("  confidential events: {confidential}"));
    let state = granted["state"].as_str().unwrap_or("none");
    output::line(format!("  state of each rule: {}", output::safe(state)));
    if !refused.is_null() {
        let reason = output::safe(rule["reason"].as_str().unwrap_or_default());
        output::line(format!("  refused: {reason}"));
    }
    for dropped in items(&asks["dropped"]) {
        output::line(format!("  no longer asks for: {}", text(dropped)));
    }
    let lines = items(&asks["lines"]);
    if !lines.is_empty() {
        output::line("  what would grant the rest, in `hookbox.toml`:");
        for line in lines {
            output::line(format!("    {}", text(line)));
        }
    }
}
