//! Modules that are refused: by a look at them, by the compiler, and by its limits.
//!
//! No file makes the server panic, compile in its own process, or take much memory. What was compiled,
//! and what was too costly, is not compiled again.

use std::path::Path;
use std::time::{Duration, Instant};

use hookbox::domain::limits::Limits;
use hookbox::domain::quantity::{Bytes, Span};
use hookbox::engine::{CompileErrorKind, EngineConfig};
use tempfile::TempDir;

use crate::support::hostile::{costly_to_compile, many_imports, not_a_rule};
use crate::support::sandbox::{Sandbox, engine, input, push, refusal, without_compiler};
use crate::support::server::Site;
use crate::support::{guest, program, script};

/// Limits that an ordinary rule keeps to and a costly one does not.
fn frugal(cache: &Path) -> EngineConfig {
    EngineConfig {
        compile_memory: Bytes::mib(256),
        compile_time: Span::seconds(20),
        ..EngineConfig::new(program().into(), cache.to_owned())
    }
}

fn cache() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

#[tokio::test]
async fn a_module_of_a_newer_interface_is_refused_with_its_version() {
    let sandbox = Sandbox::new();

    let refusal = sandbox.refusal(&guest("newer-interface")).await;

    assert_eq!(refusal.code(), "rule/newer-interface");
    let message = refusal.to_string();
    assert!(message.contains("built for version 0.3.0"), "{message}");
    assert!(message.contains("serves 0.1:"), "{message}");
}

#[tokio::test]
async fn an_unknown_import_is_refused_by_its_name() {
    let sandbox = Sandbox::new();

    let refusal = sandbox.refusal(&guest("unknown-import")).await;

    assert_eq!(refusal.code(), "rule/unknown-import");
    let message = refusal.to_string();
    assert!(
        message.contains("`hookbox:rule/teleport@0.1.0`"),
        "{message}"
    );
}

#[tokio::test]
async fn many_imports_are_looked_through_at_once() {
    let sandbox = Sandbox::new();
    let module = many_imports(400_000);
    assert!(module.len() < Limits::DEFAULT.module.as_usize());

    let began = Instant::now();
    let refusal = sandbox.refusal(&module).await;

    assert_eq!(refusal.code(), "rule/unknown-import");
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "it took too long"
    );
}

#[tokio::test]
async fn what_is_no_webassembly_is_refused_with_what_makes_it() {
    let sandbox = Sandbox::new();

    for bytes in [&b""[..], b"\0as", b"#!/bin/sh\n", b"(module)", b"\x7fELF"] {
        let refusal = sandbox.refusal(bytes).await;

        assert_eq!(refusal.code(), "rule/not-wasm");
        assert!(refusal.to_string().contains("`hookbox build`"), "{refusal}");
    }
}

