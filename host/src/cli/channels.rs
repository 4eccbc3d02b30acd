//! `hookbox channels …`.

use serde_json::Value;

use super::client::{Client, segment};
use super::output::{items, one_line, text};
use super::pauses::{PauseArgs, ResumeArgs, pause, resume};
use super::{CliError, Exit, Global, output, runtime};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the channels: where they lead, what they take, how much waits, and how they stand
    List,
    /// Send a test message to a channel, and print what the service answered
    ///
    /// It goes out at once, beside the messages that wait. The exit code says whether it was taken.
    Test {
        /// The channel's name
        name: String,
        /// Mention somebody: a name of `[people]`, or `all` for everybody
        #[arg(long, value_name = "WHO")]
        mention: Option<String>,
        /// Send a message with every part there is: title, colour, fields, link, and footer
        #[arg(long)]
        full: bool,
    },
    /// Keep the messages for a channel until the pause ends
    Pause(PauseArgs),
    /// Send the messages that waited for a channel
    Resume(ResumeArgs),
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    let client = Client::new(global)?;
    let runtime = runtime()?;
    match command {
        Command::List => {
            let answer = runtime.block_on(client.get("/api/v1/channels", &[]))?;
            if global.json {
                output::json(&answer);
            } else {
                list(&answer);
            }
            Ok(Exit::Ok)
        }
        Command::Test {
            name,
            mention,
            full,
        } => {
            let mut query = vec![("full", full.to_string())];
            query.extend(mention.clone().map(|mention| ("mention", mention)));
            let path = format!("/api/v1/channels/{}/test", segment(name)?);
            let answer = runtime.block_on(client.post(&path, &query));
            test(global, name, answer)
        }
        Command::Pause(args) => runtime.block_on(pause(global, &client, "channel", args)),
        Command::Resume(args) => runtime.block_on(resume(global, &client, "channel", args)),
    }
}

fn test(global: &Global, name: &str, answer: Result<Value, CliError>) -> Result<Exit, CliError> {
    let answer = answer.map_err(|error| match error.exit {
        Exit::Failed => error.hint(format!(
            "its address and its keys stand under `[channels.{name}]` in `hookbox.toml`; `hookbox channels list` says \
             whether messages wait for it"
        )),
        _ => error,
    })?;
    if global.json {
        output::json(&answer);
    } else {
        output::line(format!(
            "channel {} ({}, {}) took it: {}",
            text(&answer["channel"]),
            text(&answer["kind"]),
            text(&answer["place"]),
            text(&answer["detail"])
        ));
    }
    Ok(Exit::Ok)
}

fn list(answer: &Value) {
    let rows: Vec<Vec<String>> = items(&answer["channels"])
        .iter()
        .map(|channel| {
            let quotas: Vec<String> = items(&channel["quotas"]).iter().map(text).collect();
            vec![
                text(&channel["name"]),
                if channel["kind"].is_null() {
                    "not configured".to_owned()
                } else {
                    text(&channel["kind"])
                },
                text(&channel["place"]),
                if quotas.is_empty() {
                    "-".to_owned()
                } else {
                    quotas.join(", ")
                },
                match channel["waiting"].as_u64() {
                    Some(1_001..) => "1000+".to_owned(),
                    _ => text(&channel["waiting"]),
                },
                state(channel),
            ]
        })
        .collect();
    output::table(
        &["CHANNEL", "KIND", "PLACE", "QUOTA", "WAITING", "STATE"],
        &rows,
    );
}

fn state(channel: &Value) -> String {
    let failing = &channel["failing"];
    let fails = (!failing.is_null()).then(|| {
        format!(
            "failing since {}, tried again at {}: {}",
            text(&failing["since-local"]),
            text(&failing["until-local"]),
            one_line(&failing["error"])
        )
    });
    let states: Vec<String> = output::paused(&channel["paused"])
        .into_iter()
        .chain(fails)
        .collect();
    if states.is_empty() {
        "ok".to_owned()
    } else {
        states.join("; ")
    }
}
