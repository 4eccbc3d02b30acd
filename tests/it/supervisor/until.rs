//! Runs that are given up, with an end or without.

use hookbox::actions::command::CommandOutcome;

use super::{Bench, CONTEXT, STUBBORN, all_gone, command, is_running, run};

#[tokio::test]
async fn dropping_the_run_ends_the_command() {
    let bench = Bench::new();
    let commands = bench.commands(&format!("grace = '200ms'\n{STUBBORN}"));

    let pids = tokio::select! {
        end = run(command(&commands), &[]) => panic!("it does not end by itself: {}", end.summary()),
        pids = bench.pids("pids", 2) => pids,
    };

    all_gone(&pids).await;
}

#[tokio::test]
async fn a_run_that_is_given_up_ends_when_nothing_of_it_is_left() {
    let bench = Bench::new();
    let commands = bench.commands(&format!("grace = '200ms'\n{STUBBORN}"));
    let command = command(&commands);
    let prepared = command.prepare(&[]).expect("it takes none");

    let until = async {
        bench.pids("pids", 2).await;
    };
    let end = command.run(&prepared, &CONTEXT, until).await;

    let pids = bench.pids("pids", 2).await;
    assert!(!pids.iter().any(|pid| is_running(pid)), "{pids:?}");
    assert_eq!(end.outcome, CommandOutcome::Canceled);
    assert_eq!(end.left_running, 0);
    assert_eq!(end.output.text(), "working\n");
    assert!(
        end.summary().starts_with("canceled after "),
        "{}",
        end.summary()
    );
}

#[tokio::test]
async fn what_is_given_up_before_it_begins_does_not_begin() {
    let bench = Bench::new();
    let commands = bench.commands("argv = ['touch', 'begun']");
    let command = command(&commands);
    let prepared = command.prepare(&[]).expect("it takes none");

    let end = command.run(&prepared, &CONTEXT, async {}).await;

    assert_eq!(end.outcome, CommandOutcome::Canceled);
    assert_eq!(end.output.text(), "");
    assert!(!bench.path("begun").exists());
}

#[tokio::test]
async fn a_run_that_has_ended_before_it_is_given_up_has_its_own_end() {
    let bench = Bench::new();
    let commands = bench.commands("argv = ['sh', '-c', 'echo $$ >pids; exit 4']");
    let command = command(&commands);
    let prepared = command.prepare(&[]).expect("it takes none");

    let until = async {
        all_gone(&bench.pids("pids", 1).await).await;
    };
    let end = command.run(&prepared, &CONTEXT, until).await;

    assert_eq!(end.outcome, CommandOutcome::Failed { exit_code: 4 });
}

/// A command of which the first run neither ends nor heeds TERM, and which tells of two that run at the same time.
const FIRST_STAYS: &str = r#"
    argv = ["sh", "-c", '''
        trap "" TERM
        exec 9>lock
        flock -n 9 || echo overlap >>runs
        echo begin >>runs
        mkdir first 2>/dev/null && exec sleep 600
        echo end >>runs
    ''']
    grace = '500ms'
"#;

#[tokio::test]
async fn the_next_run_of_a_key_waits_for_what_is_left_of_one_that_nobody_awaits() {
    let bench = Bench::new();
    let commands = bench.commands(FIRST_STAYS);
    tokio::select! {
        end = run(command(&commands), &[]) => panic!("it does not end by itself: {}", end.summary()),
        _ = bench.pids("runs", 1) => {}
    }

    let end = run(command(&commands), &[]).await;

    assert!(end.succeeded(), "{}", end.summary());
    let runs = std::fs::read_to_string(bench.path("runs")).expect("it is written");
    assert_eq!(runs, "begin\nbegin\nend\n");
}
