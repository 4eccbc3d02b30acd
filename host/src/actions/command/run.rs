//! The server's side of a run: starting the supervisor, reading what comes, and saying how it ended.
//!
//! The worker awaits it for each attempt. The pipe to the supervisor is held by the future, so that
//! dropping it ends the command as a crash of the server does.
//!
//! Invariants:
//! - Neither the arguments nor the secrets of a command stand in the arguments or the environment of the
//!   supervisor.
//! - The future ends in bounded time, also when the supervisor does not.
//! - A run that is given up has an end only when nothing of its command is left, or it says how much is.
//! - Every run has an end that says what is known; no failure is silent.

use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::end::CommandOutcome;
use super::output::OutputKeeper;
use super::processes::processes;
use super::protocol::{
    KILL_LIMIT, LEFTOVER_GRACE, OWN_NAME, PLACE_LIMIT, Report, SUPERVISOR_SLACK, Spec,
};
use super::start::shown_program;

/// The argument that makes the server's program a supervisor.
pub const SUPERVISE: &str = "__supervise";

/// How long more output is awaited after the end was reported: a process that could not be ended holds it open.
const OUTPUT_SLACK: Duration = Duration::from_secs(1);

/// How long the disk may take for what is left of the output then.
const DISK_SLACK: Duration = Duration::from_secs(30);

/// How much of the output is read at once, and how much of it the pipe may hold for that: the most that the
/// system grants everybody, <https://man7.org/linux/man-pages/man7/pipe.7.html>.
const OUTPUT_BLOCK: usize = 256 << 10;
const OUTPUT_PIPE: usize = 1 << 20;

/// The most that is read of reports. They are a few hundred bytes; a path may be four thousand.
const REPORT_LIMIT: u64 = 64 << 10;

/// How many times what a lost supervisor left is looked for and killed, and the pause between: one second
/// in all, after which it is reported.
const KILL_ROUNDS: u32 = 50;
const KILL_PAUSE: Duration = Duration::from_millis(20);

/// What is known at the end.
pub(super) struct Ended {
    pub(super) outcome: CommandOutcome,
    pub(super) duration: Duration,
    pub(super) left_running: usize,
}

/// How far a supervisor has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The program was not started.
    Preparing,
    /// The program may have been started.
    Starting,
}

/// A supervisor with the ends of its pipes.
struct Supervisor {
    child: Child,
    stdin: ChildStdin,
    reports: ChildStdout,
    output: ChildStderr,
}

impl Ended {
    fn could_not_start(reason: String) -> Self {
        Self {
            outcome: CommandOutcome::CouldNotStart { reason },
            duration: Duration::ZERO,
            left_running: 0,
        }
    }

    /// The end of a git-update for which there is nothing to run.
    pub(super) fn not_updated(reason: String) -> Self {
        Self {
            outcome: CommandOutcome::NotUpdated { reason },
            ..Self::could_not_start(String::new())
        }
    }
}

/// Runs one command to its end, or until it is given up. Dropping the future ends the command.
pub(super) async fn run(
    supervisor: &Path,
    spec: &Spec,
    keeper: &mut OutputKeeper,
    until: impl Future<Output = ()>,
) -> Ended {
    let Supervisor {
        mut child,
        stdin,
        reports,
        output,
    } = match spawn(supervisor) {
        Ok(supervisor) => supervisor,
        Err(error) => {
            let path = shown_program(&supervisor.to_string_lossy());
            return Ended::could_not_start(format!(
                "its supervisor `{path}` cannot be run: {error}"
            ));
        }
    };
    let mut line = match serde_json::to_vec(spec) {
        Ok(line) => line,
        Err(error) => {
            return Ended::could_not_start(format!(
                "it cannot be handed to its supervisor: {error}"
            ));
        }
    };
    line.push(b'\n');

    let started = Instant::now();
    let mut state = State::Preparing;
    let mut asked = Asked::ToRun;
    let after_its_time = spec.grace + LEFTOVER_GRACE + KILL_LIMIT + SUPERVISOR_SLACK;
    let ended = {
        let following = follow(reports, output, &mut state, keeper);
        let holding = hold(stdin, &line, until);
        tokio::pin!(following, holding);
        // The pipe is held until it is given up; a supervisor that is gone tells by its silence.
        tokio::select! {
            ended = &mut following => Ok(ended),
            () = &mut holding => {
                asked = Asked::ToEnd;
                timeout(after_its_time, following).await
            }
            () = sleep(PLACE_LIMIT + spec.timeout.saturating_add(after_its_time)) => timeout(Duration::ZERO, following).await,
        }
    };
    if let Ok(Some(ended)) = ended {
        // The supervisor has reported and is about to end; this only takes note of it.
        let _ = timeout(OUTPUT_SLACK, child.wait()).await;
        return asked.answered(ended);
    }
    let reason = match ended {
        Err(_) => {
            // It may have ended by itself at last, which is as good.
            let _ = child.start_kill();
            "its supervisor did not end it in time".to_owned()
        }
        Ok(_) => "its supervisor ended without a report".to_owned(),
    };
    let left_running = end_session(&child).await;
    let reason = match timeout(OUTPUT_SLACK, child.wait()).await {
        Ok(Ok(status)) => format!("{reason} ({status})"),
        _ => reason,
    };
    asked.answered(match state {
        State::Preparing => Ended::could_not_start(reason),
        State::Starting => Ended {
            outcome: CommandOutcome::Interrupted { reason },
            duration: started.elapsed(),
            left_running,
        },
    })
}

