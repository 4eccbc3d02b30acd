//! The process that updates a checkout.
//!
//! The start stage becomes this as the command's user, and this becomes the program that follows. It runs
//! the machine's `git` without a shell, and speaks to the supervisor over its standard output; what Git
//! says goes to standard error, where the output is kept.
//!
//! Invariants:
//! - Nothing is changed in the checkout unless the commit is on the branch.
//! - While the branch has what is checked out, a commit is checked out only if it is that one or has it among what
//!   came before: work that was deployed is not taken away, neither by an older commit nor by one beside it, such as
//!   that of a branch which was merged since.
//! - What the branch no longer has was taken from it by force. It is replaced by any commit of the branch but one that
//!   came before it; by such a one only where the event says that it was forced.
//! - Git is not run in a checkout of another user than its own and root: whoever owns one has Git run programs.
//! - Nobody is ever asked for a password.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::getuid;

use super::{COMMIT_MARK, Forced, Plan, Ssh};
use crate::actions::command::protocol::StageReport;
use crate::actions::command::shown::{escape, shown};
use crate::actions::command::start::{tell, why_not_run};
use crate::actions::command::user::User;

/// The argument that makes the server's program one that updates a checkout.
pub const GIT_UPDATE: &str = "__git-update";

/// The user whose checkouts everybody trusts.
const ROOT: u32 = 0;

/// How many digits of a commit a sentence shows.
const SHOWN_DIGITS: usize = 12;

/// How many characters of what Git says a reason has: a path may be long.
const SAID_CHARACTERS: usize = 500;

/// Updates a checkout, and becomes the program that follows; the server's program runs this, and nothing
/// else, when its first argument is `__git-update`, with the arguments after it.
#[must_use]
pub fn git_update(arguments: &[String]) -> ExitCode {
    let Ok(report) = io::stdout().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let plan = arguments.first().map(|plan| serde_json::from_str(plan));
    let Some(Ok(plan)) = plan else {
        say("this is for the server's own use");
        return ExitCode::FAILURE;
    };
    let report_of = match update(&plan) {
        Ok(commit) if plan.then.is_empty() => {
            say(&format!("nothing follows `{}`", short(&commit)));
            return ExitCode::SUCCESS;
        }
        Ok(commit) => StageReport::CouldNotStart {
            reason: become_what_follows(&plan, &commit),
        },
        Err(report) => report,
    };
    let (StageReport::CouldNotStart { reason }
    | StageReport::NotUpdated { reason }
    | StageReport::Superseded { reason }) = &report_of;
    say(reason);
    // Without the supervisor there is nobody left to tell.
    let _ = tell(&mut File::from(report), &report_of);
    ExitCode::FAILURE
}

/// Writes a line into the output.
fn say(line: &str) {
    // An output that is closed is no reason to stop.
    let _ = writeln!(io::stderr(), "hookbox: {line}");
}

fn short(commit: &str) -> &str {
    commit.get(..SHOWN_DIGITS).unwrap_or(commit)
}

/// Becomes the program that follows, or says why not.
fn become_what_follows(plan: &Plan, commit: &str) -> String {
    let Some((program, arguments)) = plan.then.split_first() else {
        return "there is no program to run".to_owned();
    };
    let arguments = arguments
        .iter()
        .map(|argument| argument.replace(COMMIT_MARK, commit));
    let error = Command::new(program)
        .args(arguments)
        .current_dir(&plan.path)
        .env("HOOKBOX_COMMIT", commit)
        .env("HOOKBOX_BRANCH", &plan.branch)
        .stdout(Stdio::from(io::stderr()))
        .exec();
    why_not_run(program, &plan.path, None, &error)
}

