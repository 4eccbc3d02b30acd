//! The conversation with a mail server, and what its answers mean.
//!
//! One conversation for each message: hello, perhaps a password, sender, recipients, the letter, good-bye.
//!
//! Invariants:
//! - A letter that the server has taken is sent, whatever becomes of the good-bye.
//! - A letter is sent to nobody where none of the channel's own recipients is taken.
//! - What leaves this file shows no password.

use std::error::Error as _;
use std::fmt::Display;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

use super::super::Sent;
use super::super::client::{Masks, cause};
use super::super::error::{Problem, Verdict};
use super::letter::Letter;
use super::wire::Reach;

/// How long a server may take to say good-bye: nothing depends on it.
const FAREWELL: Duration = Duration::from_secs(1);

/// The server shuts down, or is too busy: it takes nothing from anybody.
/// <https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3>
const CLOSING: u16 = 421;

/// It wants a password first.
/// <https://www.rfc-editor.org/rfc/rfc4954#section-6>
const PASSWORD_REQUIRED: u16 = 530;

/// How far a conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Greeting,
    Hello,
    Starttls,
    Password,
    Sender,
    Recipient,
    Data,
    Letter,
}

impl Step {
    /// Whether an answer can have to do with the message.
    fn is_of_the_message(self) -> bool {
        match self {
            Self::Greeting | Self::Hello | Self::Starttls | Self::Password => false,
            Self::Sender | Self::Recipient | Self::Data | Self::Letter => true,
        }
    }
}

/// How a server is spoken to.
pub(super) struct Speaker {
    pub(super) reach: Reach,
    /// What it is told at hello.
    pub(super) hello: ClientId,
    pub(super) credentials: Option<Credentials>,
    /// Texts that no message shows.
    pub(super) masks: Masks,
    /// How long all may take, but for the good-bye.
    pub(super) within: Duration,
}

impl Speaker {
    /// Sends a letter, once. Dropping the future closes the connection; the server may have taken the letter.
    pub(super) async fn send(&self, letter: &Letter) -> Result<Sent, Problem> {
        let spoken = tokio::time::timeout(self.within, async {
            let mut connection = self.begin().await?;
            let sent = self.deliver(&mut connection, letter).await;
            Ok((connection, sent))
        });
        let (mut connection, sent) = spoken.await.unwrap_or(Err(Problem::TimedOut {
            within: self.within,
        }))?;
        // By now the letter is taken or refused.
        drop(tokio::time::timeout(FAREWELL.min(self.within), connection.quit()).await);
        sent
    }

