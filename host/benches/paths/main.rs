//! What the paths of an event cost, each as a ratio to something else measured in the same run.
//!
//! `cargo bench -p hookbox` prints the ratios at the end. A machine's load moves both sides of a ratio,
//! which is why no test looks at a clock.

#![expect(
    clippy::print_stdout,
    reason = "the ratios are what this program prints"
)]

use std::path::Path;
use std::time::Duration;

use criterion::Criterion;
use serde_json::Value;

mod evaluation;
mod ingest;
mod load;
mod many;
mod parsing;
mod site;
mod swap;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    evaluation::bench(&mut criterion);
    parsing::bench(&mut criterion);
    ingest::bench(&mut criterion);
    swap::bench(&mut criterion);
    load::bench(&mut criterion);
    many::bench(&mut criterion);
    criterion.final_summary();
    println!();
    ratio(
        "durable ingest / bare handler (throughput)",
        "ingest/bare",
        "ingest/durable",
        "at least 0.2",
    );
    ratio(
        "202 to message at the receiver / bare handler (throughput)",
        "ingest/bare",
        "ingest/to-receiver",
        "no bound",
    );
    ratio(
        "one evaluation / parsing its payload (time)",
        "evaluation/fresh-instance",
        "evaluation/parse-payload",
        "at most 2.0",
    );
    ratio(
        "202 while a rule loops / 202 with a good rule (time)",
        "answer/while-a-rule-loops",
        "answer/usual",
        "at most 2.0",
    );
    if let Some((provider, grown)) = parsing::worst(median) {
        println!(
            "time of parsing / size of the body, ten times as large: {grown:.2} at worst ({provider}; 1 is in line)"
        );
    }
    swap_ratio();
    many_ratios();
}

/// The median of a benchmark, in nanoseconds; none where it was filtered out.
fn median(name: &str) -> Option<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/criterion")
        .join(name)
        .join("new/estimates.json");
    let text = std::fs::read_to_string(path).ok()?;
    serde_json::from_str::<Value>(&text).ok()?["median"]["point_estimate"].as_f64()
}

fn ratio(what: &str, above: &str, below: &str, bound: &str) {
    if let (Some(above), Some(below)) = (median(above), median(below)) {
        println!("{what}: {:.2} ({bound})", above / below);
    }
}

fn swap_ratio() {
    if let (Some(swap), Some(compile)) = (
        median("swap/rename-to-decision"),
        median("swap/compile-alone"),
    ) {
        let (swap, compile) = (swap / 1e6, compile / 1e6);
        println!(
            "rename of a module to its first decision: {swap:.0} ms; the compile alone {compile:.0} ms; bound {:.0} ms",
            250.0 + 3.0 * compile
        );
    }
}

fn many_ratios() {
    ratio(
        "an event that one of a thousand rules wants / with that rule alone (time)",
        "many/thousand-rules",
        "many/one-rule",
        "at most 1.5",
    );
    // A cold start compiles a thousand modules: for those who ask for it.
    if std::env::args().skip(1).any(|argument| argument == "many") {
        let seen = many::start_twice();
        println!(
            "a warm start with a thousand rules / a cold one (time): {:.3} ({:.1} s / {:.1} s; at most 0.1)",
            seen.warm.as_secs_f64() / seen.cold.as_secs_f64(),
            seen.warm.as_secs_f64(),
            seen.cold.as_secs_f64(),
        );
        println!(
            "memory held with a thousand rules: {} MiB (at most 600)",
            seen.memory_mib
        );
    }
}
