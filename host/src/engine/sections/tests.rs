//! Tests of what modules say of themselves, and of modules that lie about the form of it.

use super::*;

/// The smallest core module, and the smallest component.
const CORE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn full() -> Sections {
    let manifest = serde_json::json!({
        "name": "route", "version": "1.2.3", "summary": "Routes.", "license": "MIT",
        "settings": [{ "name": "channel", "summary": "Where.", "kind": "channel", "required": true }],
    });
    Sections {
        manifest: Some(serde_json::from_value(manifest).expect("it is a manifest")),
        readme: Some("# Route\n".to_owned()),
        license: Some("Do as you like.\n".to_owned()),
        source: Some(Source {
            repository: Some("https://example.org/rules".to_owned()),
            commit: Some("a".repeat(40)),
            dirty: Some(false),
            path: Some("rules/route".to_owned()),
        }),
        sdk: Some("0.1.0".to_owned()),
    }
}

/// A module with a custom section at its end.
fn with(module: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let mut module = module.to_vec();
    CustomSection {
        name: name.into(),
        data: data.into(),
    }
    .append_to(&mut module);
    module
}

#[test]
fn what_is_written_is_read_back_the_same() {
    for module in [CORE, COMPONENT] {
        let written = full().write(module).expect("it can be written");

        assert_eq!(Sections::read(&written), Ok(full()));
        assert!(written.starts_with(module));
    }
    assert_eq!(Sections::read(CORE), Ok(Sections::default()));
}

#[test]
fn writing_again_changes_no_byte_and_keeps_what_others_wrote() {
    let others = with(CORE, "producers", b"\0");

    let once = full().write(&others).expect("it can be written");
    let twice = full().write(&once).expect("it can be written");
    let none = Sections::default()
        .write(&twice)
        .expect("it can be written");

    assert_eq!(once, twice);
    assert_eq!(none, others);
}

#[test]
fn a_section_that_is_there_twice_is_an_error() {
    let module = full().write(CORE).expect("it can be written");

    let error = Sections::read(&with(&module, README, b"# Another")).expect_err("it is twice");

    assert_eq!(error, SectionError::Twice { name: README });
}

#[test]
fn a_section_beyond_its_limit_is_neither_read_nor_written() {
    for name in [MANIFEST, README, LICENSE, SOURCE, SDK] {
        let (_, limit) = known(name).expect("it is known");
        let module = with(CORE, name, &vec![b' '; limit.as_usize() + 1]);

        let error = Sections::read(&module).expect_err("it is too large");

        let found = Bytes(limit.0 + 1);
        assert_eq!(error, SectionError::TooLarge { name, found, limit });
    }
    let large = Sections {
        readme: Some("x".repeat(Sections::README_LIMIT.as_usize() + 1)),
        ..Sections::default()
    };
    assert!(matches!(
        large.write(CORE),
        Err(SectionError::TooLarge { name: README, .. })
    ));
}

#[test]
fn a_section_that_is_not_of_its_form_is_named() {
    for (name, data, expected) in [
        (
            MANIFEST,
            &b"{}"[..],
            "`hookbox:manifest` is not the JSON that it should be: missing field",
        ),
        (
            SOURCE,
            b"[1]",
            "`hookbox:source` is not the JSON that it should be",
        ),
        (README, b"\xff", "`hookbox:readme` is not UTF-8 text"),
        (SDK, b"\xff", "`hookbox:sdk` is not UTF-8 text"),
    ] {
        let error = Sections::read(&with(CORE, name, data)).expect_err("it is not of its form");

        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_later_programs_section_is_left_alone_and_a_cut_module_is_broken() {
    let later = with(CORE, "hookbox:later", b"?");
    assert_eq!(Sections::read(&later), Ok(Sections::default()));

    let whole = full().write(CORE).expect("it can be written");
    for length in CORE.len() + 1..whole.len() {
        // A cut between two sections leaves a whole module with fewer of them.
        match Sections::read(&whole[..length]) {
            Ok(fewer) => assert_ne!(fewer, full()),
            Err(error) => assert!(matches!(error, SectionError::Broken { .. }), "{error}"),
        }
    }
}
