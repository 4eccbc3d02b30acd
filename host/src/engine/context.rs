//! What an instance holds while it runs: its input, its log, and the watch over its limits.
//!
//! One is made for every evaluation and thrown away with the instance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use wasmtime::{ResourceLimiter, Store, StoreContextMut, Trap, UpdateDeadline};

use super::wasi::World;
use crate::domain::evaluation::{Log, LogLevel, LogLine};
use crate::domain::limits::Limits;
use crate::domain::state::Session;

/// The event as it arrived, and the rule's settings: what the host functions answer from.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    /// The body, as stored.
    pub body: Bytes,
    /// The headers, names in lower case.
    pub headers: Arc<[(String, String)]>,
    /// The query, as it came.
    pub query: Option<String>,
    /// The sender's address.
    pub remote_address: Option<String>,
    /// The body parsed, when the first rule asks for a part of it.
    parsed: Arc<std::sync::OnceLock<serde_json::Value>>,
}

impl Payload {
    /// Puts together what a delivery brought.
    #[must_use]
    pub fn new(body: Bytes, headers: Arc<[(String, String)]>) -> Self {
        Self {
            body,
            headers,
            ..Self::default()
        }
    }

    /// The JSON text at a JSON Pointer. The body is parsed once for all rules that ask.
    pub(super) fn pointer(&self, pointer: &str) -> Option<String> {
        let parsed = self
            .parsed
            .get_or_init(|| serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null));
        parsed.pointer(pointer).map(ToString::to_string)
    }

    /// A header, by name in any case.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
    }

    /// A parameter of the query, decoded.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref()?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// Why the watch ended an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error("the limit of CPU time")]
    CpuTime,
    #[error("the limit of time on the wall")]
    WallTime,
}

/// The data of a store.
pub(super) struct Context {
    pub(super) payload: Payload,
    pub(super) settings: Arc<str>,
    pub(super) log: Log,
    /// What the rule keeps; none where it is not granted.
    pub(super) state: Option<Session>,
    /// What the module sees of the world where it imports WASI.
    pub(super) world: World,
    pub(super) memory_refused: bool,
    memory_limit: usize,
    log_lines: usize,
    log_line: usize,
}

impl Context {
    pub(super) fn new(payload: Payload, settings: Arc<str>, limits: &Limits) -> Self {
        Self {
            payload,
            settings,
            log: Log::default(),
            state: None,
            world: World::default(),
            memory_refused: false,
            memory_limit: limits.memory.as_usize(),
            log_lines: limits.log_lines as usize,
            log_line: limits.log_line.as_usize(),
        }
    }

    /// Keeps a line of the rule's log, or counts it.
    pub(super) fn write_log(&mut self, level: LogLevel, mut message: String) {
        if self.log.lines.len() >= self.log_lines {
            self.log.left_out += 1;
            return;
        }
        cut(&mut message, self.log_line);
        self.log.lines.push(LogLine { level, message });
    }

    /// How much of a line is worth keeping while it grows: what the log keeps, and one character more, so
    /// that the cut falls between two.
    pub(super) fn line_limit(&self) -> usize {
        self.log_line.saturating_add(char::MAX.len_utf8())
    }

    /// The last thing it logged as an error: the SDK writes a panic's message there before it traps.
    pub(super) fn panic_message(&self) -> Option<&str> {
        self.log
            .lines
            .last()
            .filter(|line| line.level == LogLevel::Error)
            .map(|line| line.message.as_str())
    }
}

impl ResourceLimiter for Context {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.memory_limit;
        self.memory_refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= super::config::TABLE_ELEMENTS)
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        super::config::TABLES as usize
    }

    fn instances(&self) -> usize {
        super::config::CORE_INSTANCES as usize
    }
}

/// Cuts a text that is too long between two characters, and gives the room of the rest back: sixty-four lines of a
/// mebibyte would be twice what the rule itself may take.
pub(super) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.shrink_to_fit();
    }
}

/// The CPU time this thread has used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Sets every limit of a store: memory, fuel, what may be copied, and the watch over time.
pub(super) fn limit(store: &mut Store<Context>, limits: &Limits) -> wasmtime::Result<()> {
    store.limiter(|context| context);
    store.set_fuel(limits.fuel)?;
    store.set_hostcall_fuel(limits.copied_out.as_usize());
    store.set_max_component_handles(super::config::HANDLES);
    // The clocks are read at the first tick, not before: nearly every evaluation ends within a tick,
    // and reading them costs as much as some of those take. So a limit counts from up to one tick later.
    let mut began = None;
    let (cpu_limit, wall_limit) = (limits.cpu_time.0, limits.wall_time.0);
    store.epoch_deadline_callback(move |_| {
        let (wall_began, cpu_began) = *began.get_or_insert_with(|| (Instant::now(), cpu_time()));
        if cpu_time().saturating_sub(cpu_began) > cpu_limit {
            return Err(Stop::CpuTime.into());
        }
        if wall_began.elapsed() > wall_limit {
            return Err(Stop::WallTime.into());
        }
        Ok(UpdateDeadline::Continue(1))
    });
    store.set_epoch_deadline(1);
    Ok(())
}

/// What a host call itself costs, in units of fuel: crossing over takes as long as so many instructions
/// at least. With less, a loop of empty calls reaches the limit of CPU time before the one of fuel, and
/// its fault depends on the machine.
const CALL: u64 = 50;

/// Charges a host call: its own price, and one unit of fuel for every eight bytes that pass either way.
pub(super) fn charge(
    store: &mut StoreContextMut<'_, Context>,
    bytes: usize,
) -> wasmtime::Result<()> {
    let price = u64::try_from(bytes / 8)
        .unwrap_or(u64::MAX)
        .saturating_add(CALL);
    let left = store.get_fuel()?;
    match left.checked_sub(price) {
        Some(rest) => store.set_fuel(rest),
        None => {
            store.set_fuel(0)?;
            Err(Trap::OutOfFuel.into())
        }
    }
}
