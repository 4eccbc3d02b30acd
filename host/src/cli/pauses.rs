//! Pauses and their ends, the same for sources, rules, channels, and commands.

use serde_json::Value;

use super::client::Client;
use super::output::text;
use super::{CliError, Exit, Global, output};

/// What is paused, and why.
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// Its name
    name: String,
    /// Why, for the others who look
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What goes on.
#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// Its name
    name: String,
}

/// Pauses something of a kind.
pub(super) async fn pause(
    global: &Global,
    client: &Client,
    what: &str,
    args: &PauseArgs,
) -> Result<Exit, CliError> {
    let mut query = vec![("what", what.to_owned()), ("name", args.name.clone())];
    query.extend(args.reason.clone().map(|reason| ("reason", reason)));
    let answer = client.post("/api/v1/pause", &query).await?;
    if global.json {
        output::json(&answer);
        return Ok(Exit::Ok);
    }
    let means = match what {
        "source" => "what it delivers is accepted, and waits",
        "rule" => "it is not asked, and what it misses is on record",
        "channel" => "its messages wait",
        _ => "its runs wait; what runs already goes on",
    };
    let paused = output::paused(&answer["paused"]).unwrap_or_else(|| "paused".to_owned());
    let name = &args.name;
    output::line(format!("the {what} `{name}` is {paused}"));
    output::line(format!(
        "{means}; `hookbox {what}s resume {name}` ends the pause"
    ));
    Ok(Exit::Ok)
}

/// Ends the pause of something of a kind.
pub(super) async fn resume(
    global: &Global,
    client: &Client,
    what: &str,
    args: &ResumeArgs,
) -> Result<Exit, CliError> {
    let query = [("what", what.to_owned()), ("name", args.name.clone())];
    let answer = client.post("/api/v1/resume", &query).await?;
    if global.json {
        output::json(&answer);
        return Ok(Exit::Ok);
    }
    output::line(format!("the {what} `{}` goes on", args.name));
    if let events @ Value::Number(_) = &answer["replayed"]["events"] {
        output::line(format!(
            "it is asked about {} events that it missed",
            text(events)
        ));
    }
    Ok(Exit::Ok)
}
