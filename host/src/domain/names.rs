//! Names and identifiers, each a type of its own.
//!
//! A name is checked where it enters (a configuration file, a folder, a request) and trusted after
//! that.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name that does not have the form `[a-z0-9][a-z0-9._-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name `{name}` is not allowed: use 1 to 64 of the characters a-z, 0-9, `.`, `_` and `-`, \
     beginning with a letter or a digit"
)]
pub struct NameError {
    name: String,
}

fn check(name: &str) -> Result<(), NameError> {
    let mut bytes = name.bytes();
    let begins_well = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let goes_on_well = bytes
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
    if begins_well && goes_on_well && name.len() <= 64 {
        Ok(())
    } else {
        Err(NameError {
            name: name.escape_debug().to_string(),
        })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks a text and takes it as a name.
            ///
            /// # Errors
            /// When it does not have the form `[a-z0-9][a-z0-9._-]{0,63}`.
            pub fn parse(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                check(&name)?;
                Ok(Self(name))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                Self::parse(name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a source, as it stands in `/hooks/<source>` and under `[sources]`.
    SourceName
}
name! {
    /// The name of a team: a sub-folder of the rules folder, and a table under `[teams]`.
    TeamName
}
name! {
    /// The name of a channel, as it stands under `[channels]`.
    ChannelName
}
name! {
    /// The name of a command, as it stands under `[commands]`.
    CommandName
}

/// The name of a rule: `<team>/<file name without .wasm>`, or the file name alone for a shared rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleName {
    team: Option<TeamName>,
    rule: String,
}

impl RuleName {
    /// Puts a rule's name together from its team (none for a shared rule) and its file's stem.
    ///
    /// # Errors
    /// When the stem does not have the form of a name.
    pub fn new(team: Option<TeamName>, rule: impl Into<String>) -> Result<Self, NameError> {
        let rule = rule.into();
        check(&rule)?;
        Ok(Self { team, rule })
    }

    /// Reads `rule` or `team/rule`.
    ///
    /// # Errors
    /// When a part does not have the form of a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some((team, rule)) => Self::new(Some(TeamName::parse(team)?), rule),
            None => Self::new(None, text),
        }
    }

    /// The team whose rule it is; none for a shared rule.
    #[must_use]
    pub fn team(&self) -> Option<&TeamName> {
        self.team.as_ref()
    }

    /// The name within the team: the file's name without `.wasm`.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.team {
            Some(team) => write!(f, "{team}/{}", self.rule),
            None => f.write_str(&self.rule),
        }
    }
}

impl TryFrom<String> for RuleName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<RuleName> for String {
    fn from(name: RuleName) -> Self {
        name.to_string()
    }
}

/// The identifier of a delivery: a `UUIDv7` as text, given when the request is accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub String);

impl DeliveryId {
    /// Makes a new one whose order follows the time.
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// The identifier of the event with this index (counted from 0) in the delivery: the delivery's own
    /// for the first, `<id>.2` for the second, and so on.
    #[must_use]
    pub fn event(&self, index: usize) -> EventId {
        if index == 0 {
            EventId(self.0.clone())
        } else {
            EventId(format!("{}.{}", self.0, index + 1))
        }
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identifier of an event; the first of a delivery has the delivery's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub String);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no digest: write `sha256:` and 64 digits of 0-9 and a-f")]
pub struct DigestError {
    text: String,
}

/// A SHA-256 digest, written `sha256:<64 hexadecimal digits>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(format!(
            "sha256:{}",
            hex::encode(sha2::Sha256::digest(bytes))
        ))
    }

    /// Reads a digest as it is written.
    ///
    /// # Errors
    /// When it is not `sha256:` and 64 lowercase hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && hex.bytes().all(is_digit) => Ok(Self(text.to_owned())),
            _ => Err(DigestError {
                text: text.escape_debug().to_string(),
            }),
        }
    }

    /// The 64 hexadecimal digits alone, as used in file names.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        let hex = self.hex();
        hex.get(..12).unwrap_or(hex)
    }

    /// The whole digest with its algorithm.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lowercase_and_at_most_64_long() {
        for good in ["a", "10-route", "drop_bot.noise", "0", &"a".repeat(64)] {
            assert!(SourceName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            ".a",
            "A",
            "a/b",
            "ä",
            "a b",
            "..",
            &"a".repeat(65),
        ] {
            assert!(SourceName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rule_name_reads_back_as_it_was_written() {
        let shared = RuleName::parse("drop-bot-noise").expect("a shared rule's name");
        assert_eq!(shared.team(), None);
        let own = RuleName::parse("payments/10-route").expect("a team's rule's name");
        assert_eq!(own.to_string(), "payments/10-route");
        assert_eq!(own.stem(), "10-route");
        assert!(RuleName::parse("a/b/c").is_err());
        assert!(RuleName::parse("../x").is_err());
    }

    #[test]
    fn a_digest_reads_back_as_it_was_written_and_nothing_else_does() {
        let digest = Digest::of(b"module");
        assert_eq!(Digest::parse(digest.as_str()), Ok(digest.clone()));
        let upper = format!("sha256:{}", digest.hex().to_uppercase());
        for bad in ["", "sha256:", digest.hex(), &digest.as_str()[..70], &upper] {
            assert!(Digest::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_event_of_a_delivery_has_its_id() {
        let delivery = DeliveryId("d".to_owned());
        assert_eq!(delivery.event(0).0, "d");
        assert_eq!(delivery.event(1).0, "d.2");
    }
}
