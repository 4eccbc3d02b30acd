//! `hookbox rules replay`.
//!
//! The server runs the events and says one thing a line; this writes what differs as it comes, and how far it is on a
//! terminal's standard error. Ending the command ends the run.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::output::{items, one_line, text};
use crate::cli::run::{describe, read_module};
use crate::cli::{CliError, Exit, Global, output};
use crate::domain::decision::Action;

/// How much of an action is shown in the line of its event, in characters.
const SHOWN: usize = 120;

/// Run stored events through a module that is not installed, and compare with what the rule asked for
///
/// The running server does it: with the grants of the team, one event after the other, and behind all other work.
/// Nothing is performed, and no state is changed. Each event counts once, by what the rule answered when it was first
/// asked about it. Events that differ are listed: `new`, `gone` and `changed` are about the actions, and `faults`
/// means that the module faults where the rule did not. Another reason alone is no difference.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The module
    module: PathBuf,
    /// The rule that it would be, such as `payments/route`
    ///
    /// By default the rule of the file's name, in the team of `--team` or among the shared rules. The team's grants
    /// hold, and the answers of this rule are compared with.
    #[arg(long = "as", value_name = "RULE", conflicts_with = "team")]
    rule: Option<String>,
    /// The team whose rule it would be
    #[arg(long)]
    team: Option<String>,
    /// A settings file
    ///
    /// By default that of the rule at work.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Events received from this moment on: RFC 3339, or how long ago, such as `2h` or `7d`
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: String,
    /// Events received before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only of this source
    #[arg(long)]
    source: Option<String>,
    /// Only about this subject, such as `push`
    #[arg(long)]
    subject: Option<String>,
    /// Only in this project
    #[arg(long)]
    project: Option<String>,
    /// Look at so many of the newest of them; a million at most
    #[arg(long)]
    limit: Option<usize>,
    /// List the events that are the same as well
    #[arg(long)]
    all: bool,
    /// End with the exit code 8 where an event differs
    #[arg(long)]
    fail_on_difference: bool,
}

impl Args {
    fn query(&self) -> Result<Vec<(&'static str, String)>, CliError> {
        let mut query = vec![("rule", self.rule()?), ("since", self.since.clone())];
        let given = [
            ("until", &self.until),
            ("source", &self.source),
            ("subject", &self.subject),
            ("project", &self.project),
        ];
        for (name, value) in given {
            query.extend(value.clone().map(|value| (name, value)));
        }
        query.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        query.extend(self.all.then(|| ("all", "true".to_owned())));
        Ok(query)
    }

    /// The rule that the module would be.
    fn rule(&self) -> Result<String, CliError> {
        if let Some(rule) = &self.rule {
            return Ok(rule.clone());
        }
        let stem = self.module.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.ok_or_else(|| {
            let error = anyhow::anyhow!(
                "the file's name `{}` is no name of a rule",
                self.module.display()
            );
            CliError::new(Exit::Usage, error).hint("name the rule with `--as`")
        })?;
        Ok(match &self.team {
            Some(team) => format!("{team}/{stem}"),
            None => stem.to_owned(),
        })
    }

    fn upload(&self) -> Result<Value, CliError> {
        let module = STANDARD.encode(read_module(&self.module)?);
        let settings = self.settings.as_deref().map(read_settings).transpose()?;
        Ok(json!({ "module": module, "settings": settings }))
    }
}

fn read_settings(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path)
        .with_context(|| format!("the settings file `{}` cannot be read", path.display()))
        .map_err(|error| CliError::new(Exit::Usage, error))
}

pub(super) async fn run(global: &Global, client: &Client, args: &Args) -> Result<Exit, CliError> {
    let (query, upload) = (args.query()?, args.upload()?);
    let mut lines = client
        .post_for_lines("/api/v1/rules/replay", &query, &upload)
        .await?;
    let mut shown = Shown::new(global);
    while let Some(line) = lines.next().await? {
        if let Some(error) = line.get("error") {
            shown.bar.finish_and_clear();
            let message = anyhow::anyhow!("the run ended early: {}", one_line(&error["message"]));
            return Err(CliError::new(Exit::Failed, message));
        }
        shown.line(&line);
        if let Some(summary) = line.get("summary") {
            let differ = differing(summary) > 0;
            return Ok(match args.fail_on_difference && differ {
                true => Exit::Differs,
                false => Exit::Ok,
            });
        }
    }
    shown.bar.finish_and_clear();
    let error = anyhow::anyhow!("the server ended the run before it was complete");
    Err(CliError::new(Exit::Failed, error))
}

