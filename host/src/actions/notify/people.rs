//! `[people]`: who somebody is on each service.
//!
//! A rule mentions people by the names that providers know them by; the operator says here what a chat service
//! calls them. Only what stands here can mention anybody.
//!
//! Invariants:
//! - A name of two people is a mistake, and no guess is made.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::kinds::Kind;
use super::message::Message;
use super::text::{cut, is_blank, one_line};
use super::{ChannelConfig, SettingError, feishu};
use crate::capability::nearest;
use crate::domain::decision::Notification;

/// The name that mentions everybody in a channel.
const EVERYBODY: &str = "all";

/// What of a mistaken name is shown.
const SHOWN: usize = 60;

/// One person, as `[people.<name>]` has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonConfig {
    /// The names that providers know the person by: user names and e-mail addresses. The name of the table is
    /// one as well.
    pub is: Vec<String>,
    /// What the person is called on each kind of channel, by the kind.
    pub called: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for PersonConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PersonVisitor)
    }
}

struct PersonVisitor;

impl<'de> Visitor<'de> for PersonVisitor {
    type Value = PersonConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a person: `is = [\"…\"]`, and for each kind of channel what it calls the person",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PersonConfig, A::Error> {
        let mut person = PersonConfig::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "is" {
                person.is = map.next_value()?;
            } else if ChannelConfig::KINDS.contains(&key.as_str()) {
                person.called.insert(key, map.next_value()?);
            } else {
                let near = nearest(&key, ChannelConfig::KINDS.iter().copied().chain(["is"]));
                let near = near
                    .map(|near| format!("; is it `{near}`?"))
                    .unwrap_or_default();
                return Err(A::Error::custom(format!(
                    "`{}` is neither `is` nor a kind of channel: those are {}{near}",
                    key.escape_debug(),
                    ChannelConfig::KINDS.join(", ")
                )));
            }
        }
        Ok(person)
    }
}

/// Everybody in `[people]`.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// The person's name and what the kinds of channels call them, by every name, in lower case.
    known: BTreeMap<String, (String, BTreeMap<String, String>)>,
}

impl People {
    /// Puts the tables together.
    ///
    /// # Errors
    /// When two people have the same name, or a service knows nobody by what stands here.
    pub fn build(configs: &BTreeMap<String, PersonConfig>) -> Result<Self, SettingError> {
        let mut known = BTreeMap::new();
        for (name, config) in configs {
            let mut names: Vec<String> = config.is.iter().map(|name| name.to_lowercase()).collect();
            names.push(name.to_lowercase());
            names.sort();
            names.dedup();
            for (kind, address) in &config.called {
                check(kind, address).map_err(|expected| SettingError::Person {
                    person: name.clone(),
                    kind: kind.clone(),
                    found: cut(&one_line(address), SHOWN),
                    expected,
                })?;
            }
            for one in names {
                let entry = (name.clone(), config.called.clone());
                if one == EVERYBODY {
                    return Err(SettingError::Everybody {
                        person: name.clone(),
                    });
                }
                if let Some((other, _)) = known.insert(one.clone(), entry) {
                    return Err(SettingError::SamePerson {
                        name: one,
                        people: (other, name.clone()),
                    });
                }
            }
        }
        Ok(Self { known })
    }

    /// A message with its mentions as a kind of channel has them, each once.
    pub(super) fn message<'a>(&'a self, notification: &'a Notification, kind: &str) -> Message<'a> {
        let mut mentions = Vec::new();
        for name in &notification.mentions {
            let name = name.trim().trim_start_matches('@').trim();
            if is_blank(name) {
                continue;
            }
            let mention = self.mention(name, kind);
            if !mentions.contains(&mention) {
                mentions.push(mention);
            }
        }
        Message::new(notification, mentions)
    }

    fn mention<'a>(&'a self, name: &'a str, kind: &str) -> Mention<'a> {
        if name == EVERYBODY {
            return Mention::Everybody;
        }
        match self.known.get(&name.to_lowercase()) {
            None => Mention::Unknown { name },
            Some((name, called)) => match address(called, kind) {
                None => Mention::Unknown { name },
                Some(address) => Mention::Person { name, address },
            },
        }
    }
}

fn check(kind: &str, address: &str) -> Result<(), &'static str> {
    if is_blank(address) {
        return Err("write what the service calls the person, or remove it");
    }
    Kind::named(kind).map_or(Ok(()), |kind| kind.check_person(address.trim()))
}

/// What a kind of channel calls somebody; kinds that are one service share it.
fn address<'a>(called: &'a BTreeMap<String, String>, kind: &str) -> Option<&'a String> {
    let is_shared = feishu::NAMES.contains(&kind);
    let others = feishu::NAMES.iter().filter(|_| is_shared);
    let others = others.filter_map(|other| called.get(*other)).next();
    called.get(kind).or(others)
}

