//! `hookbox sources …`.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::client::{Client, segment};
use super::output::{items, text};
use super::pauses::{PauseArgs, ResumeArgs, pause, resume};
use super::{CliError, Exit, Global, output, runtime};

mod expectations;

use expectations::Learned;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the sources, with what came last from each
    List,
    /// Show a source: the address to paste into the provider, what came last, and what was refused
    Show {
        /// The source's name
        name: String,
    },
    /// Write what the next verified delivery of a source says into its `expect`
    ///
    /// Waits for the delivery, and adds its project, its event and its instance to the source's table in
    /// `hookbox.toml`; the rest of the file stays as it is.
    Learn {
        /// The source's name
        name: String,
        /// Print the line, and leave the file alone
        #[arg(long)]
        dry_run: bool,
        /// Take the delivery that came last instead of waiting for the next
        #[arg(long)]
        last: bool,
        /// Wait at most so many seconds
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        timeout: u64,
    },
    /// Accept what a source delivers, and leave it until the pause ends
    ///
    /// Senders notice nothing.
    Pause(PauseArgs),
    /// Evaluate what a source delivered while it was paused, and what it delivers
    Resume(ResumeArgs),
}

/// How often the server is asked whether something came.
const POLL: Duration = Duration::from_millis(500);

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, CliError> {
    let client = Client::new(global)?;
    let runtime = runtime()?;
    match command {
        Command::List => {
            let answer = runtime.block_on(client.get("/api/v1/sources", &[]))?;
            if global.json {
                output::json(&answer);
            } else {
                list(&answer);
            }
        }
        Command::Show { name } => {
            let answer = runtime.block_on(get(&client, name))?;
            if global.json {
                output::json(&answer);
            } else {
                show(&answer);
            }
        }
        Command::Learn {
            name,
            dry_run,
            last,
            timeout,
        } => {
            let delivery = runtime.block_on(async {
                let wait = next(&client, name, *last);
                tokio::time::timeout(Duration::from_secs(*timeout), wait)
                    .await
                    .unwrap_or_else(|_| Err(nothing_came(name, *timeout)))
            })?;
            learn(global, name, &delivery, *dry_run)?;
        }
        Command::Pause(args) => {
            return runtime.block_on(pause(global, &client, "source", args));
        }
        Command::Resume(args) => {
            return runtime.block_on(resume(global, &client, "source", args));
        }
    }
    Ok(Exit::Ok)
}

async fn get(client: &Client, name: &str) -> Result<Value, CliError> {
    let path = format!("/api/v1/sources/{}", segment(name)?);
    client.get(&path, &[]).await
}

/// The delivery that comes next, or the one that came last.
async fn next(client: &Client, name: &str, last: bool) -> Result<Value, CliError> {
    let mut answer = get(client, name).await?;
    if !last {
        let before = answer["last"]["id"].clone();
        let address = text(&answer["url"]);
        output::note(format!(
            "waiting for the next verified delivery to {address}"
        ));
        while answer["last"]["id"] == before {
            tokio::time::sleep(POLL).await;
            answer = get(client, name).await?;
        }
    }
    let delivery = answer["last"].take();
    if delivery.is_null() {
        let error = anyhow::anyhow!("nothing has come to the source `{name}` yet");
        return Err(
            CliError::new(Exit::Refused, error).hint("leave `--last` out to wait for the next")
        );
    }
    Ok(delivery)
}

fn nothing_came(name: &str, timeout: u64) -> CliError {
    let error = anyhow::anyhow!("nothing came to the source `{name}` within {timeout} seconds");
    CliError::new(Exit::Refused, error).hint(format!(
        "`hookbox sources show {name}` says what was refused; what the source does not expect is not stored, so take \
         `expect` out of its table to learn anew"
    ))
}

fn learn(global: &Global, name: &str, delivery: &Value, dry_run: bool) -> Result<(), CliError> {
    let learned = Learned::of(&delivery["facts"]).ok_or_else(|| {
        let error =
            anyhow::anyhow!("the delivery names neither a project, nor an event, nor an instance");
        CliError::new(Exit::Refused, error)
    })?;
    if dry_run {
        output::line(learned.line());
        return Ok(());
    }
    let path = global.config_path();
    let config = |error: anyhow::Error| CliError::new(Exit::Config, error);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("the configuration `{}` cannot be read", path.display()))
        .map_err(config)?;
    let changed = learned.added_to(&text, name).map_err(config)?;
    replace(&path, &changed)
        .with_context(|| format!("the configuration `{}` cannot be written", path.display()))
        .map_err(config)?;
    output::line(format!("[sources.{name}] in {} now has", path.display()));
    output::line(learned.line_of(&changed, name));
    Ok(())
}

