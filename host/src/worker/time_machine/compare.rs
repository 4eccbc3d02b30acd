//! What a rule asked for beside what another version of it would ask for, for one event.
//!
//! Nothing here runs or reads anything; the time machine hands over two answers.
//!
//! Invariants:
//! - Every action of either side stands in exactly one change, and an action of one side is matched with at most one
//!   of the other.
//! - Two answers with equal actions, in whatever order, and without faults are the same.
//! - A reason alone makes no difference: it is shown, and performs nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::decision::{Action, Decision, Deploy, Notification, ReportWhen, Severity};
use crate::domain::evaluation::Outcome;
use crate::domain::fault::Fault;

/// How much of a value is shown where it differs, in characters; the whole action stands beside it.
const SHOWN: usize = 200;

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Both ask for the same.
    Same,
    /// The new version asks for more.
    New,
    /// The new version asks for less.
    Gone,
    /// It asks for something else, or decides where the old one faulted.
    Changed,
    /// It faults where the old one did not, or otherwise than the old one.
    Faults,
}

/// One action of either side, or one of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// How the sides compare; never [`Verdict::Faults`].
    pub verdict: Verdict,
    /// What the rule asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Action>,
    /// What it would ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Action>,
    /// What differs between the two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// Why the new one would not be performed, where it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A part of an action that differs, as text and cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldChange {
    /// Its name, such as `title` or `arguments.branch`.
    pub name: String,
    /// What it was; none where it was not there.
    pub then: Option<String>,
    /// What it would be.
    pub now: Option<String>,
}

/// The comparison of two answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) verdict: Verdict,
    pub(super) changes: Vec<Change>,
    /// Whether both decided, with different reasons.
    pub(super) reasons: Reasons,
}

/// How the reasons of two decisions compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reasons {
    Alike,
    Differ,
}

/// Compares two answers. None stands for a rule that was not, or would not be, asked.
pub(super) fn compare(then: Option<&Outcome>, now: Option<&Outcome>) -> Comparison {
    let changes = changes(actions(then), actions(now));
    let reasons = match (decision(then), decision(now)) {
        (Some(then), Some(now)) if then.reason != now.reason => Reasons::Differ,
        _ => Reasons::Alike,
    };
    Comparison {
        verdict: verdict(fault(then), fault(now), &changes),
        changes,
        reasons,
    }
}

fn decision(outcome: Option<&Outcome>) -> Option<&Decision> {
    match outcome? {
        Outcome::Decided(decision) => Some(decision),
        Outcome::Faulted(_) => None,
    }
}

fn fault(outcome: Option<&Outcome>) -> Option<&Fault> {
    match outcome? {
        Outcome::Decided(_) => None,
        Outcome::Faulted(fault) => Some(fault),
    }
}

fn actions(outcome: Option<&Outcome>) -> &[Action] {
    decision(outcome).map_or(&[], |decision| &decision.actions)
}

fn verdict(then: Option<&Fault>, now: Option<&Fault>, changes: &[Change]) -> Verdict {
    match (then, now) {
        (Some(then), Some(now)) if then.code() == now.code() => return Verdict::Same,
        (_, Some(_)) => return Verdict::Faults,
        _ => {}
    }
    let has = |wanted: Verdict| changes.iter().any(|change| change.verdict == wanted);
    match (has(Verdict::New), has(Verdict::Gone)) {
        (true, true) => Verdict::Changed,
        _ if has(Verdict::Changed) => Verdict::Changed,
        (true, false) => Verdict::New,
        (false, true) => Verdict::Gone,
        // It no longer faults, and asks for nothing.
        (false, false) if then.is_some() => Verdict::Changed,
        (false, false) => Verdict::Same,
    }
}

/// One action of a side, with its parts.
struct Side<'a> {
    action: &'a Action,
    parts: BTreeMap<String, String>,
}

impl<'a> Side<'a> {
    fn of(actions: &'a [Action]) -> Vec<Self> {
        let side = |action| Self {
            action,
            parts: parts(action),
        };
        actions.iter().map(side).collect()
    }

    /// Whether both are of one kind and lead to one channel or command.
    fn is_akin_to(&self, other: &Self) -> bool {
        (self.action.kind(), self.action.target()) == (other.action.kind(), other.action.target())
    }
}

/// Matches the actions of both sides, those that are most alike first; equal ones have no difference at all. What is
/// left over is gone, or new. They come in the order of the new side, with what is gone at the end.
fn changes(then: &[Action], now: &[Action]) -> Vec<Change> {
    let (then, now) = (Side::of(then), Side::of(now));
    // A rule asks for 16 actions at most, by default, and for 64 KiB of them.
    let mut candidates = Vec::new();
    for (new, action) in now.iter().enumerate() {
        for (old, other) in then.iter().enumerate() {
            if action.is_akin_to(other) {
                candidates.push((differing(&other.parts, &action.parts).count(), new, old));
            }
        }
    }
    candidates.sort_unstable();
    let mut partners: Vec<Option<usize>> = vec![None; now.len()];
    let mut is_taken = vec![false; then.len()];
    for (_, new, old) in candidates {
        if partners[new].is_none() && !is_taken[old] {
            (partners[new], is_taken[old]) = (Some(old), true);
        }
    }
    let matched = now
        .iter()
        .zip(partners)
        .map(|(now, then_at)| change(then_at.map(|at| &then[at]), Some(now)));
    let gone = then.iter().zip(&is_taken).filter(|(_, taken)| !**taken);
    matched
        .chain(gone.map(|(then, _)| change(Some(then), None)))
        .collect()
}

