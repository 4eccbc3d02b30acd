//! The colours of messages.
//!
//! Every kind of channel that shows a colour takes it from here, so that a level looks the same
//! everywhere.

use crate::domain::decision::{Notification, Severity};

/// The message's own colour, or that of its severity: blue, green, amber, red.
pub(super) fn rgb(message: &Notification) -> Option<u32> {
    let own = message.color.map(|color| color & 0xff_ffff);
    own.or_else(|| message.severity.map(of))
}

/// The colour of a severity.
pub(super) fn of(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 0x3b_82f6,
        Severity::Success => 0x22_c55e,
        Severity::Warning => 0xf5_9e0b,
        Severity::Error => 0xef_4444,
    }
}

/// The same as `#rrggbb`.
pub(super) fn hex(message: &Notification) -> Option<String> {
    rgb(message).map(|rgb| format!("#{rgb:06x}"))
}
