//! What a trial leaves in the cache of compiled code, and what a start does: nothing that no rule needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{CONFIG, Past, picks, summary};
use crate::support::modules::{digest, marked};
use crate::support::server::Site;
use crate::support::{eventually, guest};

/// The components by their digests, and how many files of code there are.
fn cached(site: &Site) -> (BTreeSet<String>, usize) {
    let (mut components, mut code) = (BTreeSet::new(), 0);
    for file in files(&site.path().join("data/cache")) {
        match file.extension().and_then(|ending| ending.to_str()) {
            Some("component") => {
                let name = file.file_stem().expect("a name");
                components.insert(format!("sha256:{}", name.to_string_lossy()));
            }
            None => code += 1,
            Some(_) => {}
        }
    }
    (components, code)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Waits until just these components are in the cache, each with its code.
async fn only(site: &Site, modules: &[&[u8]]) {
    let wanted: BTreeSet<String> = modules.iter().map(|module| digest(module)).collect();
    eventually("only what rules need is in the cache", || async {
        let (components, code) = cached(site);
        (components == wanted && code == wanted.len())
            .then_some(())
            .ok_or(format!("{components:?} and {code} files of code"))
    })
    .await;
}

#[tokio::test]
async fn what_was_compiled_for_a_trial_is_gone_when_it_has_ended() {
    let at_work = guest("picks");
    let past = Past::with(&picks(&["a"], &[], &[])).await;
    past.evaluated(&["a"]).await;
    // The module at work itself, one that is not taken, and another one.
    past.site.put("picks.wasm", &at_work);
    past.lines(None, &[]).await;
    past.site
        .put("picks.wasm", &marked(&guest("fails"), "tried"));
    past.replay(Some("[settings]\ncolour = 1"), &[]).await;
    past.site.put("picks.wasm", &marked(&at_work, "tried"));
    past.lines(None, &[]).await;

    only(&past.site, &[&at_work]).await;
    let again = past.lines(None, &[]).await;

    assert_eq!(summary(&again)["events"]["same"], 1);
    only(&past.site, &[&at_work]).await;
}

#[tokio::test]
async fn a_start_removes_compiled_code_that_no_rule_and_no_kept_version_needs() {
    let (first, second) = (guest("picks"), marked(&guest("picks"), "second"));
    // It has no settings file, and is rejected until it has.
    let rejected = marked(&guest("picks"), "rejected");
    let unneeded = guest("fails");
    let site = Site::new(CONFIG);
    let settings = picks(&[], &[], &[]);
    site.put("rules/payments/picks.toml", settings.as_bytes());
    site.put("rules/payments/picks.wasm", &first);
    site.put("rules/payments/waits.wasm", &rejected);
    let server = site.serve().await;
    server.serves("payments/picks", &digest(&first)).await;
    site.put("rules/payments/picks.wasm", &second);
    server.serves("payments/picks", &digest(&second)).await;
    server.rule_in_state("payments/waits", "rejected").await;
    assert_eq!(server.terminate().await, Some(0));
    let site = with_what_nobody_needs(site, &unneeded).await;

    let server = site.serve().await;
    server.serves("payments/picks", &digest(&second)).await;
    only(&site, &[&first, &second, &rejected]).await;
    assert_eq!(server.terminate().await, Some(0));
    std::fs::remove_dir_all(site.path().join("data/versions")).expect("it is removed");
    let server = site.serve().await;
    server.serves("payments/picks", &digest(&second)).await;

    only(&site, &[&second, &rejected]).await;
}

/// Compiles a module that no rule has into the cache of a server that does not run.
async fn with_what_nobody_needs(site: Site, module: &[u8]) -> Site {
    let cache = site.path().join("data/cache");
    let config = hookbox::engine::EngineConfig::new(crate::support::program().into(), cache);
    let engine = crate::support::sandbox::engine(&config);
    let loaded = engine
        .load(module, &hookbox::domain::limits::Limits::DEFAULT)
        .await;
    loaded.expect("the engine takes it");
    let (components, _) = cached(&site);
    assert!(components.contains(&digest(module)), "{components:?}");
    site
}
