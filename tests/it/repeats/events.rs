//! The events that rules are asked about: of the samples, and of the corpus, each with the request that brought it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use hookbox::config::env::variable;
use hookbox::domain::clock::Timestamp;
use hookbox::domain::names::{DeliveryId, SourceName};
use hookbox::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};
use hookbox::engine::{Input, Payload};
use hookbox::sources::samples::samples;
use hookbox::sources::{ParseInput, Source, SourceConfig, Verdict, providers};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::support::corpus::{headers_beside, is_payload};

/// The first moment of 2026.
pub(super) const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// All events: those of the samples first.
pub(super) fn inputs() -> &'static [Input] {
    static INPUTS: LazyLock<Vec<Input>> =
        LazyLock::new(|| of_the_samples().chain(of_the_corpus()).collect());
    &INPUTS
}

/// The events beside the samples, with their bodies.
fn of_the_samples() -> impl Iterator<Item = Input> {
    samples().map(|sample| {
        let event = serde_json::from_str(sample.event).expect("the sample is an event");
        let headers = [("x-event".to_owned(), sample.event_header.to_owned())];
        let payload = Payload::new(sample.body.as_bytes().into(), headers.into());
        Input::new(Arc::new(event), payload)
    })
}

/// The events of every payload of the corpus; none where the environment names none, which is said.
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests is to see what was not run"
)]
fn of_the_corpus() -> Vec<Input> {
    let Some(corpus) = variable("HOOKBOX_CORPUS") else {
        eprintln!("LEFT OUT: the events of a corpus of real payloads: HOOKBOX_CORPUS names none");
        return Vec::new();
    };
    let mut inputs = Vec::new();
    for provider in providers() {
        let Some(source) = source(provider) else {
            continue;
        };
        for path in payloads(Path::new(&corpus), &folder(provider)) {
            inputs.extend(parsed(&source, &path, inputs.len()));
        }
    }
    assert!(inputs.len() >= 600, "only {} events", inputs.len());
    inputs
}

/// The folder of a provider in each collection.
fn folder(provider: &str) -> String {
    match provider {
        "bitbucket-data-center" => "bitbucket-server".to_owned(),
        other => other.to_owned(),
    }
}

struct NoSecret;

impl ReadSecret for NoSecret {
    fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        panic!("an open source reads no secret: {reference:?}")
    }
}

/// A source that takes everything from a provider; none of one that has to be described.
fn source(provider: &str) -> Option<Source> {
    let table = format!("provider = '{provider}'\nverify = 'none'");
    let config: SourceConfig = toml::from_str(&table).expect("the table is well formed");
    let name = SourceName::parse(provider).expect("a name");
    Source::build(name, &config, &NoSecret).ok()
}

/// The payloads of a provider, in order: `<collection>/<provider>/<name>.json`.
fn payloads(corpus: &Path, provider: &str) -> Vec<PathBuf> {
    let collections = std::fs::read_dir(corpus).expect("the corpus is a folder");
    let folders = collections
        .flatten()
        .map(|entry| entry.path().join(provider));
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok());
    let mut found: Vec<PathBuf> = files
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_payload(path))
        .collect();
    found.sort();
    found
}

fn headers(path: &Path) -> HeaderMap {
    let list = headers_beside(path).into_iter().map(|(name, value)| {
        let name = HeaderName::try_from(name).expect("a header's name");
        (
            name,
            HeaderValue::try_from(value).expect("a header's value"),
        )
    });
    list.collect()
}

/// The body of a payload; one that is no JSON lies in JSON that holds it.
fn body(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("the payload can be read");
    if !path.to_string_lossy().ends_with(".raw.json") {
        return bytes;
    }
    let wrapper: serde_json::Value = serde_json::from_slice(&bytes).expect("a wrapper is JSON");
    let body = wrapper["body"].as_str().expect("a wrapper holds a text");
    body.as_bytes().to_vec()
}

/// The events that the provider's parser makes of a payload.
fn parsed(source: &Source, path: &Path, number: usize) -> Vec<Input> {
    let body = body(path);
    let headers = headers(path);
    let Ok(Verdict::Accept(verified)) = source.verify(&headers, &body, NOW) else {
        return Vec::new();
    };
    let input = ParseInput {
        delivery: &DeliveryId(format!("delivery-{number}")),
        source: source.name(),
        provider: source.provider(),
        received_at: NOW,
        received_local: "2026-01-01T00:00:00+00:00",
        headers: &verified.headers,
        body: &verified.body,
    };
    let payload = Payload::new(
        verified.body.to_vec().into(),
        verified.headers.clone().into(),
    );
    let events = source.parse(&input).events.into_iter();
    events
        .map(|event| Input::new(Arc::new(event), payload.clone()))
        .collect()
}
