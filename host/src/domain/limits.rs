//! The limits of the sandbox and their defaults.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quantity::{Bytes, Span};

/// What one evaluation of a rule may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Limits {
    /// Units of work, deterministic for one version of the engine: about one for each instruction.
    pub fuel: u64,
    /// CPU time of the thread.
    pub cpu_time: Span,
    /// Time on the wall, whatever else the machine does.
    pub wall_time: Span,
    /// Linear memory.
    pub memory: Bytes,
    /// What one host call, or the answer, may copy out of the module.
    pub copied_out: Bytes,
    /// How many actions one decision may hold.
    pub actions: u32,
    /// How large they may be in all.
    pub actions_size: Bytes,
    /// How many actions of a rule may begin in a minute; over it they wait.
    pub rate: NonZeroU32,
    /// How many of them may begin at once.
    pub burst: NonZeroU32,
    /// How many lines of log are kept; more are counted.
    pub log_lines: u32,
    /// How long a line of the log may be; the rest is cut.
    pub log_line: Bytes,
    /// How much a rule may keep between events, where its team is granted more.
    pub state: Bytes,
    /// How large a module's file may be.
    pub module: Bytes,
}

impl Limits {
    /// The limits that hold where the operator says nothing.
    pub const DEFAULT: Self = Self {
        // Some ten milliseconds of work: a thousand times what a routing rule needs.
        fuel: 10_000_000,
        cpu_time: Span(Duration::from_millis(250)),
        wall_time: Span(Duration::from_secs(2)),
        // Room for a JavaScript or Python runtime, which begin at some 12 MiB.
        memory: Bytes::mib(32),
        copied_out: Bytes::mib(1),
        actions: 16,
        actions_size: Bytes::kib(64),
        rate: NonZeroU32::new(120).expect("it is not zero"),
        // Half a minute's: a push of many branches is no flood.
        burst: NonZeroU32::new(60).expect("it is not zero"),
        log_lines: 64,
        log_line: Bytes::kib(4),
        // All of it is read for each event.
        state: Bytes::mib(1),
        module: Bytes::mib(4),
    };

    /// The smaller of each pair: how a settings file narrows what its team has.
    #[must_use]
    pub fn narrowed_by(&self, other: &Narrowing) -> Self {
        let mut limits = self.clone();
        limits.fuel = other.fuel.map_or(limits.fuel, |fuel| fuel.min(limits.fuel));
        limits.cpu_time = other
            .cpu_time
            .map_or(limits.cpu_time, |time| time.min(limits.cpu_time));
        limits.wall_time = other
            .wall_time
            .map_or(limits.wall_time, |time| time.min(limits.wall_time));
        limits.memory = other
            .memory
            .map_or(limits.memory, |memory| memory.min(limits.memory));
        limits.actions = other
            .actions
            .map_or(limits.actions, |actions| actions.min(limits.actions));
        limits.rate = other.rate.map_or(limits.rate, |rate| rate.min(limits.rate));
        limits.burst = other
            .burst
            .map_or(limits.burst, |burst| burst.min(limits.burst));
        limits.state = other
            .state
            .map_or(limits.state, |state| state.min(limits.state));
        limits
    }

    /// These limits with what is given put in place of each: how a team's table raises or lowers.
    #[must_use]
    pub fn replaced_by(&self, other: &Narrowing) -> Self {
        let mut limits = self.clone();
        limits.fuel = other.fuel.unwrap_or(limits.fuel);
        limits.cpu_time = other.cpu_time.unwrap_or(limits.cpu_time);
        limits.wall_time = other.wall_time.unwrap_or(limits.wall_time);
        limits.memory = other.memory.unwrap_or(limits.memory);
        limits.actions = other.actions.unwrap_or(limits.actions);
        limits.rate = other.rate.unwrap_or(limits.rate);
        limits.burst = other.burst.unwrap_or(limits.burst);
        limits.state = other.state.unwrap_or(limits.state);
        limits
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Some limits, given for a team or in a settings file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Narrowing {
    /// In place of [`Limits::fuel`].
    pub fuel: Option<u64>,
    /// In place of [`Limits::cpu_time`].
    pub cpu_time: Option<Span>,
    /// In place of [`Limits::wall_time`].
    pub wall_time: Option<Span>,
    /// In place of [`Limits::memory`].
    pub memory: Option<Bytes>,
    /// In place of [`Limits::actions`].
    pub actions: Option<u32>,
    /// In place of [`Limits::rate`].
    pub rate: Option<NonZeroU32>,
    /// In place of [`Limits::burst`].
    pub burst: Option<NonZeroU32>,
    /// In place of [`Limits::state`].
    pub state: Option<Bytes>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_file_only_lowers() {
        let asked = Narrowing {
            fuel: Some(u64::MAX),
            memory: Some(Bytes::mib(1)),
            ..Narrowing::default()
        };
        let limits = Limits::DEFAULT.narrowed_by(&asked);
        assert_eq!(limits.fuel, Limits::DEFAULT.fuel);
        assert_eq!(limits.memory, Bytes::mib(1));
    }
}
