//! Pairs of answers, and what they come to.

use super::*;
use crate::domain::decision::{Argument, Field, Once, Report};
use crate::domain::fault::FailureKind;

fn notify(channel: &str, title: &str, text: &str) -> Action {
    Action::Notify(Notification {
        title: Some(title.to_owned()),
        text: text.to_owned(),
        ..Notification::to(channel)
    })
}

fn deploy(name: &str, arguments: &[(&str, &str)]) -> Action {
    let argument = |(name, value): &(&str, &str)| Argument {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Action::Deploy(Deploy {
        name: name.to_owned(),
        arguments: arguments.iter().map(argument).collect(),
        report: None,
    })
}

fn decided(actions: &[Action]) -> Outcome {
    because(actions, None)
}

fn because(actions: &[Action], reason: Option<&str>) -> Outcome {
    Outcome::Decided(Decision {
        actions: actions.to_vec(),
        reason: reason.map(str::to_owned),
    })
}

fn failed(message: &str) -> Outcome {
    Outcome::Faulted(Fault::Failed {
        failure: FailureKind::Other,
        message: message.to_owned(),
    })
}

fn of(then: &[Action], now: &[Action]) -> Comparison {
    compare(Some(&decided(then)), Some(&decided(now)))
}

fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    let changes = comparison.changes.iter();
    changes.map(|change| change.verdict).collect()
}

fn fields(change: &Change) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let fields = change.fields.iter();
    fields
        .map(|field| {
            (
                field.name.as_str(),
                field.then.as_deref(),
                field.now.as_deref(),
            )
        })
        .collect()
}

#[test]
fn equal_actions_are_the_same_in_whatever_order() {
    let (a, b) = (
        notify("dev", "a", ""),
        deploy("site", &[("branch", "main")]),
    );

    let comparison = of(&[a.clone(), b.clone(), a.clone()], &[b, a.clone(), a]);

    assert_eq!(comparison.verdict, Verdict::Same);
    assert_eq!(verdicts(&comparison), [Verdict::Same; 3]);
}

#[test]
fn arguments_have_no_order_and_fields_of_a_message_do() {
    let (one, two) = (("branch", "main"), ("commit", "a6"));
    let with = |fields: [(&str, &str); 2]| {
        Action::Notify(Notification {
            fields: fields
                .map(|(name, value)| Field {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    short: false,
                })
                .to_vec(),
            ..Notification::to("dev")
        })
    };

    let deploys = of(
        &[deploy("site", &[one, two])],
        &[deploy("site", &[two, one])],
    );
    let messages = of(&[with([one, two])], &[with([two, one])]);

    assert_eq!(deploys.verdict, Verdict::Same);
    assert_eq!(messages.verdict, Verdict::Changed);
}

#[test]
fn an_action_of_the_same_kind_and_target_with_other_contents_is_changed() {
    let comparison = of(
        &[notify("dev", "Opened", "by Ada")],
        &[notify("dev", "Opened!", "by Ada")],
    );

    assert_eq!(comparison.verdict, Verdict::Changed);
    assert_eq!(
        fields(&comparison.changes[0]),
        [("title", Some("Opened"), Some("Opened!"))]
    );
}

#[test]
fn an_action_of_another_kind_or_target_is_new_and_the_old_one_gone() {
    let message = notify("dev", "Opened", "");
    for other in [
        notify("ops", "Opened", ""),
        deploy("dev", &[]),
        Action::Drop("noise".to_owned()),
    ] {
        let comparison = of(std::slice::from_ref(&message), std::slice::from_ref(&other));

        assert_eq!(comparison.verdict, Verdict::Changed, "{other:?}");
        assert_eq!(verdicts(&comparison), [Verdict::New, Verdict::Gone]);
    }
}

#[test]
fn what_is_left_over_is_new_or_gone() {
    let (a, b) = (notify("dev", "a", ""), notify("dev", "b", ""));

    let more = of(std::slice::from_ref(&a), &[a.clone(), b.clone()]);
    let less = of(&[a.clone(), b.clone()], std::slice::from_ref(&b));

    assert_eq!(more.verdict, Verdict::New);
    assert_eq!(verdicts(&more), [Verdict::Same, Verdict::New]);
    assert_eq!(more.changes[1].now.as_ref(), Some(&b));
    assert_eq!(less.verdict, Verdict::Gone);
    assert_eq!(verdicts(&less), [Verdict::Same, Verdict::Gone]);
    assert_eq!(less.changes[1].then.as_ref(), Some(&a));
}

