//! What sessions do to states.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_795_354_145_000);

fn granted(state: &State, quota: u64) -> Granted {
    Granted {
        state: state.clone(),
        quota: Bytes(quota),
    }
}

fn session(state: &State) -> Session {
    Session::begin(granted(state, 1 << 16), NOW)
}

/// The state after a session at a moment.
fn after(state: &State, at: Timestamp, work: impl FnOnce(&mut Session)) -> State {
    let mut session = Session::begin(granted(state, 1 << 16), at);
    work(&mut session);
    state.with(&session.end())
}

fn keys(state: &State) -> Vec<&str> {
    state.entries().map(|(key, _)| key).collect()
}

#[test]
fn what_is_written_is_read_in_the_same_session_and_the_next() {
    let mut first = session(&State::default());
    first.set("last", "main", None).expect("there is room");
    assert_eq!(first.get("last"), Some("main"));

    let state = State::default().with(&first.end());

    assert_eq!(session(&state).get("last"), Some("main"));
    assert_eq!(state.revision(), 1);
}

#[test]
fn a_session_that_changes_nothing_has_no_changes() {
    let state = after(&State::default(), NOW, |session| {
        session.add("seen", 1, None).expect("there is room");
    });

    let mut session = session(&state);
    assert_eq!(session.get("seen"), Some("1"));
    session.remove("unknown");

    let changes = session.end();
    assert!(changes.is_empty());
    assert_eq!(state.with(&changes), state);
}

#[test]
fn what_comes_and_goes_within_a_session_is_no_change_of_it() {
    let state = after(&State::default(), NOW, |session| {
        session.set("stays", "v", None).expect("there is room");
        session.set("goes", "v", None).expect("there is room");
    });

    let mut session = session(&state);
    for number in 0..1_000 {
        let key = format!("{number:04}");
        session.set(&key, "v", None).expect("there is room");
        session.remove(&key);
        session.set(&key, "v", Some(0)).expect("there is room");
    }
    session.remove("goes");

    let changes = session.end();
    assert_eq!(changes.entries, BTreeMap::from([("goes".to_owned(), None)]));
    assert_eq!(keys(&state.with(&changes)), ["stays"]);
}

#[test]
fn a_counter_begins_at_zero_and_stays_in_its_range() {
    let mut session = session(&State::default());
    assert_eq!(session.add("seen", 3, None), Ok(3));
    assert_eq!(session.add("seen", -5, None), Ok(-2));
    assert_eq!(session.add("seen", i64::MIN, None), Ok(i64::MIN));
    session
        .set("seen", "no number", None)
        .expect("there is room");
    assert_eq!(session.add("seen", 1, None), Ok(1));
}

#[test]
fn what_expires_is_gone_by_the_time_of_the_event_and_swept_by_it() {
    let state = after(&State::default(), NOW, |session| {
        session.set("short", "1", Some(60)).expect("there is room");
        session.set("long", "1", Some(61)).expect("there is room");
        session.set("ever", "1", None).expect("there is room");
    });

    let minute_later = NOW.after(Duration::from_secs(60));
    let later = Session::begin(granted(&state, 1 << 16), minute_later);

    assert_eq!(later.get("short"), None);
    assert_eq!(later.keys("").collect::<Vec<_>>(), ["ever", "long"]);
    assert_eq!(keys(&state.with(&later.end())), ["ever", "long"]);
}

#[test]
fn an_event_of_the_past_sees_what_had_not_expired_then() {
    let state = after(&State::default(), NOW, |session| {
        session.set("short", "1", Some(60)).expect("there is room");
    });

    let earlier = Session::begin(granted(&state, 1 << 16), Timestamp(0));

    assert_eq!(earlier.get("short"), Some("1"));
}

#[test]
fn each_write_begins_the_time_to_live_anew() {
    let state = after(&State::default(), NOW, |session| {
        session.set("a", "1", Some(1)).expect("there is room");
        session.set("a", "1", None).expect("there is room");
        session.add("b", 1, None).expect("there is room");
        session.add("b", 1, Some(1)).expect("there is room");
        session.set("c", "1", None).expect("there is room");
        session.set("c", "1", Some(0)).expect("there is room");
    });

    let state = after(&state, NOW.after(Duration::from_secs(1)), |_| {});

    assert_eq!(keys(&state), ["a"]);
}

