//! Names and patterns that settings hold, each a type of its own.

use std::fmt;

use super::{Json, SettingKind, SettingType};
use crate::pattern;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// Takes a text as a name; whether it exists is the server's to say.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl SettingType for $type {
            const KIND: SettingKind = SettingKind::$kind;

            fn parse(value: Json<'_>) -> Result<Self, String> {
                match value.to_text() {
                    Some(name) if !name.is_empty() => Ok(Self(name)),
                    _ => Err($expected.to_owned()),
                }
            }
        }
    };
}

name! {
    /// The name of a channel; the server checks at load that it exists and is granted.
    Channel, Channel, "the name of a channel"
}
name! {
    /// The name of a command; the server checks at load that it exists and is granted.
    CommandName, Command, "the name of a command"
}

/// A pattern over branches: `main`, `release/*`, `feature/**`.
///
/// `*` stands for any characters but `/`, `**` for any at all, `?` for one; a lone `*` is every branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchPattern(String);

impl BranchPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty, or has brackets or braces, which would silently match nothing.
    pub fn new(pattern: impl Into<String>) -> Result<Self, String> {
        let pattern = pattern.into();
        if pattern.is_empty() || pattern.contains(['[', ']', '{', '}', '\\', ' ']) {
            return Err("the name of a branch, or a pattern with `*`, `**` and `?`".to_owned());
        }
        Ok(Self(pattern))
    }

    /// Whether it matches the whole of a branch's name.
    #[must_use]
    pub fn matches(&self, branch: &str) -> bool {
        pattern::matches(&self.0, branch)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for BranchPattern {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SettingType for BranchPattern {
    const KIND: SettingKind = SettingKind::Text;

    fn parse(value: Json<'_>) -> Result<Self, String> {
        Self::new(value.to_text().unwrap_or_default())
    }
}
