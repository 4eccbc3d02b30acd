//! `hookbox actions …`.

use serde_json::Value;

use super::client::Client;
use super::output::{ago, items, one_line, text};
use super::run::describe;
use super::{CliError, Exit, Global, output, runtime};
use crate::domain::decision::Action;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List actions, newest first
    List {
        #[command(flatten)]
        filters: Filters,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one action with its attempts
    Show {
        /// The action's number, as the list has it
        id: i64,
    },
    /// Try actions again at once
    ///
    /// For those that are dead, interrupted, stuck, refused, canceled, or wait for their next attempt. Earlier
    /// attempts no longer count.
    Retry(Change),
    /// Cancel actions that have not ended
    ///
    /// A command that runs is ended with everything that it started. A message that is on its way is left alone.
    Cancel(Change),
}

/// Which actions.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Only in this state, such as `waiting`, `done` or `dead`
    #[arg(long)]
    state: Option<String>,
    /// Only of this rule
    #[arg(long)]
    rule: Option<String>,
    /// Only messages to this channel
    #[arg(long, conflicts_with = "command")]
    channel: Option<String>,
    /// Only runs of this command
    #[arg(long)]
    command: Option<String>,
    /// Only for this event
    #[arg(long)]
    event: Option<String>,
    /// Only from this moment on: RFC 3339, or how long ago, such as `2h` or `7d`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Filters {
    fn query(&self) -> Vec<(&'static str, String)> {
        let filters = [
            ("state", &self.state),
            ("rule", &self.rule),
            ("channel", &self.channel),
            ("command", &self.command),
            ("event", &self.event),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let given = filters.into_iter();
        given
            .filter_map(|(name, value)| value.clone().map(|value| (name, value)))
            .collect()
    }
}

/// Which actions are to be changed.
#[derive(Debug, clap::Args)]
pub(super) struct Change {
    /// The actions' numbers, as the list has them
    ids: Vec<i64>,
    #[command(flatten)]
    filters: Filters,
    /// All that can be
    #[arg(long)]
    all: bool,
}

impl Change {
    fn query(&self) -> Result<Vec<(&'static str, String)>, CliError> {
        let mut query = self.filters.query();
        let usage = |text: &str| {
            let error = anyhow::anyhow!("{text}");
            Err(CliError::new(Exit::Usage, error))
        };
        match (self.ids.is_empty(), query.is_empty(), self.all) {
            (true, true, false) => {
                return usage(
                    "it is not said which actions: name them by their numbers, or give at least one of `--state`, \
                     `--rule`, `--channel`, `--command`, `--event`, `--since` and `--until`, or `--all`",
                );
            }
            (false, true, false) => {
                let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
                query.push(("ids", ids.join(",")));
            }
            (true, true, true) => query.push(("all", "true".to_owned())),
            (true, false, false) => {}
            _ => return usage("give only one of numbers, filters, and `--all`"),
        }
        Ok(query)
    }
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::List { filters, limit } => {
            let mut query = filters.query();
            query.push(("limit", limit.to_string()));
            let answer =
                runtime()?.block_on(Client::new(global)?.get("/api/v1/actions", &query))?;
            if global.json {
                output::json(&answer);
            } else {
                list(&answer);
            }
            Ok(Exit::Ok)
        }
        Command::Show { id } => {
            let path = format!("/api/v1/actions/{id}");
            let answer = runtime()?.block_on(Client::new(global)?.get(&path, &[]))?;
            if global.json {
                output::json(&answer);
            } else {
                show(&answer);
            }
            Ok(Exit::Ok)
        }
        Command::Retry(args) => change(global, ("retry", "wait to be tried again"), args),
        Command::Cancel(args) => change(global, ("cancel", "are canceled"), args),
    }
}

