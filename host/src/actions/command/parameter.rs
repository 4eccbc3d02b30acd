//! What a rule may say to a command: parameters, and the check of every value.
//!
//! Rules pass on texts that strangers chose, such as branch names. A parameter says which of them reach
//! the program; the check is made once more for every run, when its arguments are prepared.
//!
//! Invariants:
//! - A pattern matches the whole value or the value is refused.
//! - A value with a NUL byte, or with a leading `-` that is not allowed, is refused whatever the pattern.
//! - A message shows no control character of a value, and no more than its first 80 characters.

use std::fmt;

use regex::Regex;

use super::config::ParameterConfig;
use super::shown::shown;
use super::template::is_parameter_name;
use crate::domain::names::CommandName;

/// Arguments that a command does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("command `{command}`: {problem}")]
pub struct ArgumentError {
    /// The command.
    pub command: CommandName,
    /// What is wrong with which argument.
    pub problem: ArgumentProblem,
}

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentProblem {
    /// The command has no such parameter.
    #[error("it has no parameter `{parameter}`; it has {known}")]
    Unknown {
        /// The name that was given.
        parameter: String,
        /// The names it has.
        known: String,
    },
    /// A parameter without a default got no value.
    #[error("its parameter `{parameter}`, {accepted}, got no value and has no default")]
    Missing {
        /// The parameter.
        parameter: String,
        /// What it accepts.
        accepted: String,
    },
    /// A parameter got more than one value.
    #[error("its parameter `{parameter}` got more than one value")]
    Doubled {
        /// The parameter.
        parameter: String,
    },
    /// A value is none of those that the parameter accepts.
    #[error("the value `{value}` is not what its parameter `{parameter}` accepts: {accepted}")]
    Refused {
        /// The parameter.
        parameter: String,
        /// The value, escaped and cut.
        value: String,
        /// What the parameter accepts.
        accepted: String,
    },
    /// A value begins with `-` and the parameter does not allow it.
    #[error(
        "the value `{value}` of its parameter `{parameter}`, {accepted}, begins with `-`, which programs \
         take for an option; `leading_dash = true` in that parameter allows it"
    )]
    LeadingDash {
        /// The parameter.
        parameter: String,
        /// The value, escaped and cut.
        value: String,
        /// What the parameter accepts.
        accepted: String,
    },
    /// A value holds a NUL byte, which no program can be given.
    #[error("the value `{value}` of its parameter `{parameter}`, {accepted}, holds a NUL byte")]
    Nul {
        /// The parameter.
        parameter: String,
        /// The value, escaped and cut.
        value: String,
        /// What the parameter accepts.
        accepted: String,
    },
}

/// A parameter's configuration that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Its name cannot stand in a placeholder.
    #[error(
        "its name has characters other than letters, digits, `_` and `-`, or more than 64 of them"
    )]
    Name,
    /// It accepts anything, or says in two ways what it accepts.
    #[error(
        "it needs exactly one of `pattern = \"…\"`, `values = […]`, and `min = …` with `max = …`, which \
         say what a rule may give"
    )]
    NotOneKind,
    /// Its pattern is not a regular expression.
    #[error("its pattern `{pattern}` is not a regular expression: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it, in one line.
        reason: String,
    },
    /// It accepts nothing.
    #[error("it accepts no value at all")]
    Nothing,
    /// One of its own values is refused by its other rules.
    #[error("its own {role} is refused: {problem}")]
    OwnValue {
        /// Where the value stands.
        role: &'static str,
        /// Why it is refused.
        problem: Box<ArgumentProblem>,
    },
}

#[derive(Debug, Clone)]
enum Accepted {
    Pattern { text: String, whole: Regex },
    Values(Vec<String>),
    Range { min: i64, max: i64 },
}

