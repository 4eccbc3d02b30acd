//! How long a 202 takes while a rule loops, beside how long it takes while a good rule is at work.

use std::time::{Duration, Instant};

use criterion::Criterion;
use tokio::runtime::Runtime;

use super::site::{self, Serving};

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let mut group = criterion.benchmark_group("answer");
    let (good, bad) = (site::guest("echo"), site::guest("endless-loop"));
    let config = "[channels.console]\nkind = 'console'\n";
    for (name, module, settings) in [
        ("usual", &good, "[settings]\nchannel = 'console'\n"),
        ("while-a-rule-loops", &bad, ""),
    ] {
        let folder = site::folder(config, &[("rule", module.as_slice(), settings)]);
        let server = Serving::start(folder.path());
        // Rules are loaded, and the rule is at work on what came before, when the clock starts.
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            for _ in 0..8 {
                one(&server.public).await;
            }
        });
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                (0..rounds)
                    .map(|_| runtime.block_on(one(&server.public)))
                    .sum()
            });
        });
    }
    group.finish();
}

async fn one(address: &str) -> Duration {
    let request = site::request("/hooks/gitlab");
    let mut stream = site::connect(address).await;
    let began = Instant::now();
    site::send_all(&mut stream, &[request], "202").await;
    began.elapsed()
}
