//! `hookbox send`.

use anyhow::Context as _;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{CliError, Exit, Global, client, output, runtime};
use crate::config::Config;
use crate::config::env::Secrets;
use crate::domain::clock::{Clock as _, SystemClock, Timestamp};
use crate::sources::samples::{Sample, samples};
use crate::sources::{Outgoing, Source, Verdict};

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
    let mut body = source.renewed(sample.provider, sample.body, &id);
    let outgoing = Outgoing {
        event: sample.event_header,
        body: &body,
        id: &id,
        now,
    };
    let mut headers = headers(&source, sample, &outgoing)?;
    if args.tamper {
        body.extend_from_slice(b" ");
        tamper(&source, &mut headers, &body, now);
    }
    let address = args
        .to
        .clone()
        .unwrap_or_else(|| format!("http://{}/hooks/{name}", config.listen));
    let (status, answer) = runtime()?.block_on(async {
        let request = client::http()?.post(&address).headers(headers).body(body);
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

/// The headers of a sample, signed with the source's secret.
fn headers(
    source: &Source,
    sample: &Sample,
    outgoing: &Outgoing<'_>,
) -> Result<HeaderMap, CliError> {
    let usage = |text: String| CliError::new(Exit::Usage, anyhow::anyhow!(text));
    let signed = source
        .signed_headers(sample.provider, outgoing)
        .ok_or_else(|| {
            usage(format!(
                "the source `{}` takes no requests of the provider `{}`",
                source.name(),
                sample.provider
            ))
        })?;
    let mut headers = HeaderMap::new();
    for (name, value) in signed {
        let header = HeaderName::try_from(&name)
            .ok()
            .zip(HeaderValue::try_from(&value).ok());
        let (name, value) = header.ok_or_else(|| {
            usage(format!(
                "the header `{name}` cannot be sent: the source's secret has a character that no header may have"
            ))
        })?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Changes what shows who sent a request, where the change of the body alone goes unnoticed: a token says
/// nothing about the body.
fn tamper(source: &Source, headers: &mut HeaderMap, body: &[u8], now: Timestamp) {
    let Ok(Verdict::Accept(verified)) = source.verify(headers, body, now) else {
        return;
    };
    for (name, value) in headers.iter_mut() {
        let is_kept = verified
            .headers
            .iter()
            .any(|(kept, _)| kept == name.as_str());
        if !is_kept {
            let tampered = [value.as_bytes(), b"-tampered"].concat();
            if let Ok(tampered) = HeaderValue::from_bytes(&tampered) {
                *value = tampered;
            }
        }
    }
}

fn find(args: &Args) -> Result<&'static Sample, CliError> {
    let found =
        samples().find(|sample| sample.provider == args.provider && sample.name == args.subject);
    found.ok_or_else(|| {
        let names: Vec<String> = samples()
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
