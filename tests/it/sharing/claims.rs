//! What a module says of itself: shown without running it, harmless where it is shown, and found out
//! where it is not true.

use hookbox::engine::{Sections, Source};
use serde_json::Value;
use wasmparser::{Parser, Payload};

use super::{CONFIG, rejected, succeeded};
use crate::support::server::Site;
use crate::support::{guest, hookbox, rule, stderr};

/// The module with other sections.
fn saying(module: &[u8], change: impl FnOnce(&mut Sections)) -> Vec<u8> {
    let mut sections = Sections::read(module).expect("they can be read");
    change(&mut sections);
    sections.write(module).expect("they can be written")
}

/// The module with the end of its last function broken, so that it can be read and not compiled.
fn not_valid(module: &[u8]) -> Vec<u8> {
    let code = Parser::new(0).parse_all(module).find_map(|payload| {
        match payload.expect("it can be read") {
            Payload::CodeSectionStart {
                unchecked_range, ..
            } => Some(unchecked_range),
            _ => None,
        }
    });
    let end = usize::try_from(code.expect("it has code").end).expect("it is in the module");
    let mut broken = module.to_vec();
    assert_eq!(broken[end - 1], 0x0b, "a function ends with `end`");
    broken[end - 1] = 0x00;
    broken
}

#[test]
fn inspect_shows_what_a_module_says_and_runs_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let module = saying(&not_valid(&rule("deploy-on-main")), |sections| {
        sections.source = Some(Source {
            repository: Some("https://example.org/rules".to_owned()),
            commit: Some("c0ffee".to_owned()),
            dirty: Some(true),
            path: Some("rules/deploy-on-main".to_owned()),
        });
    });
    std::fs::write(folder.path().join("deploy.wasm"), module).expect("it can be written");

    let text = succeeded(&hookbox(folder.path(), &["inspect", "deploy.wasm"]));
    let json = succeeded(&hookbox(
        folder.path(),
        &["inspect", "deploy.wasm", "--json"],
    ));
    let license = succeeded(&hookbox(
        folder.path(),
        &["inspect", "deploy.wasm", "--show", "license"],
    ));
    let readme = succeeded(&hookbox(
        folder.path(),
        &["inspect", "deploy.wasm", "--show", "readme"],
    ));
    let asked = hookbox(folder.path(), &["inspect", "deploy.wasm", "--describe"]);

    for expected in [
        "deploy-on-main 0.1.0\n",
        "licence    MIT OR Apache-2.0\n",
        "source     https://example.org/rules, folder rules/deploy-on-main, commit c0ffee, with changes that are in no commit\n",
        "sdk        0.1.0\n",
        "manifest   as its section says",
        "  # deploy-on-main\n",
        "# The branch that is deployed",
        "# branch = \"main\"\n",
        "[teams.NAME]\n",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing: {text}");
    }
    let json: Value = serde_json::from_str(&json).expect("it prints JSON");
    assert_eq!(json["manifest-from"], "section");
    assert_eq!(json["source"]["commit"], "c0ffee");
    assert!(
        license.contains("Apache License") && license.contains("MIT License"),
        "{license}"
    );
    assert!(readme.contains("## What the operator grants"), "{readme}");
    assert_eq!(asked.status.code(), Some(4));
    assert!(
        stderr(&asked).contains("the module is not valid"),
        "{}",
        stderr(&asked)
    );
}

