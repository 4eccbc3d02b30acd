//! What the system allows each process of a command: its resource limits and its priority.
//!
//! The configuration names them, and the start stage sets them on itself just before it becomes the
//! program, so that everything that comes of the program has them too.
//!
//! Invariants:
//! - A limit is never raised above the one that the server has itself.
//! - No process of a command leaves a core dump.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use serde::{Deserialize, Serialize};

use crate::domain::quantity::{Bytes, Span};

/// How much processor time a process has to end by itself after the signal XCPU, in seconds.
const CPU_GRACE: u64 = 5;

/// The lowest priority there is: <https://man7.org/linux/man-pages/man2/nice.2.html>.
pub(super) const LOWEST_PRIORITY: u8 = 19;

/// What the system allows each process of a command; what is left out stays as the server has it.
///
/// The limits hold for each process by itself, apart from `processes`. The signals and the errors are the
/// system's: <https://man7.org/linux/man-pages/man2/getrlimit.2.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceLimits {
    /// The processor time of each process, in whole seconds, rounded up. Then it gets the signal XCPU, which
    /// ends it, and KILL after five seconds more. Waiting does not count; `timeout` is for that.
    pub cpu: Option<Span>,
    /// The address space of each process; more is not given to it. Programs that reserve much more than they
    /// use, such as those of Java, Go and Node, need many times what they really take.
    pub memory: Option<Bytes>,
    /// How many processes and threads the command's user may have when it starts one more. All of that user
    /// count, not the command's alone, and root is not bound.
    pub processes: Option<u64>,
    /// The files and sockets that each process may have open at once.
    pub open_files: Option<u64>,
    /// How large a file may become that a process writes. Then it gets the signal XFSZ, which ends it.
    pub file_size: Option<Bytes>,
}

impl ResourceLimits {
    /// The key of the first limit that is zero, with which no program runs.
    pub(super) fn zero(&self) -> Option<&'static str> {
        [
            ("cpu", self.cpu.map(|span| whole_seconds(span.0))),
            ("memory", self.memory.map(|bytes| bytes.0)),
            ("processes", self.processes),
            ("open_files", self.open_files),
            ("file_size", self.file_size.map(|bytes| bytes.0)),
        ]
        .into_iter()
        .find_map(|(key, value)| (value == Some(0)).then_some(key))
    }

    /// Sets the limits on this process, the one on memory last: what is to be had after it may be nothing.
    pub(super) fn apply(&self) -> Result<(), Errno> {
        limit(Resource::Core, Some(0), 0)?;
        let cpu = self.cpu.map(|span| whole_seconds(span.0));
        limit(Resource::Cpu, cpu, CPU_GRACE)?;
        limit(Resource::Nproc, self.processes, 0)?;
        limit(Resource::Nofile, self.open_files, 0)?;
        limit(Resource::Fsize, self.file_size.map(|bytes| bytes.0), 0)?;
        limit(Resource::As, self.memory.map(|bytes| bytes.0), 0)
    }
}

fn whole_seconds(span: std::time::Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// Sets one limit: the soft one as it is, the hard one a little above.
fn limit(resource: Resource, wanted: Option<u64>, above: u64) -> Result<(), Errno> {
    let Some(wanted) = wanted else {
        return Ok(());
    };
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    // The largest number means that there is no limit.
    let value = |number: u64| Some(number.min(most)).filter(|number| *number != u64::MAX);
    setrlimit(
        resource,
        Rlimit {
            current: value(wanted),
            maximum: value(wanted.saturating_add(above)),
        },
    )
}

/// Lowers the priority of this process by so much.
pub(super) fn lower_priority(by: u8) -> Result<(), Errno> {
    nice(i32::from(by)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_named() {
        let zero = |text: &str| {
            toml::from_str::<ResourceLimits>(text)
                .expect("known keys")
                .zero()
        };

        assert_eq!(zero(""), None);
        assert_eq!(zero("cpu = '1ms'\nmemory = '1B'"), None);
        assert_eq!(zero("cpu = '0s'"), Some("cpu"));
        assert_eq!(zero("memory = '1GiB'\nopen_files = 0"), Some("open_files"));
    }
}
