//! `hookbox rules state`: what a rule keeps between events.

use super::{CliError, Client, Exit, Global, output};
use crate::cli::client::segment;
use crate::cli::output::items;
use crate::domain::quantity::Bytes;

/// A longer value is cut in the table; `--json` has all of it.
const SHOWN: usize = 60;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct StateArgs {
    /// The rule, as `hookbox rules list` names it
    name: String,
    /// Forget what it keeps under this key, or all of it where no key is given
    #[arg(long, value_name = "KEY", num_args = 0..=1)]
    clear: Option<Option<String>>,
}

impl StateArgs {
    pub(super) async fn run(&self, global: &Global, client: &Client) -> Result<Exit, CliError> {
        let path = format!("/api/v1/rules/{}/state", segment(&self.name)?);
        let answer = match &self.clear {
            None => client.get(&path, &[]).await?,
            Some(key) => {
                let key = key.clone().map(|key| ("key", key));
                client.delete(&path, key.as_slice()).await?
            }
        };
        if global.json {
            output::json(&answer);
        } else if self.clear.is_some() {
            show_cleared(&answer);
        } else {
            show(&answer);
        }
        Ok(Exit::Ok)
    }
}

fn show_cleared(answer: &serde_json::Value) {
    let cleared = items(&answer["cleared"]);
    for key in cleared {
        output::line(format!("cleared `{}`", output::text(key)));
    }
    if cleared.is_empty() {
        output::line(format!("`{}` keeps nothing", output::text(&answer["rule"])));
    }
}

fn show(answer: &serde_json::Value) {
    let rule = output::text(&answer["rule"]);
    let rows: Vec<Vec<String>> = items(&answer["entries"])
        .iter()
        .map(|entry| {
            let expires = match (&entry["expires-local"], entry["expired"] == true) {
                (moment, _) if moment.is_null() => "-".to_owned(),
                (moment, true) => format!("{}, has expired", output::text(moment)),
                (moment, false) => output::text(moment),
            };
            let key = output::one_line(&entry["key"]);
            vec![key, cut(&output::one_line(&entry["value"])), expires]
        })
        .collect();
    if rows.is_empty() {
        output::line(format!("`{rule}` keeps nothing"));
    } else {
        output::table(&["KEY", "VALUE", "EXPIRES"], &rows);
    }
    let size = Bytes(answer["size"].as_u64().unwrap_or(0));
    output::line(match answer["quota"].as_u64().map(Bytes) {
        Some(quota) => format!("\n{size} of {quota}"),
        None => format!(
            "\n{size}; `{rule}` may keep nothing now: no version of it serves that imports `state`, or `state` is not granted"
        ),
    });
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
