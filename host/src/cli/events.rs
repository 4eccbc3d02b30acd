//! `hookbox events …`.

use serde_json::{Value, json};

use super::client::{Client, segment};
use super::output::{items, text};
use super::{CliError, Exit, Global, output, runtime};

mod replay;
mod show;

use show::show;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List events, newest first
    List {
        #[command(flatten)]
        filters: Filters,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one event, and what became of it with every rule
    Show {
        /// The event's identifier, or `last`
        id: String,
    },
    Replay(replay::Args),
}

/// Which events.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
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
    /// Only received from this moment on: RFC 3339, or how long ago, such as `2h` or `7d`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only received before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Filters {
    fn query(&self) -> Vec<(&'static str, String)> {
        let filters = [
            ("source", &self.source),
            ("subject", &self.subject),
            ("project", &self.project),
            ("state", &self.state),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let given = filters.into_iter();
        given
            .filter_map(|(name, value)| value.clone().map(|value| (name, value)))
            .collect()
    }
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    if let Command::Replay(args) = command {
        args.check()?;
    }
    let client = Client::new(global)?;
    let runtime = runtime()?;
    match command {
        Command::List { filters, limit } => {
            let answer = runtime.block_on(listed(&client, &filters.query(), *limit))?;
            if global.json {
                output::json(&answer);
            } else {
                list(&answer);
            }
        }
        Command::Show { id } => {
            let path = format!("/api/v1/events/{}", segment(id)?);
            let answer = runtime.block_on(client.get(&path, &[]))?;
            if global.json {
                output::json(&answer);
            } else {
                show(&answer);
            }
        }
        Command::Replay(args) => return runtime.block_on(replay::run(global, &client, args)),
    }
    Ok(Exit::Ok)
}

/// The newest events that match. A page may end before it is full, and the next one goes on.
async fn listed(
    client: &Client,
    filters: &[(&'static str, String)],
    limit: usize,
) -> Result<Value, CliError> {
    let (mut events, mut next) = (Vec::new(), Value::Null);
    loop {
        let mut query = filters.to_vec();
        query.push(("limit", (limit - events.len()).to_string()));
        if !next.is_null() {
            query.push(("before", text(&next)));
        }
        let mut page = client.get("/api/v1/events", &query).await?;
        if let Value::Array(found) = page["events"].take() {
            events.extend(found);
        }
        next = page["next"].take();
        if next.is_null() || events.len() >= limit {
            return Ok(json!({ "events": events, "next": next }));
        }
    }
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
                state(event),
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

/// How an event stands, and the number of its last replay.
fn state(event: &Value) -> String {
    match event["run"].as_u64() {
        None | Some(0) => text(&event["state"]),
        Some(run) => format!("{}, replay {run}", text(&event["state"])),
    }
}
