//! The start stage: the process that becomes a command's program.
//!
//! The supervisor starts its own program once more with a hidden argument, and that calls
//! [`start_program`]. It lowers its priority, sets its limits, and is replaced by the program, with that
//! one's user, group, folder, environment, and standard input. What to become comes over standard input;
//! standard output leads to the supervisor, and to nobody else once the program runs.
//!
//! Invariants:
//! - A program that cannot be run leaves a reason in words.
//! - No privilege of the server reaches a program of another user than root.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::io::Errno;
use rustix::thread::clear_ambient_capability_set;

use super::limits::lower_priority;
use super::memory::file_of;
use super::protocol::{Program, StageReport, StandardOutput, THIS_PROGRAM};

/// The argument that makes the server's program the start stage of another.
pub const START: &str = "__start";

/// The memory that is set aside before the limit on it holds, for the copy of the environment that the call
/// of the program makes. The allocator keeps it where blocks are small.
const RESERVE_BLOCKS: usize = 64;
const RESERVE_BLOCK: usize = 2 << 10;

/// Becomes the program that standard input describes; the server's program runs this, and nothing else,
/// when its first argument is `__start`. Returns only where that fails.
#[must_use]
pub fn start_program() -> ExitCode {
    // The call of the program puts the output in place of standard output, also when it then fails.
    let Ok(report) = io::stdout().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let reason = become_program();
    let report = tell(
        &mut File::from(report),
        &StageReport::CouldNotStart { reason },
    );
    // Without the supervisor there is nobody left to tell.
    drop(report);
    ExitCode::FAILURE
}

/// Writes one report; what reads it reads to the end.
pub(super) fn tell(pipe: &mut File, report: &StageReport) -> io::Result<()> {
    pipe.write_all(&serde_json::to_vec(report)?)
}

/// Becomes the program, or says why not.
fn become_program() -> String {
    let mut text = String::new();
    if let Err(error) = io::stdin().read_to_string(&mut text) {
        return format!("what to start could not be read: {error}");
    }
    let program: Program = match serde_json::from_str(&text) {
        Ok(program) => program,
        Err(error) => return format!("what to start could not be read: {error}"),
    };
    drop(text);
    let mut command = match prepare(&program) {
        Ok(command) => command,
        Err(reason) => return reason,
    };
    if let Err(error) = program
        .nice
        .map_or(Ok(()), lower_priority)
        .and_then(|()| clear_ambient_capability_set())
    {
        return format!("its priority and privileges cannot be lowered: {error}");
    }
    drop(reserve());
    if let Err(error) = program.limits.apply() {
        return format!("its `limits` cannot be set: {error}");
    }
    let error = command.exec();
    why_not(&program, &error)
}

fn prepare(program: &Program) -> Result<Command, String> {
    let (name, arguments) = program
        .argv
        .split_first()
        .ok_or("there is no program to run")?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .current_dir(&program.cwd)
        .env_clear()
        .envs(&program.environment)
        .stderr(Stdio::inherit());
    command.stdin(match &program.stdin {
        None => Stdio::null(),
        Some(text) => file_of(text.as_bytes())
            .map_err(|error| format!("its standard input cannot be made: {error}"))?
            .into(),
    });
    if program.stdout == StandardOutput::Output {
        // Both go to where the server reads the output.
        command.stdout(Stdio::from(io::stderr()));
    }
    if let Some(identity) = program.identity {
        // Setting the user also takes all groups but the one that is set.
        command.uid(identity.uid).gid(identity.gid);
    }
    Ok(command)
}

/// Blocks that make the heap grow, and leave it so when they are dropped.
fn reserve() -> Vec<Vec<u8>> {
    (0..RESERVE_BLOCKS)
        .map(|_| Vec::with_capacity(RESERVE_BLOCK))
        .collect()
}

/// The system says little more than that something was not found; this says what.
fn why_not(program: &Program, error: &io::Error) -> String {
    let name = program.argv.first().map_or("", String::as_str);
    match Errno::from_io_error(error) {
        Some(Errno::PERM) if program.identity.is_some() => {
            "the server may not run it as another user: only one that runs as root, or with CAP_SETUID \
             and CAP_SETGID, can"
                .to_owned()
        }
        Some(Errno::AGAIN) if program.limits.processes.is_some() => {
            "its user has as many processes already as `limits.processes` allows".to_owned()
        }
        Some(Errno::NOMEM) if program.limits.memory.is_some() => {
            format!("the program `{name}` does not fit into `limits.memory`")
        }
        _ => why_not_run(name, &program.cwd, program.environment.get("PATH"), error),
    }
}

/// The name of a program as somebody can find it: for [`THIS_PROGRAM`] the file that this was started from.
pub(super) fn shown_program(name: &str) -> String {
    match std::fs::read_link(name) {
        Ok(path) if name == THIS_PROGRAM => path.to_string_lossy().into_owned(),
        _ => name.to_owned(),
    }
}

/// Why a program cannot be run in a folder.
pub(super) fn why_not_run(
    name: &str,
    cwd: &Path,
    path: Option<&String>,
    error: &io::Error,
) -> String {
    let name = shown_program(name);
    let folder = cwd.display();
    if !cwd.is_dir() {
        return format!("its working folder `{folder}` does not exist, or is closed to this user");
    }
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) if !name.contains('/') => {
            let path = path.map_or_else(String::new, |path| format!(" ({path})"));
            format!("the program `{name}` is in no folder of its PATH{path}")
        }
        Some(Errno::NOENT) if Path::new(&name).exists() => {
            format!(
                "the program `{name}` names an interpreter in its first line that does not exist"
            )
        }
        Some(Errno::NOENT) => format!("the program `{name}` does not exist"),
        Some(Errno::NOEXEC) => {
            format!(
                "the file `{name}` is no program and no script with a first line such as `#!/bin/sh`"
            )
        }
        Some(Errno::ACCESS) => format!(
            "the program `{name}` is not executable, or it or its working folder `{folder}` is closed to \
             this user"
        ),
        _ => format!("the program `{name}` cannot be run: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_this_program_that_cannot_be_run_is_named_by_its_file() {
        let error = io::Error::from(Errno::ACCESS);
        let this = std::env::current_exe().expect("it lies somewhere");

        let reason = why_not_run(THIS_PROGRAM, Path::new("/"), None, &error);

        let name = format!("the program `{}` is not executable", this.display());
        assert!(reason.starts_with(&name), "{reason}");
        assert_eq!(shown_program("/bin/sh"), "/bin/sh");
    }
}
