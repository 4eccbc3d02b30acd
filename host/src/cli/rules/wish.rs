//! `hookbox rules enable|disable|shadow|rollback`.

use super::{CliError, Client, Exit, Global, output, reason};
use crate::cli::commands::person;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RuleArgs {
    /// The rule, as `hookbox rules list` names it
    name: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RollBackArgs {
    #[command(flatten)]
    rule: RuleArgs,
    /// The version's number, or the first six digits or more of its module's digest; the one before by default
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
}

impl RuleArgs {
    pub(super) async fn wish(
        &self,
        global: &Global,
        client: &Client,
        wish: &str,
    ) -> Result<Exit, CliError> {
        ask(
            global,
            client,
            vec![("rule", self.name.clone()), ("wish", wish.to_owned())],
        )
        .await
    }
}

impl RollBackArgs {
    pub(super) async fn wish(&self, global: &Global, client: &Client) -> Result<Exit, CliError> {
        let mut query = vec![
            ("rule", self.rule.name.clone()),
            ("wish", "rollback".to_owned()),
        ];
        query.extend(self.to.clone().map(|to| ("to", to)));
        ask(global, client, query).await
    }
}

/// Says what is wanted, and writes how the rule stands afterwards.
async fn ask(
    global: &Global,
    client: &Client,
    mut query: Vec<(&str, String)>,
) -> Result<Exit, CliError> {
    query.extend(person().map(|by| ("by", by)));
    let answer = client.post("/api/v1/rules/wish", &query).await?;
    if global.json {
        output::json(&answer);
        return Ok(Exit::Ok);
    }
    let rule = &answer["rule"];
    let text = |value: &serde_json::Value| output::safe(value.as_str().unwrap_or("-"));
    let serving = match rule["serving"]["version"].as_str() {
        Some(version) => format!("version {} serves", output::safe(version)),
        None => "no version of it serves".to_owned(),
    };
    output::line(format!(
        "{} is {}, and {serving}",
        text(&rule["name"]),
        text(&rule["state"])
    ));
    if let Some(reason) = reason(rule) {
        output::line(reason);
    }
    Ok(Exit::Ok)
}
