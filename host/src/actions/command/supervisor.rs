//! The process between the server and a command, which sees to it that the command ends.
//!
//! The server starts its own program once more with a hidden argument, and that calls [`supervise`]. The
//! supervisor reads what to run from its standard input, runs it, and reports its end. As the subreaper of
//! what it starts it finds every process that came of it, also one that called `setsid`.
//!
//! Invariants:
//! - No process of a command outlives the supervisor, but one that it may not signal; how many those are
//!   is reported.
//! - When standard input closes, which it does whenever the server ends or gives up the run, everything is
//!   ended.
//! - The supervisor ends in bounded time: the limit, the grace, and 30 seconds of KILL.
//!
//! Should it be killed itself, the server ends what stayed in its session; only what began a session of its
//! own is then left. What is not a descendant is out of its reach: a service that `systemctl` or a
//! container engine was asked to start belongs to these, and is meant to stay. The kernel's control groups, where they may be
//! written, could replace the look through `/proc`; they are not used.

mod descendants;
mod place;

use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitStatus, getpid, set_child_subreaper, setsid};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{self, SignalKind};
use tokio::time::{sleep, sleep_until};

use self::descendants::{Children, Main, count, reap, signal_all};
use self::place::Place;
use super::end::CommandOutcome;
use super::memory::file_of;
use super::protocol::{
    KILL_LIMIT, LEFTOVER_GRACE, OWN_NAME, PLACE_LIMIT, Program, Report, Spec, StageReport,
    THIS_PROGRAM,
};
use super::start::START;

/// How long the supervisor waits between two looks for what has still to be killed.
const KILL_PAUSE: Duration = Duration::from_millis(50);

/// The pause between two looks whether an earlier run has ended.
const PLACE_PAUSE: Duration = Duration::from_millis(20);

