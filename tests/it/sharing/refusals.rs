//! What `hookbox rules add` does not take, and that a refusal leaves nothing behind.

use axum::Router;
use axum::body::Body;
use axum::http::header::LOCATION;
use axum::routing::get;
use reqwest::StatusCode;

use super::{CONFIG, serve, succeeded, tree};
use crate::support::server::Site;
use crate::support::{guest, hookbox, stderr};

/// Adds with these arguments, which is refused with this code, and returns the error.
fn refused(site: &Site, code: i32, arguments: &[&str]) -> String {
    let before = tree(&site.path().join("rules"));
    let output = hookbox(site.path(), &[&["rules", "add"], arguments].concat());
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert_eq!(tree(&site.path().join("rules")), before, "{arguments:?}");
    error
}

#[test]
fn what_is_refused_is_named_and_nothing_is_left_of_it() {
    let site = Site::new(CONFIG);
    site.put("echo.wasm", &guest("echo"));
    site.put("My Rule.wasm", &guest("echo"));
    site.put("script.wasm", b"#!/bin/sh\n");
    let other = format!("sha256:{}", "0".repeat(64));

    for (code, arguments, expected) in [
        (4, &["script.wasm"][..], "the file is not WebAssembly"),
        (
            2,
            &["missing.wasm"],
            "the module `missing.wasm` cannot be read",
        ),
        (
            2,
            &["My Rule.wasm"],
            "hint: `--as NAME` gives it another name",
        ),
        (
            2,
            &["echo.wasm", "--as", "../echo"],
            "the name `../echo` is not allowed",
        ),
        (
            2,
            &["echo.wasm", "--as", ".echo"],
            "the name `.echo` is not allowed",
        ),
        (
            2,
            &["echo.wasm", "--team", "../x"],
            "the name `../x` is not allowed",
        ),
        (
            2,
            &["echo.wasm", "--digest", "abc"],
            "`abc` is no digest: write `sha256:`",
        ),
        (
            4,
            &["echo.wasm", "--digest", &other],
            "hint: it is not the file that was published",
        ),
        (
            3,
            &["echo.wasm", "--team", "web"],
            "\n[teams.web]\nsources = [\"*\"]\nchannels = [\"CHANNEL\"]\n",
        ),
        (
            2,
            &["ftp://127.0.0.1/echo.wasm"],
            "is neither https nor a file",
        ),
        (
            2,
            &["http://192.0.2.1/echo.wasm"],
            "`http://192.0.2.1/echo.wasm` is not encrypted",
        ),
    ] {
        let error = refused(&site, code, arguments);
        assert!(error.contains(expected), "`{expected}` is missing: {error}");
    }
    site.configure(&format!("[limits]\nmodule = '4KiB'\n{CONFIG}"));
    let error = refused(&site, 4, &["echo.wasm"]);
    assert!(
        error.contains("`echo.wasm` has more than the 4KiB"),
        "{error}"
    );
    std::fs::remove_dir(site.path().join("rules")).expect("it is empty");
    let output = hookbox(site.path(), &["rules", "add", "echo.wasm"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}

#[test]
fn a_rule_that_is_there_is_replaced_where_that_is_said_and_keeps_its_settings() {
    let site = Site::new(CONFIG);
    site.put("echo.wasm", &guest("echo"));
    site.put("rules/echo.wasm", b"the former module");
    site.put("rules/echo.toml", b"order = 7\n");

    let error = refused(&site, 2, &["echo.wasm"]);
    let replaced = succeeded(&hookbox(
        site.path(),
        &["rules", "add", "echo.wasm", "--replace"],
    ));

    assert!(
        error.contains("error: there is a rule `echo` already: "),
        "{error}"
    );
    assert!(error.contains("hint: `--replace`"), "{error}");
    assert!(replaced.contains("\nreplaced echo: "), "{replaced}");
    assert!(
        replaced.contains(", which was there and is as it was\n"),
        "{replaced}"
    );
    let read = |name: &str| std::fs::read(site.path().join(name)).expect("it is there");
    assert_eq!(read("rules/echo.wasm"), guest("echo"));
    assert_eq!(read("rules/echo.toml"), b"order = 7\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_sends_too_much_elsewhere_or_nothing_is_refused() {
    let redirect =
        |to: &'static str| get(move || async move { (StatusCode::FOUND, [(LOCATION, to)]) });
    let endless = || async {
        let piece = || Ok::<_, std::io::Error>(axum::body::Bytes::from(vec![0; 1 << 16]));
        Body::from_stream(futures_util::stream::repeat_with(piece))
    };
    let breaks_off = || async {
        let pieces = [
            Ok(axum::body::Bytes::from_static(b"\0asm\x01\0\0\0")),
            Err(std::io::Error::other("it breaks off")),
        ];
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    let router = Router::new()
        .route("/endless.wasm", get(endless))
        .route("/breaks-off.wasm", get(breaks_off))
        .route("/away.wasm", redirect("http://192.0.2.1/echo.wasm"))
        .route("/round.wasm", redirect("/round.wasm"));
    let address = serve(router).await;
    let site = Site::new(CONFIG);

    for (code, file, expected) in [
        (
            4,
            "endless",
            "has more than the 4MiB that a module may have",
        ),
        (1, "breaks-off", "breaks-off.wasm` cannot be had"),
        (
            1,
            "away",
            "it is sent on to `http://192.0.2.1/echo.wasm`, which is not encrypted",
        ),
        (1, "round", "it is sent on more than 5 times"),
        (1, "missing", "missing.wasm` answers 404 Not Found"),
    ] {
        let error = refused(
            &site,
            code,
            &[&format!(
                "http://ada:s3cret@{address}/{file}.wasm?token=s3cret"
            )],
        );

        assert!(error.contains(expected), "`{expected}` is missing: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
