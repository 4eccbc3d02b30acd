//! `hookbox events …`.

use serde_json::Value;

use super::client::Client;
use super::output::{items, text};
use super::run::describe;
use super::{CliError, Exit, Global, output, runtime};
use crate::domain::decision::Action;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List events, newest first
    List {
        /// Only of this source
        #[arg(long)]
        source: Option<String>,
        /// Only about this subject, such as `push`
        #[arg(long)]
        subject: Option<String>,
        /// Only in this project
        #[arg(long)]
        project: Option<String>,
        /// Only in this state: waiting, running, done or stuck
        #[arg(long)]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one event, and what became of it with every rule
    Show {
        /// The event's identifier, or `last`
        id: String,
    },
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    let client = Client::new(global)?;
    let runtime = runtime()?;
    match command {
        Command::List {
            source,
            subject,
            project,
            state,
            limit,
        } => {
            let mut query = vec![("limit", limit.to_string())];
            for (name, value) in [
                ("source", source),
                ("subject", subject),
                ("project", project),
                ("state", state),
            ] {
                query.extend(value.clone().map(|value| (name, value)));
            }
            let answer = runtime.block_on(client.get("/api/v1/events", &query))?;
            if global.json {
                output::json(&answer);
            } else {
                list(&answer);
            }
        }
        Command::Show { id } => {
            let answer = runtime.block_on(client.get(&format!("/api/v1/events/{id}"), &[]))?;
            if global.json {
                output::json(&answer);
            } else {
                show(&answer);
            }
        }
    }
    Ok(Exit::Ok)
}

fn list(answer: &Value) {
    let rows: Vec<Vec<String>> = items(&answer["events"])
        .iter()
        .map(|event| {
            let actions: Vec<String> = items(&event["actions"])
                .iter()
                .map(|count| [text(&count[1]), text(&count[0])].join(" "))
                .collect();
            vec![
                text(&event["id"]),
                text(&event["received-local"]),
                text(&event["source"]),
                text(&event["subject"]),
                text(&event["project"]),
                text(&event["state"]),
                actions.join(", "),
            ]
        })
        .collect();
    output::table(
        &[
            "EVENT", "RECEIVED", "SOURCE", "SUBJECT", "PROJECT", "STATE", "ACTIONS",
        ],
        &rows,
    );
}

fn show(answer: &Value) {
    if answer["pending"] == true {
        output::line(format!(
            "event {}  accepted, and not looked at yet",
            text(&answer["id"])
        ));
        return;
    }
    let record = &answer["record"];
    let event = &record["event"];
    let subject = match &event["subject"] {
        Value::Object(subject) => subject.keys().next().cloned().unwrap_or_default(),
        other => text(other),
    };
    let (id, state) = (text(&event["id"]), text(&record["state"]));
    output::line(format!("event {id}  {subject}  {state}"));
    output::line(format!(
        "  received {} by `{}` from {}, as `{}`",
        text(&event["received-local"]),
        text(&event["source"]),
        text(&record["remote-address"]),
        text(&event["provider-event"])
    ));
    for (label, value) in [
        ("project", &event["repository"]["full-name"]),
        ("by", &event["actor"]["name"]),
        ("page", &event["url"]),
        ("note", &event["note"]),
        ("verified by", &record["secret"]),
    ] {
        if !value.is_null() {
            output::line(format!("  {label}: {}", text(value)));
        }
    }
    if record["duplicates"].as_u64().unwrap_or(0) > 0 {
        output::line(format!(
            "  deliveries that repeated it: {}",
            record["duplicates"]
        ));
    }
    output::line("");
    for verdict in items(&answer["rules"]) {
        show_rule(verdict, record);
    }
    if items(&answer["rules"]).is_empty() {
        output::line("there was no rule to ask");
    }
}

fn show_rule(verdict: &Value, record: &Value) {
    let name = text(&verdict["rule"]);
    let reason = verdict["reason"]
        .as_str()
        .map(|reason| format!(": {}", output::safe(reason)))
        .unwrap_or_default();
    let kind = match verdict["kind"].as_str().unwrap_or("") {
        "acted" => "acted",
        "dropped" => "dropped the event",
        "nothing" => "wanted nothing done",
        "faulted" => "gave no decision",
        "not-asked" => "was not asked",
        "dropped-before" => "was not asked, the event was dropped before it",
        _ => "has not been asked yet",
    };
    output::line(format!("{name} {kind}{reason}"));
    let evaluation = items(&record["evaluations"])
        .iter()
        .rev()
        .map(|evaluation| &evaluation["evaluation"])
        .find(|evaluation| evaluation["rule"] == verdict["rule"]);
    if let Some(evaluation) = evaluation {
        output::line(format!(
            "  fuel {}, {} µs, module {}",
            evaluation["fuel"],
            evaluation["duration-us"],
            evaluation["module"]
                .as_str()
                .and_then(|digest| digest.get(7..19))
                .unwrap_or("-")
        ));
        for line in items(&evaluation["log"]["lines"]) {
            output::line(format!("  log: {}", text(&line["message"])));
        }
    }
    for action in items(&record["actions"]) {
        if action["rule"] == verdict["rule"] {
            show_action(action);
        }
    }
}

fn show_action(action: &Value) {
    let what = serde_json::from_value::<Action>(action["action"].clone())
        .map_or_else(|_| text(&action["key"]), |action| describe(&action));
    output::line(format!("  → {}", what.replace('\n', "\n    ")));
    let detail = action["detail"]
        .as_str()
        .map(|detail| format!(": {}", output::safe(detail)));
    output::line(format!(
        "    {}{}",
        text(&action["state"]),
        detail.unwrap_or_default()
    ));
    for attempt in items(&action["attempts"]) {
        let detail = attempt["detail"]
            .as_str()
            .map(|detail| format!(": {}", output::safe(detail)));
        output::line(format!(
            "    attempt {} {}{}",
            attempt["number"],
            attempt["result"].as_str().unwrap_or("runs"),
            detail.unwrap_or_default()
        ));
        for line in attempt["output"].as_str().unwrap_or("").lines() {
            output::line(format!("      {}", output::safe(line)));
        }
    }
}
