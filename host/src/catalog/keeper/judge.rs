//! What is said of a rule beyond its files, by people and by its faults, and how it takes effect.
//!
//! Invariants:
//! - What a person said is kept before it takes effect.
//! - The events whose faults undid a version are on record until each is evaluated again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Asked, Keeper, Wished};
use crate::catalog::health::{Finding, Past, Recent, Served};
use crate::catalog::life::{Life, Said, TurnedBack, Version, Wish, WishError};
use crate::catalog::memory::{Again, MemoryError};
use crate::domain::names::RuleName;
use crate::domain::quantity::Span;

/// The pause after the memory failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// When an event that is still being evaluated is asked about again.
const WHILE_BUSY: Duration = Duration::from_millis(100);

/// How long the first quarantine of a rule lasts where the operator does not say.
const QUARANTINE: Span = Span::seconds(60);

/// How many rules are remembered whose files are gone. Of the others the versions are forgotten.
const GONE: usize = 1_000;

/// Whether a rule's quarantines are remembered.
pub(super) fn past(life: &Life) -> Past {
    if life.quarantines > 0 {
        Past::Quarantined
    } else {
        Past::Clean
    }
}

impl Keeper {
    /// Reads what is kept of the rules. Nothing is loaded before, or what somebody took out of work would serve.
    pub(super) async fn recall(&mut self) {
        let recent = loop {
            match self.recalled().await {
                Ok((lives, recent)) => {
                    self.lives = lives.into_iter().collect();
                    break recent;
                }
                Err(error) => {
                    tracing::error!("{error}");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        };
        self.recall_healths(recent);
        self.tidy().await;
    }

    async fn recalled(&self) -> Result<(Vec<(RuleName, Life)>, Vec<Recent>), MemoryError> {
        Ok((self.memory.recall().await?, self.memory.recent().await?))
    }

    /// Goes on counting faults where the server ended.
    fn recall_healths(&self, recent: Vec<Recent>) {
        let mut of_rules: BTreeMap<RuleName, Vec<Recent>> = BTreeMap::new();
        for evaluation in recent {
            of_rules
                .entry(evaluation.rule.clone())
                .or_default()
                .push(evaluation);
        }
        for (rule, recent) in of_rules {
            let Some(life) = self.lives.get(&rule) else {
                continue;
            };
            if let (Some(version), Some(since)) = (life.last_good(), life.served_since()) {
                let serving = Served::since(version, since, past(life));
                self.shared.healths.recall(&rule, &serving, &recent);
            }
        }
    }

    /// Removes the contents of versions that no rule has.
    async fn tidy(&self) {
        let kept: BTreeSet<String> = self
            .lives
            .values()
            .flat_map(|life| &life.versions)
            .flat_map(|kept| [&kept.version.module, &kept.version.settings])
            .map(|digest| digest.hex().to_owned())
            .collect();
        let archive = self.loader.archive.clone();
        let tidied = tokio::task::spawn_blocking(move || archive.retain(&kept)).await;
        if let Err(error) = tidied
            .map_err(std::io::Error::other)
            .and_then(|tidied| tidied)
        {
            tracing::warn!("old versions of rules cannot be removed: {error}");
        }
    }

    /// Keeps what is known and not kept yet. What cannot be kept is tried again with the next change.
    pub(super) async fn keep(&mut self) {
        if self.unkept.is_empty() {
            return;
        }
        let unkept = std::mem::take(&mut self.unkept);
        let lives = unkept
            .iter()
            .map(|name| (name.clone(), self.lives.get(name).cloned()));
        if let Err(error) = self.memory.keep(lives.collect()).await {
            tracing::error!("{error}");
            self.unkept.extend(unkept);
        }
    }

    /// Takes note that a rule's files are gone. What is known of it stays, in case they come back.
    pub(super) fn leaves(&mut self, name: &RuleName) {
        self.shared.healths.forget(name);
        let gone = self
            .lives
            .keys()
            .filter(|name| !self.slots.contains_key(name));
        if gone.count() > GONE {
            self.lives.remove(name);
            self.unkept.insert(name.clone());
        }
    }

    /// Does what was wanted of rules that are not being loaded: else it would be said of files that are about to go.
    pub(super) async fn wishes(&mut self) -> Option<Duration> {
        let is_loading = |rule: &RuleName| self.slots.get(rule).is_some_and(|slot| slot.is_loading);
        let (waiting, ready): (Vec<_>, Vec<_>) = std::mem::take(&mut self.wished)
            .into_iter()
            .partition(|wished| is_loading(&wished.rule));
        self.wished = waiting;
        let mut again = None;
        for wished in ready {
            again = super::earlier(again, self.wish(wished).await);
        }
        again
    }

    /// Does what somebody wants of a rule, and answers when it is in effect.
    async fn wish(&mut self, wished: Wished) -> Option<Duration> {
        let Wished {
            rule,
            wish,
            said,
            done,
        } = wished;
        let wished = self.keep_wish(&rule, &wish, said).await;
        if let Err(error) = wished {
            // Whoever asked may have gone.
            let _gone = done.send(Err(error));
            return None;
        }
        self.publish();
        let (loaded, loading) = oneshot::channel();
        let again = self.take_anew(&rule, Some(loaded)).await;
        tokio::spawn(async move {
            // The keeper is gone only when the server ends.
            let _ended = loading.await;
            let _gone = done.send(Ok(()));
        });
        again
    }

    async fn keep_wish(
        &mut self,
        rule: &RuleName,
        wish: &Wish,
        said: Said,
    ) -> Result<(), WishError> {
        if !self.slots.contains_key(rule) {
            return Err(WishError::NoRule(rule.clone()));
        }
        let mut life = self.lives.get(rule).cloned().unwrap_or_default();
        life.wish(rule, wish, said.clone())?;
        let kept = vec![(rule.clone(), Some(life.clone()))];
        self.memory.keep(kept).await?;
        tracing::info!(rule.name = %rule, by = said.by, "somebody changed how the rule stands: {wish:?}");
        self.lives.insert(rule.clone(), life);
        Ok(())
    }

    /// Has a rule's files taken up again, because another version of it is to serve.
    async fn take_anew(
        &mut self,
        rule: &RuleName,
        done: Option<oneshot::Sender<()>>,
    ) -> Option<Duration> {
        if let Some(slot) = self.slots.get_mut(rule) {
            slot.taken = None;
        }
        let rule = rule.clone();
        self.look(Asked::Rule { rule, done }).await
    }

    /// Lets what was found about the rules take effect.
    pub(super) async fn judge(&mut self) -> Option<Duration> {
        let mut again = None;
        for (rule, version, finding) in self.shared.healths.take() {
            if !self.is_about(&rule, &version, &finding) {
                continue;
            }
            self.unkept.insert(rule.clone());
            if self.find(&rule, finding) {
                again = super::earlier(again, self.take_anew(&rule, None).await);
            }
            self.publish();
        }
        again
    }

    /// Whether something was found about the version that serves, or that was undone just now.
    fn is_about(&self, rule: &RuleName, version: &Version, finding: &Finding) -> bool {
        let Some(life) = self.lives.get(rule) else {
            return false;
        };
        let serves = self.slots.get(rule).and_then(|slot| slot.rule.as_ref());
        let is_served = serves.is_some_and(|serves| serves.version() == *version);
        match finding {
            Finding::Undo { .. } => life.file.as_ref() == Some(version),
            // One that was turned back from serves only until the other is loaded.
            _ => {
                is_served
                    && life
                        .turned_back
                        .as_ref()
                        .is_none_or(|back| back.to() == version)
            }
        }
    }

    /// Notes what was found about a rule, and says whether another version of it is to serve.
    fn find(&mut self, rule: &RuleName, finding: Finding) -> bool {
        let now = self.clock.now();
        let life = self.lives.entry(rule.clone()).or_default();
        match finding {
            Finding::Well => life.quarantines = 0,
            // Events in hand still asked it.
            Finding::Quarantine { .. } if life.quarantine.is_some() => {}
            Finding::Quarantine { reason } => {
                tracing::error!(
                    rule.name = %rule, code = "rule/quarantined", "the rule is in quarantine: {reason}"
                );
                let first = self.loader.config.quarantine.unwrap_or(QUARANTINE);
                life.quarantine(reason, first.0, now);
            }
            Finding::Undo { reason, events } => {
                if let Some(TurnedBack::Undone { again, .. }) = &mut life.turned_back {
                    again.extend(events);
                } else if let Some(to) = life.undo(reason.clone(), events, now) {
                    tracing::error!(
                        rule.name = %rule, code = "rule/undone",
                        "the rule's version is undone, and {} serves again: {reason}", to.module.short()
                    );
                    return true;
                }
            }
        }
        false
    }

    /// Has rules asked again whose quarantine is over.
    pub(super) fn end_quarantines(&mut self) {
        let now = self.clock.now();
        let mut ended = false;
        for (name, life) in &mut self.lives {
            if life
                .quarantine
                .as_ref()
                .is_some_and(|quarantine| quarantine.until <= now)
            {
                tracing::info!(rule.name = %name, "the rule's quarantine is over");
                life.quarantine = None;
                self.unkept.insert(name.clone());
                ended = true;
            }
        }
        if ended {
            self.publish();
        }
    }

    /// Has the events evaluated again whose faults undid a version, once the former one serves.
    pub(super) async fn ask_again(&mut self) -> Option<Duration> {
        let mut pause = None;
        for (name, life) in &mut self.lives {
            let serving = self.slots.get(name).and_then(|slot| slot.rule.as_ref());
            let is_asked = life.disabled.is_none() && life.quarantine.is_none();
            let serves =
                is_asked && serving.is_some_and(|rule| life.last_good() == Some(&rule.version()));
            let Some(events) = life.again().filter(|_| serves) else {
                continue;
            };
            let mut left = Vec::new();
            for event in events.drain(..) {
                match self.memory.ask_again(name, &event).await {
                    Ok(Again::Asked | Again::Gone) => {}
                    Ok(Again::Busy) => {
                        left.push(event);
                        pause = super::earlier(pause, Some(WHILE_BUSY));
                    }
                    Err(error) => {
                        tracing::error!("{error}");
                        left.push(event);
                        pause = super::earlier(pause, Some(AFTER_FAILURE));
                    }
                }
            }
            *events = left;
            self.unkept.insert(name.clone());
        }
        pause
    }
}
