//! What the task that watches a folder says of itself: in its status, and in the log where that is news.

use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};

use super::super::FolderSinkError;
use super::super::look::Problems;
use super::{Ended, Keeper, MISSING_POLL, or_end};
use crate::domain::clock::Timestamp;

/// The longest pause before a commit is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

impl Keeper {
    /// Waits for something that is done at the folder, and says so while it takes longer than it should: a share
    /// whose server is gone lets everybody wait, without an error.
    pub(super) async fn outlast<T>(
        &mut self,
        mut work: JoinHandle<T>,
    ) -> Result<Result<T, JoinError>, Ended> {
        let patience = self.folder.pace.patience;
        let soon = tokio::time::timeout(patience, &mut work);
        if let Ok(done) = or_end(&mut self.ending, soon).await? {
            return Ok(done);
        }
        let before = self.status.problem.clone();
        self.say(format!(
            "`{}` has been looked at for more than {} seconds without an end, and nothing in it is told until \
             that ends: if it is a share, see whether its server answers",
            self.path.escape_debug(),
            patience.as_secs()
        ));
        self.publish();
        let done = or_end(&mut self.ending, work).await?;
        tracing::info!(source.name = %self.folder.name, "the folder answers again");
        self.status.problem = before;
        self.publish();
        Ok(done)
    }

    /// Says that the store failed, and waits.
    pub(super) async fn failed(
        &mut self,
        error: &FolderSinkError,
        pause: &mut Duration,
    ) -> Result<(), Ended> {
        let problem = format!("what was found cannot be stored, and is tried again: {error}");
        self.say(problem);
        self.publish();
        or_end(&mut self.ending, tokio::time::sleep(*pause)).await?;
        *pause = (*pause * 2).min(LONGEST_RETRY);
        Ok(())
    }

    /// Nothing can be told of the folder for now.
    pub(super) fn away(&mut self, problem: String) {
        self.is_away = true;
        // What listened there hears nothing of a share that is mounted again.
        (self.ear, self.ear_at) = (None, None);
        self.pause = self.folder.poll.min(MISSING_POLL).max(self.least_pause);
        self.say(problem);
    }

    /// Says it once, however often it is so.
    fn say(&mut self, problem: String) {
        if self.status.problem.as_ref() != Some(&problem) {
            tracing::warn!(source.name = %self.folder.name, "{problem}");
            self.status.problem = Some(problem);
        }
    }

    /// The system does not tell of everything.
    pub(super) fn deaf(&mut self, reason: String) {
        if self.status.polling.as_ref() != Some(&reason) {
            tracing::warn!(
                source.name = %self.folder.name,
                poll_ms = self.folder.poll.as_millis(),
                "changes are found only when the whole folder is looked at: {reason}"
            );
            self.status.polling = Some(reason);
        }
    }

    /// What cannot be read is left out.
    pub(super) fn skip(&mut self, problems: Problems) {
        for problem in &problems.told {
            if !self.status.skipped.contains(problem) {
                tracing::warn!(source.name = %self.folder.name, "{problem}");
            }
        }
        self.status.skipped = problems.told;
        self.status.more_skipped = problems.more;
    }

    /// Shows how it is now to those who ask.
    pub(super) fn publish(&mut self) {
        self.status.files = self.watched.known();
        self.status.waiting = self.watched.waiting();
        let has_looked = self.looked_at > Timestamp(i64::MIN);
        self.status.looked_at = has_looked.then_some(self.looked_at);
        self.folder.status.send_if_modified(|status| {
            let is_other = *status != self.status;
            status.clone_from(&self.status);
            is_other
        });
    }
}