/// A supervisor that cannot do its work.
#[derive(Debug, thiserror::Error)]
enum SupervisorError {
    #[error("this is for the server's own use: it speaks with it over standard input and output")]
    Pipe(#[source] io::Error),
    #[error("what to run could not be read")]
    Spec(#[source] serde_json::Error),
    #[error("the supervisor cannot become the parent of what its command leaves behind")]
    Subreaper(#[source] Errno),
}

/// Supervises one command; the server's program runs this, and nothing else, when its first argument is
/// `__supervise`.
///
/// What to run comes over standard input, the report goes to standard output, and standard error is the
/// command's output. Must be called before any thread or runtime is started.
#[must_use]
pub fn supervise() -> ExitCode {
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SupervisorError::Pipe)
        .and_then(|runtime| runtime.block_on(follow()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            // Without standard error there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{error}: {}", cause.unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

async fn follow() -> Result<(), SupervisorError> {
    // A session of its own has no terminal: Ctrl-C reaches the server alone, and the command cannot ask
    // for a password. By the session the server finds what is left should this process be killed. It fails
    // only where this is a session's leader already, which is as good.
    let _ = setsid();
    set_child_subreaper(Some(getpid())).map_err(SupervisorError::Subreaper)?;
    let stdin = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(Receiver::from_owned_fd)
        .map_err(SupervisorError::Pipe)?;
    let mut stdin = BufReader::new(stdin);
    let Some(spec) = read_spec(&mut stdin).await? else {
        // It was given up before it began.
        return Ok(());
    };

    let mut signals = Signals::listen().map_err(SupervisorError::Pipe)?;
    let _place = match wait_for_place(&spec.place, &mut stdin, &mut signals).await {
        Ok(place) => place,
        Err(outcome) => {
            report(&Report::Ended {
                outcome,
                duration: Duration::ZERO,
                left_running: 0,
            });
            return Ok(());
        }
    };
    report(&Report::Starting);
    let started = Instant::now();
    let Started {
        pid: main,
        said: pipe,
    } = match start(&spec.program) {
        Ok(started) => started,
        Err(reason) => {
            report(&Report::Ended {
                outcome: CommandOutcome::CouldNotStart { reason },
                duration: Duration::ZERO,
                left_running: 0,
            });
            return Ok(());
        }
    };

    let mut status = None;
    let stop = until_stop(main, &mut status, spec.timeout, &mut stdin, &mut signals).await;
    let ended_after = started.elapsed();
    let grace = match stop {
        Stop::MainEnded => spec.grace.min(LEFTOVER_GRACE),
        Stop::TimeLimit | Stop::ServerGone | Stop::Told => spec.grace,
    };
    let left_running = end_everything(main, &mut status, grace, &mut signals).await;
    let duration = match stop {
        Stop::MainEnded => ended_after,
        Stop::TimeLimit | Stop::ServerGone | Stop::Told => started.elapsed(),
    };
    let said = match stop {
        Stop::MainEnded if left_running == 0 => said(pipe),
        _ => None,
    };
    let outcome = match said {
        Some(StageReport::CouldNotStart { reason }) => CommandOutcome::CouldNotStart { reason },
        Some(StageReport::NotUpdated { reason }) => CommandOutcome::NotUpdated { reason },
        Some(StageReport::Superseded { reason }) => CommandOutcome::Superseded { reason },
        None => outcome(stop, status),
    };
    report(&Report::Ended {
        outcome,
        duration,
        left_running,
    });
    Ok(())
}

/// Reads what to run; none where the server closed the pipe before it said so.
async fn read_spec(stdin: &mut BufReader<Receiver>) -> Result<Option<Spec>, SupervisorError> {
    let mut line = String::new();
    stdin
        .read_line(&mut line)
        .await
        .map_err(SupervisorError::Pipe)?;
    if !line.ends_with('\n') {
        return Ok(None);
    }
    let spec = serde_json::from_str(&line).map_err(SupervisorError::Spec)?;
    Ok(Some(spec))
}

/// Waits until no other supervisor of the same turn lives, and says how the run ends where that does not come.
async fn wait_for_place(
    path: &Path,
    stdin: &mut BufReader<Receiver>,
    signals: &mut Signals,
) -> Result<Place, CommandOutcome> {
    let could_not_start = |reason: String| CommandOutcome::CouldNotStart { reason };
    let give_up_at = tokio::time::Instant::now() + PLACE_LIMIT;
    let server_gone = closed(stdin);
    tokio::pin!(server_gone);
    loop {
        match Place::take(path) {
            Ok(Some(place)) => return Ok(place),
            Ok(None) => {}
            Err(error) => {
                let path = path.display();
                return Err(could_not_start(format!(
                    "`{path}` cannot be locked: {error}"
                )));
            }
        }
        if tokio::time::Instant::now() >= give_up_at {
            return Err(could_not_start(
                "an earlier run of the same turn has not ended: look for its processes".to_owned(),
            ));
        }
        tokio::select! {
            () = sleep(PLACE_PAUSE) => {}
            () = &mut server_gone => {
                let reason = "the server ended before its turn came".to_owned();
                return Err(CommandOutcome::Interrupted { reason });
            }
            () = signals.told.recv() => {
                let reason = "its supervisor was told to end".to_owned();
                return Err(CommandOutcome::Interrupted { reason });
            }
        }
    }
}

/// The signals that the supervisor itself gets.
struct Signals {
    child: unix::Signal,
    told: Told,
}

/// The signals by which it is told to end.
struct Told {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            child: unix::signal(SignalKind::child())?,
            told: Told {
                terminate: unix::signal(SignalKind::terminate())?,
                interrupt: unix::signal(SignalKind::interrupt())?,
                hangup: unix::signal(SignalKind::hangup())?,
            },
        })
    }
}

impl Told {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

/// Why a run comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The program itself has ended.
    MainEnded,
    /// Its time is over.
    TimeLimit,
    /// Standard input has closed.
    ServerGone,
    /// The supervisor was told to end, as by systemd when it stops the service.
    Told,
}

async fn until_stop(
    main: Pid,
    status: &mut Option<WaitStatus>,
    timeout: Duration,
    stdin: &mut BufReader<Receiver>,
    signals: &mut Signals,
) -> Stop {
    let time_limit = sleep(timeout);
    tokio::pin!(time_limit);
    let server_gone = closed(stdin);
    tokio::pin!(server_gone);
    loop {
        // A signal that came before this look is seen by it; one that comes later ends the wait below.
        reap(main, status);
        if status.is_some() {
            return Stop::MainEnded;
        }
        let stop = tokio::select! {
            _ = signals.child.recv() => continue,
            () = &mut time_limit => Stop::TimeLimit,
            () = &mut server_gone => Stop::ServerGone,
            () = signals.told.recv() => Stop::Told,
        };
        // Of two things at once its own end is the one that counts.
        reap(main, status);
        return match status {
            Some(_) => Stop::MainEnded,
            None => stop,
        };
    }
}

/// Waits until standard input closes; what else comes is read and forgotten.
async fn closed(stdin: &mut BufReader<Receiver>) {
    let mut buffer = [0; 64];
    while stdin.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
}

/// Ends everything that came of the command: TERM, and KILL after the grace until nothing is left. Returns
/// how many processes could not be ended.
async fn end_everything(
    main: Pid,
    status: &mut Option<WaitStatus>,
    grace: Duration,
    signals: &mut Signals,
) -> usize {
    let state = |status: &Option<WaitStatus>| match status {
        Some(_) => Main::Reaped,
        None => Main::Unreaped,
    };
    if let Children::None = reap(main, status) {
        return 0;
    }
    signal_all(main, state(status), Signal::TERM);
    // A process that was stopped would not notice before the grace is over.
    signal_all(main, state(status), Signal::CONT);
    let kill_at = tokio::time::Instant::now() + grace;
    loop {
        if let Children::None = reap(main, status) {
            return 0;
        }
        tokio::select! {
            _ = signals.child.recv() => {}
            () = sleep_until(kill_at) => break,
        }
    }
    let give_up_at = tokio::time::Instant::now() + KILL_LIMIT;
    loop {
        signal_all(main, state(status), Signal::KILL);
        if let Children::None = reap(main, status) {
            return 0;
        }
        if tokio::time::Instant::now() >= give_up_at {
            return count();
        }
        tokio::select! {
            _ = signals.child.recv() => {}
            () = sleep(KILL_PAUSE) => {}
        }
    }
}

fn outcome(stop: Stop, status: Option<WaitStatus>) -> CommandOutcome {
    match stop {
        Stop::TimeLimit => CommandOutcome::TimedOut,
        Stop::ServerGone => CommandOutcome::Interrupted {
            reason: "the server ended".to_owned(),
        },
        Stop::Told => CommandOutcome::Interrupted {
            reason: "its supervisor was told to end".to_owned(),
        },
        Stop::MainEnded => {
            match status.map(|status| (status.exit_status(), status.terminating_signal())) {
                Some((Some(0), _)) => CommandOutcome::Succeeded,
                Some((Some(exit_code), _)) => CommandOutcome::Failed { exit_code },
                Some((None, Some(signal))) => CommandOutcome::Signaled { signal },
                _ => CommandOutcome::Interrupted {
                    reason: "its end could not be read".to_owned(),
                },
            }
        }
    }
}

/// A start stage, or the program that it became.
struct Started {
    pid: Pid,
    /// What the stage has to say; it ends when the program runs.
    said: PipeReader,
}

/// Starts the stage that becomes the program, and says in words why where that fails.
fn start(program: &Program) -> Result<Started, String> {
    let failed = |error: io::Error| format!("its start stage cannot be run: {error}");
    let line = serde_json::to_vec(program).map_err(|error| failed(error.into()))?;
    let (said, saying) = io::pipe().map_err(failed)?;
    let child = Command::new(THIS_PROGRAM)
        .arg0(OWN_NAME)
        .arg(START)
        .env_clear()
        .process_group(0)
        .stdin(file_of(&line).map_err(failed)?)
        .stdout(saying)
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(failed)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.map(|pid| Started { pid, said })
        .ok_or_else(|| "its process has no number".to_owned())
}

/// What the stage said, after everything has ended that could have held its pipe open.
fn said(mut pipe: PipeReader) -> Option<StageReport> {
    let mut text = String::new();
    pipe.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn report(report: &Report) {
    let Ok(mut line) = serde_json::to_vec(report) else {
        return;
    };
    line.push(b'\n');
    let mut stdout = io::stdout();
    // The server may be gone. Then nobody reads this, and ending the command goes on all the same.
    let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
}
