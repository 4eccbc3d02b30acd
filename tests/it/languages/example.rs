//! Builds the examples, once for each state of their sources, by the commands in their READMEs.
//!
//! An example lies in `guest-sdk/`, and is built in a copy below the folder for what tests build. A lock keeps two
//! processes of tests apart, and what was installed, built, and compiled is kept for the next one.
//!
//! Invariants:
//! - A changed source, interface, or engine is built, or compiled, anew.
//! - Nothing waits for a registry without end.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hookbox::domain::limits::Limits;
use hookbox::domain::names::Digest;
use hookbox::domain::quantity::{Bytes, Span};
use hookbox::engine::{Engine, EngineConfig};
use tokio::sync::OnceCell;

use crate::support::{program, stderr, stdout, workspace};

/// What decides about the code that is compiled of a module.
const ENGINE: [&str; 2] = [
    include_str!("../../../host/src/engine/config.rs"),
    include_str!("../../../Cargo.lock"),
];

/// How long a command may take: many times what a slow line needs, and an end to one that hangs.
const TIMEOUT: &str = "600";

/// An example that is built.
#[derive(Clone, Copy)]
pub(super) struct Example(&'static Built);

struct Built {
    folder: &'static str,
    module: Vec<u8>,
    /// The cache of a server that has compiled it.
    cache: PathBuf,
}

impl std::fmt::Debug for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.folder)
    }
}

impl Example {
    /// Those that can be built; says for which this test is left out, and why.
    #[expect(
        clippy::print_stderr,
        reason = "who runs the tests is to see what was not run"
    )]
    pub(super) async fn all(test: &str) -> Vec<Self> {
        static JAVASCRIPT: OnceCell<Result<Built, String>> = OnceCell::const_new();
        static PYTHON: OnceCell<Result<Built, String>> = OnceCell::const_new();
        let mut examples = Vec::new();
        for (folder, cell) in [("javascript", &JAVASCRIPT), ("python", &PYTHON)] {
            match cell.get_or_init(|| build(folder)).await {
                Ok(built) => examples.push(Self(built)),
                Err(reason) => {
                    let line = format!("LEFT OUT: {test}, in {folder}: {reason}");
                    eprintln!("{line}");
                    // What a test writes that passes is shown to nobody: `.ci/run` shows this file.
                    append(
                        &Path::new(env!("CARGO_TARGET_TMPDIR")).join("left-out"),
                        &line,
                    );
                }
            }
        }
        examples
    }

    /// The component.
    pub(super) fn module(self) -> &'static [u8] {
        &self.0.module
    }

    /// Puts what was compiled of it where a server with this data folder looks for it.
    pub(super) fn give_compiled(self, data: &Path) {
        copy(&self.0.cache, &data.join("cache"));
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("the file can be copied");
        }
    }
}

/// The example of this folder, with what is compiled of it; or why it is left out.
async fn build(folder: &'static str) -> Result<Built, String> {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("languages")
        .join(folder);
    std::fs::create_dir_all(&kept).expect("a folder can be made");
    let lock = std::fs::File::create(kept.join("lock")).expect("a file can be made");
    let locked = tokio::task::spawn_blocking(move || {
        lock.lock().expect("the file can be locked");
        lock
    });
    let _lock = locked.await.expect("nothing panicked");
    let place = kept.clone();
    let built = tokio::task::spawn_blocking(move || component(folder, &place));
    let module = built.await.expect("the example is built")?;
    let cache = compiled(&module, &kept).await;
    Ok(Built {
        folder,
        module,
        cache,
    })
}

/// The files of an example that a module is made of: their names and what they hold.
fn sources(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = workspace().join("guest-sdk").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&path)
        .expect("the folder can be read")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.is_file())
        .filter(|path| !path.ends_with("announce.wasm") && !path.ends_with("README.md"))
        .map(|path| {
            let name = path.file_name().expect("it has a name").to_string_lossy();
            let text = std::fs::read(&path).expect("the file can be read");
            (name.into_owned(), text)
        })
        .collect();
    files.sort();
    files
}

/// A name for what is made of these files.
fn key<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> String {
    let whole: Vec<u8> = files.into_iter().flatten().copied().collect();
    Digest::of(&whole).hex().to_owned()
}

