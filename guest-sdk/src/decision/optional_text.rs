//! Texts that may be missing, so that `.link(&event.url)` needs no unpacking.

use crate::settings::{Channel, CommandName};

/// A text, or none: `&str`, `String`, a number, a channel, or an `Option` of a text.
pub trait OptionalText {
    /// Returns the text, if there is one.
    fn into_optional(self) -> Option<String>;
}

impl<T: AsRef<str>> OptionalText for Option<T> {
    fn into_optional(self) -> Option<String> {
        self.map(|text| text.as_ref().to_owned())
    }
}

impl<T: AsRef<str>> OptionalText for &Option<T> {
    fn into_optional(self) -> Option<String> {
        self.as_ref().map(|text| text.as_ref().to_owned())
    }
}

impl OptionalText for String {
    fn into_optional(self) -> Option<String> {
        Some(self)
    }
}

macro_rules! optional_text {
    ($($type:ty),*) => {
        $(
            impl OptionalText for $type {
                fn into_optional(self) -> Option<String> {
                    Some(self.to_string())
                }
            }
        )*
    };
}

optional_text!(
    &str,
    &String,
    &Channel,
    Channel,
    &CommandName,
    CommandName,
    u64,
    u32,
    usize,
    i64,
    i32
);