/// How many events differ.
fn differing(summary: &Value) -> u64 {
    ["new", "gone", "changed", "faults"]
        .into_iter()
        .filter_map(|verdict| summary["events"][verdict].as_u64())
        .sum()
}

/// What is written of it.
struct Shown {
    form: Form,
    bar: ProgressBar,
    is_estimate: bool,
}

/// For whom it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lines,
    Json,
}

impl Shown {
    fn new(global: &Global) -> Self {
        let form = if global.json { Form::Json } else { Form::Lines };
        // Where standard error is no terminal the library draws nothing.
        let bar = match form {
            Form::Lines => ProgressBar::new(0),
            Form::Json => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} events, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self {
            form,
            bar,
            is_estimate: false,
        }
    }

    fn line(&mut self, line: &Value) {
        if let Some(progress) = line.get("progress") {
            self.bar
                .set_position(progress["looked-at"].as_u64().unwrap_or(0));
            return;
        }
        if self.form == Form::Json {
            output::line(line.to_string());
            return;
        }
        if let Some(began) = line.get("began") {
            match began["events"].as_u64() {
                Some(events) => self.bar.set_length(events),
                None => self.bar.unset_length(),
            }
            self.is_estimate = began["exactness"] == "estimate";
            self.bar.suspend(|| output::note(beginning(began)));
        } else if let Some(event) = line.get("event") {
            self.bar.suspend(|| output::line(event_line(event)));
        } else if let Some(summary) = line.get("summary") {
            self.bar.finish_and_clear();
            output::line(summary_lines(summary));
            if self.is_estimate {
                output::line(
                    "an estimate: the rule uses its state, which began empty and grew with these events alone",
                );
            }
        }
    }
}

fn beginning(began: &Value) -> String {
    let settings = match began["settings"].as_str() {
        Some("proposal") => "the given settings",
        Some("rule-at-work") => "the settings of the rule at work",
        _ => "no settings file",
    };
    let events = match began["events"].as_u64() {
        Some(events) => format!("{events} events"),
        None => "the events that its team sees".to_owned(),
    };
    format!(
        "{} {} as `{}` with {settings}, on {events}",
        text(&began["name"]),
        text(&began["version"]),
        text(&began["rule"]),
    )
}

/// An event in one line: when, what, and how the answers differ.
fn event_line(event: &Value) -> String {
    let mut parts: Vec<String> = items(&event["changes"]).iter().map(change).collect();
    if let Some(reason) = event["not-asked"].as_str() {
        parts.insert(0, format!("not asked: {}", flat(reason)));
    }
    let (then, now) = (&event["then"], &event["now"]);
    for (what, told) in [("it faults", now), ("it faulted", then)] {
        if told["fault"].is_object() {
            let fault = &told["fault"];
            let code = text(&fault["code"]);
            parts.push(format!("{what}: {} ({code})", one_line(&fault["message"])));
        }
    }
    let decided = |told: &Value| told.is_object() && told["fault"].is_null();
    if then["reason"] != now["reason"] && decided(then) && decided(now) {
        let (then, now) = (one_line(&then["reason"]), one_line(&now["reason"]));
        parts.push(format!("reason: {then} → {now}"));
    }
    format!(
        "{}  {}  {:<13}  {:<7}  {}",
        text(&event["id"]),
        text(&event["received-local"]),
        text(&event["subject"]),
        text(&event["verdict"]),
        parts.join("; ")
    )
    .trim_end()
    .to_owned()
}

fn change(change: &Value) -> String {
    let action = |side: &str| {
        let action = serde_json::from_value::<Action>(change[side].clone());
        action.map_or_else(
            |_| change[side].to_string(),
            |action| flat(&describe(&action)),
        )
    };
    let line = match change["verdict"].as_str() {
        Some("changed") => {
            let fields: Vec<String> = items(&change["fields"]).iter().map(field).collect();
            let target = serde_json::from_value::<Action>(change["now"].clone()).map_or_else(
                |_| String::new(),
                |action| format!("{} {}", action.kind(), action.target().unwrap_or_default()),
            );
            format!("~ {}: {}", flat(target.trim_end()), fields.join(", "))
        }
        Some("new") => format!("+ {}", action("now")),
        Some("gone") => format!("- {}", action("then")),
        _ => format!("= {}", action("now")),
    };
    match change["refused"].as_str() {
        Some(reason) => format!("{line} (refused: {})", flat(reason)),
        None => line,
    }
}

fn field(field: &Value) -> String {
    let value = |side: &str| match field[side].as_str() {
        Some(text) => format!("\"{}\"", flat(text)),
        None => "none".to_owned(),
    };
    format!(
        "{} {} → {}",
        text(&field["name"]),
        value("then"),
        value("now")
    )
}