fn change(global: &Global, (verb, what): (&str, &str), args: &Change) -> Result<Exit, CliError> {
    let query = args.query()?;
    let path = format!("/api/v1/actions/{verb}");
    let answer = runtime()?.block_on(Client::new(global)?.post(&path, &query))?;
    let unchanged = items(&answer["unchanged"]);
    if global.json {
        output::json(&answer);
    } else {
        output::line(format!("{} actions {what}", answer["changed"]));
        for action in unchanged {
            output::note(format!(
                "action {}: {}",
                text(&action["id"]),
                text(&action["reason"])
            ));
        }
    }
    Ok(if unchanged.is_empty() {
        Exit::Ok
    } else {
        Exit::Refused
    })
}

fn list(answer: &Value) {
    let rows: Vec<Vec<String>> = items(&answer["actions"])
        .iter()
        .map(|action| {
            let (kind, target) = target(action);
            vec![
                text(&action["id"]),
                text(&action["state"]),
                kind,
                target,
                items(&action["attempts"]).len().to_string(),
                ago(&answer["now"], &action["created-at"]),
                replay(action),
                text(&action["rule"]),
                text(&action["event"]),
                text(&action["key"]),
                detail(action),
            ]
        })
        .collect();
    output::table(
        &[
            "ACTION", "STATE", "KIND", "TARGET", "TRIES", "AGE", "REPLAY", "RULE", "EVENT", "KEY",
            "DETAIL",
        ],
        &rows,
    );
}

/// The kind of an action, and its channel or command.
fn target(action: &Value) -> (String, String) {
    let what = &action["action"];
    let kind = what.as_object().and_then(|what| what.keys().next());
    let kind = kind.cloned().unwrap_or_default();
    let target = match kind.as_str() {
        "notify" => &what["notify"]["channel"],
        _ => &what["deploy"]["name"],
    };
    (kind, text(target))
}

/// The number of the replay that an action came of; `-` for the first run.
fn replay(action: &Value) -> String {
    match action["run"].as_u64() {
        None | Some(0) => "-".to_owned(),
        Some(run) => run.to_string(),
    }
}

/// Why an action is in its state, in one line: its own reason, that of its last attempt, or what caused it.
fn detail(action: &Value) -> String {
    let last = items(&action["attempts"]).last();
    let of_attempt = last.map_or(&Value::Null, |attempt| &attempt["detail"]);
    let own = &action["detail"];
    let detail = if own.is_null() { of_attempt } else { own };
    match (&action["caused-by"], detail) {
        (Value::Null, detail) => one_line(detail),
        (by, Value::Null) => format!("by {}", text(by)),
        (by, detail) => format!("{}, by {}", one_line(detail), text(by)),
    }
}

fn show(action: &Value) {
    output::line(format!(
        "action {}  {}",
        text(&action["id"]),
        text(&action["state"])
    ));
    let what = serde_json::from_value::<Action>(action["action"].clone())
        .map_or_else(|_| text(&action["key"]), |action| describe(&action));
    output::line(format!("  → {}", what.replace('\n', "\n    ")));
    for (label, value) in [
        ("key", &action["key"]),
        ("event", &action["event"]),
        ("rule", &action["rule"]),
        ("replay", &action["run"]),
        ("waits its turn by", &action["turn"]["key"]),
        ("when busy", &action["turn"]["when-busy"]),
        ("committed", &action["created-local"]),
        ("because", &action["detail"]),
        ("caused by", &action["caused-by"]),
    ] {
        if !value.is_null() && value != 0 {
            output::line(format!("  {label}: {}", text(value)));
        }
    }
    if !matches!(action["due-local"], Value::Null) && action["ended-at"].is_null() {
        output::line(format!("  due: {}", text(&action["due-local"])));
    }
    attempts(action, "  ");
}

/// Writes the attempts at an action, with what a command wrote.
pub(super) fn attempts(action: &Value, indent: &str) {
    for attempt in items(&action["attempts"]) {
        let detail = attempt["detail"]
            .as_str()
            .map(|detail| format!(": {}", output::safe(detail)));
        output::line(format!(
            "{indent}attempt {} {}{}",
            attempt["number"],
            attempt["result"].as_str().unwrap_or("runs"),
            detail.unwrap_or_default()
        ));
        for line in attempt["output"].as_str().unwrap_or("").lines() {
            output::line(format!("{indent}  {}", output::safe(line)));
        }
    }
}
