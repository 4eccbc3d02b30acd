//! Which commit goes over which: nothing that was deployed is taken away, unless history was rewritten.

use hookbox::actions::command::{CommandOutcome, EventCommit, Forced};

use super::{Site, THEN};

#[tokio::test]
async fn an_older_commit_is_superseded_and_changes_nothing() {
    let site = Site::new();
    let second = site.push("second", &[]);
    let third = site.push("third", &[]);
    site.update("", &third).await;

    let end = site.update(THEN, &second).await;

    let reason = format!(
        "`{}` is checked out, which is newer than `{}`",
        &third[..12],
        &second[..12]
    );
    assert_eq!(end.summary(), format!("superseded: {reason}"));
    assert_eq!(end.outcome, CommandOutcome::Superseded { reason });
    assert_eq!(
        (site.page(), site.ran()),
        ("third".to_owned(), String::new())
    );
}

#[tokio::test]
async fn a_forced_push_goes_back() {
    let site = Site::new();
    let first = site.head();
    let second = site.push("second", &[]);
    site.update("", &second).await;
    site.git(
        "author",
        &[
            "push",
            "--quiet",
            "--force",
            "origin",
            &format!("{first}:main"),
        ],
    );
    let event = |forced| EventCommit {
        commit: Some(&first),
        forced,
    };

    let unforced = site.update_to("", event(Forced::No), &[]).await;
    assert_eq!(site.page(), "second");
    let forced = site.update_to("", event(Forced::Yes), &[]).await;

    assert!(matches!(
        unforced.outcome,
        CommandOutcome::Superseded { .. }
    ));
    assert!(
        forced.succeeded(),
        "{} {}",
        forced.summary(),
        forced.output.text()
    );
    assert_eq!((site.page(), site.head()), ("first".to_owned(), first));
}

#[tokio::test]
async fn a_forced_push_that_is_over_does_not_go_back() {
    let site = Site::new();
    let first = site.head();
    let second = site.push("second", &[]);
    site.update("", &second).await;
    let event = EventCommit {
        commit: Some(&first),
        forced: Forced::Yes,
    };

    // The branch has the newer commit again.
    let end = site.update_to("", event, &[]).await;

    assert!(
        matches!(end.outcome, CommandOutcome::Superseded { .. }),
        "{}",
        end.summary()
    );
    assert_eq!(site.page(), "second");
}

#[tokio::test]
async fn history_that_was_rewritten_replaces_what_was_there() {
    let site = Site::new();
    let second = site.push("second", &[]);
    site.update("", &second).await;
    site.git("author", &["reset", "--quiet", "--hard", "HEAD~1"]);
    let other = site.push("other", &["--force"]);

    let end = site.update("", &other).await;

    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!(site.page(), "other");
}

/// A branch `feature` with a commit `aside`, and a commit on `main` beside it that is deployed; then `feature` is
/// merged. Returns the commit of `feature`, that of `main`, and the merge.
async fn merged(site: &Site) -> (String, String, String) {
    site.git("author", &["checkout", "--quiet", "-b", "feature"]);
    std::fs::write(site.path("author/aside"), "aside").expect("it can be written");
    site.git("author", &["add", "aside"]);
    let aside = site.push("first", &[]);
    site.git("author", &["checkout", "--quiet", "main"]);
    let beside = site.push("beside", &[]);
    let deployed = site.update("", &beside).await;
    assert!(deployed.succeeded(), "{}", deployed.summary());
    site.git("author", &["merge", "--quiet", "--no-edit", "feature"]);
    site.git("author", &["push", "--quiet", "origin", "main"]);
    (aside, beside, site.git("author", &["rev-parse", "HEAD"]))
}

#[tokio::test]
async fn a_commit_of_a_branch_that_was_merged_since_does_not_take_away_what_is_beside_it() {
    let site = Site::new();
    let (aside, beside, merge) = merged(&site).await;

    for forced in [Forced::No, Forced::Yes] {
        let event = EventCommit {
            commit: Some(&aside),
            forced,
        };

        let end = site.update_to(THEN, event, &[]).await;

        let reason = format!(
            "`{}` is checked out, which is on the branch `main` as well and not a part of `{}`",
            &beside[..12],
            &aside[..12]
        );
        assert_eq!(end.summary(), format!("superseded: {reason}"));
        let there = (site.page(), site.head(), site.ran());
        assert_eq!(there, ("beside".to_owned(), beside.clone(), String::new()));
    }
    let end = site.update("", &merge).await;
    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!((site.page(), site.head()), ("beside".to_owned(), merge));
    assert!(site.path("site/aside").exists());
}

#[tokio::test]
async fn what_a_forced_push_took_off_the_branch_is_replaced_by_any_commit_beside_it() {
    let site = Site::new();
    let (aside, _, _) = merged(&site).await;
    site.git("author", &["reset", "--quiet", "--hard", &aside]);
    let tip = site.push("rewritten", &["--force"]);

    // A pipeline tells of a commit without saying that it was forced there.
    let end = site.update("", &aside).await;
    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!((site.page(), site.head()), ("first".to_owned(), aside));
    let end = site.update("", &tip).await;
    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());

    assert_eq!((site.page(), site.head()), ("rewritten".to_owned(), tip));
}
