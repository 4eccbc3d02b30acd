//! Git-updates of real checkouts: what is checked out afterwards, and what is said where nothing is.

mod order;
mod owners;
mod refused;

use std::path::PathBuf;
use std::process::Command;

use hookbox::actions::command::{CommandEnd, CommandOutcome, EventCommit, Forced, RunContext};
use hookbox::domain::decision::Argument;

use super::{Bench, CONTEXT, command};

/// A remote, somebody who pushes to it, and the checkout of it on the server.
struct Site {
    bench: Bench,
}

/// Writes what it is run for into a file that Git does not track.
const THEN: &str =
    r#"then = ["sh", "-c", 'echo "$HOOKBOX_BRANCH $HOOKBOX_COMMIT $1" >>ran', "sh", "{commit}"]"#;

impl Site {
    /// The checkout is on the one commit of the branch `main`.
    fn new() -> Self {
        let site = Self {
            bench: Bench::new(),
        };
        site.git(".", &["init", "--quiet", "--bare", "remote.git"]);
        site.git(".", &["clone", "--quiet", "remote.git", "author"]);
        site.git("author", &["checkout", "--quiet", "-b", "main"]);
        site.push("first", &[]);
        let clone = ["clone", "--quiet", "--branch", "main", "remote.git", "site"];
        site.git(".", &clone);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.bench.path(name)
    }

    /// Runs Git in a folder, without the configuration of this machine.
    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.path(folder))
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits a text on the current branch of the author, pushes it, and returns the commit.
    fn push(&self, text: &str, options: &[&str]) -> String {
        std::fs::write(self.path("author/page"), text).expect("it can be written");
        self.git("author", &["add", "page"]);
        self.git("author", &["commit", "--quiet", "--message", text]);
        let push = [&["push", "--quiet"], options, &["origin", "HEAD"]].concat();
        self.git("author", &push);
        self.git("author", &["rev-parse", "HEAD"])
    }

    /// What is checked out on the server.
    fn page(&self) -> String {
        std::fs::read_to_string(self.path("site/page")).expect("it is checked out")
    }

    fn head(&self) -> String {
        self.git("site", &["rev-parse", "HEAD"])
    }

    /// What ran after the updates.
    fn ran(&self) -> String {
        std::fs::read_to_string(self.path("site/ran")).unwrap_or_default()
    }

    /// Updates the checkout to the commit of an ordinary push.
    async fn update(&self, config: &str, commit: &str) -> CommandEnd {
        let event = EventCommit {
            commit: Some(commit),
            forced: Forced::No,
        };
        self.update_to(config, event, &[]).await
    }

    async fn update_to(
        &self,
        config: &str,
        event: EventCommit<'_>,
        values: &[(&str, &str)],
    ) -> CommandEnd {
        let branch = match config.contains("branch =") {
            true => "",
            false => "branch = 'main'\n",
        };
        let commands = self.bench.commands(&format!(
            "kind = 'git-update'\npath = 'site'\n{branch}{config}\n\
             [environment]\nGIT_CONFIG_GLOBAL = '/dev/null'\nGIT_CONFIG_NOSYSTEM = '1'"
        ));
        let command = command(&commands);
        let argument = |(name, value): &(&str, &str)| Argument {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let arguments: Vec<Argument> = values.iter().map(argument).collect();
        let prepared = command.prepare(&arguments).expect("good arguments");
        let context = RunContext {
            commit: event,
            stdin: Some("{\"an\":\"event\"}"),
            ..CONTEXT
        };
        command
            .run(&prepared, &context, std::future::pending())
            .await
    }
}

#[tokio::test]
async fn a_checkout_is_brought_to_the_pushed_commit_and_the_program_runs_in_it() {
    let site = Site::new();
    let second = site.push("second", &[]);

    let end = site.update(THEN, &second).await;

    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!(
        (site.page(), site.head()),
        ("second".to_owned(), second.clone())
    );
    assert_eq!(site.ran(), format!("main {second} {second}\n"));
    assert_eq!(
        site.git("site", &["rev-parse", "--abbrev-ref", "HEAD"]),
        "main"
    );
}

