//! Swaps under load: a module that is replaced again and again loses no event, evaluates none twice, and
//! never runs with the settings of another.

use std::collections::BTreeMap;

use crate::support::events::{Refused, Stream, evaluated_by, evaluations, version};
use crate::support::guest;
use crate::support::modules::{digest, echo_settings, marked};
use crate::support::server::{Server, Site};

const SWAPS: usize = 200;

/// A module with its settings, as they are put in place together.
struct Version {
    module: Vec<u8>,
    settings: String,
    tag: &'static str,
}

impl Version {
    fn new(tag: &'static str) -> Self {
        Self {
            module: marked(&guest("echo"), tag),
            settings: echo_settings(tag),
            tag,
        }
    }

    fn put(&self, site: &Site) {
        site.put("rules/echo.toml", self.settings.as_bytes());
        site.put("rules/echo.wasm", &self.module);
    }

    /// What an evaluation by this version shows.
    fn shown(&self) -> [String; 3] {
        [
            digest(&self.module),
            digest(self.settings.as_bytes()),
            self.tag.to_owned(),
        ]
    }
}

/// How many events each version evaluated; fails on one that was not evaluated exactly once.
async fn count(server: &Server, events: &[String]) -> BTreeMap<[String; 3], usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        let record = server.record(event).await;
        assert_eq!(record["record"]["state"], "done", "{record}");
        assert_eq!(evaluated_by(&record), ["echo"], "{record}");
        *counts.entry(version(evaluations(&record)[0])).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_swaps_under_load_lose_no_event_and_mix_no_versions() {
    let site = Site::new(Site::CONFIG);
    let versions = [Version::new("one"), Version::new("two")];
    versions[0].put(&site);
    let server = site.serve().await;
    server.serves("echo", &digest(&versions[0].module)).await;
    let stream = Stream::start(&server, 4, Refused::Fails);

    for swap in 1..=SWAPS {
        let version = &versions[swap % 2];
        version.put(&site);
        server.serves("echo", &digest(&version.module)).await;
    }
    let events = stream.end().await;
    server.idle().await;

    let counts = count(&server, &events).await;
    let shown: Vec<[String; 3]> = counts.into_keys().collect();
    let mut expected: Vec<[String; 3]> = versions.iter().map(Version::shown).collect();
    expected.sort();
    assert_eq!(shown, expected);
    assert_eq!(server.events().await.len(), events.len());
    assert!(events.len() >= SWAPS, "{} events", events.len());
    let console = server.console();
    for event in &events {
        assert_eq!(console.matches(event.as_str()).count(), 1, "{event}");
    }
}
