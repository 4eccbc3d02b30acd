//! `hookbox commands …`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::client::{Client, segment};
use super::output::{items, text};
use super::pauses::{PauseArgs, ResumeArgs, pause, resume};
use super::{CliError, Exit, Global, output, runtime};
use crate::config::env::variable;

mod follow;

use follow::{ended, follow};

/// How much of an output is asked for, in bytes: as much as is ever kept.
const WHOLE: u32 = 64 << 20;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the commands: what they run, what they take, and what waits for them
    List,
    /// Run a command by hand
    ///
    /// It waits for its turn as the runs do that rules ask for, and is on record as they are. Its output is shown as it
    /// comes, and the exit code says whether it went well. To end this program does not end the command: `hookbox
    /// actions cancel` does.
    Run {
        /// The command's name
        name: String,
        /// Values for its parameters
        #[arg(value_name = "NAME=VALUE")]
        arguments: Vec<String>,
        /// Print the action's number, and do not wait for it
        #[arg(long)]
        detach: bool,
    },
    /// Print what a command wrote
    Output {
        /// The action's number, as `hookbox actions list` has it
        action: i64,
        /// The number of the attempt; the newest by default
        #[arg(long, value_name = "NUMBER")]
        attempt: Option<u32>,
        /// Go on until it has ended
        #[arg(long, conflicts_with = "attempt")]
        follow: bool,
    },
    /// Start a command no more until the pause ends
    Pause(PauseArgs),
    /// Start the runs that waited for a command
    Resume(ResumeArgs),
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::List => {
            let answer = runtime()?.block_on(Client::new(global)?.get("/api/v1/commands", &[]))?;
            if global.json {
                output::json(&answer);
            } else {
                list(&answer);
            }
            Ok(Exit::Ok)
        }
        Command::Run {
            name,
            arguments,
            detach,
        } => {
            let request = json!({ "arguments": named(arguments)?, "by": person() });
            let client = Client::new(global)?;
            runtime()?.block_on(run_by_hand(global, &client, (name, &request), *detach))
        }
        Command::Output {
            action,
            attempt,
            follow: follows,
        } => {
            let client = Client::new(global)?;
            runtime()?.block_on(print_output(global, &client, (*action, *attempt), *follows))
        }
        Command::Pause(args) => {
            runtime()?.block_on(pause(global, &Client::new(global)?, "command", args))
        }
        Command::Resume(args) => {
            runtime()?.block_on(resume(global, &Client::new(global)?, "command", args))
        }
    }
}

/// The arguments by their names.
fn named(arguments: &[String]) -> Result<BTreeMap<&str, &str>, CliError> {
    let usage = |text: String| CliError::new(Exit::Usage, anyhow::anyhow!("{text}"));
    let mut named = BTreeMap::new();
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or_else(|| {
            let argument = output::safe(argument);
            usage(format!(
                "`{argument}` is no argument: write it as `name=value`"
            ))
        })?;
        if named.insert(name, value).is_some() {
            let name = output::safe(name);
            return Err(usage(format!("the parameter `{name}` is given twice")));
        }
    }
    Ok(named)
}

/// Who runs this program, as the environment says it.
pub(super) fn person() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
}

async fn run_by_hand(
    global: &Global,
    client: &Client,
    (name, request): (&str, &Value),
    detach: bool,
) -> Result<Exit, CliError> {
    let path = format!("/api/v1/commands/{}/run", segment(name)?);
    let asked = client.post_json(&path, request).await?;
    let id = asked["id"].as_i64().unwrap_or_default();
    if detach {
        if global.json {
            output::json(&asked);
        } else {
            output::line(format!("action {id}"));
        }
        return ended(&asked).unwrap_or(Ok(Exit::Ok));
    }
    if let Some(paused) = output::paused(&asked["paused"]) {
        output::note(format!(
            "the command `{name}` is {paused}; action {id} waits"
        ));
    } else {
        output::note(format!("action {id} waits for its turn"));
    }
    let shows = if global.json {
        follow::Shows::Nothing
    } else {
        follow::Shows::Output
    };
    let last = follow(client, id, shows).await?;
    if global.json {
        let action = client.get(&format!("/api/v1/actions/{id}"), &[]).await?;
        output::json(&action);
    }
    ended(&last).unwrap_or(Ok(Exit::Ok))
}

