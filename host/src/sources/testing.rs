//! What the tests of the sources share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    Outgoing, ParseInput, Parsed, Rejection, Source, SourceConfig, SourceConfigError, Verdict,
    Verified,
};
use crate::domain::clock::Timestamp;
use crate::domain::names::{DeliveryId, SourceName};
use crate::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};

/// The first moment of 2026.
pub(super) const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// Reads a reference to the environment as the secret itself.
pub(super) struct Literal;

impl ReadSecret for Literal {
    fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new(reference.env.clone().unwrap_or_default()))
    }
}

/// A variable of the environment that only tests know.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where their data is"
)]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A source from its table in TOML.
pub(super) fn build(table: &str) -> Result<Source, SourceConfigError> {
    let config: SourceConfig = toml::from_str(table).expect("the table is well formed");
    Source::build(source_name(&config.provider), &config, &Literal)
}

/// A GitLab source with a single secret.
pub(super) fn token_source(secret: &str) -> Source {
    build(&format!(
        "provider = 'gitlab'\nsecret = {{ env = '{secret}' }}"
    ))
    .expect("a source")
}

/// A source is called after its provider.
fn source_name(provider: &str) -> SourceName {
    SourceName::parse(provider).expect("a name")
}

/// Headers from names and values; a name may come twice.
pub(super) fn headers<N: AsRef<str>, V: AsRef<str>>(list: &[(N, V)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        let name = HeaderName::try_from(name.as_ref()).expect("a header's name");
        headers.append(
            name,
            HeaderValue::try_from(value.as_ref()).expect("a header's value"),
        );
    }
    headers
}

/// The events of a body, received at [`NOW`].
pub(super) fn parse(source: &Source, headers: &[(String, String)], body: &[u8]) -> Parsed {
    source.parse(&ParseInput {
        delivery: &DeliveryId("0192a000-0000-7000-8000-000000000000".to_owned()),
        source: &source_name(source.provider()),
        provider: source.provider(),
        received_at: NOW,
        received_local: "2026-01-01T00:00:00+00:00",
        headers,
        body,
    })
}

/// The request of a verdict that accepts it.
pub(super) fn accepted(verdict: Result<Verdict<'_>, Rejection>) -> Verified<'_> {
    match verdict.expect("the request is verified") {
        Verdict::Accept(verified) => verified,
        Verdict::Ignore { reason, .. } => panic!("ignored: {reason}"),
        Verdict::Answer(answer) => panic!("answered: {answer}"),
    }
}

/// The folder of real payloads; none, with a printed line, where the environment names none.
pub(super) fn corpus(left_out: &str) -> Option<PathBuf> {
    let folder = variable("HOOKBOX_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("left out 1 test ({left_out}): HOOKBOX_CORPUS is not set");
    }
    folder
}

/// A body that is not JSON, out of the JSON that holds it.
fn unwrapped(wrapper: &[u8]) -> Vec<u8> {
    let wrapper: serde_json::Value = serde_json::from_slice(wrapper).expect("a wrapper is JSON");
    let body = wrapper["body"].as_str().expect("a wrapper holds a text");
    body.as_bytes().to_vec()
}

/// Headers and a body.
pub(super) type Payload = (Vec<(String, String)>, Vec<u8>);

/// The bodies of a provider in the corpus by path, each with its headers.
pub(super) fn payloads(folder: &Path, provider: &str) -> BTreeMap<String, Payload> {
    let mut payloads = BTreeMap::new();
    for project in std::fs::read_dir(folder)
        .expect("the corpus is a folder")
        .flatten()
    {
        let Ok(files) = std::fs::read_dir(project.path().join(provider)) else {
            continue;
        };
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".json")
                || name.ends_with(".headers.json")
                || name.ends_with(".expected.json")
            {
                continue;
            }
            let sidecar = file
                .path()
                .with_file_name(name.replace(".json", ".headers.json"));
            let headers: BTreeMap<String, String> = std::fs::read(sidecar)
                .map(|text| serde_json::from_slice(&text).expect("headers are an object of texts"))
                .unwrap_or_default();
            let headers = headers
                .into_iter()
                .map(|(name, value)| (name.to_lowercase(), value));
            let mut body = std::fs::read(file.path()).expect("the file can be read");
            if name.ends_with(".raw.json") {
                body = unwrapped(&body);
            }
            let key = format!("{}/{name}", project.file_name().to_string_lossy());
            payloads.insert(key, (headers.collect(), body));
        }
    }
    payloads
}

/// The headers with which a source's own provider would send a body.
pub(super) fn sign(source: &Source, event: &str, body: &[u8]) -> Vec<(String, String)> {
    let outgoing = Outgoing {
        event,
        body,
        id: "id-1",
        now: NOW,
    };
    let signed = source.signed_headers(source.provider(), &outgoing);
    signed.expect("the source takes its own provider's requests")
}
