//! Refusals: counted where they are alike, and bounded for each source.

use std::time::Duration;

use super::bench::{Bench, START, source};
use crate::store::{Refusal, RefusalRecord};

fn refusal(code: &str) -> Refusal {
    Refusal {
        source: source("gitlab"),
        code: code.to_owned(),
        message: "the signature does not match".to_owned(),
        remote_address: Some("192.0.2.7".to_owned()),
        provider_event: None,
        delivery_key: Some("id:1".to_owned()),
        project: None,
        at: START,
    }
}

async fn list(bench: &Bench) -> Vec<RefusalRecord> {
    bench.store().refusals(None).await.expect("the refusals")
}

async fn refuse(bench: &Bench, refusal: Refusal) {
    bench.store().refuse(refusal).await.expect("it is recorded");
}

pub(super) async fn a_refusal_is_read_back_as_it_was_recorded(bench: Bench) {
    refuse(&bench, refusal("hook/bad-signature")).await;

    let records = list(&bench).await;

    let expected = RefusalRecord {
        source: source("gitlab"),
        code: "hook/bad-signature".to_owned(),
        message: "the signature does not match".to_owned(),
        remote_address: Some("192.0.2.7".to_owned()),
        provider_event: None,
        delivery_key: Some("id:1".to_owned()),
        project: None,
        count: 1,
        first_at: START,
        last_at: START,
    };
    assert_eq!(records, [expected]);
}

pub(super) async fn equal_refusals_are_counted(bench: Bench) {
    let later = START.after(Duration::from_secs(5));
    refuse(&bench, refusal("hook/bad-signature")).await;

    let again = Refusal {
        delivery_key: Some("id:2".to_owned()),
        at: later,
        ..refusal("hook/bad-signature")
    };
    refuse(&bench, again).await;

    let records = list(&bench).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].count, 2);
    assert_eq!((records[0].first_at, records[0].last_at), (START, later));
    assert_eq!(records[0].delivery_key.as_deref(), Some("id:2"));
}

pub(super) async fn refusals_that_differ_in_any_trait_are_kept_apart(bench: Bench) {
    let one = refusal("hook/bad-signature");
    let others = [
        Refusal {
            source: source("github"),
            ..one.clone()
        },
        Refusal {
            code: "hook/replayed".to_owned(),
            ..one.clone()
        },
        Refusal {
            remote_address: None,
            ..one.clone()
        },
        Refusal {
            provider_event: Some("Push Hook".to_owned()),
            ..one.clone()
        },
        Refusal {
            project: Some("group/shop".to_owned()),
            ..one.clone()
        },
    ];

    refuse(&bench, one).await;
    for other in others {
        refuse(&bench, other).await;
    }

    assert_eq!(list(&bench).await.len(), 6);
    let github = bench.store().refusals(Some(&source("github"))).await;
    assert_eq!(github.expect("the refusals").len(), 1);
}

pub(super) async fn the_last_two_hundred_refusals_of_a_source_are_kept(bench: Bench) {
    let other = Refusal {
        source: source("github"),
        ..refusal("hook/other")
    };
    refuse(&bench, other).await;
    for number in 0..202_u64 {
        let numbered = Refusal {
            at: START.after(Duration::from_secs(number)),
            ..refusal(&format!("hook/number-{number}"))
        };
        refuse(&bench, numbered).await;
    }

    let records = bench.store().refusals(Some(&source("gitlab"))).await;

    let records = records.expect("the refusals");
    assert_eq!(records.len(), 200);
    assert_eq!(records[0].code, "hook/number-201");
    assert_eq!(records[199].code, "hook/number-2");
    assert_eq!(list(&bench).await.len(), 201);
}

pub(super) async fn an_address_that_is_refused_often_pushes_out_its_own_refusals(bench: Bench) {
    let other = Refusal {
        remote_address: Some("198.51.100.9".to_owned()),
        ..refusal("hook/other")
    };
    refuse(&bench, other).await;
    for number in 1..=300_u64 {
        let numbered = Refusal {
            at: START.after(Duration::from_secs(number)),
            ..refusal(&format!("hook/number-{number}"))
        };
        refuse(&bench, numbered).await;
    }

    let records = list(&bench).await;

    assert_eq!(records.len(), 200);
    assert_eq!(records[199].code, "hook/other");
    assert_eq!(records[198].code, "hook/number-102");
}
