//! From the rename of a new module into place to the first event it decides, beside the compile alone.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use hookbox::capability::{Grants, Known};
use hookbox::catalog::{Catalog, CatalogConfig, Forgetful, Parts, TeamConfig};
use hookbox::domain::clock::SystemClock;
use hookbox::domain::limits::Limits;
use hookbox::domain::names::Digest;
use hookbox::domain::pattern::Pattern;
use hookbox::engine::{Input, Payload};
use tokio::runtime::Runtime;

use super::site;

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let module = site::rule("drop-bot-noise");
    let mut group = criterion.benchmark_group("swap");
    group.sample_size(10);
    let mut version = 0_u64;

    let folder = tempfile::tempdir().expect("a folder can be made");
    let engine = site::engine(folder.path());
    group.bench_function("compile-alone", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                version += 1;
                let bytes = renewed(&module, version);
                let began = Instant::now();
                runtime
                    .block_on(engine.load(&bytes, &Limits::DEFAULT))
                    .expect("the rule loads");
                total += began.elapsed();
            }
            total
        });
    });

    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).expect("a folder can be made");
    let catalog = runtime.block_on(start(&engine, &rules));
    group.bench_function("rename-to-decision", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                version += 1;
                total += runtime.block_on(swap(&catalog, &rules, &renewed(&module, version)));
            }
            total
        });
    });
    group.finish();
}

/// The module with a custom section more: another digest, the same work to compile.
pub(crate) fn renewed(module: &[u8], version: u64) -> Vec<u8> {
    let mut bytes = module.to_vec();
    // Section 0, its length, the length of its name, its name, its contents.
    bytes.extend([0, 16, 7]);
    bytes.extend(b"version");
    bytes.extend(version.to_le_bytes());
    bytes
}

async fn start(engine: &Arc<hookbox::engine::Engine>, rules: &Path) -> Catalog {
    let every = || vec![Pattern::parse("*").expect("a pattern")];
    let config = CatalogConfig {
        rules: rules.to_owned(),
        limits: Limits::DEFAULT,
        quarantine: None,
        shared: TeamConfig {
            grants: Grants {
                sources: every(),
                ..Grants::default()
            },
            ..TeamConfig::default()
        },
        teams: std::collections::BTreeMap::new(),
        known: Known::default(),
    };
    let catalog = Catalog::start(Parts {
        engine: Arc::clone(engine),
        config: Arc::new(config),
        clock: Arc::new(SystemClock),
        memory: Arc::new(Forgetful),
        versions: None,
    });
    catalog.ready().await;
    catalog
}

/// Renames a module into place, and evaluates with whatever is in force until it is the new one.
async fn swap(catalog: &Catalog, rules: &Path, bytes: &[u8]) -> Duration {
    let event = serde_json::from_str(site::sample("push").event).expect("the sample is an event");
    let input = Input::new(Arc::new(event), Payload::default());
    let (digest, partial) = (Digest::of(bytes), rules.join(".module.partial"));
    std::fs::write(&partial, bytes).expect("the module can be written");
    let began = Instant::now();
    std::fs::rename(&partial, rules.join("rule.wasm")).expect("the module can be renamed");
    loop {
        let snapshot = catalog.snapshot();
        if let Some(rule) = snapshot.rules().next()
            && *rule.module.digest() == digest
        {
            let answer = rule
                .module
                .evaluate(&input, Arc::clone(&rule.settings), &rule.limits);
            assert!(answer.result.is_ok(), "{:?}", answer.result);
            return began.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