/// A text in one line, made safe and cut.
fn flat(text: &str) -> String {
    let text = output::safe(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn summary_lines(summary: &Value) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let counts = |counts: &Value, names: &[&str]| {
        let counts: Vec<String> = names
            .iter()
            .map(|name| format!("{} {name}", number(&counts[*name])))
            .collect();
        counts.join(", ")
    };
    let mut lines = vec![
        format!(
            "events: {}",
            counts(
                &summary["events"],
                &["same", "new", "gone", "changed", "faults"]
            )
        ),
        format!(
            "actions: {}",
            counts(&summary["actions"], &["same", "new", "gone", "changed"])
        ),
    ];
    for (name, what) in [
        ("refused", "actions would be refused"),
        ("other-reasons", "events have another reason"),
        ("not-asked", "events it is not asked about"),
        ("dropped", "events were dropped before it"),
        ("without-body", "events left out, whose body is gone"),
    ] {
        let count = number(&summary[name]);
        if count > 0 {
            lines.push(format!("{count} {what}"));
        }
    }
    let (then, now) = (&summary["then"], &summary["now"]);
    let both = number(&now["evaluations"]);
    if both > 0 {
        lines.push(format!("of the {both} events that both were asked about:"));
        lines.push(format!("  fuel: {}", beside(&then["fuel"], &now["fuel"])));
        lines.push(format!(
            "  time in µs: {}",
            beside(&then["duration-us"], &now["duration-us"])
        ));
    }
    let first = &summary["first-asked"];
    if number(&first["evaluations"]) > 0 {
        lines.push(format!(
            "of the {} events that the rule was never asked about: fuel {} in all, median {}, p99 {}",
            number(&first["evaluations"]),
            number(&first["fuel"]["total"]),
            number(&first["fuel"]["median"]),
            number(&first["fuel"]["p99"])
        ));
    }
    lines.join("\n")
}

/// What was used then and is used now.
fn beside(then: &Value, now: &Value) -> String {
    ["total", "median", "p99"]
        .map(|name| format!("{name} {} → {}", text(&then[name]), text(&now[name])))
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_differs_is_one_line() {
        let event = json!({
            "id": "01a2", "received-local": "2026-11-22T14:29:05+01:00", "subject": "push",
            "verdict": "changed",
            "changes": [
                { "verdict": "changed", "now": { "notify": { "channel": "dev", "text": "b\nc" } },
                  "fields": [{ "name": "text", "then": "a\u{1b}[0m", "now": "b\nc" }] },
                { "verdict": "new", "now": { "deploy": { "name": "site" } }, "refused": "no grant" },
                { "verdict": "gone", "then": { "drop": "noise" } },
            ],
            "then": { "reason": "one" }, "now": { "reason": "two" },
        });

        assert_eq!(
            event_line(&event),
            "01a2  2026-11-22T14:29:05+01:00  push           changed  \
             ~ notify dev: text \"a\\u{1b}[0m\" → \"b c\"; + deploy site (refused: no grant); - drop: noise; \
             reason: one → two"
        );
    }

    #[test]
    fn a_fault_is_shown_with_its_code_and_a_rule_that_is_not_asked_with_the_reason() {
        let faulted = json!({
            "id": "01a2", "received-local": "now", "subject": "push", "verdict": "faults",
            "then": { "reason": "one" },
            "now": { "fault": { "code": "rule/trapped", "message": "it trapped" } },
        });
        let not_asked = json!({
            "id": "01a2", "received-local": "now", "subject": "push", "verdict": "gone",
            "not-asked": "the module asks for [\"tag\"]", "now": null, "then": { "reason": "one" },
        });

        assert!(event_line(&faulted).contains("it faults: it trapped (rule/trapped)"));
        assert!(event_line(&not_asked).contains("not asked: the module asks for"));
        assert!(!event_line(&not_asked).contains("reason:"));
    }

    #[test]
    fn a_rule_is_named_by_its_file_unless_it_is_said_otherwise() {
        let args = |rule: Option<&str>, team: Option<&str>| Args {
            module: PathBuf::from("somewhere/10-route.wasm"),
            rule: rule.map(str::to_owned),
            team: team.map(str::to_owned),
            settings: None,
            since: "7d".to_owned(),
            until: None,
            source: None,
            subject: None,
            project: None,
            limit: None,
            all: false,
            fail_on_difference: false,
        };
        let name = |rule, team| args(rule, team).rule().ok();

        assert_eq!(name(None, None).as_deref(), Some("10-route"));
        assert_eq!(
            name(None, Some("payments")).as_deref(),
            Some("payments/10-route")
        );
        assert_eq!(name(Some("docs/a"), None).as_deref(), Some("docs/a"));
    }
}
