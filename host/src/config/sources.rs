//! The tables under `[sources]`, whose keys are those of their providers.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ConfigErrorKind, explain};
use crate::domain::names::SourceName;
use crate::sources::SourceConfig;
use crate::sources::folder::{self, FolderConfig};
use crate::sources::schedule::{self, ScheduleConfig};

/// The source of the events that stand for what people ask for.
const BY_HAND: &str = "by-hand";

/// A source that the server itself looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InsideConfig {
    /// A watched folder.
    Folder(FolderConfig),
    /// A time that comes again and again.
    Schedule(ScheduleConfig),
}

/// All sources.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Those to which providers send.
    pub(super) sent: BTreeMap<SourceName, SourceConfig>,
    /// Those that the server looks after.
    pub(super) inside: BTreeMap<SourceName, InsideConfig>,
}

impl Sources {
    /// Reads the tables. Paths count from `base`, and none may lie in the data folder or hold it.
    pub(super) fn read(
        tables: BTreeMap<SourceName, toml::Table>,
        base: &Path,
        data: &Path,
    ) -> Result<Self, ConfigErrorKind> {
        let mut sources = Self::default();
        for (name, table) in tables {
            if name.as_str() == BY_HAND {
                return Err(ConfigErrorKind::ByHand);
            }
            let provider = table.get("provider").and_then(toml::Value::as_str);
            let refused = |error| {
                ConfigErrorKind::Parse(format!("in `[sources.{name}]`: {}", explain(&error)))
            };
            match provider {
                Some(folder::PROVIDER) => {
                    let table: FolderConfig = table.try_into().map_err(refused)?;
                    let path = base.join(&table.path);
                    if path.starts_with(data) || data.starts_with(&path) {
                        return Err(ConfigErrorKind::Watched {
                            source_name: name,
                            path,
                            data: data.to_owned(),
                        });
                    }
                    sources.inside.insert(name, InsideConfig::Folder(table));
                }
                Some(schedule::PROVIDER) => {
                    let table: ScheduleConfig = table.try_into().map_err(refused)?;
                    sources.inside.insert(name, InsideConfig::Schedule(table));
                }
                _ => {
                    let table: SourceConfig = table.try_into().map_err(refused)?;
                    sources.sent.insert(name, table);
                }
            }
        }
        Ok(sources)
    }
}
