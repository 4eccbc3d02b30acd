//! Where a rule comes from: a file, or a server.
//!
//! Invariants:
//! - No more is read than a module may have, and no longer than the time for it.
//! - What comes without encryption comes from this machine, or has a digest that says what it must be.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use reqwest::Url;
use reqwest::redirect::{Attempt, Policy};

use super::super::super::{CliError, Exit, inspect, output, runtime};
use crate::domain::quantity::Bytes;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long nothing may arrive.
const SILENCE: Duration = Duration::from_secs(30);

/// How long all of it may take: 32 MiB over a slow line.
const WHOLE: Duration = Duration::from_mins(5);

/// How often a server may send on; pages for releases do it twice.
const REDIRECTS: usize = 5;

/// Where a module is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file.
    File(PathBuf),
    /// A server.
    Remote(Url),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Remote(url) => f.write_str(&shown(url)),
        }
    }
}

/// An address without the user, the password, and the query, which may hold a token.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Whether an address leads to this machine.
fn is_local(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
        }
        None => false,
    }
}

/// How a module may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Encrypted, from a server that proves who it is.
    Encrypted,
    /// From this machine, or encrypted.
    Local,
    /// Any, because its digest is known.
    Any,
}

impl Way {
    fn allows(self, url: &Url) -> bool {
        match (self, url.scheme()) {
            (_, "https") => true,
            (Self::Any, "http") => true,
            (Self::Local, "http") => is_local(url),
            _ => false,
        }
    }
}

impl Origin {
    /// Reads what was written: an address where it begins as one does.
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let url = Url::parse(text).map_err(|error| {
            CliError::new(
                Exit::Usage,
                anyhow!("`{}` is no address: {error}", output::safe(text)),
            )
        })?;
        if !matches!(url.scheme(), "https" | "http") {
            let error = anyhow!("`{}` is neither https nor a file", output::safe(text));
            return Err(CliError::new(Exit::Usage, error));
        }
        Ok(Self::Remote(url))
    }

    /// Whether it comes from a server.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// What its file is called, without `.wasm`.
    pub(super) fn stem(&self) -> String {
        let name = match self {
            Self::File(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned()),
            Self::Remote(url) => url
                .path_segments()
                .and_then(Iterator::last)
                .map(str::to_owned),
        };
        let name = name.unwrap_or_default();
        name.strip_suffix(".wasm").unwrap_or(&name).to_owned()
    }

    /// Reads the module, of at most this size.
    pub(super) fn read(&self, limit: Bytes, digest: Pinned) -> Result<Vec<u8>, CliError> {
        match self {
            Self::File(path) => inspect::read(path, limit),
            Self::Remote(url) => {
                let way = match digest {
                    Pinned::Yes => Way::Any,
                    Pinned::No if url.scheme() == "http" => Way::Local,
                    Pinned::No => Way::Encrypted,
                };
                if !way.allows(url) {
                    let error =
                        anyhow!("`{self}` is not encrypted: what arrives may be somebody else's");
                    return Err(CliError::new(Exit::Usage, error).hint(
                        "write https, or give the digest that its author published with `--digest`",
                    ));
                }
                output::note(format!("getting {} …", output::safe(&shown(url))));
                runtime()?.block_on(get(url, way, limit))
            }
        }
    }
}

/// Whether the digest of what is to come is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pinned {
    Yes,
    No,
}

async fn get(url: &Url, way: Way, limit: Bytes) -> Result<Vec<u8>, CliError> {
    let failed = |error: reqwest::Error| {
        // Its own text has the whole address, with what may be a token.
        let error = anyhow::Error::new(error.without_url());
        let error = error.context(format!("`{}` cannot be had", shown(url)));
        CliError::new(Exit::Internal, error)
    };
    let mut answer = client(url, way)?
        .get(url.clone())
        .send()
        .await
        .map_err(failed)?;
    if !answer.status().is_success() {
        let error = anyhow!("`{}` answers {}", shown(answer.url()), answer.status());
        return Err(CliError::new(Exit::Internal, error));
    }
    let too_large = || {
        let error = anyhow!(
            "`{}` has more than the {limit} that a module may have",
            shown(url)
        );
        CliError::new(Exit::Rule, error)
            .hint("raise `module` under `[limits]` in `hookbox.toml`, if it is the right file")
    };
    if answer
        .content_length()
        .is_some_and(|length| length > limit.0)
    {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > limit.as_usize() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn client(url: &Url, way: Way) -> Result<reqwest::Client, CliError> {
    // Another provider that was installed before does as well.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        // An address may hold a token in its query, which is not for where it leads.
        .referer(false)
        .redirect(Policy::custom(move |attempt| follow(attempt, way)))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(WHOLE);
    if is_local(url) {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| CliError::new(Exit::Internal, error))
}

fn follow(attempt: Attempt<'_>, way: Way) -> reqwest::redirect::Action {
    if attempt.previous().len() > REDIRECTS {
        return attempt.error(format!("it is sent on more than {REDIRECTS} times"));
    }
    if !way.allows(attempt.url()) {
        let to = shown(attempt.url());
        return attempt.error(format!("it is sent on to `{to}`, which is not encrypted"));
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("it is an address")
    }

    #[test]
    fn what_is_not_encrypted_comes_from_this_machine_or_with_a_digest() {
        for (way, text, expected) in [
            (Way::Encrypted, "https://example.org/r.wasm", true),
            (Way::Encrypted, "http://127.0.0.1/r.wasm", false),
            (Way::Local, "http://127.0.0.1:8000/r.wasm", true),
            (Way::Local, "http://[::1]/r.wasm", true),
            (Way::Local, "http://localhost/r.wasm", true),
            (Way::Local, "http://example.org/r.wasm", false),
            (Way::Local, "http://127.0.0.1.example.org/r.wasm", false),
            (Way::Local, "http://10.0.0.1/r.wasm", false),
            (Way::Any, "http://example.org/r.wasm", true),
            (Way::Any, "ftp://example.org/r.wasm", false),
        ] {
            assert_eq!(way.allows(&url(text)), expected, "{way:?} {text}");
        }
    }

    #[test]
    fn the_name_is_that_of_the_file_and_no_password_is_shown() {
        for (text, stem) in [
            ("dist/10-route.wasm", "10-route"),
            ("route", "route"),
            (
                "https://ada:s3cret@example.org/x/route.wasm?token=s3cret",
                "route",
            ),
            ("https://example.org", ""),
        ] {
            let origin = Origin::parse(text).expect("it is an origin");

            assert_eq!(origin.stem(), stem);
            assert!(!origin.to_string().contains("s3cret"), "{origin}");
        }
        assert!(Origin::parse("file:///etc/passwd").is_err());
        assert!(Origin::parse("https://").is_err());
    }
}