#[test]
fn the_quota_counts_keys_values_and_entries() {
    let own = size_of("key", "value");
    assert_eq!(own, 3 + 5 + ENTRY);
    let mut session = Session::begin(granted(&State::default(), own), NOW);

    assert_eq!(session.set("key", "value", None), Ok(()));
    assert_eq!(
        session.set("key", "value!", None),
        Err(SessionError::TooLarge)
    );
    assert_eq!(session.set("other", "", None), Err(SessionError::TooLarge));
    assert_eq!(session.get("key"), Some("value"));
    session.remove("key");
    assert_eq!(session.set("abc", "other", None), Ok(()));
}

#[test]
fn a_state_above_its_quota_is_read_and_shrinks() {
    let state = after(&State::default(), NOW, |session| {
        session.set("a", "12345", None).expect("there is room");
        session.set("b", "12345", None).expect("there is room");
    });

    let mut session = Session::begin(granted(&state, 10), NOW);

    assert_eq!(session.get("a"), Some("12345"));
    assert_eq!(
        session.set("a", "123456", None),
        Err(SessionError::TooLarge)
    );
    assert_eq!(session.set("a", "54321", None), Ok(()));
    assert_eq!(session.set("a", "", None), Ok(()));
}

#[test]
fn keys_and_values_have_a_length() {
    let mut session = Session::begin(granted(&State::default(), u64::MAX), NOW);
    let (key, value) = ("k".repeat(KEY), "v".repeat(VALUE));
    assert_eq!(session.set(&key, &value, None), Ok(()));
    let (longer_key, longer_value) = (key + "k", value + "v");
    assert_eq!(
        session.set(&longer_key, "", None),
        Err(SessionError::TooLarge)
    );
    assert_eq!(
        session.set("k", &longer_value, None),
        Err(SessionError::TooLarge)
    );
    assert_eq!(
        session.add(&longer_key, 1, None),
        Err(SessionError::TooLarge)
    );
}

#[test]
fn keys_are_listed_by_their_beginning() {
    let mut session = session(&State::default());
    for key in ["mr/1", "mr/10", "mr/2", "push/1", "mr"] {
        session.set(key, "", None).expect("there is room");
    }
    assert_eq!(
        session.keys("mr/").collect::<Vec<_>>(),
        ["mr/1", "mr/10", "mr/2"]
    );
    assert_eq!(session.keys("x").count(), 0);
    assert_eq!(session.keys("").count(), 5);
}

#[derive(Debug, Clone)]
enum Call {
    Set(String, String, Option<u32>),
    Add(String, i64, Option<u32>),
    Remove(String),
}

fn call() -> impl Strategy<Value = Call> {
    let key = || "[ab]{1,2}";
    let seconds = || prop::option::of(0_u32..3);
    prop_oneof![
        (key(), "[xyz]{0,40}", seconds()).prop_map(|(key, value, ttl)| Call::Set(key, value, ttl)),
        (key(), any::<i64>(), seconds()).prop_map(|(key, by, ttl)| Call::Add(key, by, ttl)),
        key().prop_map(Call::Remove),
    ]
}

proptest! {
    #[test]
    fn a_state_with_its_changes_is_what_the_session_saw_and_within_its_quota(
        sessions in prop::collection::vec((0_u64..3, prop::collection::vec(call(), 0..12)), 1..8),
        quota in 0_u64..300,
    ) {
        let (mut state, mut at) = (State::default(), NOW);
        for (seconds, calls) in sessions {
            at = at.after(Duration::from_secs(seconds));
            let mut session = Session::begin(granted(&state, quota), at);
            for call in calls {
                match call {
                    Call::Set(key, value, ttl) => drop(session.set(&key, &value, ttl)),
                    Call::Add(key, by, ttl) => drop(session.add(&key, by, ttl)),
                    Call::Remove(key) => session.remove(&key),
                }
            }
            let seen: BTreeMap<String, String> = session
                .keys("")
                .map(|key| (key.to_owned(), session.get(key).unwrap_or_default().to_owned()))
                .collect();
            state = state.with(&session.end());
            let kept: BTreeMap<String, String> = state
                .entries()
                .map(|(key, entry)| (key.to_owned(), entry.value.clone()))
                .collect();
            prop_assert_eq!(&seen, &kept);
            let size: u64 = kept.iter().map(|(key, value)| size_of(key, value)).sum();
            prop_assert_eq!(state.size(), Bytes(size));
            prop_assert!(size <= quota);
        }
    }
}
