//! `hookbox events replay`.

use serde_json::Value;

use super::Filters;
use crate::cli::client::Client;
use crate::cli::output::{items, text};
use crate::cli::run::describe;
use crate::cli::{CliError, Exit, Global, output};
use crate::domain::decision::Action;

/// Have events evaluated again, by the rules of the present
///
/// One that is named, or all that match at least one filter. What a rule has missed while it was paused is meant by
/// `--skipped`; without `--rule` each rule is asked about what it has missed. The actions of a replay are marked as such,
/// and nothing of an earlier run is done again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The event's identifier, or `last`
    id: Option<String>,
    /// Ask this rule alone
    #[arg(long)]
    rule: Option<String>,
    /// Only what rules have missed while they were paused
    #[arg(long)]
    skipped: bool,
    #[command(flatten)]
    filters: Filters,
    /// All events
    #[arg(long)]
    all: bool,
    /// Print what each rule would ask for now, of 100 events at most, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    /// Whether it is said which events.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let is_filtered = self.skipped || !self.filters.query().is_empty();
        let text = match (self.id.is_some(), is_filtered, self.all) {
            (true, false, false) | (false, true, false) | (false, false, true) => return Ok(()),
            (false, false, false) => {
                "it is not said which events: name one, or give at least one of `--source`, `--subject`, `--project`, \
                 `--state`, `--since`, `--until` and `--skipped`, or `--all`"
            }
            _ => "give only one of an identifier, filters, and `--all`",
        };
        Err(CliError::new(Exit::Usage, anyhow::anyhow!("{text}")))
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = self.filters.query();
        query.extend(self.id.clone().map(|id| ("id", id)));
        query.extend(self.rule.clone().map(|rule| ("rule", rule)));
        for (name, given) in [
            ("skipped", self.skipped),
            ("all", self.all),
            ("dry_run", self.dry_run),
        ] {
            query.extend(given.then(|| (name, "true".to_owned())));
        }
        query
    }
}

pub(super) async fn run(global: &Global, client: &Client, args: &Args) -> Result<Exit, CliError> {
    let answer = client.post("/api/v1/events/replay", &args.query()).await?;
    let replayed = &answer["replayed"];
    let number = |name: &str| replayed[name].as_u64().unwrap_or(0);
    let nothing_of_one = args.id.is_some() && !args.dry_run && number("events") == 0;
    if global.json {
        output::json(&answer);
    } else if args.dry_run {
        rehearsed(&answer);
    } else {
        let again = number("events");
        output::line(format!("{again} events are evaluated again"));
        if number("busy") > 0 {
            output::note(format!(
                "{} events match as well, and are being evaluated or wait for it already",
                number("busy")
            ));
        }
        if nothing_of_one && number("busy") == 0 {
            output::note("no rule is asked about what a person asked for by hand");
        }
    }
    Ok(if nothing_of_one {
        Exit::Refused
    } else {
        Exit::Ok
    })
}

/// Writes what would come of it.
fn rehearsed(answer: &Value) {
    for rule in items(&answer["missed"]) {
        output::line(format!(
            "{} would be asked about {} events that it missed",
            text(&rule["rule"]),
            text(&rule["events"])
        ));
    }
    let events = items(&answer["rehearsed"]);
    for event in events {
        output::line(format!("event {}", text(&event["event"])));
        for evaluation in items(&event["evaluations"]) {
            rule(evaluation);
        }
        if items(&event["evaluations"]).is_empty() {
            output::line("  no rule would be asked");
        }
    }
    if answer["more"] == true {
        output::note(format!(
            "there are more than {} events that match: these are the newest",
            events.len()
        ));
    }
    if events.is_empty() && items(&answer["missed"]).is_empty() {
        output::line("there is nothing to evaluate again");
    }
    output::note("nothing was changed");
}

fn rule(unit: &Value) {
    let evaluation = &unit["evaluation"];
    let outcome = &evaluation["outcome"];
    let reason = outcome["decided"]["reason"].as_str();
    let reason = reason
        .map(|reason| format!(": {}", output::safe(reason)))
        .unwrap_or_default();
    let name = text(&evaluation["rule"]);
    let asked = items(&outcome["decided"]["actions"]);
    if outcome.get("faulted").is_some() {
        output::line(format!(
            "  {name} gives no decision: {}",
            outcome["faulted"]
        ));
    } else if asked.is_empty() {
        output::line(format!("  {name} wants nothing done{reason}"));
    } else {
        output::line(format!("  {name} acts{reason}"));
    }
    for action in asked {
        let action = serde_json::from_value::<Action>(action.clone());
        if let Ok(action @ Action::Drop(_)) = action {
            output::line(format!("    → {}", describe(&action)));
        }
    }
    for action in items(&unit["actions"]) {
        let what = serde_json::from_value::<Action>(action["action"].clone())
            .map_or_else(|_| action["action"].to_string(), |action| describe(&action));
        output::line(format!("    → {}", what.replace('\n', "\n      ")));
        if let Some(detail) = action["detail"].as_str() {
            output::line(format!(
                "      {}: {}",
                text(&action["state"]),
                output::safe(detail)
            ));
        }
    }
}
