//! Hookbox: a server that gives webhook and file events to sandboxed WebAssembly rules and performs
//! what they ask for.
//!
//! The library is the program's own; nothing outside this workspace is promised its interface. Start
//! with [`domain`] for the words, and with `ARCHITECTURE.md` for the path of an event.

pub mod actions;
pub mod capability;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod http;
pub mod server;
pub mod sources;
pub mod store;
pub mod worker;
