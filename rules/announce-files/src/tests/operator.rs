//! What the operator sets.

use super::*;

#[test]
fn only_uploads_and_changes_are_told_by_default() {
    for (change, reason) in [
        (FileChange::Renamed, "`changes` does not name `renamed`"),
        (FileChange::Removed, "`changes` does not name `removed`"),
    ] {
        assert_eq!(run(event("a.pdf", change), "").expect_nothing(), reason);
    }
    let modified = run(event("a.pdf", FileChange::Modified), "");
    assert_eq!(modified.reason(), Some("file modified"));
    let uploads = run(
        event("a.pdf", FileChange::Modified),
        "changes = ['created']",
    );
    assert_eq!(
        uploads.expect_nothing(),
        "`changes` does not name `modified`"
    );
}

#[test]
fn a_category_that_the_operator_named_stands_in_the_title() {
    let message = sent(
        event("HR/Contracts/2026/Lease.pdf", FileChange::Created),
        "categories = { 'HR/Contracts' = 'Signed contracts', 'HR' = 'Staff' }",
    );

    assert_eq!(
        title(&message),
        "📕 New file in Signed contracts: Lease.pdf"
    );
    assert_eq!(message.field("Folder"), Some("HR/Contracts/2026"));
}

#[test]
fn wrong_settings_are_refused_with_what_was_expected() {
    let complete =
        "channel = 'hr'\nlanguage = 'zh'\nchanges = ['removed']\n[categories]\nHR = 'Staff'";
    assert_eq!(configure_with::<HookboxRule>(complete), Ok(()));
    assert_eq!(configure_with::<HookboxRule>("channel = 'hr'"), Ok(()));

    let problem =
        |more: &str| configure_with::<HookboxRule>(&format!("channel = 'hr'\n{more}")).unwrap_err();
    assert_eq!(
        problem("changes = ['deleted']"),
        "`changes` is `[\"deleted\"]`, expected a list of at least one of created, modified, renamed, removed"
    );
    assert_eq!(
        problem("language = 'de'"),
        "`language` is `\"de\"`, expected `en`, `fr` or `zh`"
    );
    assert_eq!(
        problem("categories = { HR = 1 }"),
        "`categories` is `{\"HR\":1}`, expected a table of folders and their names, such as { \"HR/Contracts\" = \"Contracts\" }"
    );
    assert_eq!(
        problem("folders = {}"),
        "unknown key `folders`: the keys are `channel`, `language`, `changes`, `categories`"
    );
}

#[test]
fn the_manifest_says_what_each_setting_is() {
    let manifest = manifest_of::<HookboxRule>();

    assert_eq!(manifest.subjects, ["file"]);
    let settings: Vec<_> = manifest
        .settings
        .iter()
        .map(|setting| {
            assert!(!setting.summary.is_empty());
            (setting.name.as_str(), setting.required)
        })
        .collect();
    assert_eq!(
        settings,
        [
            ("channel", true),
            ("language", false),
            ("changes", false),
            ("categories", false)
        ]
    );
}
