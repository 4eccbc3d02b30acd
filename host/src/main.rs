//! The program `hookbox`.
//!
//! Two hidden commands are this program in another part: the compiler, which may die of a module, and
//! the supervisor, under which commands run. They begin before anything else is set up.

use std::process::ExitCode;

use hookbox::actions::command::{SUPERVISE, supervise};
use hookbox::engine::{COMPILE_ARGUMENT, compile_child};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(SUPERVISE) => supervise(),
        Some(COMPILE_ARGUMENT) => compile_child(&arguments.collect::<Vec<_>>()),
        _ => hookbox::cli::run(),
    }
}