/// Puts a text in a file's place, whole or not at all: the server may read it at any moment. The file keeps its
/// owner and its mode, and a link goes on leading to it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let before = std::fs::metadata(&path)?;
    let beside = path.with_extension("toml.new");
    let mut file = File::create(&beside)?;
    file.set_permissions(before.permissions())?;
    std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, &path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn list(answer: &Value) {
    let rows: Vec<Vec<String>> = items(&answer["sources"])
        .iter()
        .map(|source| {
            vec![
                text(&source["name"]),
                text(&source["provider"]),
                text(&source["verification"]),
                text(&source["last"]["received-local"]),
                text(&source["refusals"]),
                text(&source["url"]),
                output::paused(&source["paused"]).unwrap_or_else(|| "ok".to_owned()),
            ]
        })
        .collect();
    output::table(
        &[
            "SOURCE", "PROVIDER", "VERIFIED", "LAST", "REFUSED", "ADDRESS", "STATE",
        ],
        &rows,
    );
    for gone in items(&answer["paused-and-gone"]) {
        if let Some(paused) = output::paused(&gone["paused"]) {
            output::line(format!("\n{} is gone, and {paused}", text(&gone["name"])));
        }
    }
}

fn show(answer: &Value) {
    let texts = |value: &Value| items(value).iter().map(text).collect::<Vec<_>>().join(", ");
    output::line(format!(
        "source {}  {}",
        text(&answer["name"]),
        text(&answer["provider"])
    ));
    show_pauses(answer);
    output::line(format!("  address: {}", text(&answer["url"])));
    let verification = match answer["verification"].as_str().unwrap_or_default() {
        "secret" => format!("by the secrets {}", texts(&answer["secrets"])),
        "none" => "not at all, as `verify = \"none\"` says".to_owned(),
        "refused" => {
            "every request is refused: it has no secret; set `secret` in its table".to_owned()
        }
        "inside" => "nothing is sent to it: it is looked after by the server itself".to_owned(),
        other => output::safe(other),
    };
    output::line(format!("  verified: {verification}"));
    if let Some(expects) = answer["expects"].as_str() {
        output::line(format!("  expects: {}", output::safe(expects)));
    }
    if !items(&answer["addresses"]).is_empty() {
        output::line(format!("  takes from: {}", texts(&answer["addresses"])));
    }
    if let Some(next) = answer["next-local"].as_str() {
        output::line(format!("  due next: {}", output::safe(next)));
    }
    if let Some(problem) = answer["problem"].as_str() {
        output::line(format!("  problem: {}", output::safe(problem)));
    }
    let last = &answer["last"];
    if last.is_null() {
        output::line("  nothing has come yet");
    } else {
        output::line(format!(
            "  last: {}  {}  {}  from {}, verified by {}",
            text(&last["received-local"]),
            text(&last["facts"]["event"]),
            text(&last["id"]),
            text(&last["remote-address"]),
            text(&last["secret"])
        ));
    }
    items(&answer["refusals"]).iter().for_each(show_refusal);
}

/// Writes that it is paused, and which rules are that may see what it delivers.
fn show_pauses(answer: &Value) {
    if let Some(paused) = output::paused(&answer["paused"]) {
        output::line(format!(
            "  {paused}; what it delivers is accepted, and waits"
        ));
    }
    for rule in items(&answer["paused-rules"]) {
        if let Some(paused) = output::paused(&rule["paused"]) {
            output::line(format!(
                "  its rule {} is {paused}; it has missed {} events",
                text(&rule["name"]),
                text(&rule["missed"])
            ));
        }
    }
}

fn show_refusal(refusal: &Value) {
    let place = [&refusal["provider-event"], &refusal["project"]];
    let place: Vec<String> = place
        .into_iter()
        .filter(|value| !value.is_null())
        .map(text)
        .collect();
    output::line(format!(
        "  refused {}×, last {}: {} from {} {}",
        text(&refusal["count"]),
        text(&refusal["last-local"]),
        text(&refusal["code"]),
        text(&refusal["remote-address"]),
        place.join(" ")
    ));
    output::line(format!("    {}", text(&refusal["message"])));
}
