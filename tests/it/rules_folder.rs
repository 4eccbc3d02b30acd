//! The rules folder while the server runs: what is put there serves, what is broken does not, and what
//! is taken away is gone.

use std::io::Write as _;
use std::time::Instant;

use serde_json::Value;

use crate::support::events::{Refused, Stream, evaluated_by, evaluations, verdict, version};
use crate::support::modules::{digest, echo_settings, marked};
use crate::support::server::{Server, Site};
use crate::support::{eventually, guest, rule};

mod files;
mod settings;
mod teams;

/// A folder with one rule, `echo`, and a running server.
async fn echo_at_work() -> (Site, Server) {
    let site = Site::new(Site::CONFIG);
    site.put("rules/echo.toml", echo_settings("first").as_bytes());
    site.put("rules/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    server.rule_in_state("echo", "active").await;
    (site, server)
}

/// Sends a push, and returns its record when it is settled.
async fn push(server: &Server) -> Value {
    let event = server.send_sample("push").await;
    server.settled(&event).await
}

#[tokio::test]
async fn a_module_put_in_place_serves_the_next_event_without_a_restart() {
    let (site, server) = echo_at_work().await;
    let before = push(&server).await;
    let newer = marked(&guest("echo"), "newer");

    site.put("rules/echo.wasm", &newer);
    server.serves("echo", &digest(&newer)).await;
    let after = push(&server).await;

    assert_eq!(evaluations(&before)[0]["module"], digest(&guest("echo")));
    assert_eq!(evaluations(&after)[0]["module"], digest(&newer));
    assert_eq!(verdict(&after, "echo").expect("a verdict")["kind"], "acted");
}

#[tokio::test]
async fn a_rule_added_to_a_running_server_sees_the_next_event() {
    let (site, server) = echo_at_work().await;

    site.put("rules/drop-bot-noise.wasm", &rule("drop-bot-noise"));
    server.rule_in_state("drop-bot-noise", "active").await;
    let record = push(&server).await;

    assert_eq!(evaluated_by(&record), ["drop-bot-noise", "echo"]);
}

#[tokio::test]
async fn a_broken_module_keeps_the_version_before_it_serving_until_it_is_mended() {
    let (site, server) = echo_at_work().await;
    let (good, mended) = (guest("echo"), marked(&guest("echo"), "mended"));
    let half = &good[..good.len() / 2];
    for broken in [b"not a module".as_slice(), half, b""] {
        site.put("rules/echo.wasm", &mended);
        server.serves("echo", &digest(&mended)).await;
        site.put("rules/echo.wasm", &good);
        server.serves("echo", &digest(&good)).await;

        site.put("rules/echo.wasm", broken);
        let rejected = server.rule_in_state("echo", "rejected").await;
        let record = push(&server).await;

        let code = rejected["code"].as_str().expect("a code");
        assert!(code.starts_with("rule/"), "{rejected}");
        assert_ne!(rejected["reason"].as_str().expect("a reason"), "");
        assert_eq!(rejected["serving"]["module"], digest(&good), "{rejected}");
        assert_eq!(rejected["serving"]["version"], "0.1.0", "{rejected}");
        assert_eq!(evaluations(&record)[0]["module"], digest(&good));
    }

    site.put("rules/echo.wasm", &mended);
    let active = server.rule_in_state("echo", "active").await;

    assert_eq!(active["serving"]["module"], digest(&mended), "{active}");
    assert!(active["code"].is_null() && active["reason"].is_null());
}

#[tokio::test]
async fn a_rule_whose_files_are_removed_is_gone() {
    let (site, server) = echo_at_work().await;
    site.put("rules/drop-bot-noise.wasm", &rule("drop-bot-noise"));
    server.rule_in_state("drop-bot-noise", "active").await;

    std::fs::remove_file(site.path().join("rules/drop-bot-noise.wasm")).expect("it is removed");
    eventually("the rule is gone", || async {
        match server.rule("drop-bot-noise").await {
            None => Ok(()),
            Some(rule) => Err(rule.to_string()),
        }
    })
    .await;
    let record = push(&server).await;

    assert_eq!(evaluated_by(&record), ["echo"]);
    assert_eq!(verdict(&record, "drop-bot-noise"), None);
}

#[tokio::test]
async fn settings_and_then_the_module_within_half_a_second_are_one_swap() {
    let (site, server) = echo_at_work().await;
    let newer = marked(&guest("echo"), "newer");
    let stream = Stream::start(&server, 2, Refused::Fails);

    site.put("rules/echo.toml", echo_settings("second").as_bytes());
    site.put("rules/echo.wasm", &newer);
    server.serves("echo", &digest(&newer)).await;
    let mut events = stream.end().await;
    events.push(server.send_sample("push").await);
    server.idle().await;

    let old = (
        digest(&guest("echo")),
        digest(echo_settings("first").as_bytes()),
    );
    let new = (digest(&newer), digest(echo_settings("second").as_bytes()));
    let allowed = [
        [old.0, old.1, "first".to_owned()],
        [new.0, new.1, "second".to_owned()],
    ];
    for event in &events {
        let record = server.record(event).await;
        assert_eq!(evaluated_by(&record), ["echo"]);
        let version = version(evaluations(&record)[0]);
        assert!(allowed.contains(&version), "{record}");
    }
    let last = server.record(events.last().expect("there is one")).await;
    assert_eq!(version(evaluations(&last)[0]), allowed[1]);
}

/// How long a file is written in place: a few times as long as one must rest to be complete.
const WRITING_MS: usize = 400;

#[tokio::test]
async fn a_file_that_is_written_in_place_is_loaded_when_it_is_complete() {
    let (site, server) = echo_at_work().await;
    let path = site.path().join("rules/drop-bot-noise.wasm");
    let module = rule("drop-bot-noise");

    let (bytes, begin) = (module.clone(), Instant::now());
    let written = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::create(path).expect("it can be made");
        let mut done = 0;
        while done < bytes.len() {
            // In proportion to the time that has gone by: many small writes, none long after another.
            let elapsed = usize::try_from(begin.elapsed().as_millis()).expect("it is short");
            let until = bytes.len().min(1 + bytes.len() * elapsed / WRITING_MS);
            file.write_all(&bytes[done..until])
                .expect("it can be written");
            done = until;
            std::thread::yield_now();
        }
    });
    let serving = server.serves("drop-bot-noise", &digest(&module)).await;
    written.await.expect("it was written");

    assert_eq!(serving["state"], "active");
    assert!(!server.log().contains("is rejected"), "{}", server.log());
}

