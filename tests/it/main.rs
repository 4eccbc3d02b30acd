//! Hookbox from outside: the real program, real sockets, real files, and rules that misbehave.

mod first_hour;
mod supervisor;
mod support;