impl Accepted {
    fn has(&self, value: &str) -> bool {
        match self {
            Self::Pattern { whole, .. } => whole.is_match(value),
            Self::Values(values) => values.iter().any(|one| one == value),
            // Only one way to write a number: `007` is octal to some programs and `+7` an option to others.
            Self::Range { min, max } => value
                .parse::<i64>()
                .is_ok_and(|number| (*min..=*max).contains(&number) && number.to_string() == value),
        }
    }
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { text, .. } => write!(f, "pattern `{text}`"),
            Self::Values(values) => write!(f, "one of `{}`", values.join("`, `")),
            Self::Range { min, max } => write!(f, "a whole number from {min} to {max}"),
        }
    }
}

/// A named value that a rule may give to a command.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    name: String,
    accepted: Accepted,
    leading_dash: bool,
    default: Option<String>,
}

impl Parameter {
    /// Makes a parameter of its configuration; its default and its listed values obey its own rules.
    pub(super) fn build(name: &str, config: &ParameterConfig) -> Result<Self, ParameterError> {
        if !is_parameter_name(name) {
            return Err(ParameterError::Name);
        }
        let accepted = match (&config.pattern, &config.values, config.min, config.max) {
            (Some(text), None, None, None) => pattern(text)?,
            (None, Some(values), None, None) => Accepted::Values(values.clone()),
            (None, None, Some(min), Some(max)) => Accepted::Range { min, max },
            _ => return Err(ParameterError::NotOneKind),
        };
        let parameter = Self {
            name: name.to_owned(),
            accepted,
            leading_dash: config.leading_dash,
            default: config.default.clone(),
        };
        parameter.check_own_values()?;
        Ok(parameter)
    }

    fn check_own_values(&self) -> Result<(), ParameterError> {
        let check = |role, value: &str| {
            self.check(value)
                .map_err(|problem| ParameterError::OwnValue {
                    role,
                    problem: Box::new(problem),
                })
        };
        match &self.accepted {
            Accepted::Pattern { .. } => {}
            Accepted::Values(values) if values.is_empty() => return Err(ParameterError::Nothing),
            Accepted::Values(values) => {
                for value in values {
                    check("value", value)?;
                }
            }
            Accepted::Range { min, max } if min > max => return Err(ParameterError::Nothing),
            Accepted::Range { min, .. } => check("least number", &min.to_string())?,
        }
        self.default
            .as_deref()
            .map_or(Ok(()), |value| check("default", value))
    }

    /// What it accepts, in words.
    pub(super) fn accepts(&self) -> String {
        self.accepted.to_string()
    }

    /// Its value where a rule gives none.
    pub(super) fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// What is said when a rule gives none and there is no default.
    pub(super) fn missing(&self) -> ArgumentProblem {
        ArgumentProblem::Missing {
            parameter: self.name.clone(),
            accepted: self.accepted.to_string(),
        }
    }

    /// Checks one value.
    pub(super) fn check(&self, value: &str) -> Result<(), ArgumentProblem> {
        let parameter = self.name.clone();
        let accepted = self.accepted.to_string();
        if value.contains('\0') {
            Err(ArgumentProblem::Nul {
                parameter,
                value: shown(value),
                accepted,
            })
        } else if value.starts_with('-') && !self.leading_dash {
            Err(ArgumentProblem::LeadingDash {
                parameter,
                value: shown(value),
                accepted,
            })
        } else if self.accepted.has(value) {
            Ok(())
        } else {
            Err(ArgumentProblem::Refused {
                parameter,
                value: shown(value),
                accepted,
            })
        }
    }
}

