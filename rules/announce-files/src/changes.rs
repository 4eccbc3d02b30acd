//! Which changes of files are told, and the setting that says so.

use hookbox_sdk::event::FileChange;
use hookbox_sdk::settings::{Json, SettingKind, SettingType};

/// Every change, with its name in a settings file.
const NAMES: [(&str, FileChange); 4] = [
    ("created", FileChange::Created),
    ("modified", FileChange::Modified),
    ("renamed", FileChange::Renamed),
    ("removed", FileChange::Removed),
];

/// The changes that are told: a list of at least one.
#[derive(Debug, Clone)]
pub struct Changes(Vec<FileChange>);

impl Changes {
    /// Whether a change is told.
    pub(crate) fn has(&self, change: FileChange) -> bool {
        self.0.contains(&change)
    }
}

impl SettingType for Changes {
    const KIND: SettingKind = SettingKind::Texts;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        let items = value.to_items().unwrap_or_default();
        items
            .into_iter()
            .map(|item| change(&item.to_text()?))
            .collect::<Option<Vec<_>>>()
            .filter(|changes| !changes.is_empty())
            .map(Self)
            .ok_or_else(|| {
                "a list of at least one of created, modified, renamed, removed".to_owned()
            })
    }
}

fn change(name: &str) -> Option<FileChange> {
    let mut names = NAMES.iter();
    names
        .find(|(own, _)| *own == name)
        .map(|(_, change)| *change)
}

/// The name of a change, as it stands in a settings file.
pub(crate) fn name(change: FileChange) -> &'static str {
    let mut names = NAMES.iter();
    names
        .find(|(_, own)| *own == change)
        .map_or("changed", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_which_changes_are_told() {
        let changes = Changes::parse(Json::new(r#"["removed", "created"]"#)).unwrap();

        assert!(changes.has(FileChange::Created) && changes.has(FileChange::Removed));
        assert!(!changes.has(FileChange::Modified) && !changes.has(FileChange::Renamed));
    }

    #[test]
    fn what_names_no_change_is_refused() {
        for text in ["[]", r#"["deleted"]"#, r#""created""#, "[1]", "null"] {
            assert!(Changes::parse(Json::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn every_change_has_its_name() {
        for (own, change) in NAMES {
            assert_eq!(name(change), own);
        }
    }
}
