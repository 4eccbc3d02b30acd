//! What a command's table may say, and what is said where it does not fit.

use super::*;

fn read(text: &str) -> Result<CommandConfig, toml::de::Error> {
    toml::from_str(text)
}

const GIT: &str = "kind = 'git-update'\npath = '/srv/site'\nbranch = 'main'\n";

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = read("argv = ['true']").expect("the shortest command");

    assert_eq!(config.timeout.to_string(), "10m");
    assert_eq!(config.grace.to_string(), "10s");
    assert_eq!(config.output_limit.to_string(), "64KiB");
    assert_eq!(config.on_interrupt, OnInterrupt::Report);
    assert_eq!(config.concurrency, ConcurrencyConfig::default());
    assert_eq!(config.retries, 0);
    assert_eq!(config.stdin, StandardInput::None);
    assert_eq!(config.limits, ResourceLimits::default());
}

#[test]
fn the_kind_says_what_a_command_does() {
    let program = read("kind = 'program'\nargv = ['true']").expect("a program");
    let update = read(&format!("{GIT}then = ['make']")).expect("a git-update");

    assert_eq!(program, read("argv = ['true']").expect("a program"));
    assert_eq!(
        update.work,
        WorkConfig::GitUpdate(GitUpdateConfig {
            path: "/srv/site".into(),
            remote: "origin".to_owned(),
            branch: "main".to_owned(),
            then: Some(vec!["make".to_owned()]),
        })
    );
}

#[test]
fn a_key_of_another_kind_is_unknown_and_the_keys_of_this_kind_are_named() {
    for (text, beginning) in [
        (
            format!("{GIT}argv = ['x']"),
            "unknown field `argv` in a command of kind \"git-update\", expected one of `branch`, `concurrency`",
        ),
        (format!("{GIT}cwd = '/'"), "unknown field `cwd` in"),
        (
            "argv = ['x']\nthen = ['y']".to_owned(),
            "unknown field `then` in a command of kind \"program\", expected one of `argv`, `concurrency`, \
             `cwd`",
        ),
        (
            "kind = 'git-update'\npath = '/srv'".to_owned(),
            "missing field `branch`, which a command of kind \"git-update\" needs",
        ),
        ("user = 'www'".to_owned(), "missing field `argv`"),
        ("kind = 'git'".to_owned(), "unknown variant `git`"),
    ] {
        let error = read(&text).expect_err("it does not fit");
        assert!(error.message().starts_with(beginning), "{text}: {error}");
    }
}

#[test]
fn a_variable_is_a_text_or_a_secret() {
    let config =
        read("argv = ['true']\nenvironment = { STAGE = 'live', TOKEN = { env = 'DEPLOY_TOKEN' } }")
            .expect("both kinds of values");

    assert_eq!(
        config.environment["STAGE"],
        EnvironmentValue::Plain("live".to_owned())
    );
    let EnvironmentValue::Secret(reference) = &config.environment["TOKEN"] else {
        panic!("a table is a reference to a secret");
    };
    assert_eq!(reference.env.as_deref(), Some("DEPLOY_TOKEN"));
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_and_where_it_stands() {
    for text in [
        "argv = ['true']\nshell = true",
        "argv = ['true']\nparameters.a = { regex = 'x' }",
        "argv = ['true']\nconcurrency = { keys = 'x' }",
        "argv = ['true']\nenvironment.A = { vault = 'x' }",
        "argv = ['true']\nlimits = { cpus = 2 }",
    ] {
        let message = read(text).expect_err("an unknown key").to_string();
        assert!(message.contains("unknown field"), "{message}");
        assert!(message.contains("line 2"), "{message}");
    }
}
