//! What a module says of itself in custom sections, so that it can be shown without being run.
//!
//! `hookbox build` writes them, `hookbox inspect` and `hookbox rules add` show them, and the catalog
//! compares the manifest with what the module answers. The format stands in `docs/sharing.md`.
//!
//! The bytes are a stranger's. Only the headers of the outermost sections are read, in one pass whose
//! time is bounded by the file's size, and of each section no more than it may hold.
//!
//! Invariants:
//! - What is written is read back the same, and writing it again changes no byte.
//! - A section that is there twice, too large, or not of its form is an error, and never half read.

use serde::{Deserialize, Serialize};
use wasm_encoder::{CustomSection, Section as _};
use wasmparser::BinaryReader;

use crate::domain::manifest::Manifest;
use crate::domain::quantity::Bytes;

/// What the names of all of them begin with; another name with this beginning is left alone.
const PREFIX: &str = "hookbox:";

/// The manifest, as JSON.
const MANIFEST: &str = "hookbox:manifest";

/// The README, as text.
const README: &str = "hookbox:readme";

/// The text of the licence.
const LICENSE: &str = "hookbox:license";

/// Where the source is, as JSON.
const SOURCE: &str = "hookbox:source";

/// The version of the SDK, as text.
const SDK: &str = "hookbox:sdk";

/// The bytes before the first section: the magic number and the version.
const PREAMBLE: usize = 8;

/// What a module says of itself. Each is a claim until somebody compares it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sections {
    /// What `describe` would answer.
    pub manifest: Option<Manifest>,
    /// Its README.
    pub readme: Option<String>,
    /// The text of its licence.
    pub license: Option<String>,
    /// The source it was built from.
    pub source: Option<Source>,
    /// The version of the SDK it was built with.
    pub sdk: Option<String>,
}

/// The source that a module was built from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Source {
    /// The repository, as the crate's manifest names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit that was checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether what was built is what the commit holds; absent without a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// The crate's folder in the repository; absent where it is the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Why what a module says of itself cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// The file does not go on as WebAssembly does.
    #[error("the module's sections cannot be read: {reason}")]
    Broken {
        /// What the reader says.
        reason: String,
    },
    /// It is there more than once, so that readers would differ in what it says.
    #[error("the module has the section `{name}` twice, and may have it once")]
    Twice {
        /// The section.
        name: &'static str,
    },
    /// It holds more than it may.
    #[error("the module's section `{name}` has {found}, and may have {limit}")]
    TooLarge {
        /// The section.
        name: &'static str,
        /// What it has.
        found: Bytes,
        /// What it may have.
        limit: Bytes,
    },
    /// It is not of its form.
    #[error("the module's section `{name}` is not {expected}: {reason}")]
    Form {
        /// The section.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What the reader says.
        reason: String,
    },
}

/// The section of this name and what it may hold; none for a section of somebody else.
fn known(name: &str) -> Option<(&'static str, Bytes)> {
    Some(match name {
        // As much as a rule may answer for a screen's worth of settings, many times over.
        MANIFEST => (MANIFEST, Bytes::kib(64)),
        README => (README, Sections::README_LIMIT),
        LICENSE => (LICENSE, Sections::LICENSE_LIMIT),
        // An address, a commit, and a path.
        SOURCE => (SOURCE, Bytes::kib(4)),
        // A semantic version.
        SDK => (SDK, Bytes(64)),
        _ => return None,
    })
}

impl Sections {
    /// What a README may have: some twenty printed pages.
    pub const README_LIMIT: Bytes = Bytes::kib(64);

    /// What the text of a licence may have: the longest in use, the GPL, has 35 KB.
    pub const LICENSE_LIMIT: Bytes = Bytes::kib(64);

    /// Reads what a module says of itself.
    ///
    /// # Errors
    /// The first section that is there twice, is too large, or is not of its form.
    pub fn read(module: &[u8]) -> Result<Self, SectionError> {
        let mut sections = Self::default();
        let mut seen = Vec::new();
        for section in outermost(module) {
            let section = section?;
            let Some((name, limit)) = section.name.and_then(known) else {
                continue;
            };
            if seen.contains(&name) {
                return Err(SectionError::Twice { name });
            }
            seen.push(name);
            check_size(name, section.data, limit)?;
            match name {
                MANIFEST => sections.manifest = Some(json(name, section.data)?),
                SOURCE => sections.source = Some(json(name, section.data)?),
                README => sections.readme = Some(text(name, section.data)?),
                LICENSE => sections.license = Some(text(name, section.data)?),
                _ => sections.sdk = Some(text(name, section.data)?),
            }
        }
        Ok(sections)
    }

