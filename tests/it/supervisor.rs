//! Commands run by the real supervisor: what reaches a program, and that nothing of it stays.

mod output;
mod replaced;
mod start;
mod until;
mod update;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hookbox::actions::command::{
    Command, CommandConfig, CommandConfigError, CommandEnd, CommandOutcome, Commands, Context,
    EventCommit, Forced, RunContext, WorkConfig,
};
use hookbox::domain::decision::Argument;
use hookbox::domain::names::CommandName;
use hookbox::domain::secret::{ReadSecret, Secret, SecretError, SecretRef};
use proptest::prelude::any;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// How long a test waits for what should happen at once, on a machine that is very busy.
const DEADLINE: Duration = Duration::from_secs(20);

const SECRET: &str = "s3cr3t-t0ken";

struct FixedSecret;

impl ReadSecret for FixedSecret {
    fn read(&self, _: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new(SECRET))
    }
}

/// A folder, and the commands of a test that run in it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn commands(&self, config: &str) -> Commands {
        self.build(config).expect("a good configuration")
    }

    fn build(&self, config: &str) -> Result<Commands, CommandConfigError> {
        let mut config: CommandConfig = toml::from_str(config).expect("known keys");
        if let WorkConfig::Program(program) = &mut config.work {
            let folder = || self.folder.path().to_owned();
            program.cwd.get_or_insert_with(folder);
        }
        let context = Context {
            secrets: &FixedSecret,
            supervisor: PathBuf::from(env!("CARGO_BIN_EXE_hookbox")),
            output: self.path("output"),
            folder: self.folder.path().to_owned(),
        };
        Commands::build(&BTreeMap::from([(name(), config)]), &context)
    }

    async fn run(&self, config: &str, values: &[(&str, &str)]) -> CommandEnd {
        run(command(&self.commands(config)), values).await
    }

    /// Waits for a file that a command writes, and returns the process numbers in it.
    async fn pids(&self, file: &str, number: usize) -> Vec<String> {
        eventually("the command writes its process numbers", || {
            let text = std::fs::read_to_string(self.path(file)).unwrap_or_default();
            let pids: Vec<String> = text.lines().map(str::to_owned).collect();
            (text.ends_with('\n') && pids.len() >= number)
                .then_some(pids)
                .ok_or(text)
        })
        .await
    }
}

fn name() -> CommandName {
    CommandName::parse("test").expect("a name")
}

fn command(commands: &Commands) -> &Command {
    commands.get(&name()).expect("it is configured")
}

