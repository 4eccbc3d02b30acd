//! What is kept of an output, in memory and on disk, however much it is.

use std::io::Write as _;
use std::time::Duration;

use hookbox::actions::command::{OutputState, Outputs};
use hookbox::domain::quantity::Bytes;

use super::{Bench, CONTEXT, DEADLINE, SECRET, all_gone, command, run};

/// The most memory that this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("a line").parse().expect("a number")
}

/// Said to the process that runs the test below and no other one.
const ALONE: &str = "HOOKBOX_TEST_ALONE";

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_gibibytes_the_first_and_the_last_lines_are_kept_in_bounded_memory() {
    if std::env::var_os(ALONE).is_some() {
        return ten_gibibytes().await;
    }
    // The memory of this process is that of all tests that run at the same time.
    let name = "supervisor::output::of_ten_gibibytes_the_first_and_the_last_lines_are_kept_in_bounded_memory";
    let test = std::env::current_exe().expect("this is a test");
    let mut alone = tokio::process::Command::new(test);
    alone.args(["--exact", name]).env(ALONE, "yes");
    let output = alone.output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

async fn ten_gibibytes() {
    const ALL: u64 = 10 << 30;
    let bench = Bench::new();
    let line = "a line as programs write them, of 64 bytes with the feed at end\n";
    let mut file = std::fs::File::create(bench.path("lines")).expect("a file");
    for _ in 0..(64 << 20) / (line.len() * 1024) {
        file.write_all(line.repeat(1024).as_bytes())
            .expect("it can be written");
    }
    let config = r#"
        argv = ["sh", "-c", "echo first; for a in 0 1 2 3 4 5 6 7 8 9; do for b in 0 1 2 3; do cat lines lines lines lines; done; done; echo last"]
        output_limit = "1MiB"
        environment.TOKEN = { env = "TOKEN" }
    "#;
    let before = peak_memory();

    let end = bench.run(config, &[]).await;

    let grown = peak_memory() - before;
    assert!(end.succeeded(), "{}", end.summary());
    assert!(grown < 32 << 10, "{grown} KiB");
    assert!(
        end.output
            .head
            .starts_with("first\na line as programs write them,")
    );
    assert!(end.output.tail.ends_with("last\n"));
    assert_eq!(end.output.left_out, ALL + 11 - (64 << 10));
    assert!(end.output.text().len() < (64 << 10) + 64);
    let path = end.output.path.expect("it is written to disk");
    let size = std::fs::metadata(&path).expect("it is there").len();
    assert!(((1 << 20)..(1 << 20) + 64).contains(&size), "{size}");
    let text = std::fs::read_to_string(path).expect("it is there");
    assert!(text.starts_with(&end.output.head) && text.ends_with(&end.output.tail));
}

#[tokio::test]
async fn a_huge_output_without_a_line_is_bounded_and_its_end_is_kept() {
    let bench = Bench::new();
    let program = r#"["sh", "-c", "echo first; head -c 200M /dev/zero; echo last"]"#;
    let config = "output_limit = '1KiB'\nenvironment.TOKEN = { env = 'TOKEN' }";

    let end = bench.run(&format!("argv = {program}\n{config}"), &[]).await;

    assert!(end.succeeded(), "{}", end.summary());
    // Every zero is shown with five characters.
    let (head, tail) = (&end.output.head, &end.output.tail);
    assert!(head.starts_with("first\n\\u{0}\\u{0}") && head.len() <= 512);
    assert!(tail.ends_with("\\u{0}last\n") && tail.len() <= 512);
    let zeros = (head.len() - 6 + tail.len() - 5) as u64 / 5;
    assert_eq!(end.output.left_out, (200 << 20) - zeros);
    let path = end.output.path.expect("it is written to disk");
    assert!(std::fs::metadata(path).expect("it is there").len() < 1 << 11);
}

#[tokio::test]
async fn secrets_are_masked_in_the_text_and_on_disk() {
    let bench = Bench::new();
    let config = r#"
        argv = ["sh", "-c", 'printf %s "${{TOKEN%?????}}"; sleep 0.2; echo "${{TOKEN#???????}}"; env | grep TOKEN']
        environment.TOKEN = { env = 'TOKEN' }
    "#;

    let end = bench.run(config, &[]).await;

    assert_eq!(end.output.text(), "***\nTOKEN=***\n");
    let file =
        std::fs::read_to_string(end.output.path.expect("it is written")).expect("it is there");
    assert!(!file.contains(SECRET), "{file}");
}

/// A command that writes two lines and then waits.
const WAITING: &str = r#"
    argv = ["sh", "-c", 'echo $$ >pids; echo "begun with $TOKEN"; echo working; exec sleep 600']
    environment.TOKEN = { env = 'TOKEN' }
    grace = '100ms'
"#;

#[tokio::test]
async fn the_output_of_a_command_is_read_while_it_runs_and_after_it_was_cut_off() {
    let bench = Bench::new();
    let outputs = Outputs::new(bench.path("output"));
    let commands = bench.commands(WAITING);
    let look = async || {
        let limit = Bytes::kib(64);
        let stored = outputs.read(CONTEXT.key, CONTEXT.attempt, limit).await;
        let stored = stored.expect("it can be read");
        stored.map(|stored| (stored.output.text(), stored.state))
    };
    let text = "begun with ***\nworking\n";

    let written = async {
        while look().await != Some((text.to_owned(), OutputState::Unfinished)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        end = run(command(&commands), &[]) => panic!("it does not end by itself: {}", end.summary()),
        written = tokio::time::timeout(DEADLINE, written) => written.expect("it is written"),
    }
    all_gone(&bench.pids("pids", 1).await).await;

    assert_eq!(
        look().await,
        Some((text.to_owned(), OutputState::Unfinished))
    );
    assert_eq!(outputs.finish_all().await.expect("the folder"), 1);
    assert_eq!(look().await, Some((text.to_owned(), OutputState::Finished)));
}
