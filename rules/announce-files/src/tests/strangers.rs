//! Names and sizes that nobody expects.

use super::*;

#[test]
fn names_that_would_format_or_mention_stay_names() {
    let message = created("*bold*/[x](https:)/`code`\n# @all <!channel>.pdf");

    assert_eq!(
        title(&message),
        "📕 New file in *bold*: `code` # @all <!channel>.pdf"
    );
    assert_eq!(message.field("Folder"), Some(r"\*bold\*/\[x\](https:)"));
    assert!(message.mentions.is_empty());

    let message = created("# list\n- item/a.pdf");
    assert_eq!(title(&message), "📕 New file in # list - item: a.pdf");
    assert_eq!(message.field("Folder"), Some(r"\# list - item"));
}

#[test]
fn names_that_look_like_a_pattern_stay_names() {
    let message = created("{name}/{category}.pdf");

    assert_eq!(title(&message), "📕 New file in {name}: {category}.pdf");
}

#[test]
fn a_very_long_name_is_short_and_keeps_its_end() {
    let name = format!("{}-v2.final.pdf", "合同".repeat(40_000));
    let message = created(&format!("{}/{name}", "deep/".repeat(20_000)));

    let title = title(&message);
    assert!(
        title.starts_with("📕 New file in deep: 合同合同"),
        "{title}"
    );
    assert!(
        title.contains('…') && title.ends_with("-v2.final.pdf"),
        "{title}"
    );
    assert!(title.chars().count() < 250, "{title}");
    let folder = message.field("Folder").unwrap();
    assert!(folder.chars().count() <= 300 && folder.ends_with('…'));
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut event = event("HR/README", FileChange::Created);
    file_mut(&mut event).size = None;
    event.received_local = String::new();

    let message = sent(event, "");

    assert_eq!(title(&message), "📎 New file in HR: README");
    assert_eq!(fields(&message), [("Folder", "HR"), ("Type", "File")]);
}

#[test]
fn sizes_from_none_to_terabytes_are_told() {
    for (size, said) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (3 << 40, "3 TB"),
        ((3 << 40) + (1 << 39), "3.5 TB"),
    ] {
        let mut event = event("HR/disk.iso", FileChange::Created);
        file_mut(&mut event).size = Some(size);
        assert_eq!(sent(event, "").field("Size"), Some(said));
    }
}

#[test]
fn a_full_stop_at_the_end_is_no_extension() {
    let message = created("HR/Minutes.");

    assert_eq!(title(&message), "📎 New file in HR: Minutes.");
    assert_eq!(message.field("Type"), Some("File"));
}
