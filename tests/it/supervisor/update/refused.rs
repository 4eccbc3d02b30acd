//! Git-updates that change nothing, and what they say to do.

use hookbox::actions::command::{CommandOutcome, EventCommit, Forced};

use super::{Site, THEN};

/// Updates to a commit, which fails, and returns the reason. Nothing has changed then.
async fn reason(site: &Site, config: &str, commit: &str) -> String {
    let page = site.page();
    let end = site.update(&format!("{config}\n{THEN}"), commit).await;

    let CommandOutcome::NotUpdated { reason } = &end.outcome else {
        panic!("{}: {}", end.summary(), end.output.text());
    };
    assert_eq!(end.summary(), format!("not updated: {reason}"));
    assert_eq!((site.page(), site.ran()), (page, String::new()));
    reason.clone()
}

#[tokio::test]
async fn a_commit_of_another_branch_is_refused() {
    let site = Site::new();
    site.git("author", &["checkout", "--quiet", "-b", "other"]);
    let other = site.push("other", &[]);

    let here = reason(&site, "", &other).await;
    let nowhere = reason(&site, "", &"ab".repeat(20)).await;

    assert_eq!(
        here,
        format!(
            "the commit `{}` is not on the branch `main` of `origin`; it belongs to another branch, or a \
             forced push has replaced it since",
            &other[..12]
        )
    );
    assert!(nowhere.starts_with("the commit `abababababab` is not on the branch"));
}

#[tokio::test]
async fn an_event_without_a_commit_updates_nothing() {
    let site = Site::new();
    let none = EventCommit {
        commit: None,
        forced: Forced::No,
    };

    let end = site.update_to(THEN, none, &[]).await;
    let deleted = reason(&site, "", &"0".repeat(40)).await;
    let odd = reason(&site, "", "HEAD").await;

    assert!(
        end.summary()
            .starts_with("not updated: the event is about no commit")
    );
    assert_eq!(
        deleted,
        "the branch or tag was deleted, so there is no commit to update to"
    );
    assert_eq!(
        odd,
        "the event names the commit `head`, which is no commit of Git"
    );
}

#[tokio::test]
async fn a_remote_that_does_not_answer_is_named_with_what_git_says() {
    let site = Site::new();
    let first = site.head();
    let gone = site.path("gone.git");
    std::fs::rename(site.path("remote.git"), &gone).expect("it can be moved");

    let reason = reason(&site, "", &first).await;

    assert!(
        reason.starts_with(
            "the branch `main` cannot be fetched from `origin`: `git fetch` failed: fatal: "
        ),
        "{reason}"
    );
}

#[tokio::test]
async fn a_remote_or_a_branch_that_is_not_there_is_named() {
    let site = Site::new();
    let first = site.head();

    let remote = reason(&site, "remote = 'upstream'", &first).await;
    let branch = reason(&site, "branch = 'release'", &first).await;

    let path = site.path("site").canonicalize().expect("it is there");
    assert_eq!(
        remote,
        format!(
            "`{}` has no remote `upstream`; it has `origin`",
            path.display()
        )
    );
    assert_eq!(branch, "the remote `origin` has no branch `release`");
}

#[tokio::test]
async fn a_folder_that_is_no_checkout_is_refused_also_within_one() {
    let site = Site::new();
    let first = site.head();
    for folder in ["plain", "author/within"] {
        std::fs::create_dir(site.path(folder)).expect("it can be made");
    }
    let refusal = async |path: &str| {
        let config = format!("path = '{path}'\nbranch = 'main'\nkind = 'git-update'");
        let commands = site.bench.commands(&config);
        let command = super::command(&commands);
        let prepared = command.prepare(&[]).expect("it takes none");
        let context = hookbox::actions::command::RunContext {
            commit: EventCommit {
                commit: Some(&first),
                forced: Forced::No,
            },
            ..super::CONTEXT
        };
        let end = command
            .run(&prepared, &context, std::future::pending())
            .await;
        end.summary()
    };

    let plain = refusal("plain").await;
    let bare = refusal("remote.git").await;
    let within = refusal("author/within").await;

    for refusal in [plain, bare] {
        let end = "is no checkout of a Git repository; make it one with `git clone`";
        assert!(refusal.ends_with(end), "{refusal}");
    }
    assert!(
        within.contains("within` lies within the checkout `"),
        "{within}"
    );
}

#[tokio::test]
async fn a_text_that_is_no_branch_reaches_git_as_none() {
    let site = Site::new();
    let first = site.head();
    for branch in ["a..b", "x:refs/heads/y", "a b", "main~1", "*", "main.lock"] {
        let config = format!("branch = '{branch}'");

        let reason = reason(&site, &config, &first).await;

        assert_eq!(reason, format!("`{branch}` is no name of a branch"));
    }
}

#[tokio::test]
async fn another_git_at_work_is_told_with_the_file_to_remove() {
    let site = Site::new();
    let second = site.push("second", &[]);
    std::fs::write(site.path("site/.git/index.lock"), "").expect("it can be written");

    let reason = reason(&site, "", &second).await;

    assert!(
        reason.starts_with("`git reset` failed: fatal: Unable to create '"),
        "{reason}"
    );
    assert!(
        reason.contains("site/.git/index.lock': File exists"),
        "{reason}"
    );
    assert!(reason.ends_with("then remove that file"), "{reason}");
}

#[tokio::test]
async fn a_machine_without_git_is_told_so() {
    let site = Site::new();
    let first = site.head();
    let config =
        "kind = 'git-update'\npath = 'site'\nbranch = 'main'\nenvironment.PATH = '/nonexistent'";
    let commands = site.bench.commands(config);
    let argument = hookbox::domain::decision::Argument {
        name: "commit".to_owned(),
        value: first,
    };
    let prepared = super::command(&commands).prepare(&[argument]);
    let prepared = prepared.expect("good arguments");

    let end = super::command(&commands)
        .run(&prepared, &super::CONTEXT, std::future::pending())
        .await;

    assert_eq!(
        end.summary(),
        "not updated: the program `git` is in no folder of its PATH"
    );
}
