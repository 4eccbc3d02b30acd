//! Hookbox from outside: the real program, real sockets, real files, and rules that misbehave.

mod admin;
mod channels;
mod corpus;
mod first_hour;
mod hooks;
mod supervisor;
mod support;
mod tidy;