fn pattern(text: &str) -> Result<Accepted, ParameterError> {
    // The pattern is read by itself first: `a)|(b` must not become valid through the brackets put round it.
    Regex::new(text)
        .and_then(|_| Regex::new(&format!(r"\A(?:{text})\z")))
        .map(|whole| Accepted::Pattern {
            text: text.to_owned(),
            whole,
        })
        .map_err(|error| ParameterError::Pattern {
            pattern: text.to_owned(),
            // The last line of the parser's drawing says what is wrong.
            reason: error
                .to_string()
                .lines()
                .last()
                .map(|line| line.trim_start_matches("error: ").to_owned())
                .unwrap_or_default(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_pattern(text: &str) -> Parameter {
        let config = ParameterConfig {
            pattern: Some(text.to_owned()),
            ..ParameterConfig::default()
        };
        Parameter::build("branch", &config).expect("a good pattern")
    }

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let branch = with_pattern("main|release/[0-9.]+");

        for good in ["main", "release/1.2"] {
            assert_eq!(branch.check(good), Ok(()), "{good}");
        }
        for bad in [
            "main-evil",
            "xmain",
            "release/1.2; id",
            "main\n",
            "release/1.2\nmain",
            "",
        ] {
            let message = branch.check(bad).expect_err(bad).to_string();
            assert!(
                message.contains("pattern `main|release/[0-9.]+`"),
                "{message}"
            );
        }
        assert!(with_pattern("(?m)^main$").check("main\nmain").is_err());
    }

    #[test]
    fn a_leading_dash_needs_leave() {
        let config = ParameterConfig {
            pattern: Some(".*".to_owned()),
            leading_dash: true,
            ..ParameterConfig::default()
        };

        let refused = with_pattern(".*")
            .check("-x")
            .expect_err("no leave")
            .to_string();
        let allowed = Parameter::build("flags", &config).expect("a good pattern");

        assert!(refused.contains("`leading_dash = true`"), "{refused}");
        assert!(refused.contains("pattern `.*`"), "{refused}");
        assert_eq!(allowed.check("-x"), Ok(()));
    }

    #[test]
    fn a_nul_byte_is_refused_whatever_the_pattern() {
        let problem = with_pattern("(?s).*")
            .check("a\0b")
            .expect_err("a NUL byte");

        assert_eq!(
            problem.to_string(),
            r"the value `a\u{0}b` of its parameter `branch`, pattern `(?s).*`, holds a NUL byte"
        );
    }

    #[test]
    fn a_refused_value_is_shown_escaped_and_cut() {
        let value = format!("\u{1b}[2J{}", "é".repeat(500));
        let message = with_pattern("main")
            .check(&value)
            .expect_err("refused")
            .to_string();

        assert!(message.contains(r"\u{1b}[2Jééé"), "{message}");
        assert!(message.contains("é…`"), "{message}");
        assert!(message.chars().count() < 200, "{message}");
    }

    #[test]
    fn a_range_takes_whole_numbers_written_in_the_one_usual_way() {
        let config = ParameterConfig {
            min: Some(0),
            max: Some(20),
            default: Some("3".to_owned()),
            ..ParameterConfig::default()
        };
        let count = Parameter::build("count", &config).expect("a good range");

        for good in ["0", "7", "20"] {
            assert_eq!(count.check(good), Ok(()), "{good}");
        }
        for bad in ["21", "007", "+7", "7.0", " 7", "", "99999999999999999999"] {
            assert!(count.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_parameter_that_accepts_anything_or_nothing_is_an_error() {
        for (text, part) in [
            ("", "exactly one of"),
            ("pattern = 'a'\nvalues = ['a']", "exactly one of"),
            ("min = 1", "exactly one of"),
            ("values = []", "no value at all"),
            ("min = 2\nmax = 1", "no value at all"),
            ("pattern = '('", "unclosed group"),
            ("pattern = 'a)|(b'", "unopened group"),
            ("values = ['-x']", "own value is refused"),
            ("min = -1\nmax = 1", "own least number is refused"),
            ("pattern = 'a'\ndefault = 'b'", "own default is refused"),
        ] {
            let config: ParameterConfig = toml::from_str(text).expect("known keys");
            let message = Parameter::build("p", &config).expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert_eq!(
            Parameter::build("a b", &ParameterConfig::default()).err(),
            Some(ParameterError::Name)
        );
    }
}