/// Brings the checkout to the commit, and returns that with all its digits.
fn update(plan: &Plan) -> Result<String, StageReport> {
    let failed = |reason| StageReport::NotUpdated { reason };
    let mut git = Git {
        path: &plan.path,
        safe: whether_safe(&plan.path).map_err(failed)?,
        ssh_command: None,
    };
    check(&git, plan).map_err(failed)?;
    if plan.ssh == Ssh::Unasked && git.read(&["config", "--get", "core.sshCommand"]).is_none() {
        // https://man.openbsd.org/ssh_config#BatchMode
        git.ssh_command = Some("ssh -oBatchMode=yes");
    }
    let followed = format!("refs/remotes/{}/{}", plan.remote, plan.branch);
    fetch(&git, plan, &followed).map_err(failed)?;
    let commit = commit_on_branch(&git, plan, &followed).map_err(failed)?;
    let head = git.read(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
    if let Some(head) = &head
        && let Some(reason) = why_not_over(&git, plan, head, &commit, &followed).map_err(failed)?
    {
        return Err(StageReport::Superseded { reason });
    }
    let reset = ["reset", "--hard", "--no-recurse-submodules", &commit];
    git.run(&reset).map_err(failed)?;
    let before = head.as_deref().map_or("nothing", short);
    say(&format!(
        "`{}` is checked out, and was {before}",
        short(&commit)
    ));
    Ok(commit)
}

/// Why what is checked out is not replaced by a commit of the branch; none where it is.
fn why_not_over(
    git: &Git<'_>,
    plan: &Plan,
    head: &str,
    commit: &str,
    followed: &str,
) -> Result<Option<String>, String> {
    if git.is_ancestor(head, commit)? {
        return Ok(None);
    }
    let is_older = git.is_ancestor(commit, head)?;
    let is_on_branch = git.is_ancestor(head, followed)?;
    let (head, commit) = (short(head), short(commit));
    Ok(match (is_older, is_on_branch, plan.forced) {
        (true, true, _) | (true, false, Forced::No) => Some(format!(
            "`{head}` is checked out, which is newer than `{commit}`"
        )),
        (false, true, _) => Some(format!(
            "`{head}` is checked out, which is on the branch `{}` as well and not a part of `{commit}`",
            shown(&plan.branch)
        )),
        (true, false, Forced::Yes) | (false, false, _) => None,
    })
}

/// Whether Git has to be told that a checkout is safe; where it is not, says whose it is.
fn whether_safe(path: &Path) -> Result<Safe, String> {
    let own = getuid().as_raw();
    let is_trusted = |owner: u32| owner == own || owner == ROOT;
    // What is not there is reported when Git is run.
    let Ok(folder) = path.metadata() else {
        return Ok(Safe::AsGitSays);
    };
    let repository = path.join(".git").metadata().ok();
    let entries = [
        (path.to_owned(), Some(&folder)),
        (path.join(".git"), repository.as_ref()),
    ];
    for (path, entry) in entries {
        if let Some(entry) = entry.filter(|entry| !is_trusted(entry.uid())) {
            return Err(of_another_user(&path, entry.uid(), own));
        }
    }
    // A file there leads to a folder elsewhere, whose owner Git looks at.
    Ok(match repository {
        Some(repository) if repository.is_dir() => Safe::Told,
        _ => Safe::AsGitSays,
    })
}

/// What to do about a checkout of another user.
fn of_another_user(path: &Path, owner: u32, own: u32) -> String {
    let name = |uid| User::numbered(uid).map_or_else(|| format!("number {uid}"), |user| user.name);
    let (path, owner, own) = (path.display(), name(owner), name(own));
    format!(
        "`{path}` belongs to the user `{owner}`, and the command runs as `{own}`: the checkout's hooks and \
         configuration could do anything as that one; set `user` to the owner, or give the whole checkout to \
         `{own}` with `chown -R`"
    )
}

/// Whether the folder is a checkout with the remote, and the branch has a name that can be one.
fn check(git: &Git<'_>, plan: &Plan) -> Result<(), String> {
    let path = plan.path.display();
    let top = git
        .run(&["rev-parse", "--show-toplevel"])
        .map_err(|reason| {
            if reason.contains("not a git repository") || reason.contains("in a work tree") {
                format!("`{path}` is no checkout of a Git repository; make it one with `git clone`")
            } else {
                reason
            }
        })?;
    if Path::new(&top) != plan.path {
        return Err(format!(
            "`{path}` lies within the checkout `{top}` and is none itself; write that path, or make it one \
             with `git clone`"
        ));
    }
    let remotes = git.run(&["remote"])?;
    if !remotes.lines().any(|remote| remote == plan.remote) {
        let remote = shown(&plan.remote);
        let known = match remotes.is_empty() {
            true => "it has none".to_owned(),
            false => format!(
                "it has `{}`",
                remotes.lines().collect::<Vec<_>>().join("`, `")
            ),
        };
        return Err(format!("`{path}` has no remote `{remote}`; {known}"));
    }
    let full_name = format!("refs/heads/{}", plan.branch);
    if plan.branch.starts_with('-') || git.read(&["check-ref-format", &full_name]).is_none() {
        let branch = shown(&plan.branch);
        return Err(format!("`{branch}` is no name of a branch"));
    }
    Ok(())
}

/// Fetches the branch, and nothing else.
fn fetch(git: &Git<'_>, plan: &Plan, followed: &str) -> Result<(), String> {
    let (remote, branch) = (shown(&plan.remote), shown(&plan.branch));
    let refspec = format!("+refs/heads/{}:{followed}", plan.branch);
    let options = ["fetch", "--no-tags", "--no-recurse-submodules", "--"];
    let fetched = git.run(&[&options[..], &[plan.remote.as_str(), refspec.as_str()]].concat());
    fetched.map(|_| ()).map_err(|reason| {
        if reason.contains("couldn't find remote ref") {
            format!("the remote `{remote}` has no branch `{branch}`")
        } else {
            format!("the branch `{branch}` cannot be fetched from `{remote}`: {reason}")
        }
    })
}

/// The commit with all its digits, if it is on the branch.
fn commit_on_branch(git: &Git<'_>, plan: &Plan, followed: &str) -> Result<String, String> {
    let found = match plan.commit.len() {
        40 | 64 => Some(plan.commit.clone()),
        _ => git.longer(&plan.commit),
    };
    let found = found.and_then(|commit| {
        let commit = format!("{commit}^{{commit}}");
        git.read(&["rev-parse", "--verify", "--quiet", &commit])
    });
    match found {
        Some(commit) if git.is_ancestor(&commit, followed)? => Ok(commit),
        _ => {
            let (remote, branch) = (shown(&plan.remote), shown(&plan.branch));
            let is_shallow = git.read(&["rev-parse", "--is-shallow-repository"]);
            let hint = match is_shallow.as_deref() {
                Some("true") => {
                    "; this is a shallow clone, and `git fetch --unshallow` makes it whole"
                }
                _ => "; it belongs to another branch, or a forced push has replaced it since",
            };
            Err(format!(
                "the commit `{}` is not on the branch `{branch}` of `{remote}`{hint}",
                short(&plan.commit)
            ))
        }
    }
}

/// The `git` of this machine, at work in one checkout.
struct Git<'a> {
    path: &'a Path,
    safe: Safe,
    ssh_command: Option<&'static str>,
}

