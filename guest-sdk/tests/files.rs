//! Files that have to agree: the crate's own copy of the interface, which a published crate cannot read
//! from outside itself, and the list of samples.

use std::fs;
use std::path::Path;

#[test]
fn the_copy_of_the_interface_is_the_interface() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit");
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    // A published crate stands alone.
    if !original.is_dir() {
        return;
    }

    for folder in [&own, &original] {
        for entry in fs::read_dir(folder).expect("the folder is readable") {
            let name = entry.expect("the entry is readable").file_name();
            let read = |folder: &Path| fs::read_to_string(folder.join(&name)).unwrap_or_default();
            let same = read(&own) == read(&original);
            assert!(
                same,
                "`{}` differs: copy `wit/` into `guest-sdk/wit/`",
                name.display()
            );
        }
    }
}

#[test]
fn every_sample_in_the_folder_is_listed() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let folder = |path: &Path| fs::read_dir(path).expect("the folder is readable");

    let mut found: Vec<String> = Vec::new();
    for provider in folder(&samples) {
        let provider = provider.expect("the entry is readable");
        for file in folder(&provider.path()) {
            let file = file.expect("the entry is readable").file_name();
            if let Some(name) = file.to_string_lossy().strip_suffix(".event.json") {
                found.push(format!("{}/{name}", provider.file_name().display()));
            }
        }
    }
    found.sort();

    let mut listed: Vec<&str> = hookbox_sdk::testing::samples().collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}
