//! The messages of one channel: what may be sent when, and what a failure means for it.
//!
//! Invariants:
//! - No more messages are sent in a time than the channel takes.
//! - While a channel fails, one message at a time is tried, with growing pauses; the others wait.
//! - A message that alone is answered with errors holds up the others for a few attempts only.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::Sending;
use crate::actions::notify::{Blame, Bucket, Disposition, OverQuota, Quota, SendError};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Action, Notification};
use crate::domain::names::ChannelName;
use crate::store::{
    ActionId, AttemptEnd, AttemptResult, ClaimedAction, ClaimedMessage, Consequences, Failing,
    StoreError, WaitingMessage,
};
use crate::worker::Live;
use crate::worker::backoff::{LONGEST_HOLD, hold, pause};
use crate::worker::grants::permitted;
use crate::worker::settle::settle;

/// After so many a task gives way to other channels.
const IN_A_ROW: usize = 32;

/// The most messages that become one.
const MERGED: usize = 500;

/// After so many answers with errors in a row to the same message another one is tried.
const SUSPECTED_AFTER: u32 = 5;

/// After so many attempts of its own a message is given up: with their pauses, after a little more than an hour.
const ATTEMPTS: u32 = 12;

/// No channel is given up before so many failures in a row.
const FAILURES_OF_AN_OUTAGE: u32 = 5;

/// One channel.
pub(super) struct Lane {
    channel: String,
    /// The tokens, and the quotas they are of; none until the former messages were looked up.
    bucket: Option<(Vec<Quota>, Bucket)>,
    failing: Option<Failing>,
    /// The message that was answered with errors when it was tried last, and how often in a row.
    suspect: Option<(ActionId, u32)>,
    /// The suspect that the next attempt leaves aside.
    passed_by: Option<ActionId>,
    /// Messages that were answered with errors while others were taken.
    culprits: BTreeSet<ActionId>,
}

impl Lane {
    pub(super) fn new(channel: &str, failing: Option<Failing>) -> Self {
        Self {
            channel: channel.to_owned(),
            bucket: None,
            failing,
            suspect: None,
            passed_by: None,
            culprits: BTreeSet::new(),
        }
    }

    /// When a message may be sent; `now` where one may be.
    pub(super) async fn may_send_at(
        &mut self,
        live: &Live,
        sending: &Sending,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let held_until = match &mut self.failing {
            None => now,
            Some(failing) => {
                if failing.since > now {
                    // The clock was set back: nobody asked to wait for it.
                    failing.since = now;
                    failing.until = failing.until.min(now.after(LONGEST_HOLD));
                }
                failing.until
            }
        };
        let bucket = self.bucket(live, sending, now).await?;
        bucket.notice(now);
        let token_at = bucket.next(now);
        Ok(held_until.max(token_at))
    }

    /// The tokens by the quotas of the moment.
    async fn bucket(
        &mut self,
        live: &Live,
        sending: &Sending,
        now: Timestamp,
    ) -> Result<&mut Bucket, StoreError> {
        let quotas = ChannelName::parse(&self.channel)
            .map(|channel| live.channels.quotas(&channel).to_vec())
            .unwrap_or_default();
        let known = self.bucket.take().filter(|(known, _)| *known == quotas);
        let bucket = match known {
            Some(known) => known,
            None => {
                let memory = Bucket::memory(&quotas);
                let sent = if memory.is_zero() {
                    Vec::new()
                } else {
                    let since = now.before(memory);
                    sending.store.sent_since(&self.channel, since).await?
                };
                (quotas.clone(), Bucket::new(quotas, sent))
            }
        };
        Ok(&mut self.bucket.insert(bucket).1)
    }

