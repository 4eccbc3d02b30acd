//! What every kind of channel must keep, checked against a real server.
//!
//! A kind has a `CONTRACT` in its file: settings that lead to a server of the test, and what its service answers.
//! The list of kinds names it, so a kind without one does not compile, and these tests run for a new kind by
//! themselves. The requests are compared with the files in `golden/<kind>/`; `HOOKBOX_BLESS=1` writes those anew,
//! to be read before they are committed.

use std::pin::Pin;

use serde_json::Value;

use super::tests::receiver::Request;
use crate::domain::decision::{Field, Notification, Severity};

mod answers;
mod golden;
mod odd;

/// What a kind of channel is tested by.
pub(super) enum Contract {
    /// It speaks HTTP.
    Http(HttpContract),
    /// It speaks something else, and has tests of its own for what goes wrong.
    Own {
        /// Sends a message, and gives what arrived as text.
        transcript: fn(Notification) -> Pin<Box<dyn Future<Output = String> + Send>>,
    },
}

/// What a kind of channel that speaks HTTP is tested by.
pub(super) struct HttpContract {
    /// The settings of a channel, without `kind`, whose service listens at this base URL.
    pub(super) settings: fn(&str) -> Value,
    /// What `[people.ada]` is called on this kind.
    pub(super) person: &'static str,
    /// What becomes of texts.
    pub(super) texts: Texts,
    /// The answer to a message that was taken.
    pub(super) taken: Reply,
    /// Whether a request keeps the service's limits; asked about a message that is longer than all of them.
    pub(super) fits: fn(&Request) -> bool,
    /// Other answers of the service, and what they mean. Those of HTTP itself (429, 500 …) are checked for every
    /// kind.
    pub(super) answers: &'static [Answered],
}

/// What becomes of the texts of strangers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// They are written in the service's dialect, and mention nobody.
    Rendered,
    /// A program receives them as they are.
    AsWritten,
}

/// An answer.
#[derive(Clone, Copy)]
pub(super) struct Reply {
    pub(super) status: &'static str,
    /// Each ended by `\r\n`.
    pub(super) headers: &'static str,
    pub(super) body: &'static str,
}

impl Reply {
    pub(super) const fn new(status: &'static str, body: &'static str) -> Self {
        Self {
            status,
            headers: "",
            body,
        }
    }
}

/// An answer of a service with what it means.
pub(super) struct Answered {
    pub(super) reply: Reply,
    pub(super) meaning: Meaning,
    /// What the error says, in part; ignored where the message was taken.
    pub(super) text: &'static str,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The message was taken.
    Taken,
    /// It would not be taken at another attempt.
    Permanent,
    /// The channel takes nothing now; after so many seconds at the earliest, where it says so.
    Passing(Option<u64>),
}

/// A message with a text alone.
pub(super) fn plain(text: &str) -> Notification {
    Notification {
        text: text.to_owned(),
        ..Notification::to("dev")
    }
}

/// A message with every part.
pub(super) fn full() -> Notification {
    let field = |name: &str, value: &str, short| Field {
        name: name.to_owned(),
        value: value.to_owned(),
        short,
    };
    Notification {
        title: Some("Pipeline #7 failed: *no* <b>mark</b> & more".to_owned()),
        severity: Some(Severity::Error),
        url: Some("https://gitlab.example.org/p/7?a=b&c=(d)".to_owned()),
        fields: vec![field("Branch", "`main`", true), field("分支", "主", false)],
        footer: Some("GitLab".to_owned()),
        mentions: ["ada", "bob", "all"].map(str::to_owned).to_vec(),
        ..plain(
            "Two **jobs** failed on _main_ of [storefront](https://gitlab.example.org/storefront):\n\n- build, see `make`\n\
             - ~~lint~~ test\n\n> It works for me.\n\n```sh\nmake test # a < b && c\n```\n\n| job | time |\n|---|---|\n| build | 1 m |\n\n\
             # Next\n\n1. fix it\n2. 部署 🚀 5 * 3 < 20 & snake_case_word",
        )
    }
}

/// More Chinese and emoji than any service takes.
pub(super) fn long() -> Notification {
    plain(&format!(
        "构建成功 {}",
        "部署完成👩\u{200d}💻".repeat(6_000)
    ))
}

/// A message that tries to mention everybody on every service.
pub(super) fn mentioning() -> Notification {
    let forged = r#"@all <!channel> <at user_id="all"></at> <@U1> @everyone @here <!here|x> <at id=all></at> &#64;all"#;
    let mut message = full();
    message.title = Some(r#"@all <!channel> <at user_id="all"></at>"#.to_owned());
    message.text =
        format!("{forged}\n\n`{forged}`\n\n```\n{forged}\n```\n\n[{forged}](https://example.org)");
    message.footer = Some(forged.to_owned());
    message.fields[0].name = forged.to_owned();
    message.fields[0].value = forged.to_owned();
    message.mentions = vec!["<!channel>".to_owned(), "x @everyone".to_owned()];
    message
}
