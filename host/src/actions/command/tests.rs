//! The checks of configurations and arguments. What needs processes is tested from outside.

use super::*;
use crate::domain::secret::{ReadSecret, SecretError, SecretRef};

/// Knows one secret, which stands in the variable `KNOWN`.
struct OneSecret;

impl ReadSecret for OneSecret {
    fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        match reference.env.as_deref() {
            Some("KNOWN") => Ok(Secret::new("hunter22")),
            _ => Err(SecretError {
                reference: reference.to_string(),
                reason: "it is not set".to_owned(),
            }),
        }
    }
}

fn build(text: &str) -> Result<Commands, CommandConfigError> {
    let context = Context {
        secrets: &OneSecret,
        supervisor: PathBuf::from("/nonexistent/hookbox"),
        output: PathBuf::from("/nonexistent/output"),
        folder: PathBuf::from("/etc"),
    };
    Commands::build(&toml::from_str(text).expect("known keys"), &context)
}

fn deploy(text: &str) -> Command {
    let mut commands = build(&format!("[deploy-site]\n{text}")).expect("a good configuration");
    let (_, command) = commands.0.pop_first().expect("the one command");
    command
}

fn argument(name: &str, value: &str) -> Argument {
    Argument {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

const SITE: &str = "
    argv = ['/usr/local/bin/deploy-site', '--branch={branch}', '{commit}', '{{}}']
    parameters.branch = { pattern = 'main|release/[0-9.]+' }
    parameters.commit = { pattern = '[0-9a-f]{7,40}', default = '0000000' }
    concurrency = { key = 'site {branch}' }
";

#[test]
fn arguments_are_put_in_one_by_one() {
    let command = deploy(SITE);

    let prepared = command
        .prepare(&[
            argument("branch", "release/1.2"),
            argument("commit", "abcdef0"),
        ])
        .expect("good arguments");

    let argv = [
        "/usr/local/bin/deploy-site",
        "--branch=release/1.2",
        "abcdef0",
        "{}",
    ];
    assert_eq!(prepared.argv(), argv);
    assert_eq!(prepared.concurrency_key(), "deploy-site:site release/1.2");
}

#[test]
fn a_parameter_without_a_value_has_its_default_or_is_missing() {
    let command = deploy(SITE);

    let prepared = command
        .prepare(&[argument("branch", "main")])
        .expect("commit has a default");
    let error = command.prepare(&[]).expect_err("branch has none");

    assert_eq!(prepared.argv()[2], "0000000");
    assert_eq!(
        error.to_string(),
        "command `deploy-site`: its parameter `branch`, pattern `main|release/[0-9.]+`, got no value and \
         has no default"
    );
}

#[test]
fn a_refusal_names_the_command_the_parameter_the_value_and_the_pattern() {
    let command = deploy(SITE);
    let refusal = |arguments: &[Argument]| {
        command
            .prepare(arguments)
            .expect_err("bad arguments")
            .to_string()
    };

    assert_eq!(
        refusal(&[argument("branch", "main-evil")]),
        "command `deploy-site`: the value `main-evil` is not what its parameter `branch` accepts: pattern \
         `main|release/[0-9.]+`"
    );
    assert_eq!(
        refusal(&[argument("branche", "main")]),
        "command `deploy-site`: it has no parameter `branche`; it has `branch`, `commit`"
    );
    assert_eq!(
        refusal(&[argument("branch", "main"), argument("branch", "main")]),
        "command `deploy-site`: its parameter `branch` got more than one value"
    );
    assert!(refusal(&[argument("branch", "-x")]).contains("begins with `-`"));
    assert!(refusal(&[argument("branch", "main\0")]).contains("NUL"));
}

#[test]
fn the_key_is_the_commands_name_where_none_is_configured() {
    let command = deploy("argv = ['true']");

    let prepared = command.prepare(&[]).expect("it takes none");

    assert_eq!(prepared.concurrency_key(), "deploy-site:deploy-site");
}

#[test]
fn a_relative_program_counts_from_the_configurations_folder_and_a_bare_one_does_not() {
    let program = |text| deploy(text).prepare(&[]).expect("it takes none").argv()[0].clone();

    assert_eq!(program("argv = ['scripts/deploy']"), "/etc/scripts/deploy");
    assert_eq!(program("argv = ['/opt/deploy']"), "/opt/deploy");
    assert_eq!(program("argv = ['deploy']"), "deploy");
}

#[test]
fn a_configuration_that_cannot_work_is_an_error_that_says_what_to_do() {
    for (text, part) in [
        ("argv = []", "`argv` is empty"),
        ("argv = ['']", "`argv` is empty"),
        (
            "argv = ['{p}']\nparameters.p = { pattern = 'a' }",
            "only arguments may",
        ),
        (
            "argv = ['x', '{p}']",
            "add `parameters.p = { pattern = \"…\" }`",
        ),
        (
            "argv = ['x']\nconcurrency.key = '{p}'",
            "add `parameters.p = { pattern = \"…\" }`",
        ),
        (
            "argv = ['x']\nparameters.p = { pattern = 'a' }",
            "its parameter `p` is never used",
        ),
        (
            "argv = ['x', '{p}']\nparameters.p = {}",
            "its parameter `p`: it needs exactly one of",
        ),
        (
            "argv = ['x', '{p}']\nparameters.p = { pattern = '(' }",
            "is not a regular expression",
        ),
        ("argv = ['x', '{']", "{{ or }}"),
        ("argv = ['x', \"a\\u0000b\"]", "`argv` holds a NUL byte"),
        (
            "argv = ['x']\ncwd = '/nonexistent'",
            "`/nonexistent` does not exist",
        ),
        (
            "argv = ['x']\ncwd = 'passwd'",
            "`/etc/passwd` does not exist or is no folder",
        ),
        (
            "argv = ['x']\nuser = 'no such user'",
            "`no such user` is not in /etc/passwd",
        ),
        (
            "argv = ['x']\nenvironment.HOOKBOX_RULE = 'x'",
            "`HOOKBOX_RULE` cannot be a variable",
        ),
        (
            "argv = ['x']\nenvironment.'A=B' = 'x'",
            "`A=B` cannot be a variable",
        ),
        (
            "argv = ['x']\nenvironment.A = \"a\\u0000\"",
            "`environment.A` holds a NUL byte",
        ),
        (
            "argv = ['x']\nenvironment.A = { env = 'UNKNOWN' }",
            "its variable `A`: the secret",
        ),
        (
            "argv = ['x']\nconcurrency.when_busy = 'cancel'",
            "knows only `when_busy = \"queue\"`, not \"cancel\"",
        ),
    ] {
        let error = build(&format!("[deploy-site]\n{text}"))
            .expect_err(text)
            .to_string();
        assert!(error.starts_with("command `deploy-site`: "), "{error}");
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn commands_are_found_by_name() {
    let commands =
        build("[b]\nargv = ['b']\n[a]\nargv = ['a']\nretries = 2\nreport_channel = 'ops'")
            .expect("a good configuration");
    let name = CommandName::parse("a").expect("a name");

    let command = commands.get(&name).expect("it is configured");

    assert_eq!(
        commands
            .names()
            .map(CommandName::as_str)
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(
        (command.retries(), command.report_channel()),
        (2, Some("ops"))
    );
    assert_eq!(command.on_interrupt(), OnInterrupt::Report);
}

#[test]
fn no_secret_shows_in_the_debug_form() {
    let command = deploy("argv = ['x']\nenvironment.TOKEN = { env = 'KNOWN' }");

    assert!(!format!("{command:?}").contains("hunter22"));
}
