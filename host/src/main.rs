//! The program `hookbox`.
//!
//! Hidden commands are this program in another part: the compiler, which may die of a module; the supervisor, under
//! which commands run; the stage that becomes a command's program; and the update of a working copy. They begin
//! before anything else is set up.

use std::process::ExitCode;

use hookbox::actions::command::{
    GIT_UPDATE, START, SUPERVISE, git_update, start_program, supervise,
};
use hookbox::engine::{COMPILE_ARGUMENT, compile_child};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(SUPERVISE) => supervise(),
        Some(START) => start_program(),
        Some(GIT_UPDATE) => git_update(&arguments.collect::<Vec<_>>()),
        Some(COMPILE_ARGUMENT) => compile_child(&arguments.collect::<Vec<_>>()),
        _ => hookbox::cli::run(),
    }
}
