//! `hookbox rules …`.

use serde_json::Value;

use super::client::Client;
use super::output::items;
use super::pauses::{PauseArgs, ResumeArgs, pause, resume};
use super::{CliError, Exit, Global, output, runtime};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List every rule with its status
    List,
    /// Look at the rules folder now
    ///
    /// The server looks by itself when the folder changes. A folder that is suddenly empty changes
    /// nothing until this is said with `--allow-empty`.
    Reload {
        /// Take an empty folder for what it is
        #[arg(long)]
        allow_empty: bool,
    },
    /// Ask a rule about nothing more, and keep on record what it misses
    ///
    /// It is named as `hookbox rules list` names it. The other rules go on.
    Pause(PauseArgs),
    /// Ask a rule again, also about what it missed while it was paused
    Resume(ResumeArgs),
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    let client = Client::new(global)?;
    let runtime = runtime()?;
    let listing = match command {
        Command::List => runtime.block_on(client.get("/api/v1/rules", &[])),
        Command::Reload { allow_empty } => {
            let query = [("allow_empty", allow_empty.to_string())];
            runtime.block_on(client.post("/api/v1/rules/reload", &query))
        }
        Command::Pause(args) => return runtime.block_on(pause(global, &client, "rule", args)),
        Command::Resume(args) => return runtime.block_on(resume(global, &client, "rule", args)),
    }?;
    if global.json {
        output::json(&listing);
    } else {
        show_listing(&listing);
    }
    Ok(Exit::Ok)
}

/// Writes the rules as a table, with the reasons below.
pub(super) fn show_listing(listing: &Value) {
    let text = |value: &Value| output::safe(value.as_str().unwrap_or("-"));
    let rules = listing["rules"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<String>> = rules
        .iter()
        .map(|rule| {
            let serving = &rule["serving"];
            let subjects: Vec<String> = serving["subjects"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect();
            vec![
                text(&rule["name"]),
                match output::paused(&rule["paused"]) {
                    Some(_) => format!("{}, paused", text(&rule["state"])),
                    None => text(&rule["state"]),
                },
                text(&serving["version"]),
                serving["module"]
                    .as_str()
                    .and_then(|digest| digest.get(7..19))
                    .unwrap_or("-")
                    .to_owned(),
                if serving.is_null() {
                    "-".to_owned()
                } else if subjects.is_empty() {
                    "all".to_owned()
                } else {
                    subjects.join(", ")
                },
            ]
        })
        .collect();
    output::table(&["RULE", "STATE", "VERSION", "MODULE", "SUBJECTS"], &rows);
    for rule in rules {
        if let Some(reason) = rule["reason"].as_str() {
            let code = text(&rule["code"]);
            output::line(format!(
                "\n{} ({code}):\n  {}",
                text(&rule["name"]),
                indent(reason)
            ));
        }
    }
    show_pauses(listing);
    for ignored in listing["ignored"].as_array().into_iter().flatten() {
        output::line(format!(
            "\nignored: {}: {}",
            text(&ignored["path"]),
            text(&ignored["reason"])
        ));
    }
    if let Some(problem) = listing["folder"]["problem"].as_str() {
        output::line(format!("\n{}: {problem}", text(&listing["folder"]["path"])));
    }
}

/// Writes which rules are paused, and what they have missed.
fn show_pauses(listing: &Value) {
    for rule in items(&listing["rules"]) {
        let missed = rule["missed"].as_u64().unwrap_or(0);
        let name = output::text(&rule["name"]);
        match (output::paused(&rule["paused"]), missed) {
            (Some(paused), _) => {
                output::line(format!(
                    "\n{name} is {paused}\n  it has missed {missed} events"
                ));
            }
            (None, 0) => {}
            (None, _) => output::line(format!(
                "\n{name} has missed {missed} events: `hookbox events replay --skipped --rule {name}` asks it about them"
            )),
        }
    }
    for gone in items(&listing["paused-and-gone"]) {
        if let Some(paused) = output::paused(&gone["paused"]) {
            output::line(format!(
                "\n{} is gone, and {paused}",
                output::text(&gone["name"])
            ));
        }
    }
}

fn indent(text: &str) -> String {
    output::safe(text).replace('\n', "\n  ")
}
