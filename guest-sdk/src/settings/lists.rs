//! Lists of what settings can hold.

use super::{BranchPattern, Channel, CommandName, Json, Language, SettingKind, SettingType};
use crate::event::SubjectName;

macro_rules! lists {
    ($($type:ty => $kind:ident, $expected:literal);* $(;)?) => {
        $(
            impl SettingType for Vec<$type> {
                const KIND: SettingKind = SettingKind::$kind;

                fn parse(value: Json<'_>) -> Result<Self, String> {
                    let Some(items) = value.to_items() else {
                        return Err($expected.to_owned());
                    };
                    items
                        .into_iter()
                        .map(<$type as SettingType>::parse)
                        .collect::<Result<_, _>>()
                        .map_err(|each| format!("{}, each {each}", $expected))
                }
            }
        )*
    };
}

lists! {
    String => Texts, "a list of texts";
    Channel => Channels, "a list of channels";
    CommandName => Commands, "a list of commands";
    BranchPattern => Texts, "a list of patterns of branches";
    Language => Texts, "a list of languages";
    SubjectName => Texts, "a list of subjects";
}

impl SettingType for SubjectName {
    const KIND: SettingKind = SettingKind::Text;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        value
            .to_text()
            .and_then(|name| Self::parse(&name))
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|subject| subject.as_str()).collect();
                format!("one of {}", names.join(", "))
            })
    }
}
