//! What a file belongs to: a name that the operator gave its folder, or the first folder on its path.
//!
//! Invariants:
//! - Of two folders that hold a file, the deeper one names it.
//! - `Contracts` holds `Contracts/a.pdf`, and not `Contracts-old/a.pdf`.

use hookbox_sdk::settings::{Json, SettingKind, SettingType};

const EXPECTED: &str =
    "a table of folders and their names, such as { \"HR/Contracts\" = \"Contracts\" }";

/// Names for folders, each by its path below the watched folder.
#[derive(Debug, Clone, Default)]
pub struct Categories(Vec<Category>);

#[derive(Debug, Clone)]
struct Category {
    /// Without `/` at its ends; empty for the watched folder itself.
    folder: String,
    name: String,
}

impl Categories {
    /// The category of a file; none for one that lies in the watched folder itself, which has no name.
    pub(crate) fn of<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        let named = self.0.iter().filter(|category| category.holds(path));
        named
            .max_by_key(|category| category.folder.len())
            .map(|category| category.name.as_str())
            .or_else(|| path.split_once('/').map(|(first, _)| first))
    }
}

impl Category {
    fn read(folder: &str, name: Option<String>) -> Result<Self, String> {
        if folder.contains('*') {
            return Err(format!(
                "{EXPECTED}; a folder stands for all below it, without `*`"
            ));
        }
        let name = name.filter(|name| !name.trim().is_empty());
        Ok(Self {
            folder: folder.trim_matches('/').to_owned(),
            name: name.ok_or(EXPECTED)?,
        })
    }

    fn holds(&self, path: &str) -> bool {
        self.folder.is_empty()
            || path
                .strip_prefix(self.folder.as_str())
                .is_some_and(|below| below.starts_with('/'))
    }
}

impl SettingType for Categories {
    const KIND: SettingKind = SettingKind::Json;
    const REQUIRED: bool = false;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        let entries = value.to_entries().ok_or(EXPECTED)?;
        let entries = entries.into_iter();
        let categories = entries.map(|(folder, name)| Category::read(&folder, name.to_text()));
        categories.collect::<Result<_, _>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categories(json: &str) -> Categories {
        Categories::parse(Json::new(json)).unwrap()
    }

    #[test]
    fn the_first_folder_names_what_no_setting_names() {
        let none = Categories::absent().unwrap();

        assert_eq!(none.of("Contracts/2026/a.pdf"), Some("Contracts"));
        assert_eq!(none.of("合同/a.pdf"), Some("合同"));
        assert_eq!(none.of("a.pdf"), None);
    }

    #[test]
    fn the_deepest_folder_that_is_named_wins() {
        let categories =
            categories(r#"{"HR": "Staff", "/HR/Contracts/": "Contracts", "HR/Con": "no"}"#);

        assert_eq!(categories.of("HR/Contracts/2026/a.pdf"), Some("Contracts"));
        assert_eq!(categories.of("HR/Contracts-old/a.pdf"), Some("Staff"));
        assert_eq!(categories.of("HR/Contracts"), Some("Staff"));
        assert_eq!(categories.of("HR-old/a.pdf"), Some("HR-old"));
    }

    #[test]
    fn the_watched_folder_itself_can_have_a_name() {
        let categories = categories(r#"{"/": "Uploads", "HR": "Staff"}"#);

        assert_eq!(categories.of("a.pdf"), Some("Uploads"));
        assert_eq!(categories.of("Other/a.pdf"), Some("Uploads"));
        assert_eq!(categories.of("HR/a.pdf"), Some("Staff"));
    }

    #[test]
    fn what_would_name_nothing_is_refused() {
        for text in [
            r#""HR""#,
            r#"["HR"]"#,
            r#"{"HR": 1}"#,
            r#"{"HR": " "}"#,
            r#"{"HR/**": "Staff"}"#,
        ] {
            assert!(Categories::parse(Json::new(text)).is_err(), "{text}");
        }
    }
}
