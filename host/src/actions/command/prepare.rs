//! A command with the arguments that a rule gave put in.
//!
//! The worker prepares an action's command to learn its turn, and once more when it runs it.
//!
//! Invariants:
//! - Every value was checked by its parameter.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::git::{COMMIT, PreparedUpdate, check_commit};
use super::parameter::{ArgumentError, ArgumentProblem};
use super::shown::shown;
use super::{Command, Work};
use crate::domain::decision::Argument;
use crate::domain::turn::Turn;

/// A command with its arguments put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    work: PreparedWork,
    turn: Turn,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PreparedWork {
    Program { argv: Vec<String>, cwd: PathBuf },
    GitUpdate(PreparedUpdate),
}

impl Prepared {
    /// Which runs it waits for. The key is `<command>:<key>`, `group/<group>:<key>`, or for a git-update
    /// `git/<path>`.
    #[must_use]
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    pub(super) fn work(&self) -> &PreparedWork {
        &self.work
    }
}

/// The values of parameters, and the commit that a git-update takes besides.
#[derive(Default)]
struct Values<'a> {
    of_parameters: BTreeMap<&'a str, &'a str>,
    commit: Option<String>,
}

impl Command {
    /// Checks the arguments that a rule gave, and puts them in.
    ///
    /// # Errors
    /// When an argument is unknown, missing, doubled, or not what its parameter accepts.
    pub fn prepare(&self, arguments: &[Argument]) -> Result<Prepared, ArgumentError> {
        let values = self.values(arguments).map_err(|problem| ArgumentError {
            command: self.name.clone(),
            problem,
        })?;
        let key = self.place.key.render(&values.of_parameters);
        Ok(Prepared {
            work: match &self.work {
                Work::Program {
                    program,
                    arguments,
                    cwd,
                } => {
                    let rendered = arguments
                        .iter()
                        .map(|argument| argument.render(&values.of_parameters));
                    PreparedWork::Program {
                        argv: std::iter::once(program.clone()).chain(rendered).collect(),
                        cwd: cwd.clone(),
                    }
                }
                Work::GitUpdate(update) => PreparedWork::GitUpdate(PreparedUpdate::new(
                    update,
                    &values.of_parameters,
                    values.commit,
                )),
            },
            turn: Turn {
                key: format!("{}{key}", self.place.prefix),
                when_busy: self.when_busy,
            },
        })
    }

    fn values<'a>(&'a self, arguments: &'a [Argument]) -> Result<Values<'a>, ArgumentProblem> {
        let mut values = Values::default();
        for Argument { name, value } in arguments {
            let is_first = if self.takes_commit() && name == COMMIT {
                values.commit.replace(check_commit(value)?).is_none()
            } else {
                let parameter = self.parameters.get(name);
                parameter.ok_or_else(|| self.unknown(name))?.check(value)?;
                values.of_parameters.insert(name, value).is_none()
            };
            if !is_first {
                let parameter = name.clone();
                return Err(ArgumentProblem::Doubled { parameter });
            }
        }
        for (name, parameter) in &self.parameters {
            if !values.of_parameters.contains_key(name.as_str()) {
                let default = parameter.default().ok_or_else(|| parameter.missing())?;
                values.of_parameters.insert(name, default);
            }
        }
        Ok(values)
    }

    fn takes_commit(&self) -> bool {
        matches!(self.work, Work::GitUpdate(_))
    }

    fn unknown(&self, name: &str) -> ArgumentProblem {
        let built_in = self.takes_commit().then_some(COMMIT);
        let known: Vec<String> = built_in
            .into_iter()
            .chain(self.parameters.keys().map(String::as_str))
            .map(|name| format!("`{name}`"))
            .collect();
        ArgumentProblem::Unknown {
            parameter: shown(name),
            known: if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            },
        }
    }
}
