//! Of which crates a rule is made, as `cargo metadata` says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

/// The crate that a module uses the interface through.
const SDK: &str = "hookbox-sdk";

/// A rule's crate and those it is made of.
#[derive(Debug)]
pub(super) struct Crates {
    told: Told,
    /// The rule's own, among those that were told.
    rule: usize,
    /// Those it is made of, itself among them.
    parts: Vec<usize>,
}

/// What `cargo metadata` says.
#[derive(Debug, Deserialize)]
struct Told {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
    resolve: Resolve,
}

/// What a crate says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
    /// Absent for what lies in a folder of somebody's own.
    source: Option<String>,
    /// Its README, from its folder.
    pub(super) readme: Option<PathBuf>,
    /// The text of its licence, from its folder.
    pub(super) license_file: Option<PathBuf>,
    /// Where its source is.
    pub(super) repository: Option<String>,
}

impl Package {
    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new("."))
    }
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Crates {
    /// Reads what `cargo metadata` said of the crate with this manifest.
    pub(super) fn read(told: &str, manifest: &Path) -> anyhow::Result<Self> {
        let told: Told = serde_json::from_str(told)?;
        let manifest = std::fs::canonicalize(manifest)?;
        let is_rule = |package: &Package| {
            std::fs::canonicalize(&package.manifest_path).is_ok_and(|path| path == manifest)
        };
        let rule = told.packages.iter().position(is_rule);
        let rule = rule.context("the crate is not among what it names")?;
        let parts = parts(&told, rule);
        Ok(Self { told, rule, parts })
    }

    /// The rule's own crate.
    pub(super) fn rule(&self) -> &Package {
        &self.told.packages[self.rule]
    }

    /// The folder of the workspace that the rule belongs to.
    pub(super) fn workspace(&self) -> &Path {
        &self.told.workspace_root
    }

    fn parts(&self) -> impl Iterator<Item = &Package> {
        self.parts.iter().map(|part| &self.told.packages[*part])
    }

    /// The version of the SDK, where the rule uses it.
    pub(super) fn sdk(&self) -> Option<&str> {
        self.parts()
            .find(|package| package.name == SDK)
            .map(|package| package.version.as_str())
    }

    /// The folders of those parts whose source is in somebody's own hands.
    pub(super) fn own_folders(&self) -> impl Iterator<Item = &Path> {
        self.parts()
            .filter(|package| package.source.is_none())
            .map(Package::folder)
    }

    /// The folders that the compiler sees, each with the name that takes its place in the module; a later one
    /// lies in an earlier one, or beside it.
    pub(super) fn folders(&self) -> Vec<(&Path, String)> {
        let Told {
            workspace_root,
            target_directory,
            ..
        } = &self.told;
        let mut folders = vec![
            (workspace_root.as_path(), "/rule".to_owned()),
            (target_directory.as_path(), "/target".to_owned()),
        ];
        let mut elsewhere: Vec<(&Path, String)> = self
            .parts()
            // A crate of the workspace is named from there, and is told apart by its folder.
            .filter(|package| !package.folder().starts_with(workspace_root))
            .map(|package| {
                let Package { name, version, .. } = package;
                (package.folder(), format!("/crates/{name}-{version}"))
            })
            .collect();
        elsewhere.sort();
        folders.extend(elsewhere);
        folders
    }
}

/// What the crate at this place is made of.
fn parts(told: &Told, rule: usize) -> Vec<usize> {
    let places: BTreeMap<&str, usize> = told
        .packages
        .iter()
        .enumerate()
        .map(|(place, package)| (package.id.as_str(), place))
        .collect();
    let dependencies: BTreeMap<&str, &[String]> = told
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node.dependencies.as_slice()))
        .collect();
    let (mut found, mut left) = (BTreeSet::from([rule]), vec![rule]);
    while let Some(place) = left.pop() {
        let id = told.packages[place].id.as_str();
        for dependency in dependencies.get(id).copied().unwrap_or_default() {
            if let Some(place) = places.get(dependency.as_str())
                && found.insert(*place)
            {
                left.push(*place);
            }
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates(folder: &Path) -> Crates {
        let manifest = folder.join("Cargo.toml");
        std::fs::write(&manifest, "").expect("it can be written");
        let package = |id: &str, path: &Path, source: Option<&str>| {
            serde_json::json!({
                "id": id, "name": id, "version": "1.0.0", "manifest_path": path.join("Cargo.toml"),
                "source": source, "readme": null, "license_file": null, "repository": null,
            })
        };
        let registry = Some("registry+https://github.com/rust-lang/crates.io-index");
        let told = serde_json::json!({
            "packages": [
                package("other", Path::new("/home/ada/.cargo/registry/src/x/other-1.0.0"), registry),
                package("rule", folder, None),
                package("hookbox-sdk", Path::new("/srv/sdk"), None),
                package("leaf", Path::new("/home/ada/.cargo/registry/src/x/leaf-1.0.0"), registry),
            ],
            "workspace_root": folder, "target_directory": folder.join("target"),
            "resolve": { "nodes": [
                { "id": "rule", "dependencies": ["hookbox-sdk"] },
                { "id": "hookbox-sdk", "dependencies": ["leaf"] },
                { "id": "leaf", "dependencies": [] }, { "id": "other", "dependencies": [] },
            ] },
        });
        Crates::read(&told.to_string(), &manifest).expect("it is understood")
    }

    #[test]
    fn a_rule_is_made_of_what_it_depends_on_and_not_of_its_neighbours() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let crates = crates(folder.path());

        let own: Vec<&Path> = crates.own_folders().collect();
        let folders = crates.folders();
        let names: Vec<&str> = folders.iter().map(|(_, name)| name.as_str()).collect();

        assert_eq!(crates.rule().name, "rule");
        assert_eq!(crates.sdk(), Some("1.0.0"));
        assert_eq!(own, [folder.path(), Path::new("/srv/sdk")]);
        assert_eq!(
            names,
            [
                "/rule",
                "/target",
                "/crates/leaf-1.0.0",
                "/crates/hookbox-sdk-1.0.0"
            ]
        );
    }

    #[test]
    fn a_crate_that_is_not_named_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let manifest = folder.path().join("Cargo.toml");
        std::fs::write(&manifest, "").expect("it can be written");
        let told = r#"{"packages":[],"workspace_root":"/","target_directory":"/t","resolve":{"nodes":[]}}"#;

        let error = Crates::read(told, &manifest).expect_err("it is not there");

        assert_eq!(error.to_string(), "the crate is not among what it names");
    }
}
