//! The crate's own copy of the interface, which a published crate cannot read from outside itself.

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
