//! What operators are shown about a source.

use serde::Serialize;

use super::provider::Facts;
use super::{Gate, Source, json};
use crate::domain::names::SourceName;
use crate::domain::quantity::Bytes;
use crate::sources::headers::Headers;

/// A source as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SourceSummary {
    /// The name that stands in `/hooks/<source>`.
    pub name: SourceName,
    /// The provider's name, or `auto`.
    pub provider: &'static str,
    /// How its requests are verified.
    pub verification: Verification,
    /// The names of its secrets.
    pub secrets: Vec<String>,
    /// What it expects, in the words of its configuration; none where it takes everything.
    pub expects: Option<String>,
    /// Where requests may come from, in the words of its configuration; anywhere where it is empty.
    pub addresses: Vec<String>,
    /// How large a body may be, in bytes.
    pub body_limit: Bytes,
}

/// How the requests of a source are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// By its secrets.
    Secret,
    /// Not at all: the operator wrote `verify = "none"`.
    None,
    /// It has no secret, so every request is refused.
    Refused,
}

impl Source {
    /// What operators are shown about it.
    #[must_use]
    pub fn summary(&self) -> SourceSummary {
        SourceSummary {
            name: self.name.clone(),
            provider: self.provider(),
            verification: match self.gate {
                Gate::Checked => Verification::Secret,
                Gate::Open => Verification::None,
                Gate::Closed => Verification::Refused,
            },
            secrets: self.secrets.clone(),
            expects: self.expect.shown(),
            addresses: self.address_texts.clone(),
            body_limit: self.body_limit,
        }
    }

    /// What a stored delivery says about itself: what `expect` looks at. The body is read as far as it is before a
    /// delivery is stored, so that nobody expects what is not seen then.
    #[must_use]
    pub fn facts(&self, provider: &str, headers: &[(String, String)], body: &[u8]) -> Facts {
        let Some(taker) = self.takers.named(provider) else {
            return Facts::default();
        };
        let body = json::outline(body, taker.outline_depth()).ok().flatten();
        taker.facts(Headers::Stored(headers), body.as_ref())
    }
}
