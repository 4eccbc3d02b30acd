//! The exit codes, which scripts may rely on.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked.
    Ok,
    /// Something failed that is nobody's mistake: the disk, the network, a defect.
    Internal,
    /// The arguments are wrong.
    Usage,
    /// The configuration is wrong.
    Config,
    /// A rule is wrong: it does not build, is rejected, or gives no decision.
    Rule,
    /// The server cannot be reached.
    Unreachable,
    /// The server refused the request.
    Refused,
    /// The server did what it was asked, and that failed: a command, or the message of a test.
    Failed,
    /// Something differs, and `--fail-on-difference` was given.
    Differs,
}

impl Exit {
    /// Every code with what it means, for the documentation.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Ok, "it did what it was asked"),
        (
            Self::Internal,
            "something failed that is nobody's mistake: the disk, the network, a defect",
        ),
        (Self::Usage, "the arguments are wrong"),
        (Self::Config, "the configuration is wrong"),
        (
            Self::Rule,
            "a rule is wrong: it does not build, is rejected, or gives no decision",
        ),
        (Self::Unreachable, "the server cannot be reached"),
        (Self::Refused, "the server refused the request"),
        (
            Self::Failed,
            "the server did what it was asked, and that failed: a command, or the message of a test",
        ),
        (
            Self::Differs,
            "something differs, and `--fail-on-difference` was given",
        ),
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Rule => 4,
            Self::Unreachable => 5,
            Self::Refused => 6,
            Self::Failed => 7,
            Self::Differs => 8,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
