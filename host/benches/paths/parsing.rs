//! How the time of parsing grows with the size of a body: every provider's samples, with their lists repeated.
//!
//! Where several changes of a push lead to one commit, as they do when a sample is repeated, each has the commits,
//! and what is made grows faster than what is read, up to the bound on the events of one delivery.

use std::collections::BTreeMap;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use hookbox::domain::clock::Timestamp;
use hookbox::domain::names::{DeliveryId, SourceName};
use hookbox::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};
use hookbox::sources::samples::samples;
use hookbox::sources::{Outgoing, ParseInput, Source, SourceConfig, VerifyMode};
use serde_json::Value;

/// How often the entries of a list are repeated in the small and in the large body.
const TIMES: [usize; 2] = [20, 200];

const NOW: Timestamp = Timestamp(1_767_225_600_000);

struct NoSecrets;

impl ReadSecret for NoSecrets {
    fn read(&self, _: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new("secret"))
    }
}

/// A body in two sizes, with the headers that its provider sends.
struct Body {
    source: Source,
    headers: Vec<(String, String)>,
    sizes: [Vec<u8>; 2],
}

/// Of each provider the sample in which the most repeats.
fn bodies() -> BTreeMap<&'static str, Body> {
    let mut bodies: BTreeMap<&'static str, Body> = BTreeMap::new();
    for sample in samples() {
        let value: Value = serde_json::from_str(sample.body).expect("a sample is JSON");
        let sizes = TIMES.map(|times| {
            let mut value = value.clone();
            repeat(&mut value, times);
            value.to_string().into_bytes()
        });
        let known = bodies.get(sample.provider);
        if known.is_some_and(|known| known.sizes[1].len() >= sizes[1].len()) {
            continue;
        }
        let mut config = SourceConfig::new(sample.provider);
        config.verify = Some(VerifyMode::None);
        let name = SourceName::parse(sample.provider).expect("a name");
        let source = Source::build(name, &config, &NoSecrets).expect("a source");
        let outgoing = Outgoing {
            event: sample.event_header,
            body: b"",
            id: "id",
            now: NOW,
        };
        let headers = source.signed_headers(sample.provider, &outgoing);
        let headers = headers.expect("its own provider");
        bodies.insert(
            sample.provider,
            Body {
                source,
                headers,
                sizes,
            },
        );
    }
    bodies
}

/// Repeats the entries of every list.
fn repeat(value: &mut Value, times: usize) {
    match value {
        Value::Array(list) => {
            let once = std::mem::take(list);
            for _ in 0..times {
                list.extend(once.iter().cloned());
            }
        }
        Value::Object(object) => object.values_mut().for_each(|value| repeat(value, times)),
        _ => {}
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parsing");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(800));
    for (provider, body) in bodies() {
        for (times, bytes) in TIMES.iter().zip(&body.sizes) {
            let input = ParseInput {
                delivery: &DeliveryId("0192a000-0000-7000-8000-000000000000".to_owned()),
                source: body.source.name(),
                provider,
                received_at: NOW,
                received_local: "2026-01-01T00:00:00+00:00",
                headers: &body.headers,
                body: bytes,
            };
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(format!("{provider}-{times}"), |bencher| {
                bencher.iter(|| body.source.parse(&input));
            });
        }
    }
    group.finish();
}

/// The provider whose time grows the most beside its size, and how much more than in line: 1 is in line.
pub(crate) fn worst(median: impl Fn(&str) -> Option<f64>) -> Option<(&'static str, f64)> {
    let grown = bodies().into_iter().filter_map(|(provider, body)| {
        let [small, large] = TIMES.map(|times| median(&format!("parsing/{provider}-{times}")));
        let [few, many] = body.sizes.map(|bytes| bytes.len());
        let size = f64::from(u32::try_from(many).ok()?) / f64::from(u32::try_from(few).ok()?);
        Some((provider, large? / small? / size))
    });
    grown.max_by(|one, other| one.1.total_cmp(&other.1))
}
