//! One event for people: what it is, and what became of it with every rule, in every run.

use serde_json::Value;

use crate::cli::actions::attempts;
use crate::cli::output;
use crate::cli::output::{items, text};
use crate::cli::run::describe;
use crate::domain::decision::Action;

/// Writes an event.
pub(super) fn show(answer: &Value) {
    if answer["pending"] == true {
        let paused = output::paused(&answer["paused"]);
        let paused = paused.map(|paused| format!(": its source is {paused}"));
        output::line(format!(
            "event {}  accepted, and not looked at yet{}",
            text(&answer["id"]),
            paused.unwrap_or_default()
        ));
        return;
    }
    let record = &answer["record"];
    head(record);
    let rules = items(&answer["rules"]);
    let runs = record["run"].as_u64().unwrap_or(0);
    if runs == 0 {
        for verdict in rules {
            show_verdict(verdict);
            of_rule(record, 0, &verdict["rule"]);
        }
    } else {
        for run in 0..=runs {
            show_run(record, rules, run);
        }
        for verdict in rules.iter().filter(|verdict| !was_asked(record, verdict)) {
            show_verdict(verdict);
        }
    }
    let others = items(&record["actions"])
        .iter()
        .filter(|action| {
            !rules
                .iter()
                .any(|verdict| verdict["rule"] == action["rule"])
        })
        .filter(|action| runs == 0 || evaluation_of(record, None, &action["rule"]).is_none());
    let mut is_alone = rules.is_empty();
    for action in others {
        is_alone = false;
        output::line(text(&action["rule"]));
        show_action(action);
    }
    if is_alone {
        output::line("there was no rule to ask");
    }
}

fn head(record: &Value) {
    let event = &record["event"];
    let subject = match &event["subject"] {
        Value::Object(subject) => subject.keys().next().cloned().unwrap_or_default(),
        other => text(other),
    };
    let (id, state) = (text(&event["id"]), text(&record["state"]));
    output::line(format!("event {id}  {subject}  {state}"));
    output::line(format!(
        "  received {} by `{}` from {}, as `{}`",
        text(&event["received-local"]),
        text(&event["source"]),
        text(&record["remote-address"]),
        text(&event["provider-event"])
    ));
    for (label, value) in [
        ("project", &event["repository"]["full-name"]),
        ("by", &event["actor"]["name"]),
        ("page", &event["url"]),
        ("note", &event["note"]),
        ("verified by", &record["secret"]),
    ] {
        if !value.is_null() {
            output::line(format!("  {label}: {}", text(value)));
        }
    }
    if record["duplicates"].as_u64().unwrap_or(0) > 0 {
        output::line(format!(
            "  deliveries that repeated it: {}",
            record["duplicates"]
        ));
    }
    output::line("");
}

/// One run of an event that was replayed: the rules that were asked, in their order.
fn show_run(record: &Value, rules: &[Value], run: u64) {
    let is_last = record["run"] == run;
    let evaluations: Vec<&Value> = items(&record["evaluations"])
        .iter()
        .filter(|evaluation| evaluation["run"] == run)
        .map(|evaluation| &evaluation["evaluation"])
        .collect();
    output::line(match run {
        0 => "first run".to_owned(),
        run => format!("replay {run}"),
    });
    for evaluation in &evaluations {
        // The verdict is that of the newest evaluation, and says more, such as a drop's reason.
        let newest = evaluation_of(record, None, &evaluation["rule"]);
        let verdict = rules
            .iter()
            .find(|verdict| verdict["rule"] == evaluation["rule"]);
        match verdict.filter(|_| newest.is_some_and(|(newest, _)| newest == run)) {
            Some(verdict) => show_verdict(verdict),
            None => show_outcome(evaluation),
        }
        of_rule(record, run, &evaluation["rule"]);
    }
    if evaluations.is_empty() {
        let open = matches!(record["state"].as_str(), Some("waiting" | "running"));
        output::line(if is_last && open {
            "  no rule has been asked yet"
        } else {
            "  no rule was asked"
        });
    }
    output::line("");
}

fn show_verdict(verdict: &Value) {
    let kind = match verdict["kind"].as_str().unwrap_or("") {
        "acted" => "acted",
        "dropped" => "dropped the event",
        "nothing" => "wanted nothing done",
        "faulted" => "gave no decision",
        "not-asked" => "was not asked",
        "dropped-before" => "was not asked, the event was dropped before it",
        _ => "has not been asked yet",
    };
    said(&verdict["rule"], kind, verdict["reason"].as_str());
}

/// The outcome of an evaluation that a later one of the same rule has followed.
fn show_outcome(evaluation: &Value) {
    let decided = &evaluation["outcome"]["decided"];
    let asked = items(&decided["actions"]);
    let dropped = asked.iter().find_map(|action| action["drop"].as_str());
    let reason = decided["reason"].as_str();
    let (kind, reason) = match (evaluation["outcome"].get("faulted"), dropped) {
        (Some(_), _) => ("gave no decision", None),
        (None, Some(dropped)) => ("dropped the event", Some(dropped)),
        (None, None) if asked.is_empty() => ("wanted nothing done", reason),
        (None, None) => ("acted", reason),
    };
    said(&evaluation["rule"], kind, reason);
}

fn said(rule: &Value, kind: &str, reason: Option<&str>) {
    let reason = reason.map(|reason| format!(": {}", output::safe(reason)));
    output::line(format!(
        "{} {kind}{}",
        text(rule),
        reason.unwrap_or_default()
    ));
}

fn was_asked(record: &Value, verdict: &Value) -> bool {
    evaluation_of(record, None, &verdict["rule"]).is_some()
}

/// The newest evaluation by a rule, of a run or of all, with its run.
fn evaluation_of<'a>(
    record: &'a Value,
    run: Option<u64>,
    rule: &Value,
) -> Option<(u64, &'a Value)> {
    items(&record["evaluations"])
        .iter()
        .rev()
        .filter(|one| run.is_none_or(|run| one["run"] == run))
        .map(|one| (one["run"].as_u64().unwrap_or(0), &one["evaluation"]))
        .find(|(_, evaluation)| evaluation["rule"] == *rule)
}

/// What a rule's evaluation of a run cost and wrote, and its actions.
fn of_rule(record: &Value, run: u64, rule: &Value) {
    if let Some((_, evaluation)) = evaluation_of(record, Some(run), rule) {
        output::line(format!(
            "  fuel {}, {} µs, module {}",
            evaluation["fuel"],
            evaluation["duration-us"],
            evaluation["module"]
                .as_str()
                .and_then(|digest| digest.get(7..19))
                .unwrap_or("-")
        ));
        for line in items(&evaluation["log"]["lines"]) {
            output::line(format!("  log: {}", text(&line["message"])));
        }
    }
    for action in items(&record["actions"]) {
        if action["rule"] == *rule && action["run"] == run {
            show_action(action);
        }
    }
}

fn show_action(action: &Value) {
    let what = serde_json::from_value::<Action>(action["action"].clone())
        .map_or_else(|_| text(&action["key"]), |action| describe(&action));
    output::line(format!("  → {}", what.replace('\n', "\n    ")));
    let detail = action["detail"]
        .as_str()
        .map(|detail| format!(": {}", output::safe(detail)));
    let by = action["caused-by"]
        .as_str()
        .map(|by| format!(", by {}", output::safe(by)));
    output::line(format!(
        "    action {} {}{}{}",
        text(&action["id"]),
        text(&action["state"]),
        detail.unwrap_or_default(),
        by.unwrap_or_default()
    ));
    attempts(action, "    ");
}
