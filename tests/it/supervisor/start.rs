//! What a program starts with: its user, its group, its limits, and its standard input.

use hookbox::actions::command::{CommandOutcome, RunContext};

use super::{Bench, CONTEXT, command, run};

/// The groups and the user, one a line.
const WHO: &str = r#"argv = ["sh", "-c", "id -un; id -gn; id -Gn"]"#;

/// Runs a command as somebody else, or has it refused for want of this privilege, where these tests have it
/// not. Returns what it wrote.
async fn as_another(config: &str, privilege: &str) -> Option<String> {
    let bench = Bench::new();
    match bench.build(config) {
        Ok(commands) => Some(run(command(&commands), &[]).await.output.text()),
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains(privilege), "{error}");
            assert!(error.contains("run the server as root"), "{error}");
            None
        }
    }
}

#[tokio::test]
async fn a_command_runs_as_the_configured_user_with_its_main_group_or_is_refused() {
    let config = format!("{WHO}\ncwd = '/'\nuser = 'daemon'");

    let wrote = as_another(&config, "as user `daemon`, and the server lacks CAP_SETUID").await;

    assert!(wrote.is_none_or(|text| text == "daemon\ndaemon\ndaemon\n"));
}

#[tokio::test]
async fn a_group_is_the_only_one_with_a_user_and_without() {
    let with = format!("{WHO}\ncwd = '/'\nuser = 'nobody'\ngroup = 'daemon'");
    let without = format!("{WHO}\ngroup = 'daemon'");

    let with = as_another(&with, "as user `nobody`, group `daemon`").await;
    let without = as_another(
        &without,
        "as group `daemon`, and the server lacks CAP_SETGID",
    )
    .await;

    assert!(with.is_none_or(|text| text == "nobody\ndaemon\ndaemon\n"));
    assert!(without.is_none_or(|text| text.ends_with("\ndaemon\ndaemon\n")));
}

#[tokio::test]
async fn no_privilege_of_the_server_reaches_another_user() {
    let config = "argv = ['grep', 'Cap[PEA]', '/proc/self/status']\ncwd = '/'\nuser = 'nobody'";

    let Some(text) = as_another(config, "CAP_SETUID").await else {
        return;
    };

    assert_eq!(text.lines().count(), 3, "{text}");
    for line in text.lines() {
        assert!(line.ends_with("\t0000000000000000"), "{text}");
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_named_with_the_reason() {
    let bench = Bench::new();
    std::fs::write(bench.path("plain"), "no program").expect("a file");
    std::fs::write(bench.path("script"), "#!/nonexistent/python\n").expect("a file");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bench.path("script"), executable).expect("it is executable");

    for (program, reason) in [
        (
            "no-such-program",
            "is in no folder of its PATH (/usr/local/sbin:",
        ),
        (
            "/nonexistent/deploy",
            "the program `/nonexistent/deploy` does not exist",
        ),
        ("./plain", "is not executable"),
        (
            "./script",
            "names an interpreter in its first line that does not exist",
        ),
    ] {
        let end = bench.run(&format!("argv = ['{program}']"), &[]).await;

        assert!(
            matches!(end.outcome, CommandOutcome::CouldNotStart { .. }),
            "{program}"
        );
        assert!(end.summary().contains(reason), "{}", end.summary());
    }
}

#[tokio::test]
async fn the_limits_are_those_of_the_configuration_and_core_dumps_are_off() {
    let config = r#"
        argv = ["cat", "/proc/self/limits"]
        limits = { cpu = "4500ms", memory = "1GiB", processes = 400, open_files = 64, file_size = "2MiB" }
    "#;

    let end = Bench::new().run(config, &[]).await;

    let text = end.output.text();
    let limit = |name: &str| -> Vec<String> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let numbers = line.unwrap_or_else(|| panic!("no `{name}`: {text}"));
        numbers
            .split_whitespace()
            .take(2)
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(limit("Max cpu time"), ["5", "10"]);
    assert_eq!(limit("Max address space"), ["1073741824", "1073741824"]);
    assert_eq!(limit("Max processes"), ["400", "400"]);
    assert_eq!(limit("Max open files"), ["64", "64"]);
    assert_eq!(limit("Max file size"), ["2097152", "2097152"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
}

#[tokio::test]
async fn a_program_that_exceeds_a_limit_is_ended_by_its_signal() {
    let bench = Bench::new();

    let file = "argv = ['dd', 'if=/dev/zero', 'of=file', 'bs=1M', 'count=4', 'status=none']\n\
                limits.file_size = '1MiB'";
    let cpu = "argv = ['sh', '-c', 'while :; do :; done']\nlimits.cpu = '1s'";

    let end = bench.run(file, &[]).await;
    assert_eq!(end.outcome, CommandOutcome::Signaled { signal: 25 });
    let end = bench.run(cpu, &[]).await;
    assert_eq!(end.outcome, CommandOutcome::Signaled { signal: 24 });
}

#[tokio::test]
async fn a_limit_on_memory_below_what_the_server_has_leaves_room_to_start() {
    let bench = Bench::new();
    let config = format!(
        "argv = ['sh', '-c', 'echo ${{#LARGE}}']\nlimits.memory = '16MiB'\nenvironment.LARGE = '{}'",
        "x".repeat(60_000)
    )
    .replace("${#LARGE}", "${{#LARGE}}");

    let end = bench.run(&config, &[]).await;

    assert_eq!(end.output.text(), "60000\n", "{}", end.summary());
}

#[tokio::test]
async fn a_program_may_be_of_lower_priority() {
    let end = Bench::new().run("argv = ['nice']\nnice = 7", &[]).await;

    let own = std::process::Command::new("nice")
        .output()
        .expect("it runs");
    let own: i32 = String::from_utf8_lossy(&own.stdout)
        .trim()
        .parse()
        .expect("a number");
    assert_eq!(end.output.text(), format!("{}\n", (own + 7).min(19)));
}

#[tokio::test]
async fn the_event_is_the_standard_input_of_a_command_that_asks_for_it() {
    let bench = Bench::new();
    let event = format!("{{\"id\":\"{}\"}}", "x".repeat(1 << 20));
    let context = RunContext {
        stdin: Some(&event),
        ..CONTEXT
    };
    for (config, expected) in [
        ("argv = ['wc', '-c']\nstdin = 'event'", "1048585\n"),
        ("argv = ['wc', '-c']", "0\n"),
        // It does not read any of it.
        ("argv = ['echo', 'done']\nstdin = 'event'", "done\n"),
    ] {
        let commands = bench.commands(config);
        let command = command(&commands);
        let prepared = command.prepare(&[]).expect("it takes none");
        let end = command
            .run(&prepared, &context, std::future::pending())
            .await;

        assert_eq!(end.output.text(), expected);
    }
}

#[tokio::test]
async fn a_replay_is_told_to_the_program() {
    let bench = Bench::new();
    let commands = bench.commands("argv = ['sh', '-c', 'echo $HOOKBOX_REPLAY']");
    let command = command(&commands);
    let prepared = command.prepare(&[]).expect("it takes none");
    let context = RunContext {
        replay: true,
        ..CONTEXT
    };

    let end = command
        .run(&prepared, &context, std::future::pending())
        .await;

    assert_eq!(end.output.text(), "1\n");
}