/// Whom a message mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mention<'a> {
    /// Everybody in the channel.
    Everybody,
    /// Somebody whom the operator has named.
    Person {
        /// The person's name in `[people]`.
        name: &'a str,
        /// What the service calls the person, in the operator's words.
        address: &'a str,
    },
    /// Somebody whom the operator has not named for this kind of channel: plain text, in the rule's words or
    /// the person's name in `[people]`.
    Unknown {
        /// The name.
        name: &'a str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(text: &str) -> Result<People, String> {
        let configs: BTreeMap<String, PersonConfig> =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        People::build(&configs).map_err(|error| error.to_string())
    }

    const ADA: &str = "[ada]\nis = ['ada.martin', 'Ada@example.org']\nmattermost = 'ada'\n";

    #[test]
    fn somebody_is_found_by_every_name_and_mentioned_once() {
        let people = people(ADA).expect("people");
        let notification = Notification {
            mentions: ["ada@EXAMPLE.org", "@ada.martin", "ada", "bob", "all"]
                .map(str::to_owned)
                .to_vec(),
            ..Notification::to("dev")
        };
        let message = people.message(&notification, "mattermost");
        let ada = Mention::Person {
            name: "ada",
            address: "ada",
        };
        let bob = Mention::Unknown { name: "bob" };
        assert_eq!(message.mentions(), [ada, bob, Mention::Everybody]);
        let message = people.message(&notification, "console");
        assert_eq!(message.mentions()[0], Mention::Unknown { name: "ada" });
    }

    #[test]
    fn a_name_of_nothing_mentions_nobody() {
        let notification = Notification {
            mentions: ["", "@", " @ ", "\u{200b}"].map(str::to_owned).to_vec(),
            ..Notification::to("dev")
        };
        let people = People::default();
        let message = people.message(&notification, "mattermost");
        assert!(message.mentions().is_empty());
    }

    #[test]
    fn what_each_service_calls_people_is_taken() {
        let ada = "[ada]\nmattermost = '@ada.m-1_x'\nslack = 'U012AB3CD'\ndiscord = '80351110224678912'\n\
                   teams = 'ada@example.org'\ntelegram = 'ada_martin'\ndingtalk = '13800000000'\n\
                   feishu = 'ou_18eac85d35a26'\nlark = '7f2gd8a2'\nwecom = 'AdaMartin'\n\
                   email = 'Ada <ada@example.org>'\nntfy = 'Ada Martin'\ngotify = 'Ada'\nhttp = 'x y'\nconsole = 'x'";
        let bob = "[bob]\nslack = 'S012AB3CD'\ndiscord = '&80351110224678912'\n\
                   teams = '0a1b2c3d-0000-1111-2222-333344445555'\ntelegram = '123456789'\ndingtalk = '+852-98765432'\n\
                   wecom = '+85298765432'";
        for text in [ada, bob] {
            people(text).expect("people");
        }
    }

    #[test]
    fn a_mistake_is_named_with_what_to_write() {
        for (text, expected) in [
            ("[ada]\nmatermost = 'ada'", "is it `mattermost`?"),
            ("[ada]\nis = ['x']\n[bob]\nis = ['X']", "`ada` and `bob`"),
            ("[ada]\nis = ['all']", "`all` is everybody"),
            (
                "[ada]\nemail = ' '",
                "`email` is ` `: write what the service calls",
            ),
            ("[ada]\nmattermost = 'Ada Martin'", "write the user name"),
            ("[ada]\nmattermost = 'ada, @all'", "write the user name"),
            (
                "[ada]\nslack = '@ada'",
                "`slack` is `@ada`: write a member ID",
            ),
            ("[ada]\nslack = 'C012AB3CD'", "write a member ID"),
            ("[ada]\ndiscord = 'ada#1234'", "write a user ID"),
            (
                "[ada]\nteams = 'Ada Martin'",
                "write the user principal name",
            ),
            ("[ada]\ntelegram = '+33612345678'", "write the user name"),
            ("[ada]\ntelegram = 'Ada Martin'", "write the user name"),
            (
                "[ada]\ndingtalk = '138 0000 0000'",
                "write the mobile number",
            ),
            ("[ada]\nfeishu = '13800000000'", "write the open ID"),
            ("[ada]\nlark = '+85298765432'", "write the open ID"),
            ("[ada]\nwecom = '<@all>'", "write the user ID"),
            ("[ada]\nfeishu = 'x></at><at id=all'", "write the open ID"),
            ("[ada]\nslack = 'U1><!channel'", "write a member ID"),
            (
                "[ada]\ndiscord = '80351110224678912> @everyone'",
                "write a user ID",
            ),
            ("[ada]\nemail = 'ada'", "write an address"),
            ("[ada]\nemail = 'ädä@example.org'", "write an address"),
            (
                "[ada]\nemail = \"ada@example.org>\\r\\nRCPT TO:<eve@example.org\"",
                "write an address",
            ),
        ] {
            let error = people(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