    async fn begin(&self) -> Result<AsyncSmtpConnection, Problem> {
        let wire = self.reach.connect(&self.hello).await?;
        let begun = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &self.hello).await;
        let mut connection = begun.map_err(|error| self.problem(Step::Hello, &error))?;
        if let Some(credentials) = &self.credentials {
            let offered = connection.server_info();
            if offered.get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(Problem::Lacking {
                    what: "AUTH by PLAIN or LOGIN",
                    advice: "it takes no `username` and `password` here; another `port` or `security` may, or remove both",
                });
            }
            let answer = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            let answer = answer.map_err(|error| self.problem(Step::Password, &error))?;
            self.expect(2, answer)?;
        }
        Ok(connection)
    }

    async fn deliver(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
    ) -> Result<Sent, Problem> {
        let sender = Mail::new(Some(letter.from.clone()), Vec::new());
        self.say(connection, Step::Sender, sender).await?;
        let mut missed = self.address(connection, &letter.to).await?;
        if missed.len() == letter.to.len() {
            return Err(all_refused(missed));
        }
        missed.extend(self.address(connection, &letter.cc).await?);

        let goes_on = connection.command(Data).await;
        let goes_on = goes_on.map_err(|error| self.problem(Step::Data, &error))?;
        self.expect(3, goes_on)?;
        let taken = connection.message(&letter.bytes).await;
        let taken = taken.map_err(|error| self.problem(Step::Letter, &error))?;
        let taken = self.expect(2, taken)?;
        Ok(Sent {
            detail: self.detail(&taken, &missed),
        })
    }

    /// Names recipients, and gives those whom the server does not take.
    async fn address(
        &self,
        connection: &mut AsyncSmtpConnection,
        recipients: &[Address],
    ) -> Result<Vec<Missed>, Problem> {
        let mut missed = Vec::new();
        for recipient in recipients {
            let command = Rcpt::new(recipient.clone(), Vec::new());
            let answer = connection.command(command).await;
            let error = match answer {
                Ok(answer) => {
                    self.expect(2, answer)?;
                    continue;
                }
                Err(error) => error,
            };
            match error.status().map(u16::from) {
                Some(code) if code != CLOSING => missed.push(Missed {
                    recipient: recipient.clone(),
                    code,
                    text: self.masks.excerpt(&said(&error)),
                }),
                _ => return Err(self.problem(Step::Recipient, &error)),
            }
        }
        Ok(missed)
    }

    async fn say(
        &self,
        connection: &mut AsyncSmtpConnection,
        step: Step,
        command: impl Display,
    ) -> Result<Response, Problem> {
        let answer = connection.command(command).await;
        let answer = answer.map_err(|error| self.problem(step, &error))?;
        self.expect(2, answer)
    }

    /// An answer whose code begins with this digit; another good one is not the answer to what was said.
    fn expect(&self, digit: u16, answer: Response) -> Result<Response, Problem> {
        let code = u16::from(answer.code());
        if code / 100 == digit {
            return Ok(answer);
        }
        let shown = self.masks.excerpt(&text(&answer));
        Err(broken(&format!(
            "`{code} {shown}` is no answer to what it was told"
        )))
    }

    /// What the record of a success says: the answer, and who is left out.
    fn detail(&self, taken: &Response, missed: &[Missed]) -> String {
        let answer = format!("{} {}", taken.code(), text(taken));
        let mut details = vec![self.masks.excerpt(&answer)];
        details.extend(missed.iter().map(|missed| {
            let Missed {
                recipient,
                code,
                text,
            } = missed;
            format!("not taken for `{recipient}`: {code} {text}")
        }));
        details.join("; ")
    }

    fn problem(&self, step: Step, error: &Error) -> Problem {
        match error.status() {
            Some(code) => refused(step, code.into(), &self.masks.excerpt(&said(error))),
            None if error.is_response() => broken(&"what came is no answer of a mail server"),
            None => broken(&self.masks.excerpt(&cause(error))),
        }
    }
}

/// A recipient whom the server does not take.
struct Missed {
    recipient: Address,
    code: u16,
    text: String,
}

/// The problem that it is when no recipient is taken: one that passes, where one of them may be taken later.
fn all_refused(missed: Vec<Missed>) -> Problem {
    let others = missed.len().saturating_sub(1);
    let worst = missed.into_iter().min_by_key(|missed| missed.code);
    let Some(Missed {
        recipient,
        code,
        text,
    }) = worst
    else {
        return Problem::Unsendable {
            reason: "it has no recipient".to_owned(),
        };
    };
    let others = match others {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    refused(
        Step::Recipient,
        code,
        &format!("{text} (for `{recipient}`{others})"),
    )
}

/// The problem that an answer without success is. Its text is masked and cut already.
pub(super) fn refused(step: Step, code: u16, text: &str) -> Problem {
    let is_passing = (400..500).contains(&code);
    let verdict = match step.is_of_the_message() && code != CLOSING {
        _ if !is_passing => Verdict::Permanent,
        true => Verdict::Doubtful,
        false => Verdict::Passing { after: None },
    };
    let advice = match step {
        _ if is_passing => "",
        Step::Password => "check `username` and `password`",
        _ if code == PASSWORD_REQUIRED => "set `username` and `password`, or another `security`",
        Step::Sender => "check `from`",
        Step::Recipient => "check `to`",
        _ => "",
    };
    let message = match (text, advice) {
        (text, "") => text.to_owned(),
        ("", advice) => advice.to_owned(),
        (text, advice) => format!("{text}: {advice}"),
    };
    Problem::Coded {
        code: code.to_string(),
        message,
        verdict,
    }
}

/// The problem that a conversation is which did not come to its end.
pub(super) fn broken(reason: &impl ToString) -> Problem {
    Problem::Broken {
        reason: reason.to_string(),
    }
}

fn text(answer: &Response) -> String {
    answer.message().collect::<Vec<_>>().join(" ")
}

/// What the server said with an error code.
fn said(error: &Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
