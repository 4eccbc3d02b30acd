//! Hookbox from outside: the real program, real sockets, real files, and rules that misbehave.

mod access;
mod admin;
mod by_hand;
mod channels;
mod command_line;
mod corpus;
mod crashes;
mod ends;
mod fairness;
mod first_hour;
mod hooks;
mod inside;
mod isolation;
mod lifecycle;
mod limits;
mod modules;
mod providers;
mod rules_folder;
mod sharing;
mod supervisor;
mod support;
mod swaps;
mod tidy;
mod time_machine;
mod toolchain;
mod turns;