#[test]
fn a_module_that_says_nothing_is_asked_in_the_sandbox_where_that_is_said() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let silent = Sections::default().write(&guest("echo"));
    let silent = silent.expect("they can be taken away");
    std::fs::write(folder.path().join("echo.wasm"), silent).expect("it can be written");

    let unasked = succeeded(&hookbox(folder.path(), &["inspect", "echo.wasm"]));
    let asked = succeeded(&hookbox(
        folder.path(),
        &["inspect", "echo.wasm", "--describe"],
    ));
    let part = hookbox(folder.path(), &["inspect", "echo.wasm", "--show", "readme"]);

    assert!(unasked.starts_with("digest     sha256:"), "{unasked}");
    assert!(
        unasked.contains("`hookbox inspect --describe echo.wasm`"),
        "{unasked}"
    );
    assert!(asked.starts_with("echo 0.1.0\n"), "{asked}");
    assert!(
        asked.contains("manifest   as it answered in the sandbox\n"),
        "{asked}"
    );
    assert_eq!(part.status.code(), Some(4));
    assert_eq!(stderr(&part), "error: the module carries no README\n");
}

#[test]
fn no_text_of_a_module_reaches_the_terminal_as_anything_but_text() {
    let evil = "a\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}b\r\ndigest     sha256:0\u{8}\u{200b}";
    let folder = tempfile::tempdir().expect("a folder can be made");
    let module = saying(&guest("echo"), |sections| {
        let manifest = sections.manifest.as_mut().expect("it has one");
        manifest.name = evil.to_owned();
        manifest.summary = evil.to_owned();
        manifest.license = Some(evil.to_owned());
        manifest.authors = vec![evil.to_owned()];
        manifest.channels = vec![evil.to_owned()];
        for setting in &mut manifest.settings {
            setting.name.push_str(evil);
            setting.summary = evil.to_owned();
            setting.default = Some(Value::from(evil).to_string());
        }
        sections.readme = Some(evil.to_owned());
        sections.license = Some(evil.to_owned());
        sections.sdk = Some("0.1\u{1b}c".to_owned());
        sections.source = Some(Source {
            repository: Some(evil.to_owned()),
            ..Source::default()
        });
    });
    std::fs::write(folder.path().join("echo.wasm"), module).expect("it can be written");

    let own = [&[][..], &["--show", "readme"], &["--show", "license"]];
    for more in own {
        let arguments = [&["inspect", "echo.wasm"], more].concat();
        let text = succeeded(&hookbox(folder.path(), &arguments));

        let moves = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}".contains(c);
        assert!(!text.contains(moves), "{text:?}");
        assert!(text.contains("\\u{1b}]0;owned\\u{7}"), "{text}");
        let forged = text.lines().filter(|line| line.starts_with("digest "));
        assert_eq!(forged.count(), usize::from(more.is_empty()), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_answers_otherwise_than_it_says_is_rejected_with_the_difference() {
    let lie = saying(&guest("wants-everything"), |sections| {
        sections
            .manifest
            .as_mut()
            .expect("it has one")
            .channels
            .clear();
    });
    let twice = {
        let mut module = guest("echo");
        let section: &[u8] = b"\x00\x10\x0bhookbox:sdk0.9.";
        module.extend_from_slice(section);
        module
    };
    let site = Site::new(CONFIG);
    site.put("rules/payments/liar.wasm", &lie);
    site.put("rules/payments/twice.wasm", &twice);
    site.put("liar.wasm", &lie);
    let server = site.serve().await;

    let found_out = rejected(&server, "payments/liar", "rule/manifest").await;
    let doubled = rejected(&server, "payments/twice", "rule/manifest").await;
    let asked = hookbox(site.path(), &["inspect", "liar.wasm", "--describe"]);
    let added = hookbox(site.path(), &["rules", "add", "liar.wasm", "--as", "other"]);

    let expected = "its section `hookbox:manifest` says `[]` for `channels`, and asked who it is, it answers `[";
    assert!(found_out.contains(expected), "{found_out}");
    assert!(
        doubled.contains("has the section `hookbox:sdk` twice"),
        "{doubled}"
    );
    for refused in [asked, added] {
        assert_eq!(refused.status.code(), Some(4));
        assert!(
            stderr(&refused).contains("for `channels`"),
            "{}",
            stderr(&refused)
        );
    }
    assert!(!site.path().join("rules/other.wasm").exists());
}
