//! The checks of configurations and arguments. What needs processes is tested from outside.

mod refused;

use super::*;
use crate::domain::decision::Argument;
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

/// The program and its arguments.
fn argv(prepared: &Prepared) -> &[String] {
    match prepared.work() {
        PreparedWork::Program { argv, .. } => argv,
        PreparedWork::GitUpdate(_) => panic!("it is a program"),
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

    let expected = [
        "/usr/local/bin/deploy-site",
        "--branch=release/1.2",
        "abcdef0",
        "{}",
    ];
    assert_eq!(argv(&prepared), expected);
    assert_eq!(prepared.turn().key, "deploy-site:site release/1.2");
}

#[test]
fn a_parameter_without_a_value_has_its_default_or_is_missing() {
    let command = deploy(SITE);

    let prepared = command
        .prepare(&[argument("branch", "main")])
        .expect("commit has a default");
    let error = command.prepare(&[]).expect_err("branch has none");

    assert_eq!(argv(&prepared)[2], "0000000");
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

    assert_eq!(prepared.turn().key, "deploy-site:deploy-site");
    assert_eq!(prepared.turn().when_busy, WhenBusy::Queue);
}

#[test]
fn a_relative_program_counts_from_the_configurations_folder_and_a_bare_one_does_not() {
    let program = |text| argv(&deploy(text).prepare(&[]).expect("it takes none"))[0].clone();

    assert_eq!(program("argv = ['scripts/deploy']"), "/etc/scripts/deploy");
    assert_eq!(program("argv = ['/opt/deploy']"), "/opt/deploy");
    assert_eq!(program("argv = ['deploy']"), "deploy");
}

#[test]
fn commands_of_a_group_wait_for_each_other() {
    let commands = build(
        "[a]\nargv = ['a']\nconcurrency.group = 'sites'\n\
         [b]\nargv = ['b']\nconcurrency = { group = 'sites', when_busy = 'reject' }\n\
         [c]\nargv = ['c', '{p}']\nparameters.p = { values = ['x'] }\n\
         concurrency = { group = 'sites', key = '{p}', when_busy = 'cancel' }",
    )
    .expect("a good configuration");
    let turn = |name: &str, arguments: &[Argument]| {
        let name = CommandName::parse(name).expect("a name");
        let command = commands.get(&name).expect("it is configured");
        let prepared = command.prepare(arguments).expect("good arguments");
        (prepared.turn().key.clone(), prepared.turn().when_busy)
    };

    assert_eq!(
        turn("a", &[]),
        ("group/sites:sites".to_owned(), WhenBusy::Queue)
    );
    assert_eq!(
        turn("b", &[]),
        ("group/sites:sites".to_owned(), WhenBusy::Reject)
    );
    assert_eq!(
        turn("c", &[argument("p", "x")]),
        ("group/sites:x".to_owned(), WhenBusy::Cancel)
    );
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

#[test]
fn all_updates_of_a_folder_wait_for_each_other_and_the_latest_counts() {
    let update = |text: &str| {
        deploy(&format!(
            "kind = 'git-update'\nbranch = '{{b}}'\nparameters.b = {{ values = ['x'] }}\n{text}"
        ))
        .prepare(&[argument("b", "x"), argument("commit", &"AB".repeat(20))])
        .expect("good arguments")
        .turn()
        .clone()
    };

    let plain = update("path = '/usr/bin/..'");
    let queued = update("path = '/usr'\nconcurrency.when_busy = 'queue'");

    assert_eq!(
        (plain.key.as_str(), plain.when_busy),
        ("git//usr", WhenBusy::Latest)
    );
    assert_eq!(
        (queued.key.as_str(), queued.when_busy),
        ("git//usr", WhenBusy::Queue)
    );
}

#[test]
fn a_git_update_takes_a_whole_commit() {
    let command = deploy("kind = 'git-update'\npath = '/usr'\nbranch = 'main'");
    let refusal = |arguments: &[Argument]| {
        let error = command.prepare(arguments).expect_err("bad arguments");
        error.to_string()
    };

    assert!(command.prepare(&[]).is_ok());
    assert!(refusal(&[argument("commit", "abcdef0")]).contains("40 or 64 hexadecimal digits"));
    assert!(refusal(&[argument("branch", "x")]).contains("it has `commit`"));
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let twice = [argument("commit", commit), argument("commit", commit)];
    assert!(refusal(&twice).contains("more than one value"));
}
