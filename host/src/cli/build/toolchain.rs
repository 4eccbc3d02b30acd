//! What builds modules: the compiler with the wasm target, however it comes to be there.
//!
//! In this order: the target that is there; the target added with rustup; a distribution's compiler
//! that brings its library's source, which is then built along.
//!
//! Invariant: no path of this machine reaches a module through the compiler, so that the same source
//! gives the same bytes in another folder and on another machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::{CliError, Exit, output};
use super::crates::Crates;
use super::words;
use crate::config::env::variable;

/// The target of modules.
const TARGET: &str = "wasm32-unknown-unknown";

/// Where a distribution's compiler lies.
const DISTRIBUTION: &str = "/usr/bin/rustc";

/// How modules are built: for speed, which costs a small rule some 4 KB, and with a stack that fits the
/// memory that is cleared after each
/// evaluation.
const PROFILE: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_LTO", "true"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
];

/// The stack of a module, in bytes: a rule's calls are shallow, and what is not there need not be
/// cleared.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

/// What builds modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Toolchain {
    /// The compiler has the target.
    Ready,
    /// A distribution's compiler, with the source of its library and a linker.
    Distribution {
        /// The linker.
        linker: PathBuf,
        /// Where the source of its library lies.
        library: PathBuf,
    },
}

impl Toolchain {
    /// Finds what builds modules, and adds the target with rustup where that is all that is missing.
    pub(in crate::cli) fn find() -> Result<Self, CliError> {
        let mut looked = Vec::new();
        if target_is_there("rustc") {
            return Ok(Self::Ready);
        }
        looked.push(format!("`rustc` has no target {TARGET}"));
        if runs("rustup") {
            let mut add = Command::new("rustup");
            add.args(["target", "add", TARGET]);
            output::note(format!(
                "the target {TARGET} is missing: running `{}`",
                words(&add)
            ));
            // Its own output says what it does; whether it worked is seen by looking again.
            let added = add.stdin(Stdio::null()).status();
            if added.is_ok_and(|status| status.success()) && target_is_there("rustc") {
                return Ok(Self::Ready);
            }
            looked.push(format!("`{}` did not add it", words(&add)));
        } else {
            looked.push("`rustup`, which would add it, is not on the PATH".to_owned());
        }
        Self::distribution(&mut looked).ok_or_else(|| missing(&looked))
    }

    fn distribution(looked: &mut Vec<String>) -> Option<Self> {
        let compiler = distribution();
        let Some(root) = print(&compiler, "sysroot") else {
            looked.push(format!("there is no `{compiler}`"));
            return None;
        };
        let library = Path::new(&root).join("lib/rustlib/src/rust");
        let source = library.join("library/std/Cargo.toml");
        if !source.exists() {
            looked.push(format!(
                "`{compiler}` is there without its library's source (`{}`)",
                source.display()
            ));
            return None;
        }
        let Some(linker) = linker() else {
            looked.push(
                "`rust-lld` is neither on the PATH nor beside a compiler's libraries".to_owned(),
            );
            return None;
        };
        output::note(format!(
            "building with `{compiler}`, its library along with each rule"
        ));
        Some(Self::Distribution { linker, library })
    }

    /// The command that says of which crates a crate is made.
    pub(super) fn metadata(&self, manifest: &Path) -> Command {
        let mut cargo = self.cargo("metadata", manifest);
        cargo.args(["--format-version", "1", "--filter-platform", TARGET]);
        cargo
    }

    /// The command that builds a crate and reports what it made.
    pub(super) fn build(&self, manifest: &Path, crates: &Crates) -> Command {
        let mut cargo = self.cargo("build", manifest);
        cargo
            .args(["--release", "--lib", "--target", TARGET])
            .args(["--message-format", "json-render-diagnostics"])
            .arg("--config")
            .arg(self.flags(crates))
            .envs(PROFILE);
        if let Self::Distribution { linker, .. } = self {
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        cargo
    }

    fn cargo(&self, command: &str, manifest: &Path) -> Command {
        let mut cargo = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
        cargo
            .arg(command)
            .arg("--manifest-path")
            .arg(manifest)
            // What the caller set for its own builds is not for modules.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS");
        if let Self::Distribution { .. } = self {
            cargo
                .env("RUSTC", distribution())
                .env("RUSTC_BOOTSTRAP", "1");
        }
        cargo
    }

    /// The compiler's flags, as a line of Cargo's configuration: it joins those that a crate has in its
    /// own, and takes paths with spaces.
    fn flags(&self, crates: &Crates) -> String {
        let mut flags = vec![STACK.to_owned()];
        let mut remap = |from: &Path, to: &str| {
            flags.push(format!("--remap-path-prefix={}={to}", from.display()));
        };
        // Of those that match, the last one counts.
        if let Some(home) = cargo_home() {
            remap(&home, "/cargo");
        }
        if let Self::Distribution { library, .. } = self {
            remap(library, "/rustc");
        }
        for (folder, name) in crates.folders() {
            remap(folder, &name);
        }
        // A list of texts is the same in JSON and in TOML.
        let flags = serde_json::json!(flags);
        format!("target.{TARGET}.rustflags = {flags}")
    }
}

/// Where Cargo keeps what it downloads.
fn cargo_home() -> Option<PathBuf> {
    let own = variable("CARGO_HOME").map(PathBuf::from);
    own.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cargo")))
}

/// The distribution's compiler; tests put another in its place.
fn distribution() -> String {
    variable("__HOOKBOX_DISTRIBUTION_RUSTC").unwrap_or_else(|| DISTRIBUTION.to_owned())
}

fn missing(looked: &[String]) -> CliError {
    CliError::new(
        Exit::Rule,
        anyhow::anyhow!("there is no compiler for {TARGET}: {}", looked.join("; ")),
    )
    .hint(format!("with rustup: `rustup target add {TARGET}`"))
    .hint(
        "without: a distribution's compiler with its library's source, and `rust-lld`; on Debian \
         `apt-get install rustc-web rust-web-src`",
    )
}

fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn print(compiler: &str, what: &str) -> Option<String> {
    let output = Command::new(compiler)
        .args(["--print", what])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn target_is_there(compiler: &str) -> bool {
    let output = Command::new(compiler)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .is_some_and(|folder| !folder.trim().is_empty() && Path::new(folder.trim()).is_dir())
}

fn linker() -> Option<PathBuf> {
    if runs_at_all("rust-lld") {
        return Some("rust-lld".into());
    }
    ["rustc", &distribution()]
        .into_iter()
        .filter_map(|compiler| print(compiler, "sysroot"))
        .flat_map(|root| {
            std::fs::read_dir(Path::new(&root).join("lib/rustlib"))
                .into_iter()
                .flatten()
        })
        .filter_map(Result::ok)
        .map(|host| host.path().join("bin/rust-lld"))
        .find(|linker| linker.exists())
}

/// Whether a program can be started; `rust-lld` without a flavour ends with an error.
fn runs_at_all(program: &str) -> bool {
    Command::new(program)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}
