//! Git-updates of checkouts that belong to somebody else than the server.

use std::process::Command;

use super::{Site, THEN};

/// Gives folders to another user, where these tests may.
fn give_away(site: &Site, owner: &str, folders: &[&str]) -> bool {
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(site.path("."), open).expect("it is the test's own");
    let chown = Command::new("chown")
        .args([&["-R", owner], folders].concat())
        .current_dir(site.path("."))
        .output();
    chown.expect("it runs").status.success()
}

#[tokio::test]
async fn a_checkout_of_another_user_is_updated_as_that_user() {
    let site = Site::new();
    let second = site.push("second", &[]);
    if !give_away(&site, "nobody", &["site", "remote.git"]) {
        return;
    }

    let config = "user = 'nobody'\nthen = ['sh', '-c', 'id -un; stat -c %U page']";
    let end = site.update(config, &second).await;

    let text = end.output.text();
    assert!(text.ends_with("nobody\nnobody\n"), "{text}");
    assert!(end.succeeded(), "{}", end.summary());
}

/// A program that Git runs for whoever looks at the state of the checkout.
fn plant(site: &Site) {
    let program = format!("touch '{}'; false", site.path("pwned").display());
    site.git("site", &["config", "core.fsmonitor", &program]);
}

#[tokio::test]
async fn a_checkout_of_another_user_is_refused_and_runs_nothing() {
    let site = Site::new();
    let second = site.push("second", &[]);
    plant(&site);
    for folders in [&["site"][..], &["site/.git"]] {
        if !give_away(&site, "root", &["site"]) || !give_away(&site, "nobody", folders) {
            return;
        }

        let end = site.update(THEN, &second).await;

        let path = site.path(folders[0]).canonicalize().expect("it is there");
        assert_eq!(
            end.summary(),
            format!(
                "not updated: `{}` belongs to the user `nobody`, and the command runs as `root`: the checkout's \
                 hooks and configuration could do anything as that one; set `user` to the owner, or give the \
                 whole checkout to `root` with `chown -R`",
                path.display()
            )
        );
        assert_eq!(
            (site.page(), site.ran()),
            ("first".to_owned(), String::new())
        );
        assert!(!site.path("pwned").exists());
    }
}

#[tokio::test]
async fn a_checkout_of_root_is_updated_by_a_user_who_may_write_to_it() {
    let site = Site::new();
    let second = site.push("second", &[]);
    if !give_away(&site, "root", &["site"]) || !give_away(&site, "nobody", &["remote.git"]) {
        return;
    }
    let opened = Command::new("chmod")
        .args(["-R", "a+rwX", "site"])
        .current_dir(site.path("."))
        .status();
    assert!(opened.expect("it runs").success());

    let end = site.update("user = 'nobody'", &second).await;

    assert!(end.succeeded(), "{} {}", end.summary(), end.output.text());
    assert_eq!(site.page(), "second");
}