/// What Git is told of the owner of the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Safe {
    /// That it does not matter: it has been looked at.
    Told,
    /// Nothing, so that it looks itself.
    AsGitSays,
}

/// What one run of Git came to.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Git<'_> {
    /// Runs it, and returns what it wrote to standard output where it succeeds, else a reason. What it wrote
    /// to standard error is part of the output.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let ran = self.command(arguments)?;
        // An output that is closed is no reason to stop.
        let _ = io::stderr().write_all(ran.stderr.as_bytes());
        match ran.code {
            Some(0) => Ok(ran.stdout),
            _ => Err(self.why(arguments, &ran)),
        }
    }

    /// Runs it, and returns what it wrote where it succeeds.
    fn read(&self, arguments: &[&str]) -> Option<String> {
        let ran = self.command(arguments).ok()?;
        (ran.code == Some(0)).then_some(ran.stdout)
    }

    /// Whether a commit is another one or comes before it.
    fn is_ancestor(&self, commit: &str, of: &str) -> Result<bool, String> {
        let arguments = ["merge-base", "--is-ancestor", commit, of];
        let ran = self.command(&arguments)?;
        match ran.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(self.why(&arguments, &ran)),
        }
    }

    /// The one commit that begins with these digits.
    fn longer(&self, digits: &str) -> Option<String> {
        let found = self.read(&["rev-parse", &format!("--disambiguate={digits}")])?;
        let mut commits = found
            .lines()
            .filter(|object| self.read(&["cat-file", "-t", object]).as_deref() == Some("commit"));
        let commit = commits.next()?.to_owned();
        commits.next().is_none().then_some(commit)
    }

    fn command(&self, arguments: &[&str]) -> Result<Ran, String> {
        let mut command = Command::new("git");
        command.current_dir(self.path);
        if self.safe == Safe::Told {
            // Git itself trusts nobody but its own user, and not root either.
            let safe = format!("safe.directory={}", self.path.to_string_lossy());
            command.args(["-c", &safe]);
        }
        command
            // What Git leaves in the background would be ended with it.
            .args(["-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"])
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        if let Some(ssh) = self.ssh_command {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        let output = command
            .output()
            .map_err(|error| why_not_run("git", self.path, None, &error))?;
        Ok(Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What Git says of its failure, with what to do where that is known.
    fn why(&self, arguments: &[&str], ran: &Ran) -> String {
        let last = ran.stderr.lines().rfind(|line| !line.trim().is_empty());
        let fatal = ran
            .stderr
            .lines()
            .find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
        let said = fatal.or(last).unwrap_or("it says nothing");
        let hint = HINTS
            .iter()
            .find(|(part, _)| ran.stderr.contains(part))
            .map_or("", |(_, hint)| hint);
        let said = escape(&without_credentials(said), &[]);
        let said: String = said.chars().take(SAID_CHARACTERS).collect();
        format!(
            "`git {}` failed: {said}{hint}",
            arguments.first().unwrap_or(&"")
        )
    }
}

/// What to do about failures that Git has its own words for.
const HINTS: [(&str, &str); 6] = [
    (
        ".lock': File exists",
        "; another Git is at work in the checkout, or one was ended at its work: then remove that file",
    ),
    (
        "Host key verification failed",
        "; connect once with `ssh` as the command's user, so that its `known_hosts` has the host",
    ),
    (
        "Permission denied (publickey",
        "; give the command's user a key that the remote takes",
    ),
    (
        "could not read Username",
        "; the remote asks for a password: use a deploy key, or a credential helper",
    ),
    (
        "could not read Password",
        "; the remote asks for a password: use a deploy key, or a credential helper",
    ),
    (
        "dubious ownership",
        "; it belongs to another user than the command's: set `user` to its owner, or give it to the command's \
         user with `chown -R`; where all of the checkout is root's, use Git 2.38 or newer",
    ),
];

/// A text without the user and the password of the addresses in it.
fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.find(['/', ' ', '\'', '`']).unwrap_or(part.len());
        let from = part[..authority].rfind('@').map_or(0, |at| at + 1);
        clean.push_str("://");
        clean.push_str(&part[from..]);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_an_address_is_shown() {
        assert_eq!(
            without_credentials(
                "unable to access 'https://ada:p@ss@host/x.git': 403 at http://b/c@d"
            ),
            "unable to access 'https://host/x.git': 403 at http://b/c@d"
        );
    }
}
