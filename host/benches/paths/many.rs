//! A thousand rules in fifty teams: how long the server takes to start with a cold and with a warm cache, what it holds
//! in memory, and what an event costs that one of them wants, beside what it costs with that one installed alone.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use hookbox::catalog::{Catalog, Forgetful, Parts};
use hookbox::config::Config;
use hookbox::domain::clock::SystemClock;
use hookbox::engine::{Input, Payload};
use tokio::runtime::Runtime;

use super::site::{self, Serving};

const TEAMS: usize = 50;
const RULES: usize = 20;

/// The project of the sample.
const PROJECT: &str = "payments/storefront";

/// What was seen of a server with all rules.
pub(crate) struct Seen {
    pub(crate) cold: Duration,
    pub(crate) warm: Duration,
    pub(crate) memory_mib: u64,
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let module = site::guest("slow");
    let event = serde_json::from_str(site::sample("push").event).expect("the sample is an event");
    let input = Input::new(Arc::new(event), Payload::default());
    let mut group = criterion.benchmark_group("many");
    for (name, teams, rules) in [("one-rule", 1, 1), ("thousand-rules", TEAMS, RULES)] {
        let folder = folder(&module, teams, rules);
        let catalog = runtime.block_on(start(folder.path()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let units = catalog.snapshot().wanting(&input.event);
                assert_eq!((units.len(), units[0].rules.len()), (1, 1));
                let rule = &units[0].rules[0];
                let settings = Arc::clone(&rule.settings);
                rule.module.evaluate(&input, settings, &rule.limits)
            });
        });
    }
    group.finish();
}

/// Starts a server with all rules twice, each with a module of its own.
pub(crate) fn start_twice() -> Seen {
    let folder = folder(&site::guest("slow"), TEAMS, RULES);
    let (cold, server) = started(folder.path());
    drop(server);
    let (warm, server) = started(folder.path());
    Seen {
        cold,
        warm,
        memory_mib: memory_mib(server.id()),
    }
}

/// A folder with rules of which the first one alone wants pushes of the sample's project.
fn folder(module: &[u8], teams: usize, rules: usize) -> tempfile::TempDir {
    let config: Vec<String> = (0..teams)
        .map(|team| format!("[teams.team-{team}]\nsources = ['*']"))
        .collect();
    let folder = site::folder(&config.join("\n"), &[]);
    for team in 0..teams {
        let place = folder.path().join(format!("rules/team-{team}"));
        std::fs::create_dir(&place).expect("a folder can be made");
        for rule in 0..rules {
            let number = u64::try_from(team * rules + rule).expect("it is small");
            let project = match number {
                0 => PROJECT.to_owned(),
                _ => format!("group-{number}/**"),
            };
            let file = |ending: &str| place.join(format!("rule-{rule:02}.{ending}"));
            std::fs::write(file("wasm"), super::swap::renewed(module, number)).expect("a file");
            std::fs::write(file("toml"), format!("projects = ['{project}']\n")).expect("a file");
        }
    }
    folder
}

async fn start(folder: &Path) -> Catalog {
    let config = Config::load(&folder.join("hookbox.toml")).expect("the configuration is right");
    let catalog = Catalog::start(Parts {
        engine: site::engine(folder),
        config: Arc::new(config.catalog),
        clock: Arc::new(SystemClock),
        memory: Arc::new(Forgetful),
        versions: None,
    });
    catalog.ready().await;
    catalog
}

/// Starts a server, and says how long it took until its rules were at work.
fn started(folder: &Path) -> (Duration, Serving) {
    // The second time it is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::new();
    let runtime = Runtime::new().expect("a runtime can be made");
    let began = Instant::now();
    let server = Serving::start(folder);
    runtime.block_on(async {
        let ready = format!("http://{}/readyz", server.admin);
        while !client
            .get(&ready)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    (began.elapsed(), server)
}

/// What a process holds in memory.
fn memory_mib(process: u32) -> u64 {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(path).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a number of KiB")
        >> 10
}