/// Renames files of `one` to `two` while events arrive, and checks that each was evaluated by exactly
/// one of both.
async fn no_event_is_missed(site: &Site, server: &Server, endings: &[&str]) {
    for (from, to) in [("one", "two"), ("two", "one"), ("one", "two")] {
        let stream = Stream::start(server, 3, Refused::Fails);

        for ending in endings {
            let path = |name: &str| site.path().join(format!("rules/{name}.{ending}"));
            std::fs::rename(path(from), path(to)).expect("it is renamed");
        }
        server.rule_in_state(to, "active").await;
        eventually("the old name is gone", || async {
            match server.rule(from).await {
                None => Ok(()),
                Some(rule) => Err(rule.to_string()),
            }
        })
        .await;
        let events = stream.end().await;
        server.idle().await;

        for event in &events {
            let record = server.record(event).await;
            let by = evaluated_by(&record);
            assert!(by == [from] || by == [to], "{from} to {to}: {by:?}");
        }
        let last = push(server).await;
        assert_eq!(evaluated_by(&last), [to]);
    }
}

#[tokio::test]
async fn a_renamed_rule_misses_no_event_and_sees_none_twice() {
    let site = Site::new(Site::CONFIG);
    site.put("rules/one.wasm", &rule("drop-bot-noise"));
    let server = site.serve().await;
    server.rule_in_state("one", "active").await;

    no_event_is_missed(&site, &server, &["wasm"]).await;
}

#[tokio::test]
async fn a_rule_renamed_with_its_settings_misses_no_event_and_sees_none_twice() {
    for endings in [["toml", "wasm"], ["wasm", "toml"]] {
        let site = Site::new(Site::CONFIG);
        site.put("rules/one.toml", echo_settings("one").as_bytes());
        site.put("rules/one.wasm", &guest("echo"));
        let server = site.serve().await;
        server.rule_in_state("one", "active").await;

        no_event_is_missed(&site, &server, &endings).await;
    }
}