#[tokio::test]
async fn a_commit_in_the_midst_of_the_branch_is_checked_out_and_not_the_newest() {
    let site = Site::new();
    let second = site.push("second", &[]);
    site.push("third", &[]);

    let end = site.update("", &second).await;

    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!((site.page(), site.head()), ("second".to_owned(), second));
}

#[tokio::test]
async fn the_same_commit_is_checked_out_again_and_the_program_runs_again() {
    let site = Site::new();
    let first = site.head();
    std::fs::write(site.path("site/page"), "somebody's change").expect("it can be written");

    for _ in 0..2 {
        let end = site.update(THEN, &first).await;
        assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    }

    assert_eq!(site.page(), "first");
    assert_eq!(site.ran().lines().count(), 2);
}

#[tokio::test]
async fn changes_of_tracked_files_are_lost_and_other_files_stay() {
    let site = Site::new();
    let second = site.push("second", &[]);
    std::fs::write(site.path("site/page"), "somebody's change").expect("it can be written");
    std::fs::write(site.path("site/upload"), "kept").expect("it can be written");

    let end = site.update("", &second).await;

    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!(site.page(), "second");
    let upload = std::fs::read_to_string(site.path("site/upload"));
    assert_eq!(upload.expect("it is there"), "kept");
}

#[tokio::test]
async fn a_program_that_fails_after_the_update_fails_the_run() {
    let site = Site::new();
    let second = site.push("second", &[]);

    let failed = site
        .update("then = ['sh', '-c', 'echo no; exit 3']", &second)
        .await;
    let missing = site.update("then = ['./no-such-script']", &second).await;

    assert_eq!(failed.outcome, CommandOutcome::Failed { exit_code: 3 });
    assert!(
        failed.output.text().ends_with("no\n"),
        "{}",
        failed.output.text()
    );
    let script = site.path("site/./no-such-script");
    assert_eq!(
        missing.summary(),
        format!(
            "could not start: the program `{}` does not exist",
            script.display()
        )
    );
    assert_eq!(site.page(), "second");
}

#[tokio::test]
async fn the_commit_that_the_rule_gives_counts_before_the_events() {
    let site = Site::new();
    let second = site.push("second", &[]);
    let third = site.push("third", &[]);
    let event = EventCommit {
        commit: Some(&third),
        forced: Forced::No,
    };

    let end = site.update_to("", event, &[("commit", &second)]).await;

    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!(site.head(), second);
}

#[tokio::test]
async fn a_commit_of_which_the_event_has_the_first_digits_is_found() {
    let site = Site::new();
    let second = site.push("second", &[]);

    let end = site.update(THEN, &second[..12]).await;

    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!(site.ran(), format!("main {second} {second}\n"));
}

#[tokio::test]
async fn a_branch_may_have_any_name_that_git_allows() {
    let site = Site::new();
    for branch in [
        "release/1.0",
        "fix/#7;$(touch${IFS}pwned)&é",
        "@home",
        "a'b\"c|d",
    ] {
        let path = site.path("site/page");
        let text = format!("on {branch}");
        site.git("author", &["checkout", "--quiet", "-b", branch]);
        let commit = site.push(&text, &[]);
        let event = EventCommit {
            commit: Some(&commit),
            forced: Forced::No,
        };

        let config =
            format!("branch = '{{branch}}'\n{THEN}\nparameters.branch = {{ pattern = '.+' }}");
        let end = site.update_to(&config, event, &[("branch", branch)]).await;

        assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
        assert!(
            site.ran()
                .ends_with(&format!("{branch} {commit} {commit}\n"))
        );
    }
    assert!(!site.path("site/pwned").exists());
}

#[tokio::test]
async fn the_event_is_the_standard_input_of_the_program_that_follows() {
    let site = Site::new();
    let first = site.head();
    let event = EventCommit {
        commit: Some(&first),
        forced: Forced::No,
    };

    let end = site
        .update_to("then = ['cat']\nstdin = 'event'", event, &[])
        .await;

    let text = end.output.text();
    assert!(text.ends_with("{\"an\":\"event\"}"), "{text}");
}
