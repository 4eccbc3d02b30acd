//! `hookbox send`.

use anyhow::Context as _;

use super::{CliError, Exit, Global, client, output, runtime};
use crate::config::Config;
use crate::config::env::Secrets;
use crate::domain::clock::{Clock as _, SystemClock};
use crate::sources::Source;
use crate::sources::samples::{Sample, samples};

/// Send a correctly signed sample to a source of the server
///
/// The sample is one of the product's own, signed with the secret of the first source of that
/// provider, or of the one named. Each has a new delivery identifier.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The provider, such as `gitlab`
    provider: String,
    /// What the sample shows, such as `push`; `hookbox send gitlab list` lists them
    subject: String,
    /// Send to this source
    #[arg(long)]
    source: Option<String>,
    /// Send to this address
    ///
    /// By default that of the source at the server that the configuration describes.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Change the body after signing it, to see it refused
    #[arg(long)]
    tamper: bool,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, CliError> {
    let sample = find(args)?;
    let config = global.load()?;
    let (name, source) = configured(&config, args)?;
    let now = SystemClock.now();
    let id = uuid::Uuid::now_v7().to_string();
    let mut body = sample.body.as_bytes().to_vec();
    let headers = source.signed_headers(sample.event_header, &body, &id, now);
    if args.tamper {
        body.extend_from_slice(b" ");
    }
    let address = args
        .to
        .clone()
        .unwrap_or_else(|| format!("http://{}/hooks/{name}", config.listen));
    let (status, answer) = runtime()?.block_on(async {
        let mut request = client::http()?
            .post(&address)
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            if args.tamper && name.eq_ignore_ascii_case("x-gitlab-token") {
                // A token does not cover the body, so that is what is changed.
                request = request.header(name, format!("{value}-tampered"));
            } else {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.map_err(|error| {
            CliError::new(
                Exit::Unreachable,
                anyhow::Error::new(error).context(format!("`{address}` does not answer")),
            )
            .hint("start the server with `hookbox serve` or `hookbox dev`")
        })?;
        let status = answer.status();
        let text = answer.text().await.context("the answer broke off")?;
        Ok::<_, CliError>((status, text))
    })?;
    output::line(format!("{status}  {}", output::safe(answer.trim_end())));
    Ok(if status.is_success() {
        Exit::Ok
    } else {
        Exit::Refused
    })
}

fn find(args: &Args) -> Result<&'static Sample, CliError> {
    let found = samples()
        .iter()
        .find(|sample| sample.provider == args.provider && sample.name == args.subject);
    found.ok_or_else(|| {
        let names: Vec<String> = samples()
            .iter()
            .map(|sample| format!("{} {}", sample.provider, sample.name))
            .collect();
        CliError::new(
            Exit::Usage,
            anyhow::anyhow!("there is no sample `{} {}`", args.provider, args.subject),
        )
        .hint(format!("there are: {}", names.join(", ")))
    })
}

fn configured(config: &Config, args: &Args) -> Result<(String, Source), CliError> {
    let found = config
        .sources
        .iter()
        .find(|(name, source)| match &args.source {
            Some(wanted) => name.as_str() == wanted,
            None => source.provider == args.provider,
        });
    let (name, source) = found.ok_or_else(|| {
        let wanted = args.source.as_ref().map_or_else(
            || format!("no source of the provider `{}`", args.provider),
            |name| format!("no source `{name}`"),
        );
        CliError::new(
            Exit::Config,
            anyhow::anyhow!("the configuration has {wanted}"),
        )
        .hint(format!(
            "add `[sources.NAME]` with `provider = \"{}\"`",
            args.provider
        ))
    })?;
    let secrets = Secrets {
        folder: config.folder.clone(),
    };
    let source = Source::build(name.clone(), source, &secrets)
        .map_err(|error| CliError::new(Exit::Config, error))?;
    Ok((name.to_string(), source))
}
