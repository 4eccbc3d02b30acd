//! `hookbox samples …`.

use serde_json::json;

use super::{CliError, Exit, Global, output};
use crate::sources::samples::{Sample, inside, samples};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the samples of every provider
    ///
    /// `hookbox send` sends them, and the SDK has them for the tests of rules.
    List {
        /// Only of this provider
        provider: Option<String>,
    },
    /// Show the body of a sample, as the provider sends it
    Show {
        /// The sample, such as `gitlab/push`
        name: String,
        /// Show the event that rules get instead
        #[arg(long)]
        event: bool,
    },
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::List { provider } => list(global, provider.as_deref()),
        Command::Show { name, event } => {
            let sample = find(name)?;
            let text = if *event { sample.event } else { sample.body };
            output::line(text.trim_end());
            Ok(Exit::Ok)
        }
    }
}

fn list(global: &Global, provider: Option<&str>) -> Result<Exit, CliError> {
    let wanted: Vec<&Sample> = samples()
        .chain(inside())
        .filter(|sample| provider.is_none_or(|provider| provider == sample.provider))
        .collect();
    if let (Some(provider), true) = (provider, wanted.is_empty()) {
        return Err(unknown(format!("there are no samples of `{provider}`")));
    }
    if global.json {
        let list: Vec<_> = wanted
            .iter()
            .map(|sample| {
                json!({
                    "name": format!("{}/{}", sample.provider, sample.name),
                    "provider": sample.provider,
                    "event-header": sample.event_header,
                })
            })
            .collect();
        output::json(&list);
        return Ok(Exit::Ok);
    }
    let rows: Vec<Vec<String>> = wanted
        .iter()
        .map(|sample| {
            let name = format!("{}/{}", sample.provider, sample.name);
            vec![name, sample.event_header.to_owned()]
        })
        .collect();
    output::table(&["SAMPLE", "EVENT"], &rows);
    Ok(Exit::Ok)
}

fn find(name: &str) -> Result<&'static Sample, CliError> {
    let mut all = samples().chain(inside());
    let found = all.find(|sample| name.split_once('/') == Some((sample.provider, sample.name)));
    found.ok_or_else(|| unknown(format!("there is no sample `{name}`")))
}

fn unknown(message: String) -> CliError {
    CliError::new(Exit::Usage, anyhow::anyhow!(message)).hint("`hookbox samples list` lists them")
}