async fn run(command: &Command, values: &[(&str, &str)]) -> CommandEnd {
    let arguments: Vec<Argument> = values
        .iter()
        .map(|(name, value)| Argument {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    let prepared = command.prepare(&arguments).expect("good arguments");
    command
        .run(&prepared, &CONTEXT, std::future::pending())
        .await
}

/// What the runs are for, where a test says nothing else.
const CONTEXT: RunContext<'static> = RunContext {
    event: "event-1",
    key: "event-1/0/payments/route/0",
    rule: "payments/route",
    source: "gitlab",
    attempt: 2,
    replay: false,
    commit: EventCommit {
        commit: None,
        forced: Forced::No,
    },
    stdin: None,
};

/// Looks until something is there; fails with what was seen last.
async fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() > deadline => panic!("in vain: {what}; last seen: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// A process that has ended and waits for its parent is gone as well.
fn is_running(pid: &str) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
}

async fn all_gone(pids: &[String]) {
    eventually("all processes of the command are gone", || {
        let left: Vec<&String> = pids.iter().filter(|pid| is_running(pid)).collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}

/// A command that writes its argument to the file `value`.
const ECHO: &str = r#"
    argv = ["/bin/sh", "-c", 'printf %s "$1" >value', "sh", "{value}"]
    parameters.value = { pattern = '(?s).*', leading_dash = true }
"#;

#[tokio::test]
async fn hostile_values_reach_the_program_as_they_are() {
    let bench = Bench::new();
    for value in [
        r#"it's "quoted""#,
        "$(touch pwned) `touch pwned` ; touch pwned",
        "two\nlines\r\n",
        "部署 到 生产",
        "{value} {{}} %s \\n",
        "-rf --no-preserve-root",
        "",
    ] {
        let end = bench.run(ECHO, &[("value", value)]).await;

        assert!(end.succeeded(), "{}", end.summary());
        let written = std::fs::read_to_string(bench.path("value")).expect("it is written");
        assert_eq!(written, value);
    }
    assert!(!bench.path("pwned").exists());
}

#[test]
fn every_accepted_value_reaches_the_program_byte_for_byte() {
    let bench = Bench::new();
    let commands = bench.commands(ECHO);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&any::<String>(), |value| {
            let value = value.replace('\0', "");
            let end = runtime.block_on(run(command(&commands), &[("value", &value)]));

            assert!(end.succeeded(), "{}", end.summary());
            let written = std::fs::read(bench.path("value")).expect("it is written");
            assert_eq!(written, value.as_bytes());
            Ok(())
        })
        .expect("every value arrives");
}

#[tokio::test]
async fn the_exit_code_and_both_outputs_are_kept() {
    let bench = Bench::new();

    let end = bench
        .run(
            r#"argv = ["sh", "-c", "echo out; echo err >&2; cat; exit 3"]"#,
            &[],
        )
        .await;

    assert_eq!(end.outcome, CommandOutcome::Failed { exit_code: 3 });
    assert_eq!(end.output.text(), "out\nerr\n");
    assert!(
        end.summary().starts_with("exit 3 after "),
        "{}",
        end.summary()
    );
    let path = end.output.path.expect("it is written to disk");
    assert_eq!(path, bench.path("output/event-1+0+payments+route+0.2.log"));
    assert_eq!(
        std::fs::read_to_string(path).expect("it is there"),
        "out\nerr\n"
    );
}

#[tokio::test]
async fn a_program_ended_by_a_signal_is_reported_so() {
    let end = Bench::new()
        .run(r#"argv = ["sh", "-c", "kill -SEGV $$"]"#, &[])
        .await;

    assert_eq!(end.outcome, CommandOutcome::Signaled { signal: 11 });
}

#[tokio::test]
async fn the_environment_is_exactly_the_documented_one() {
    let bench = Bench::new();

    let end = bench
        .run(
            "argv = ['env']\nenvironment = { STAGE = 'live', LANG = 'fr_FR.UTF-8' }",
            &[],
        )
        .await;

    let text = end.output.text();
    let (of_user, mut others): (Vec<&str>, Vec<&str>) = text
        .lines()
        .partition(|line| line.starts_with("HOME=/") || line.starts_with("USER="));
    others.sort_unstable();
    assert!((1..=2).contains(&of_user.len()), "{of_user:?}");
    assert_eq!(
        others,
        [
            "HOOKBOX_ATTEMPT=2",
            "HOOKBOX_COMMAND=test",
            "HOOKBOX_EVENT_ID=event-1",
            "HOOKBOX_IDEMPOTENCY_KEY=event-1/0/payments/route/0",
            "HOOKBOX_RULE=payments/route",
            "HOOKBOX_SOURCE=gitlab",
            "LANG=fr_FR.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "STAGE=live",
        ]
    );
}

/// A shell that ignores TERM, with a grandchild in a session of its own that does too and holds the output.
const STUBBORN: &str = r#"
    argv = ["sh", "-c", '''
        trap "" TERM
        setsid sh -c 'trap "" TERM; echo $$ >>pids; while :; do sleep 1; done' &
        echo $$ >>pids
        echo working
        while :; do sleep 1; done
    ''']
"#;

#[tokio::test]
async fn at_the_time_limit_everything_is_ended_also_what_ignores_term_in_a_session_of_its_own() {
    let bench = Bench::new();
    let begun = Instant::now();

    let end = bench
        .run(
            &format!("timeout = '800ms'\ngrace = '200ms'\n{STUBBORN}"),
            &[],
        )
        .await;

    let pids = bench.pids("pids", 2).await;
    assert_eq!(end.outcome, CommandOutcome::TimedOut);
    assert_eq!(end.output.text(), "working\n");
    assert_eq!(end.summary(), "stopped after its time limit of 800ms");
    assert_eq!(end.left_running, 0);
    assert!(!pids.iter().any(|pid| is_running(pid)), "{pids:?}");
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "the grace was cut short"
    );
}

#[tokio::test]
async fn a_program_may_clean_up_within_its_grace() {
    let bench = Bench::new();
    let program =
        r#"["sh", "-c", "trap 'echo cleaning; exit 0' TERM; while :; do sleep 0.1; done"]"#;

    let end = bench
        .run(&format!("argv = {program}\ntimeout = '500ms'"), &[])
        .await;

    assert_eq!(end.outcome, CommandOutcome::TimedOut);
    assert!(
        end.output.text().ends_with("cleaning\n"),
        "{}",
        end.output.text()
    );
}

#[tokio::test]
async fn a_supervisor_whose_pipe_closes_ends_its_command() {
    let bench = Bench::new();
    let spec = r#"{
        "argv": ["sh", "-c", "echo $$ >pids; trap '' TERM; while :; do sleep 1; done"],
        "cwd": CWD, "place": PLACE, "environment": {"PATH": "/usr/bin:/bin"},
        "timeout": {"secs": 600, "nanos": 0}, "grace": {"secs": 0, "nanos": 1000000}
    }"#;
    let quoted = |path: &Path| format!("\"{}\"", path.display());
    let spec = spec
        .replace("CWD", &quoted(bench.folder.path()))
        .replace("PLACE", &quoted(&bench.path("place")));
    let mut supervisor = tokio::process::Command::new(env!("CARGO_BIN_EXE_hookbox"))
        .arg("__supervise")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the supervisor starts");
    let mut stdin = supervisor.stdin.take().expect("a pipe");
    let line = format!("{}\n", spec.replace('\n', " "));
    stdin.write_all(line.as_bytes()).await.expect("it reads");
    let pids = bench.pids("pids", 1).await;

    drop(stdin);

    let status = tokio::time::timeout(DEADLINE, supervisor.wait())
        .await
        .expect("it ends");
    assert!(status.expect("its status").success());
    assert!(!is_running(&pids[0]));
    let mut reports = BufReader::new(supervisor.stdout.take().expect("a pipe")).lines();
    assert!(
        reports
            .next_line()
            .await
            .expect("a line")
            .is_some_and(|line| line.contains("starting"))
    );
    assert!(
        reports
            .next_line()
            .await
            .expect("a line")
            .is_some_and(|line| line.contains("interrupted"))
    );
}

#[tokio::test]
async fn a_command_whose_supervisor_is_killed_is_interrupted_and_ended() {
    let bench = Bench::new();
    let program = r#"["sh", "-c", "echo $$ >pids; kill -KILL $PPID; while :; do sleep 1; done"]"#;

    let end = bench.run(&format!("argv = {program}"), &[]).await;

    let summary = end.summary();
    assert!(
        matches!(end.outcome, CommandOutcome::Interrupted { .. }),
        "{summary}"
    );
    assert!(
        summary.ends_with("without a report (signal: 9 (SIGKILL))"),
        "{summary}"
    );
    all_gone(&bench.pids("pids", 1).await).await;
}

#[tokio::test]
async fn what_a_program_leaves_in_the_background_is_ended_with_it() {
    let bench = Bench::new();

    let end = bench
        .run(
            r#"
            argv = ["sh", "-c", '''
                sh -c 'echo $$ >>pids; exec sleep 600' &
                setsid sh -c 'trap "" TERM; echo $$ >>pids; while :; do sleep 1; done' &
                until [ "$(wc -l <pids)" = 2 ]; do sleep 0.01; done
                echo done
            ''']
            grace = '100ms'
            "#,
            &[],
        )
        .await;

    let pids = bench.pids("pids", 2).await;
    assert_eq!(end.outcome, CommandOutcome::Succeeded);
    assert!(
        end.output.text().ends_with("done\n"),
        "{}",
        end.output.text()
    );
    assert!(!pids.iter().any(|pid| is_running(pid)), "{pids:?}");
}
