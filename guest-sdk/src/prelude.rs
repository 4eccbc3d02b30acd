//! What most rules use: `use hookbox_sdk::prelude::*;`.

pub use std::time::Duration;

pub use crate::decision::{Decision, Deploy, Notify, ReportWhen, Severity, drop_event, nothing};
pub use crate::event::{
    Change, Event, MergeRequest, Person, Push, RunStatus, Subject, SubjectName,
};
pub use crate::failure::Failure;
pub use crate::settings::{BranchPattern, Channel, CommandName, Language};
#[cfg(not(target_family = "wasm"))]
pub use crate::testing::{case, configure_with, manifest_of, sample, samples};
pub use crate::{log, markdown, pattern, payload, rule, state};