#[tokio::test]
async fn a_module_that_is_no_rule_is_refused() {
    let sandbox = Sandbox::new();

    let refusal = sandbox.refusal(&not_a_rule()).await;

    assert_eq!(refusal.code(), "rule/not-a-rule");
    assert!(
        refusal.to_string().contains("`rule!` is missing"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_module_cut_off_anywhere_is_refused() {
    let sandbox = Sandbox::new();
    let whole = guest("echo");
    let places = (0..60).map(|part| whole.len() * part / 60);
    let near_the_ends = (1..12).flat_map(|near| [near, whole.len() - near]);

    for place in places.chain(near_the_ends) {
        let refusal = sandbox.refusal(&whole[..place]).await;

        let codes = [
            "rule/not-wasm",
            "rule/broken",
            "rule/not-a-rule",
            "rule/invalid",
        ];
        assert!(codes.contains(&refusal.code()), "cut at {place}: {refusal}");
    }
}

#[tokio::test]
async fn a_module_with_a_changed_byte_is_refused_or_runs_within_its_limits() {
    let sandbox = Sandbox::new();
    let whole = guest("echo");

    for part in 0..40 {
        let mut changed = whole.clone();
        changed[whole.len() * part / 40] ^= 0x55;
        match sandbox.try_load(&changed).await {
            Ok(module) => {
                let answer = module.describe(&Limits::DEFAULT);
                assert!(answer.fuel <= Limits::DEFAULT.fuel);
            }
            Err(refusal) => assert_ne!(refusal.code(), "rule/compiler", "{refusal}"),
        }
    }
}

#[tokio::test]
async fn a_module_above_its_limit_of_size_is_refused_unread() {
    let sandbox = Sandbox::new();
    let large = vec![0; Limits::DEFAULT.module.as_usize() + 1];

    let refusal = sandbox.refusal(&large).await;

    assert_eq!(refusal.code(), "rule/too-large");
    assert_eq!(
        refusal.to_string(),
        "the file has 4194305B, and a module may have 4MiB: \
         raise `module` under `[limits]` in `hookbox.toml`, or build it smaller"
    );
}

#[tokio::test]
async fn a_component_is_taken_like_the_module_it_is_made_of() {
    let sandbox = Sandbox::new();
    let component = wit_component::ComponentEncoder::default()
        .module(&guest("trap"))
        .and_then(|encoder| encoder.encode())
        .expect("the guest is a rule");

    let module = sandbox.try_load(&component).await.expect("it is taken");
    let answer = module.evaluate(&input(push()), "{}".into(), &Limits::DEFAULT);

    let fault = answer.result.expect_err("it panics");
    assert_eq!(fault.code(), "rule/trapped");
}

#[tokio::test]
async fn a_compiled_module_is_not_compiled_again() {
    let cache = cache();
    let larger = Limits {
        memory: Bytes::mib(48),
        ..Limits::DEFAULT
    };
    let first = engine(&frugal(cache.path()));
    let loaded = first.load(&guest("echo"), &Limits::DEFAULT).await;
    loaded.expect("the compiler is there");
    let compiled = files(cache.path());

    let second = engine(&without_compiler(cache.path()));
    let known = second.load(&guest("echo"), &Limits::DEFAULT).await;
    let known_larger = second.load(&guest("echo"), &larger).await;
    let unknown = refusal(&second, &guest("fails")).await;

    assert_eq!(
        known.expect("it is in the cache").digest(),
        known_larger.expect("it is in the cache").digest()
    );
    assert_eq!(unknown.code(), "rule/compiler");
    // Code that is not in the cache would be compiled in the process, and added.
    assert_eq!(files(cache.path()), compiled);
}

#[tokio::test]
async fn code_that_is_gone_is_compiled_again_by_a_child_and_never_by_the_server() {
    let cache = cache();
    let first = engine(&frugal(cache.path()));
    let loaded = first.load(&guest("echo"), &Limits::DEFAULT).await;
    drop(loaded.expect("the compiler is there"));
    let compiled = files(cache.path());
    for code in compiled.iter().filter(|file| file.extension().is_none()) {
        std::fs::remove_file(code).expect("it can be removed");
    }

    let without = refusal(&engine(&without_compiler(cache.path())), &guest("echo")).await;
    let by_the_server = files(cache.path());
    let again = engine(&frugal(cache.path()));
    let loaded = again.load(&guest("echo"), &Limits::DEFAULT).await;

    assert_eq!(without.code(), "rule/compiler", "{without}");
    assert_ne!(by_the_server, compiled);
    loaded.expect("the compiler is there");
    assert_eq!(files(cache.path()), compiled);
}

/// The files of compiled code and components, without the cache's own records and locks.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_none_or(|ending| ending == "component") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_module_too_costly_to_compile_is_refused_and_not_tried_again() {
    let cache = cache();
    let costly = costly_to_compile(&guest("echo"));
    let first = engine(&frugal(cache.path()));

    let tried = refusal(&first, &costly).await;
    let second = engine(&without_compiler(cache.path()));
    let remembered = refusal(&second, &costly).await;
    let ordinary = first.load(&guest("echo"), &Limits::DEFAULT).await;

    assert_eq!(tried.code(), "rule/too-costly-to-compile");
    let message = tried.to_string();
    assert!(message.contains("256MiB of memory or 20s"), "{message}");
    assert_eq!(tried, remembered);
    ordinary.expect("an ordinary rule keeps to the limits");
}

#[tokio::test]
async fn a_compiler_that_was_told_to_end_says_nothing_about_the_module() {
    let cache = cache();
    let told = cache.path().join("told-to-end");
    script(&told, "kill -TERM $$");
    let config = EngineConfig {
        compiler: told,
        ..frugal(cache.path())
    };

    let stopped = refusal(&engine(&config), &guest("echo")).await;
    let again = engine(&frugal(cache.path()));
    let loaded = again.load(&guest("echo"), &Limits::DEFAULT).await;

    assert!(
        matches!(stopped, CompileErrorKind::Compiler { .. }),
        "{stopped}"
    );
    loaded.expect("the module is tried again");
}

#[tokio::test]
async fn a_module_that_the_compiler_gives_up_is_refused_and_not_called_too_costly() {
    let cache = cache();
    let gives_up = cache.path().join("gives-up");
    script(&gives_up, "exit 101");
    let config = EngineConfig {
        compiler: gives_up,
        ..frugal(cache.path())
    };

    let refusal = refusal(&engine(&config), &guest("echo")).await;

    assert_eq!(refusal.code(), "rule/invalid");
    assert!(refusal.to_string().contains("gave it up"), "{refusal}");
}

#[tokio::test]
async fn a_costly_module_takes_nothing_from_the_server_or_the_other_rules() {
    const MEBIBYTE: u64 = 1 << 20;
    let site = Site::new(Site::CONFIG);
    site.put("rules/echo.toml", b"[settings]\nchannel = 'console'");
    site.put("rules/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    server.rule_in_state("echo", "active").await;
    let before = peak_memory(server.pid());

    site.put("rules/costly.wasm", &costly_to_compile(&guest("fails")));
    site.put("rules/fails.wasm", &guest("fails"));
    let failing = server.rule_in_state("fails", "active").await;
    let costly = server.rule_in_state("costly", "rejected").await;
    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;

    assert!(!failing["serving"].is_null(), "{failing}");
    assert_eq!(costly["code"], "rule/too-costly-to-compile", "{costly}");
    let risen = peak_memory(server.pid()) - before;
    assert!(risen < 100 * MEBIBYTE, "it took {} MiB", risen / MEBIBYTE);
    assert_eq!(record["rules"][0]["rule"], "echo");
    assert_eq!(record["rules"][0]["kind"], "acted");
}

/// The most memory that a process ever had, in bytes.
fn peak_memory(process: u32) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the kernel counts it");
    let kibibytes = line.trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().expect("it is a number") * 1024
}
