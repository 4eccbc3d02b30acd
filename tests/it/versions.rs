//! Versions of the interface, as the program shows them; and the one that the unit tests of the engine serve
//! beside the first, which no program does.

use std::path::Path;

use crate::support::sandbox::Sandbox;
use crate::support::{guest, hookbox, stdout, workspace};

/// The interface of the guest `next-interface`.
const NEXT: &str = "tests/guests/next-interface/wit";

/// Where the record of the event ends.
const BEFORE: &str = "        subject: subject,\n    }\n";

/// The same with the field that the next version adds.
const AFTER: &str = "        subject: subject,
        /// What the host has to say about how it read the payload.
        note: option<string>,
    }
";

/// Writes the next version anew when this variable is set.
const BLESS: &str = "HOOKBOX_BLESS";

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("the entry can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn the_next_version_is_the_first_with_one_more_field() {
    let (first, next) = (workspace().join("wit"), workspace().join(NEXT));
    let bless = std::env::vars_os().any(|(key, _)| key == BLESS);
    let mut fields = 0;

    for name in names(&first) {
        let text = std::fs::read_to_string(first.join(&name)).expect("a file of the interface");
        let (package, rest) = text.split_once('\n').expect("it begins with its package");
        assert_eq!(package, "package hookbox:rule@0.1.0;");
        fields += rest.matches(BEFORE).count();
        let rest = rest.replace(BEFORE, AFTER);
        let expected = format!("package hookbox:rule@0.2.0;\n{rest}");
        if bless {
            std::fs::write(next.join(&name), &expected).expect("it can be written");
        }
        let found = std::fs::read_to_string(next.join(&name)).unwrap_or_default();
        assert_eq!(found, expected, "{NEXT}/{name}: run again with {BLESS}=1");
    }

    assert_eq!(fields, 1);
    assert_eq!(names(&next), names(&first));
}

#[tokio::test]
async fn the_next_version_is_served_by_no_program() {
    let sandbox = Sandbox::new();

    for name in ["next-interface", "mixed-interfaces"] {
        let refusal = sandbox.refusal(&guest(name)).await;

        assert_eq!(refusal.code(), "rule/newer-interface", "{name}");
        let message = refusal.to_string();
        assert!(message.contains("built for version 0.2.0"), "{message}");
        assert!(message.contains("serves 0.1:"), "{message}");
    }
}

#[test]
fn inspect_shows_the_version_that_a_module_was_built_for() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(folder.path().join("echo.wasm"), guest("echo")).expect("it can be written");

    let text = stdout(&hookbox(folder.path(), &["inspect", "echo.wasm"]));
    let json = stdout(&hookbox(folder.path(), &["inspect", "echo.wasm", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");

    assert!(text.contains("interface  hookbox:rule@0.1\n"), "{text}");
    assert_eq!(json["interface"], "0.1");
}