/// What the supervisor was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    ToRun,
    ToEnd,
}

impl Asked {
    /// The end of a run: one that was given up is canceled, unless it had its own end before that.
    fn answered(self, mut ended: Ended) -> Ended {
        let cut_off = matches!(
            ended.outcome,
            CommandOutcome::Interrupted { .. } | CommandOutcome::CouldNotStart { .. }
        );
        if self == Self::ToEnd && cut_off {
            ended.outcome = CommandOutcome::Canceled;
        }
        ended
    }
}

/// Hands over what to run and holds the pipe until the run is given up.
async fn hold(mut stdin: ChildStdin, line: &[u8], until: impl Future<Output = ()>) {
    let handing_over = async {
        // Where the supervisor is gone already, its silence tells; the broken pipe adds nothing.
        let _ = stdin.write_all(line).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // What is given up before it begins is not begun.
        biased;
        () = until => {}
        () = handing_over => {}
    }
}

fn spawn(supervisor: &Path) -> std::io::Result<Supervisor> {
    // Not killed on drop: only a supervisor that lives can end its command, and it does when its standard
    // input closes.
    let mut child = Command::new(supervisor)
        .arg0(OWN_NAME)
        .arg(SUPERVISE)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(reports), Some(output)) => {
            // With a smaller pipe it is slower, and all the same otherwise.
            let _ = fcntl_setpipe_size(&output, OUTPUT_PIPE);
            Ok(Supervisor {
                child,
                stdin,
                reports,
                output,
            })
        }
        _ => Err(std::io::Error::other("its pipes are missing")),
    }
}

/// Reads reports and output side by side until both are over.
async fn follow(
    reports: ChildStdout,
    output: ChildStderr,
    state: &mut State,
    keeper: &mut OutputKeeper,
) -> Option<Ended> {
    let (tell, told) = oneshot::channel::<()>();
    let over = async {
        // It is told by being dropped.
        let _ = told.await;
    };
    let reading = keep(output, keeper, over);
    let reporting = last_report(reports, state);
    tokio::pin!(reading, reporting);
    let ended = tokio::select! {
        ended = &mut reporting => ended,
        // A command may close its output and go on.
        () = &mut reading => return reporting.await,
    };
    drop(tell);
    // A disk that is slow may still take what was written; one that takes nothing at all is not waited for.
    let _ = timeout(DISK_SLACK, reading).await;
    ended
}

/// Keeps the output until it ends. Once all is over, what is left of it is there already or does not come:
/// without a report the supervisor is gone, and what it left running may hold the output for ever.
async fn keep(
    mut output: impl AsyncRead + Unpin,
    keeper: &mut OutputKeeper,
    over: impl Future<Output = ()>,
) {
    let mut buffer = vec![0; OUTPUT_BLOCK];
    let mut left = Left::Unknown;
    tokio::pin!(over);
    loop {
        let read = tokio::select! {
            biased;
            read = output.read(&mut buffer) => read,
            () = &mut over, if left == Left::Unknown => {
                left = Left::AtMost(2 * OUTPUT_PIPE);
                continue;
            }
            () = sleep(OUTPUT_SLACK), if left != Left::Unknown => return,
        };
        // An error ends the output as its end does: what was read so far is kept.
        let Ok(length @ 1..) = read else {
            return;
        };
        keeper.push(&buffer[..length]).await;
        left = match left {
            Left::Unknown => Left::Unknown,
            Left::AtMost(bytes) if bytes > length => Left::AtMost(bytes - length),
            Left::AtMost(_) => return,
        };
    }
}

/// How much more of the output there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Unknown,
    AtMost(usize),
}

async fn last_report(reports: ChildStdout, state: &mut State) -> Option<Ended> {
    let mut lines = BufReader::new(reports.take(REPORT_LIMIT)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Report::Starting) => *state = State::Starting,
            Ok(Report::Ended {
                outcome,
                duration,
                left_running,
            }) => {
                return Some(Ended {
                    outcome,
                    duration,
                    left_running,
                });
            }
            Err(error) => {
                tracing::warn!(%error, "A supervisor reported what is no report.");
                return None;
            }
        }
    }
    None
}

/// Ends what a supervisor left in its session, and returns how many processes could not be ended. What
/// began a session of its own is not found.
///
/// Called before the end of the supervisor is awaited: until then its number means no other process.
async fn end_session(supervisor: &Child) -> usize {
    let Some(leader) = supervisor.id().and_then(|id| i32::try_from(id).ok()) else {
        return 0;
    };
    let mut left = 0;
    for _ in 0..KILL_ROUNDS {
        let members: Vec<Pid> = processes()
            .iter()
            .filter(|process| process.session == leader && process.pid != leader && !process.ended)
            .filter_map(|process| Pid::from_raw(process.pid))
            .collect();
        left = members.len();
        if left == 0 {
            break;
        }
        for pid in members {
            // It may have ended meanwhile; if not, the next look finds it.
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(KILL_PAUSE).await;
    }
    left
}