    /// Sends what may be sent now.
    pub(super) async fn send(&mut self, sending: &Sending) -> Result<(), StoreError> {
        for _ in 0..IN_A_ROW {
            let now = sending.clock.now();
            let live = sending.live();
            if sending.is_ending() || self.may_send_at(&live, sending, now).await? > now {
                break;
            }
            let tokens = self.bucket(&live, sending, now).await?.tokens(now);
            let merges = ChannelName::parse(&self.channel)
                .is_ok_and(|channel| live.channels.over_quota(&channel) == OverQuota::Merge);
            // With the last token goes all that is due.
            let others = if merges && tokens == 1 { MERGED } else { 0 };
            let claimed = sending
                .store
                .claim_message(&sending.owner, &self.channel, now, self.passed_by, others)
                .await?;
            let Some(mut claimed) = claimed else {
                if self.passed_by.take().is_none() {
                    break;
                }
                // There is no other to try.
                continue;
            };
            // A receiver may know the key of one that was tried before, and drop what else came with it.
            if claimed.action.attempt > 1 {
                claimed.others.clear();
            }
            self.attempt(sending, &live, claimed, now).await;
        }
        Ok(())
    }

    /// One attempt at a message, with those that are to go with it, and its record, which is made whatever
    /// happens: until then nothing else of the channel is sent.
    async fn attempt(
        &mut self,
        sending: &Sending,
        live: &Live,
        claimed: ClaimedMessage,
        now: Timestamp,
    ) {
        let ClaimedMessage { action, mut others } = claimed;
        let refused = permitted(live, &action.key, &action.rule, &action.action).err();
        let (result, detail, merged) = match (refused, &action.action) {
            (Some(reason), _) => (AttemptResult::Refused, reason, Vec::new()),
            (None, Action::Notify(notification)) => {
                others.retain(|other| {
                    permitted(live, &other.key, &other.rule, &other.action).is_ok()
                });
                if let Some((_, bucket)) = &mut self.bucket {
                    bucket.take(now);
                }
                let sent = self
                    .transmit(live, &action.key, notification, &others)
                    .await;
                let merged: Vec<ActionId> = others.iter().map(|other| other.id).collect();
                match sent {
                    Ok(detail) => {
                        self.works(sending).await;
                        let detail = match merged.len() {
                            0 => detail,
                            count => format!("{detail}, with {count} others in one message"),
                        };
                        (AttemptResult::Done, detail, merged)
                    }
                    Err(error) => {
                        let (result, detail) = self.failed(sending, live, &action, error).await;
                        (result, detail, Vec::new())
                    }
                }
            }
            (None, _) => {
                let text = "this is no message".to_owned();
                (AttemptResult::Dead, text, Vec::new())
            }
        };
        if result != AttemptResult::Done {
            tracing::warn!(
                action.key = %action.key, channel = %self.channel, attempt = action.attempt,
                result = result.as_str(), "a message was not sent: {detail}"
            );
        }
        let end = AttemptEnd {
            at: sending.clock.now(),
            result,
            detail: Some(detail),
            exit_code: None,
            output: None,
        };
        let consequences = Consequences {
            follow_ups: Vec::new(),
            merged,
        };
        let (store, owner) = (&*sending.store, sending.owner.as_str());
        settle(store, owner, action.id, &end, &consequences).await;
    }

    async fn transmit(
        &self,
        live: &Live,
        key: &str,
        notification: &Notification,
        others: &[WaitingMessage],
    ) -> Result<String, Failure> {
        let channel = ChannelName::parse(&self.channel).map_err(Failure::from_text)?;
        let others: Vec<&Notification> = others.iter().filter_map(notification_of).collect();
        let sending = async {
            if others.is_empty() {
                return live.channels.send(&channel, notification, key).await;
            }
            let all: Vec<&Notification> = [notification].into_iter().chain(others).collect();
            let merged = live.channels.merged(&channel, &all);
            live.channels.send(&channel, &merged, key).await
        };
        // One message that a channel cannot render must not hold up the others for ever.
        let sent = AssertUnwindSafe(sending).catch_unwind().await;
        let sent =
            sent.map_err(|_| Failure::from_text("it panicked; please report the message"))?;
        sent.map(|sent| sent.detail).map_err(Failure::from)
    }

    /// The configuration changed: whoever mended the channel does not want to wait.
    pub(super) fn try_again(&mut self, now: Timestamp) {
        if let Some(failing) = &mut self.failing {
            failing.until = now;
        }
    }

