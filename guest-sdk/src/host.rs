//! The functions of the host: the interface's imports in a module, a stand-in in a native test.
//!
//! Both sides have the same signatures, so that nothing else in the crate asks where it runs.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::hookbox::rule::{log, payload, settings, state};
#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::context::{log, payload, settings, state};
