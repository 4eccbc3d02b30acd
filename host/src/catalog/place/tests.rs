//! Tests of putting rules in place, also in a folder that somebody else may write.

use super::*;

fn name(text: &str) -> RuleName {
    RuleName::parse(text).expect("it is a name")
}

fn arrival<'a>(name: &'a RuleName, module: &'a [u8]) -> Arrival<'a> {
    Arrival {
        name,
        module,
        settings: "# new\n",
        replace: Replace::Never,
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it can be read")
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("it can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_rule_of_a_team_comes_with_its_settings_file_and_nothing_else() {
    let rules = tempfile::tempdir().expect("a folder can be made");
    let name = name("payments/10-route");

    let placed = place(rules.path(), &arrival(&name, b"module")).expect("it is put in place");

    assert!(!placed.replaced && !placed.settings_kept);
    assert_eq!(read(&placed.module), "module");
    assert_eq!(read(&placed.settings), "# new\n");
    assert_eq!(
        names(&rules.path().join("payments")),
        ["10-route.toml", "10-route.wasm"]
    );
}

#[test]
fn a_rule_that_is_there_stays_unless_it_is_to_be_replaced_and_its_settings_always_do() {
    let rules = tempfile::tempdir().expect("a folder can be made");
    let name = name("route");
    place(rules.path(), &arrival(&name, b"old")).expect("it is put in place");
    std::fs::write(rules.path().join("route.toml"), "# mine\n").expect("it can be written");

    let refused = place(rules.path(), &arrival(&name, b"new")).expect_err("it is there");
    let kept = read(&rules.path().join("route.wasm"));
    let replace = Replace::Module;
    let placed = place(
        rules.path(),
        &Arrival {
            replace,
            ..arrival(&name, b"new")
        },
    );
    let placed = placed.expect("it is replaced");

    assert!(
        refused
            .to_string()
            .starts_with("there is a rule `route` already"),
        "{refused}"
    );
    assert_eq!(kept, "old");
    assert!(placed.replaced && placed.settings_kept);
    assert_eq!(read(&placed.module), "new");
    assert_eq!(read(&placed.settings), "# mine\n");
    assert_eq!(names(rules.path()), ["route.toml", "route.wasm"]);
}

#[test]
fn a_link_in_a_teams_folder_leads_no_file_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (rules, victim) = (folder.path().join("rules"), folder.path().join("victim"));
    let team = rules.join("payments");
    std::fs::create_dir_all(&team).expect("a folder can be made");
    std::fs::write(&victim, "precious").expect("it can be written");
    for planted in ["route.wasm", "route.toml"] {
        std::os::unix::fs::symlink(&victim, team.join(planted)).expect("a link can be made");
    }
    let name = name("payments/route");
    let replace = Replace::Module;

    let read_first = settings_of(&rules, &name).expect_err("the link leads out");
    let placed = place(
        &rules,
        &Arrival {
            replace,
            ..arrival(&name, b"new")
        },
    );

    assert!(
        read_first.to_string().contains("leads out of its folder"),
        "{read_first}"
    );
    assert!(placed.expect("the link is replaced").settings_kept);
    assert_eq!(read(&victim), "precious");
    assert!(!team.join("route.wasm").is_symlink());
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_keeps_no_part() {
    let rules = tempfile::tempdir().expect("a folder can be made");
    let name = name("payments/route");
    std::fs::write(rules.path().join("payments"), "a file").expect("it can be written");
    std::fs::create_dir(rules.path().join("shared.wasm")).expect("a folder can be made");

    let error = place(rules.path(), &arrival(&name, b"new")).expect_err("it is a file");
    let shared = RuleName::parse("shared").expect("it is a name");
    let replace = Replace::Module;
    let over = place(
        rules.path(),
        &Arrival {
            replace,
            ..arrival(&shared, b"new")
        },
    );

    assert!(
        error.to_string().contains("payments` cannot be written"),
        "{error}"
    );
    assert!(
        over.expect_err("a folder is in the way")
            .to_string()
            .contains("shared.wasm")
    );
    assert_eq!(
        names(rules.path()),
        ["payments", "shared.toml", "shared.wasm"]
    );
}

#[test]
fn the_settings_file_that_is_there_is_read_as_the_server_reads_it() {
    let rules = tempfile::tempdir().expect("a folder can be made");
    let name = name("payments/route");

    assert_eq!(
        settings_of(rules.path(), &name).expect("there is none"),
        None
    );
    std::fs::create_dir(rules.path().join("payments")).expect("a folder can be made");
    std::fs::write(rules.path().join("payments/route.toml"), "order = 1")
        .expect("it can be written");

    let found = settings_of(rules.path(), &name).expect("it can be read");
    assert_eq!(found.as_deref(), Some(&b"order = 1"[..]));
}