async fn print_output(
    global: &Global,
    client: &Client,
    (action, attempt): (i64, Option<u32>),
    follows: bool,
) -> Result<Exit, CliError> {
    if follows && !global.json {
        follow(client, action, follow::Shows::Output).await?;
        return Ok(Exit::Ok);
    }
    if follows {
        follow(client, action, follow::Shows::Nothing).await?;
    }
    let mut query = vec![("limit", WHOLE.to_string())];
    query.extend(attempt.map(|attempt| ("attempt", attempt.to_string())));
    let path = format!("/api/v1/actions/{action}/output");
    let answer = client.get(&path, &query).await?;
    if global.json {
        output::json(&answer);
    } else {
        output::write(&text(&answer["text"]));
    }
    Ok(Exit::Ok)
}

fn list(answer: &Value) {
    for command in items(&answer["commands"]) {
        show(command);
    }
    if items(&answer["commands"]).is_empty() {
        output::line("there are no commands: `[commands.NAME]` in `hookbox.toml` makes one");
    }
    for gone in items(&answer["paused-and-gone"]) {
        if let Some(paused) = output::paused(&gone["paused"]) {
            output::line(format!("{} is gone, and {paused}", text(&gone["name"])));
        }
    }
}

fn show(command: &Value) {
    let argv: Vec<String> = items(&command["argv"]).iter().map(word).collect();
    output::line(format!("{}  {}", text(&command["name"]), argv.join(" ")));
    if let [path, remote, branch] = items(&command["checkout"]) {
        output::line(format!(
            "  updates {} to the branch {} of {}",
            text(path),
            text(branch),
            text(remote)
        ));
    }
    for parameter in items(&command["parameters"]) {
        let default = parameter["default"].as_str();
        let default = default.map(|value| format!(", `{}` by default", output::safe(value)));
        output::line(format!(
            "  {}: {}{}",
            text(&parameter["name"]),
            text(&parameter["accepts"]),
            default.unwrap_or_default()
        ));
    }
    if command["argv"].is_null() {
        // A team is not told more.
        if let Some(paused) = output::paused(&command["paused"]) {
            output::line(format!("  {paused}"));
        }
        return;
    }
    let user = match (&command["user"], &command["group"]) {
        (Value::Null, Value::Null) => "the server's own user".to_owned(),
        (user, Value::Null) => text(user),
        (Value::Null, group) => format!("the server's own user in the group {}", text(group)),
        (user, group) => format!("{} in the group {}", text(user), text(group)),
    };
    output::line(format!(
        "  as {user}, for {} at most, tried again {} times",
        text(&command["timeout"]),
        text(&command["retries"])
    ));
    let busy = match command["when-busy"].as_str().unwrap_or_default() {
        "latest" => "waits, and takes the place of those that wait",
        "cancel" => "ends the one that runs, and takes its place",
        "reject" => "is refused",
        _ => "waits for its turn",
    };
    output::line(format!(
        "  {} run, {} wait; one that finds another at work {busy}{}",
        text(&command["running"]),
        text(&command["waiting"]),
        of_key(command)
    ));
    if let Some(paused) = output::paused(&command["paused"]) {
        output::line(format!("  {paused}"));
    }
}

/// Among which runs one waits.
fn of_key(command: &Value) -> String {
    let key = command["key"].as_str();
    let group = command["concurrency-group"].as_str();
    [("key", key), ("group", group)]
        .into_iter()
        .filter_map(|(word, value)| Some(format!(", {word} `{}`", output::safe(value?))))
        .collect()
}

/// An argument as a word: quoted where it would not be read as one.
fn word(argument: &Value) -> String {
    let word = text(argument);
    if word.is_empty() || word.contains(char::is_whitespace) {
        format!("'{word}'")
    } else {
        word
    }
}
