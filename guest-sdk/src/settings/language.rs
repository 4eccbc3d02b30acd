//! The language of a rule's messages.

use super::{Json, SettingKind, SettingType};

/// The language of a rule's messages: `en`, `fr`, or `zh` in a settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// Chinese.
    Zh,
}

impl Language {
    /// Returns the one of three texts that is in this language: English, French, or Chinese.
    #[must_use]
    pub fn pick<T>(self, english: T, french: T, chinese: T) -> T {
        match self {
            Self::En => english,
            Self::Fr => french,
            Self::Zh => chinese,
        }
    }
}

impl SettingType for Language {
    const KIND: SettingKind = SettingKind::Text;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        match value.to_text().as_deref() {
            Some("en") => Ok(Self::En),
            Some("fr") => Ok(Self::Fr),
            Some("zh") => Ok(Self::Zh),
            _ => Err("`en`, `fr` or `zh`".to_owned()),
        }
    }
}