    /// The module with these sections at its end, in the order of their names, in place of those it had.
    ///
    /// # Errors
    /// When the module cannot be read, or a section would be too large.
    pub fn write(&self, module: &[u8]) -> Result<Vec<u8>, SectionError> {
        let foreign = |name: Option<&str>| !name.is_some_and(|name| name.starts_with(PREFIX));
        let mut written = keep(module, foreign)?;
        for (name, data) in self.encoded()? {
            let (_, limit) = known(name).unwrap_or((name, Bytes(0)));
            check_size(name, &data, limit)?;
            CustomSection {
                name: name.into(),
                data: data.into(),
            }
            .append_to(&mut written);
        }
        Ok(written)
    }

    /// The sections that there are, by name.
    fn encoded(&self) -> Result<Vec<(&'static str, Vec<u8>)>, SectionError> {
        let bytes = |text: &Option<String>| text.clone().map(String::into_bytes);
        let manifest = self.manifest.as_ref();
        let source = self.source.as_ref();
        let all = [
            (LICENSE, bytes(&self.license)),
            (
                MANIFEST,
                manifest.map(|found| to_json(MANIFEST, found)).transpose()?,
            ),
            (README, bytes(&self.readme)),
            (SDK, bytes(&self.sdk)),
            (
                SOURCE,
                source.map(|found| to_json(SOURCE, found)).transpose()?,
            ),
        ];
        let there = all.into_iter();
        Ok(there
            .filter_map(|(name, data)| data.map(|data| (name, data)))
            .collect())
    }
}

/// The module without the names of its functions, which nothing here needs.
///
/// # Errors
/// When it is not WebAssembly.
pub fn without_names(module: &[u8]) -> Result<Vec<u8>, SectionError> {
    keep(module, |name| name != Some("name"))
}

/// The module with those of its sections whose name is to be kept.
fn keep(module: &[u8], is_kept: impl Fn(Option<&str>) -> bool) -> Result<Vec<u8>, SectionError> {
    let mut kept = module.get(..PREAMBLE).unwrap_or(module).to_vec();
    for section in outermost(module) {
        let section = section?;
        if is_kept(section.name) {
            kept.extend_from_slice(section.whole);
        }
    }
    Ok(kept)
}

fn check_size(name: &'static str, data: &[u8], limit: Bytes) -> Result<(), SectionError> {
    let found = Bytes(data.len().try_into().unwrap_or(u64::MAX));
    if found > limit {
        return Err(SectionError::TooLarge { name, found, limit });
    }
    Ok(())
}

fn text(name: &'static str, data: &[u8]) -> Result<String, SectionError> {
    match std::str::from_utf8(data) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(SectionError::Form {
            name,
            expected: "UTF-8 text",
            reason: error.to_string(),
        }),
    }
}

fn json<T: for<'de> Deserialize<'de>>(name: &'static str, data: &[u8]) -> Result<T, SectionError> {
    serde_json::from_slice(data).map_err(|error| form(name, &error))
}

fn to_json(name: &'static str, value: &impl Serialize) -> Result<Vec<u8>, SectionError> {
    serde_json::to_vec(value).map_err(|error| form(name, &error))
}

fn form(name: &'static str, error: &serde_json::Error) -> SectionError {
    SectionError::Form {
        name,
        expected: "the JSON that it should be",
        reason: error.to_string(),
    }
}

/// A section of the outermost module or component.
struct Outermost<'a> {
    /// With its header.
    whole: &'a [u8],
    /// Its name, where it is a custom section.
    name: Option<&'a str>,
    /// What it holds after its name.
    data: &'a [u8],
}

/// The outermost sections, which modules and components frame alike. One at a time: a stranger's module
/// may have more than a million.
struct Outermosts<'a>(&'a [u8]);

fn outermost(module: &[u8]) -> Outermosts<'_> {
    Outermosts(module.get(PREAMBLE..).unwrap_or_default())
}

impl<'a> Iterator for Outermosts<'a> {
    type Item = Result<Outermost<'a>, SectionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.0);
        let read = read_one(rest).map_err(|error| SectionError::Broken {
            reason: error.to_string(),
        });
        Some(read.inspect(|section| {
            self.0 = rest.get(section.whole.len()..).unwrap_or_default();
        }))
    }
}

fn read_one(rest: &[u8]) -> Result<Outermost<'_>, wasmparser::BinaryReaderError> {
    let mut reader = BinaryReader::new(rest, 0);
    let kind = reader.read_u8()?;
    let size = reader.read_var_u32()?;
    let contents = reader.read_bytes(usize::try_from(size).unwrap_or(usize::MAX))?;
    let whole = rest.get(..position(&reader)).unwrap_or(rest);
    if kind != 0 {
        return Ok(Outermost {
            whole,
            name: None,
            data: contents,
        });
    }
    let mut reader = BinaryReader::new(contents, 0);
    let name = reader.read_string()?;
    Ok(Outermost {
        whole,
        name: Some(name),
        data: contents.get(position(&reader)..).unwrap_or_default(),
    })
}

/// How much a reader has read.
fn position(reader: &BinaryReader<'_>) -> usize {
    usize::try_from(reader.original_position()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
