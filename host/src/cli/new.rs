//! `hookbox new`: a rule crate that builds and passes its test.
//!
//! The program carries the sources of the SDK and writes them into the crate, so that a crate builds
//! in any folder without the SDK being published anywhere.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use include_dir::{Dir, DirEntry, include_dir};

use super::{CliError, Exit, output};

mod manifest;

/// Make a rule crate that builds and passes its test
///
/// `hookbox new rules/my-rule` in the folder of a configuration makes a shared rule that `hookbox dev`
/// builds and serves.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to make; its last part is the rule's name
    #[arg(value_name = "NAME")]
    path: PathBuf,
}

/// The folders of the SDK that a crate needs, as they were when this program was built.
///
/// They are named one by one: what lies beside them, such as what an example installed, is not carried along.
static FOLDERS: [(&str, Dir<'_>); 3] = [
    ("src", include_dir!("$CARGO_MANIFEST_DIR/../guest-sdk/src")),
    (
        "samples",
        include_dir!("$CARGO_MANIFEST_DIR/../guest-sdk/samples"),
    ),
    ("wit", include_dir!("$CARGO_MANIFEST_DIR/../guest-sdk/wit")),
];

/// The SDK's own manifest, which inherits from the workspace's.
const MANIFEST: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-sdk/Cargo.toml"
));

/// The SDK's page, which is also the documentation of the crate.
const README: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-sdk/README.md"
));

/// The workspace's manifest, from which the SDK's own inherits.
const WORKSPACE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));

const LIB: &str = include_str!("new/lib.rs.txt");

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let path = &args.path;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let name = crate::domain::names::RuleName::parse(name)
        .map_err(|error| CliError::new(Exit::Usage, error))?
        .to_string();
    if path.exists() {
        return Err(CliError::new(
            Exit::Usage,
            anyhow::anyhow!("`{}` is there already", path.display()),
        ));
    }
    let sdk = format!(".hookbox/sdk-{}", env!("CARGO_PKG_VERSION"));
    write_sdk(&path.join(&sdk))?;
    write(&path.join("Cargo.toml"), &crate_manifest(&name, &sdk))?;
    write(&path.join("src/lib.rs"), LIB)?;
    write(&path.join("README.md"), &readme(&name))?;
    write(&path.join(".gitignore"), "/target\n")?;
    output::line(format!(
        "made {0}\n\n\
         \x20 cargo test --manifest-path {0}/Cargo.toml     its test; needs no wasm\n\
         \x20 hookbox build {0}                             the module\n\
         \x20 hookbox dev                                   build and serve, again at each change",
        path.display()
    ));
    Ok(Exit::Ok)
}

fn crate_manifest(name: &str, sdk: &str) -> String {
    // A package's name may not begin with a digit or hold a point, as a rule's may.
    let mut package = name.replace('.', "-");
    if package.starts_with(|first: char| first.is_ascii_digit()) {
        package = format!("rule-{package}");
    }
    format!(
        "[package]\n\
         name = \"{package}\"\n\
         description = \"Tells a channel about merge requests.\"\n\
         version = \"0.1.0\"\n\
         edition = \"2024\"\n\n\
         [lib]\n\
         crate-type = [\"cdylib\", \"rlib\"]\n\n\
         [dependencies]\n\
         hookbox-sdk = {{ path = \"{sdk}\" }}\n\n\
         # A workspace of its own, so that it builds in any folder.\n\
         [workspace]\n"
    )
}

fn readme(name: &str) -> String {
    format!(
        "# {name}\n\nTells a channel about merge requests.\n\n\
         | setting | kind | meaning |\n|---|---|---|\n| `channel` | channel | where the messages go |\n\n\
         Settings file `{name}.toml`, beside the module:\n\n\
         ```toml\n[settings]\nchannel = \"console\"\n```\n"
    )
}

fn write_sdk(folder: &Path) -> Result<(), CliError> {
    let manifest = manifest::standalone(MANIFEST, WORKSPACE)?;
    for (name, dir) in &FOLDERS {
        write_dir(dir, &folder.join(name))?;
    }
    write(&folder.join("README.md"), README)?;
    write(&folder.join("Cargo.toml"), &manifest)
}

fn write_dir(dir: &Dir<'_>, folder: &Path) -> Result<(), CliError> {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => write_dir(dir, folder)?,
            DirEntry::File(file) => write_bytes(&folder.join(file.path()), file.contents())?,
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, bytes))
        .with_context(|| format!("`{}` cannot be written", path.display()))
        .map_err(CliError::from)
}
