//! Plain values: texts, numbers, true or false, and anything that JSON can say.

use serde_json::Value;

use super::{Json, SettingKind, SettingType};

impl SettingType for String {
    const KIND: SettingKind = SettingKind::Text;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        value.to_text().ok_or_else(|| "a text".to_owned())
    }
}

impl SettingType for bool {
    const KIND: SettingKind = SettingKind::Boolean;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        value.to_bool().ok_or_else(|| "true or false".to_owned())
    }
}

impl SettingType for Value {
    const KIND: SettingKind = SettingKind::Json;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        serde_json::from_str(value.as_text()).map_err(|_error| "a JSON value".to_owned())
    }
}

macro_rules! integers {
    ($($type:ty => $expected:literal),* $(,)?) => {
        $(
            impl SettingType for $type {
                const KIND: SettingKind = SettingKind::Integer;

                fn parse(value: Json<'_>) -> Result<Self, String> {
                    value
                        .to_i64()
                        .and_then(|number| Self::try_from(number).ok())
                        .ok_or_else(|| $expected.to_owned())
                }
            }
        )*
    };
}

// A TOML file goes no further than `i64`.
integers! {
    i64 => "a whole number",
    i32 => "a whole number from -2147483648 to 2147483647",
    u64 => "a whole number from 0",
    u32 => "a whole number from 0 to 4294967295",
    u16 => "a whole number from 0 to 65535",
    u8 => "a whole number from 0 to 255",
}

impl<T: SettingType> SettingType for Option<T> {
    const KIND: SettingKind = T::KIND;
    const REQUIRED: bool = false;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        if value.is_null() {
            return Ok(None);
        }
        T::parse(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}
