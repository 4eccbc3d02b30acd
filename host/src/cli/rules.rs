//! `hookbox rules …`.

use serde_json::Value;

use super::client::{Client, segment};
use super::output::items;
use super::pauses::{PauseArgs, ResumeArgs, pause, resume};
use super::{CliError, Exit, Global, output, runtime};

mod add;
mod grants;
mod replay;
mod show;
mod state;
mod wish;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List every rule with its status
    List,
    /// Show one rule: how it stands, what it is, its settings, its conditions, and its limits
    Show {
        /// Its name, as `hookbox rules list` shows it
        name: String,
    },
    /// Show what rules ask for, what is granted, and the lines that would grant the rest
    ///
    /// Of a version that was refused it is shown as well, with what it asks for anew.
    Grants {
        /// Only of this rule
        name: Option<String>,
    },
    /// Look at the rules folder now
    ///
    /// The server looks by itself when the folder changes. A folder that is suddenly empty changes
    /// nothing until this is said with `--allow-empty`.
    Reload {
        /// Take an empty folder for what it is
        #[arg(long)]
        allow_empty: bool,
    },
    /// Add a rule that somebody else built
    ///
    /// Shows what it is and asks for, puts it into the rules folder of the configuration of this folder,
    /// with a settings file to fill in, and prints what is still missing for it to be at work.
    Add(add::Args),
    Replay(replay::Args),
    /// Ask a rule about nothing more, and keep on record what it misses
    ///
    /// It is named as `hookbox rules list` names it. The other rules go on.
    Pause(PauseArgs),
    /// Ask a rule again, also about what it missed while it was paused
    Resume(ResumeArgs),
    /// Have a rule stand as its files say, whatever was said since
    ///
    /// Ends what `disable`, `shadow` and `rollback` said of it, its quarantine, and the undoing of its version.
    Enable(wish::RuleArgs),
    /// Ask a rule about nothing more, until its files change or `enable`
    Disable(wish::RuleArgs),
    /// Ask a rule and perform nothing of what it asks for, until its files change or `enable`
    Shadow(wish::RuleArgs),
    /// Have an earlier version of a rule serve, until its files change or `enable`
    ///
    /// Each time one version further back, or the one that is named. `hookbox rules list --json` has the versions.
    Rollback(wish::RollBackArgs),
    /// Show what a rule keeps between events, or clear it
    ///
    /// What is cleared is named, and gone for the next event that the rule is asked about.
    State(state::StateArgs),
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    // All but one ask a server.
    let client = || Client::new(global);
    let runtime = runtime()?;
    let listing = match command {
        Command::Add(args) => return add::run(global, args),
        Command::List => runtime.block_on(client()?.get("/api/v1/rules", &[])),
        Command::Show { name } => {
            let path = format!("/api/v1/rules/{}", segment(name)?);
            let rule = runtime.block_on(client()?.get(&path, &[]))?;
            if global.json {
                output::json(&rule);
            } else {
                show::show(&rule);
            }
            return Ok(Exit::Ok);
        }
        Command::Grants { name } => {
            let listing = runtime.block_on(client()?.get("/api/v1/rules", &[]))?;
            return grants::show(global, &listing, name.as_deref());
        }
        Command::Reload { allow_empty } => {
            let query = [("allow_empty", allow_empty.to_string())];
            runtime.block_on(client()?.post("/api/v1/rules/reload", &query))
        }
        Command::Replay(args) => return runtime.block_on(replay::run(global, &client()?, args)),
        Command::Pause(args) => return runtime.block_on(pause(global, &client()?, "rule", args)),
        Command::Resume(args) => {
            return runtime.block_on(resume(global, &client()?, "rule", args));
        }
        Command::Enable(args) => return runtime.block_on(args.wish(global, &client()?, "enable")),
        Command::Disable(args) => {
            return runtime.block_on(args.wish(global, &client()?, "disable"));
        }
        Command::Shadow(args) => return runtime.block_on(args.wish(global, &client()?, "shadow")),
        Command::State(args) => return runtime.block_on(args.run(global, &client()?)),
        Command::Rollback(args) => return runtime.block_on(args.wish(global, &client()?)),
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
        if let Some(reason) = reason(rule) {
            output::line(format!("\n{reason}"));
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

/// Why a rule stands as it does, where there is more to say than its state.
fn reason(rule: &Value) -> Option<String> {
    let text = |value: &Value| output::safe(value.as_str().unwrap_or("-"));
    let mut lines = vec![
        format!("{} ({}):", text(&rule["name"]), text(&rule["code"])),
        indent(rule["reason"].as_str()?),
    ];
    for (key, word) in [
        ("by", "by"),
        ("since-local", "since"),
        ("until-local", "until"),
    ] {
        if !rule[key].is_null() {
            lines.push(format!("{word} {}", text(&rule[key])));
        }
    }
    Some(lines.join("\n  "))
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