    /// The channel took a message.
    async fn works(&mut self, sending: &Sending) {
        if let Some(suspect) = self.passed_by.take() {
            // The channel takes others, and not this one.
            self.culprits.insert(suspect);
        }
        self.suspect = None;
        if self.failing.take().is_some() {
            tracing::info!(channel = %self.channel, "the channel takes messages again");
            self.keep(sending, None).await;
        }
    }

    /// Keeps how the channel fails for the next process. Where the store does not take it, that one finds out by
    /// itself.
    async fn keep(&self, sending: &Sending, failing: Option<Failing>) {
        if let Err(error) = sending.store.keep_channel(&self.channel, failing).await {
            tracing::error!(channel = %self.channel, "how the channel stands could not be kept: {error}");
        }
    }

    /// What a failed attempt means for its message, and for the channel.
    async fn failed(
        &mut self,
        sending: &Sending,
        live: &Live,
        action: &ClaimedAction,
        error: Failure,
    ) -> (AttemptResult, String) {
        let now = sending.clock.now();
        let (after, blame) = match error.disposition {
            Disposition::GiveUp => {
                self.passed_by = None;
                return (AttemptResult::Dead, error.text);
            }
            Disposition::Hold { after, blame } => (after, blame),
        };
        if blame == Blame::Either && self.culprits.contains(&action.id) {
            let own_attempts = action.attempt.saturating_sub(action.forgiven);
            if own_attempts >= ATTEMPTS {
                self.culprits.remove(&action.id);
                return (AttemptResult::Dead, error.text);
            }
            let due_at = now.after(pause(&action.key, own_attempts, after));
            return (AttemptResult::Retry { due_at }, error.text);
        }
        self.suspect(action.id, blame);
        let former = self.failing.as_ref();
        let failures = former
            .map_or(0, |failing| failing.failures)
            .saturating_add(1);
        let failing = Failing {
            since: former.map_or(now, |failing| failing.since),
            until: now.after(hold(&self.channel, failures, after)),
            failures,
            error: error.text.clone(),
        };
        let since = failing.since;
        self.failing = Some(failing.clone());
        self.keep(sending, Some(failing)).await;
        let patience = ChannelName::parse(&self.channel).map_or(Duration::MAX, |channel| {
            live.channels.give_up_after(&channel)
        });
        // A clock that jumps ahead is no outage: that takes several attempts.
        if now.since(since) < patience || failures < FAILURES_OF_AN_OUTAGE {
            return (AttemptResult::Held, error.text);
        }
        let too_old = now.before(patience);
        let reason = format!("it waited longer than `give_up_after`: {}", error.text);
        let given_up = sending
            .store
            .give_up(&self.channel, too_old, reason.clone())
            .await;
        match given_up {
            Ok(0) => {}
            Ok(given_up) => {
                tracing::error!(channel = %self.channel, given_up, "messages are given up: the channel fails for too long");
            }
            Err(error) => {
                tracing::error!(channel = %self.channel, "messages could not be given up: {error}");
            }
        }
        if action.created_at < too_old {
            return (AttemptResult::Dead, reason);
        }
        (AttemptResult::Held, error.text)
    }

    /// Takes note that a message may be the reason of a failure, and whom the next attempt leaves aside.
    fn suspect(&mut self, id: ActionId, blame: Blame) {
        let was_passing_by = self.passed_by.take().is_some();
        self.suspect = match (blame, self.suspect) {
            // Another message fails as well: it is the channel.
            (Blame::Channel, _) => None,
            (Blame::Either, _) if was_passing_by => None,
            (Blame::Either, Some((same, count))) if same == id => Some((id, count + 1)),
            (Blame::Either, _) => Some((id, 1)),
        };
        if let Some((id, count)) = self.suspect
            && count >= SUSPECTED_AFTER
        {
            self.passed_by = Some(id);
        }
    }
}

/// A failed attempt.
struct Failure {
    disposition: Disposition,
    text: String,
}

impl Failure {
    fn from_text(error: impl ToString) -> Self {
        Self {
            disposition: Disposition::GiveUp,
            text: error.to_string(),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self {
            disposition: error.disposition(),
            text: error.to_string(),
        }
    }
}

fn notification_of(waiting: &WaitingMessage) -> Option<&Notification> {
    match &waiting.action {
        Action::Notify(notification) => Some(notification),
        _ => None,
    }
}