/// Builds an example in a copy, beside the interface, unless the same was built before.
fn component(folder: &str, kept: &Path) -> Result<Vec<u8>, String> {
    let (own, interface) = (sources(folder), sources("wit"));
    let readme = workspace().join("guest-sdk").join(folder).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("it has a README");
    let install = section(&readme, "Install").expect("it says what to install");
    let commands: Vec<String> = ["Build", "Check"]
        .iter()
        .filter_map(|name| section(&readme, name))
        .collect();
    let texts = own.iter().chain(&interface).map(|(_, text)| &text[..]);
    let said = commands.iter().chain([&install]).map(String::as_bytes);
    let module = kept.join(format!("{}.wasm", key(texts.chain(said))));
    if let Ok(bytes) = std::fs::read(&module) {
        return Ok(bytes);
    }
    let place = kept.join(folder);
    // What a former state of the example installed could hide that something is missing.
    if place.exists() {
        std::fs::remove_dir_all(&place).expect("the folder can be removed");
    }
    for (place, files) in [(&place, &own), (&kept.join("wit"), &interface)] {
        std::fs::create_dir_all(place).expect("a folder can be made");
        for (name, text) in files {
            std::fs::write(place.join(name), text).expect("a file can be written");
        }
    }
    // Once more, as a registry may fail for a moment.
    let installed = run(&install, &place).or_else(|_| run(&install, &place));
    installed.map_err(|output| {
        // Where what it needs can be had, a README that does not install it is wrong.
        let elsewhere = kept.join("probe");
        std::fs::create_dir_all(&elsewhere).expect("a folder can be made");
        assert!(
            run(probe(folder), &elsewhere).is_err(),
            "{install}{}\n{}",
            stdout(&output),
            stderr(&output)
        );
        let said = format!("{}\n{}", stdout(&output), stderr(&output));
        let is_error = |line: &&str| line.to_lowercase().contains("error");
        let line = said.lines().find(is_error).or(said.lines().last());
        format!(
            "what it is built with cannot be installed: {}",
            line.unwrap_or("no word of why")
        )
    })?;
    for commands in &commands {
        run(commands, &place).unwrap_or_else(|output| {
            panic!("{commands}{}\n{}", stdout(&output), stderr(&output));
        });
    }
    std::fs::rename(place.join("announce.wasm"), &module).expect("the README makes a module");
    Ok(std::fs::read(&module).expect("it is built"))
}

/// Commands that succeed where packages can be installed for this example, whatever it needs itself.
fn probe(folder: &str) -> &'static str {
    match folder {
        "javascript" => "npm view npm version",
        _ => "python3 -m venv .venv && .venv/bin/pip download --no-deps --no-cache-dir six",
    }
}

fn append(path: &Path, line: &str) {
    let file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path);
    let written = file.and_then(|mut file| writeln!(file, "{line}"));
    written.expect("the file can be written");
}

/// The commands for a shell in this section of a README, where it has one.
fn section(readme: &str, name: &str) -> Option<String> {
    let (_, rest) = readme.split_once(&format!("\n## {name}\n"))?;
    let (section, _) = rest.split_once("\n## ").unwrap_or((rest, ""));
    let (_, block) = section.split_once("```sh\n")?;
    let (commands, _) = block.split_once("```")?;
    Some(commands.to_owned())
}

fn run(commands: &str, place: &Path) -> Result<Output, Output> {
    let output = Command::new("timeout")
        .args(["--kill-after=10", TIMEOUT, "/bin/sh", "-e", "-c", commands])
        .current_dir(place)
        // One more try each, so that a registry that does not answer is given up in seconds.
        .envs([("npm_config_fetch_retries", "1"), ("npm_config_fetch_timeout", "30000")])
        .envs([("PIP_RETRIES", "1"), ("PIP_DEFAULT_TIMEOUT", "30")])
        .stdin(Stdio::null())
        .output()
        .expect("a command can be run");
    match output.status.success() {
        true => Ok(output),
        false => Err(output),
    }
}

/// A cache folder in which the module is compiled, as a server keeps one.
async fn compiled(module: &[u8], kept: &Path) -> PathBuf {
    let engine = ENGINE.map(str::as_bytes);
    let cache = kept.join(format!("cache-{}", key(engine.into_iter().chain([module]))));
    if cache.join("whole").is_file() {
        return cache;
    }
    // This program may not be optimized and the machine may be busy: no test is about how long it takes.
    let config = EngineConfig {
        compile_time: Span::seconds(600),
        ..EngineConfig::new(program().into(), cache.clone())
    };
    let engine = std::sync::Arc::new(Engine::new(&config).expect("the engine can be set up"));
    let limits = Limits {
        module: Bytes::mib(32),
        ..Limits::DEFAULT
    };
    if let Err(error) = engine.load(module, &limits).await {
        panic!("the engine refuses it: {}", error.kind);
    }
    std::fs::write(cache.join("whole"), "").expect("a file can be written");
    cache
}