#[test]
fn the_most_alike_are_matched() {
    let then = [notify("dev", "a", "one"), notify("dev", "b", "two")];
    let now = [notify("dev", "b", "three"), notify("dev", "a", "four")];

    let comparison = of(&then, &now);

    let titles: Vec<_> = comparison
        .changes
        .iter()
        .map(|change| fields(change)[0])
        .collect();
    assert_eq!(
        titles,
        [
            ("text", Some("two"), Some("three")),
            ("text", Some("one"), Some("four"))
        ]
    );
}

#[test]
fn a_rule_that_was_not_asked_has_new_actions_and_one_that_is_not_asked_has_none() {
    let outcome = decided(&[notify("dev", "a", "")]);
    let nothing = decided(&[]);

    assert_eq!(compare(None, Some(&outcome)).verdict, Verdict::New);
    assert_eq!(compare(None, Some(&nothing)).verdict, Verdict::Same);
    assert_eq!(compare(Some(&outcome), None).verdict, Verdict::Gone);
    assert_eq!(compare(Some(&nothing), None).verdict, Verdict::Same);
}

#[test]
fn a_fault_that_the_old_version_did_not_have_is_shown_with_what_is_gone() {
    let outcome = decided(&[notify("dev", "a", "")]);
    let out_of_fuel = Outcome::Faulted(Fault::OutOfFuel { limit: 5 });

    let faults = compare(Some(&outcome), Some(&failed("no")));
    assert_eq!(faults.verdict, Verdict::Faults);
    assert_eq!(verdicts(&faults), [Verdict::Gone]);
    for (then, now, expected) in [
        (None, Some(&out_of_fuel), Verdict::Faults),
        (Some(&out_of_fuel), Some(&failed("no")), Verdict::Faults),
        (Some(&failed("yes")), Some(&failed("no")), Verdict::Same),
        (Some(&out_of_fuel), Some(&decided(&[])), Verdict::Changed),
        (Some(&out_of_fuel), Some(&outcome), Verdict::New),
    ] {
        let of_both = compare(then, now);
        assert_eq!(of_both.verdict, expected, "{then:?} {now:?}");
    }
}

#[test]
fn another_reason_alone_is_noted_and_no_difference() {
    let comparison = compare(
        Some(&because(&[], Some("it is a draft"))),
        Some(&because(&[], Some("drafts are quiet"))),
    );

    assert_eq!(comparison.verdict, Verdict::Same);
    assert_eq!(comparison.reasons, Reasons::Differ);
    let equal = because(&[], Some("it is a draft"));
    assert_eq!(compare(Some(&equal), Some(&equal)).reasons, Reasons::Alike);
}

#[test]
fn every_part_of_an_action_counts() {
    let plain = Notification::to("dev");
    let mut others = vec![plain.clone(); 8];
    others[0].title = Some(String::new());
    others[1].text = "text".to_owned();
    others[2].severity = Some(Severity::Warning);
    others[3].color = Some(0x00_ff_00);
    others[4].url = Some("https://example.org".to_owned());
    others[5].footer = Some("small".to_owned());
    others[6].mentions = vec!["ada".to_owned(), "ada".to_owned()];
    others[7].once = Some(Once {
        key: "key".to_owned(),
        seconds: 60,
    });
    let expected = [
        &["title"][..],
        &["text"],
        &["severity"],
        &["color"],
        &["url"],
        &["footer"],
        &["mentions", "mentions#2"],
        &["once"],
    ];
    for (other, expected) in others.into_iter().zip(expected) {
        let comparison = of(&[Action::Notify(plain.clone())], &[Action::Notify(other)]);
        let names: Vec<&str> = fields(&comparison.changes[0])
            .into_iter()
            .map(|(name, ..)| name)
            .collect();
        assert_eq!(names, expected);
    }
    let report = |when| {
        Action::Deploy(Deploy {
            name: "site".to_owned(),
            arguments: Vec::new(),
            report: Some(Report {
                channel: "dev".to_owned(),
                when,
            }),
        })
    };
    let reports = of(
        &[report(ReportWhen::Always)],
        &[report(ReportWhen::Failure)],
    );
    assert_eq!(
        fields(&reports.changes[0]),
        [("report", Some("dev"), Some("dev on failure"))]
    );
}

#[test]
fn long_values_are_shown_around_the_first_place_where_they_differ() {
    let long = |end: &str| format!("{}{end}", "é".repeat(1_000));

    let comparison = of(
        &[notify("dev", "a", &long("one"))],
        &[notify("dev", "a", &long("two"))],
    );

    let shown = fields(&comparison.changes[0]);
    let (_, Some(then), Some(now)) = shown[0] else {
        panic!("both sides are shown: {shown:?}");
    };
    assert!(then.starts_with("…éé") && then.ends_with("éone"), "{then}");
    assert!(now.ends_with("étwo"), "{now}");
    assert!(then.chars().count() <= SHOWN + 2, "{then}");
}