fn change(then: Option<&Side<'_>>, now: Option<&Side<'_>>) -> Change {
    let fields = match (then, now) {
        (Some(then), Some(now)) => differing(&then.parts, &now.parts)
            .map(|name| field(name, &then.parts, &now.parts))
            .collect(),
        _ => Vec::new(),
    };
    Change {
        verdict: match (then, now) {
            (None, _) => Verdict::New,
            (_, None) => Verdict::Gone,
            _ if fields.is_empty() => Verdict::Same,
            _ => Verdict::Changed,
        },
        then: then.map(|side| side.action.clone()),
        now: now.map(|side| side.action.clone()),
        fields,
        refused: None,
    }
}

/// The names of the parts that differ.
fn differing<'a>(
    then: &'a BTreeMap<String, String>,
    now: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = &'a String> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    names
        .into_iter()
        .filter(|name| then.get(*name) != now.get(*name))
}

fn field(
    name: &String,
    then: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> FieldChange {
    let (then, now) = around(then.get(name), now.get(name));
    FieldChange {
        name: name.clone(),
        then,
        now,
    }
}

/// Two values that differ, cut around the first place where they do.
fn around(then: Option<&String>, now: Option<&String>) -> (Option<String>, Option<String>) {
    let alike = match (then, now) {
        (Some(then), Some(now)) => then
            .chars()
            .zip(now.chars())
            .take_while(|(a, b)| a == b)
            .count(),
        _ => 0,
    };
    let skipped = if alike < SHOWN / 2 {
        0
    } else {
        alike - SHOWN / 4
    };
    let cut = |text: &String| {
        let mut shown: String = text.chars().skip(skipped).take(SHOWN).collect();
        if skipped > 0 {
            shown.insert(0, '…');
        }
        if text.chars().nth(skipped + SHOWN).is_some() {
            shown.push('…');
        }
        shown
    };
    (then.map(cut), now.map(cut))
}

/// The parts of an action by their names, as text.
fn parts(action: &Action) -> BTreeMap<String, String> {
    let mut parts = Parts::default();
    match action {
        Action::Notify(notification) => parts.notification(notification),
        Action::Deploy(deploy) => parts.deploy(deploy),
        Action::Drop(reason) => parts.put("reason", reason.clone()),
    }
    parts.0
}

#[derive(Default)]
struct Parts(BTreeMap<String, String>);

impl Parts {
    fn put(&mut self, name: &str, value: String) {
        // The second of a name is one of its own.
        let number = (1..)
            .map(|number| match number {
                1 => name.to_owned(),
                _ => format!("{name}#{number}"),
            })
            .find(|name| !self.0.contains_key(name));
        self.0.extend(number.map(|name| (name, value)));
    }

    fn put_some(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn notification(&mut self, notification: &Notification) {
        let Notification {
            channel,
            title,
            text,
            severity,
            color,
            url,
            fields,
            footer,
            mentions,
            once,
        } = notification;
        self.put("channel", channel.clone());
        self.put_some("title", title.clone());
        self.put_some("text", (!text.is_empty()).then(|| text.clone()));
        self.put_some("severity", severity.map(severity_name));
        self.put_some("color", color.map(|color| format!("#{color:06x}")));
        self.put_some("url", url.clone());
        for (place, field) in fields.iter().enumerate() {
            let short = if field.short { ", short" } else { "" };
            let shown = format!("{} ({}{short})", field.value, place.saturating_add(1));
            self.put(&format!("fields.{}", field.name), shown);
        }
        self.put_some("footer", footer.clone());
        for mention in mentions {
            self.put("mentions", mention.clone());
        }
        let once = once.as_ref();
        self.put_some(
            "once",
            once.map(|once| format!("{} for {} s", once.key, once.seconds)),
        );
    }

    fn deploy(&mut self, deploy: &Deploy) {
        let Deploy {
            name,
            arguments,
            report,
        } = deploy;
        self.put("name", name.clone());
        for argument in arguments {
            self.put(
                &format!("arguments.{}", argument.name),
                argument.value.clone(),
            );
        }
        let report = report.as_ref();
        self.put_some(
            "report",
            report.map(|report| match report.when {
                ReportWhen::Always => report.channel.clone(),
                ReportWhen::Failure => format!("{} on failure", report.channel),
            }),
        );
    }
}

fn severity_name(severity: Severity) -> String {
    match severity {
        Severity::Info => "info",
        Severity::Success => "success",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
