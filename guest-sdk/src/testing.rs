//! Running a rule natively, with a stand-in for the server: what `cargo test` needs, and no module.
//!
//! ```
//! use hookbox_sdk::prelude::*;
//!
//! fn announce(event: &Event) -> Decision {
//!     let Some(mr) = event.merge_request() else { return nothing("not a merge request") };
//!     Notify::to("dev").title(&mr.title).into()
//! }
//!
//! let outcome = case(announce).sample("gitlab/merge-request-opened").run();
//! assert!(outcome.expect_notification("dev").title.is_some());
//!
//! case(announce).sample("gitlab/push").run().expect_nothing();
//! ```
//!
//! Invariants:
//! - Every case has a server of its own: nothing is shared between cases, or left from one.
//! - As in the server, what is written to `state` by an evaluation that fails is not kept.

mod case;
pub(crate) mod context;
mod outcome;
mod rules;
mod samples;
mod toml_settings;

pub use case::{Case, case};
pub use context::LogLine;
pub use outcome::Outcome;
pub use rules::{configure_with, manifest_of};
pub use samples::{sample, sample_payload, samples};
