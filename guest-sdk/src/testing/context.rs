//! The stand-in for the server: what a rule can read and write in a test.
//!
//! It belongs to the thread, as a module's instance belongs to its evaluation; without a case there is
//! nothing in it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::log::Level;

/// A line that the rule wrote to its log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The line.
    pub message: String,
}

/// What one evaluation sees and leaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    pub(crate) settings: String,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) remote_address: Option<String>,
    pub(crate) state: State,
    pub(crate) log: Vec<LogLine>,
}

/// What the rule keeps; time does not pass in a test, so that nothing expires.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) granted: bool,
    pub(crate) values: BTreeMap<String, String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            granted: true,
            values: BTreeMap::new(),
        }
    }
}

thread_local! {
    static CONTEXT: RefCell<Context> = RefCell::default();
}

/// Runs a function with a server behind it, and returns what it left there.
pub(crate) fn within<T>(context: Context, run: impl FnOnce() -> T) -> (T, Context) {
    let outer = CONTEXT.replace(context);
    let result = run();
    (result, CONTEXT.replace(outer))
}

fn read<T>(read: impl FnOnce(&Context) -> T) -> T {
    CONTEXT.with_borrow(read)
}

/// The interface `settings`.
pub(crate) mod settings {
    pub(crate) fn all() -> String {
        super::read(|context| context.settings.clone())
    }
}

/// The interface `log`.
pub(crate) mod log {
    use super::{CONTEXT, Level, LogLine};

    pub(crate) fn write(level: Level, message: &str) {
        let message = message.to_owned();
        CONTEXT.with_borrow_mut(|context| context.log.push(LogLine { level, message }));
    }
}

/// The interface `payload`.
pub(crate) mod payload {
    use serde_json::Value;

    use super::read;

    pub(crate) fn pointer(pointer: &str) -> Option<String> {
        let body: Value = serde_json::from_slice(&body()).ok()?;
        body.pointer(pointer).map(Value::to_string)
    }

    pub(crate) fn body() -> Vec<u8> {
        read(|context| context.body.clone())
    }

    pub(crate) fn header(name: &str) -> Option<String> {
        read(|context| {
            let mut headers = context.headers.iter();
            headers
                .find(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        })
    }

    pub(crate) fn query(name: &str) -> Option<String> {
        read(|context| {
            let mut query = context.query.iter();
            query
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.clone())
        })
    }

    pub(crate) fn remote_address() -> Option<String> {
        read(|context| context.remote_address.clone())
    }
}

/// The interface `state`.
pub(crate) mod state {
    use std::collections::BTreeMap;

    use super::CONTEXT;
    use crate::state::StateError;

    fn values<T>(
        use_them: impl FnOnce(&mut BTreeMap<String, String>) -> T,
    ) -> Result<T, StateError> {
        CONTEXT.with_borrow_mut(|context| {
            if context.state.granted {
                Ok(use_them(&mut context.state.values))
            } else {
                Err(StateError::NotGranted)
            }
        })
    }

    pub(crate) fn get(key: &str) -> Result<Option<String>, StateError> {
        values(|values| values.get(key).cloned())
    }

    pub(crate) fn set(key: &str, value: &str, _ttl_seconds: Option<u32>) -> Result<(), StateError> {
        values(|values| {
            values.insert(key.to_owned(), value.to_owned());
        })
    }

    pub(crate) fn add(
        key: &str,
        amount: i64,
        _ttl_seconds: Option<u32>,
    ) -> Result<i64, StateError> {
        values(|values| {
            let before: i64 = values
                .get(key)
                .and_then(|value| value.parse().ok())
                .unwrap_or(0);
            let after = before.saturating_add(amount);
            values.insert(key.to_owned(), after.to_string());
            after
        })
    }

    pub(crate) fn remove(key: &str) -> Result<(), StateError> {
        values(|values| {
            values.remove(key);
        })
    }

    pub(crate) fn keys(prefix: &str) -> Result<Vec<String>, StateError> {
        values(|values| {
            values
                .keys()
                .filter(|key| key.starts_with(prefix))
                .cloned()
                .collect()
        })
    }
}
