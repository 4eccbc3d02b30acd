//! What a schedule is: when it is due, what it has missed, and what its deliveries say. The clock's changes, the
//! expressions that are refused, and the schedule at work have files of their own.

mod daylight;
mod refusals;
mod running;

use std::time::Duration;

use super::*;
use crate::domain::names::DeliveryId;

/// A source's name.
fn name() -> SourceName {
    SourceName::parse("evening").expect("a name")
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("the zone is known")
}

/// A schedule in Berlin.
fn schedule(at: &str) -> Schedule {
    schedule_in("Europe/Berlin", at)
}

fn schedule_in(zone_name: &str, at: &str) -> Schedule {
    let config = config(at);
    Schedule::build(&name(), &config, &zone(zone_name)).expect("a schedule")
}

fn config(at: &str) -> ScheduleConfig {
    ScheduleConfig {
        provider: PROVIDER.to_owned(),
        at: at.to_owned(),
        timezone: None,
    }
}

/// A moment as RFC 3339 text.
fn moment(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().expect("a moment");
    Timestamp(instant.as_millisecond())
}

/// The first moments after one, as text in the zone.
fn moments(zone_name: &str, at: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = schedule_in(zone_name, at);
    let zone = zone(zone_name);
    let mut last = moment(after);
    let next = std::iter::repeat_with(|| {
        last = schedule.next(last).expect("there is a next one");
        last.rfc3339(&zone)
    });
    next.take(count).collect()
}

fn at_noon_utc(day: &str) -> String {
    format!("{day}T12:00:00Z")
}

#[test]
fn the_usual_expressions_come_when_they_say() {
    // The 22nd of November 2026 is a Sunday.
    for (at, expected) in [
        ("*/15 * * * *", "2026-11-22T12:15:00+00:00"),
        ("0 18 * * 1-5", "2026-11-23T18:00:00+00:00"),
        ("0 18 * * MON-FRI", "2026-11-23T18:00:00+00:00"),
        ("0 18 * * 7", "2026-11-22T18:00:00+00:00"),
        ("0 18 * * 0", "2026-11-22T18:00:00+00:00"),
        ("0 9 * * 5-7", "2026-11-27T09:00:00+00:00"),
        ("0 9 * * sat-sun", "2026-11-28T09:00:00+00:00"),
        ("30 8,18 1-7 JAN,jul *", "2027-01-01T08:30:00+00:00"),
        ("5-20/5,50 12 * * *", "2026-11-22T12:05:00+00:00"),
        ("0 0 13 * 5", "2026-11-27T00:00:00+00:00"),
        ("0 0 13 * +5", "2027-08-13T00:00:00+00:00"),
        ("0 0 * * 5L", "2026-11-27T00:00:00+00:00"),
        ("0 0 * * TUE#2", "2026-12-08T00:00:00+00:00"),
        ("  0\t18 * *   * ", "2026-11-22T18:00:00+00:00"),
        ("@hourly", "2026-11-22T13:00:00+00:00"),
        ("@daily", "2026-11-23T00:00:00+00:00"),
        ("@Midnight", "2026-11-23T00:00:00+00:00"),
        ("@weekly", "2026-11-29T00:00:00+00:00"),
        ("@monthly", "2026-12-01T00:00:00+00:00"),
        ("@yearly", "2027-01-01T00:00:00+00:00"),
        ("@annually", "2027-01-01T00:00:00+00:00"),
    ] {
        let next = moments("UTC", at, &at_noon_utc("2026-11-22"), 1);
        assert_eq!(next, [expected], "{at}");
    }
}

#[test]
fn a_month_has_the_last_day_that_it_has() {
    let thirty_firsts = moments("UTC", "0 0 31 * *", &at_noon_utc("2026-11-22"), 3);
    let last_days = moments("UTC", "0 0 L * *", &at_noon_utc("2027-11-22"), 4);

    let days = |list: Vec<String>| -> Vec<String> {
        list.into_iter().map(|text| text[..10].to_owned()).collect()
    };
    assert_eq!(
        days(thirty_firsts),
        ["2026-12-31", "2027-01-31", "2027-03-31"]
    );
    assert_eq!(
        days(last_days),
        ["2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29"]
    );
}

#[test]
fn the_29th_of_february_comes_in_leap_years_and_not_in_2100() {
    let leap_days = moments("UTC", "0 0 29 2 *", &at_noon_utc("2092-01-01"), 3);

    let years: Vec<&str> = leap_days.iter().map(|text| &text[..4]).collect();
    assert_eq!(years, ["2092", "2096", "2104"]);
}

#[test]
fn the_time_zone_is_the_operators_unless_the_source_names_one() {
    let own = ScheduleConfig {
        timezone: Some("Asia/Shanghai".to_owned()),
        ..config("0 18 * * *")
    };
    let schedule_of =
        |config: ScheduleConfig| Schedule::build(&name(), &config, &zone("Europe/Berlin"));

    let operators = schedule_of(config("0 18 * * *")).expect("a schedule");
    let named = schedule_of(own).expect("a schedule");

    let noon = moment("2026-11-22T12:00:00Z");
    assert_eq!(operators.next(noon), Some(moment("2026-11-22T17:00:00Z")));
    assert_eq!(named.next(noon), Some(moment("2026-11-23T10:00:00Z")));
}

#[test]
fn what_is_due_is_fired_when_its_time_comes_and_once() {
    let schedule = schedule_in("UTC", "0 18 * * *");
    let due_at = moment("2026-11-22T18:00:00Z");
    let before = due_at.before(Duration::from_millis(1));
    let next = Some(due_at.after(Duration::from_hours(24)));

    let too_early = schedule.due(Some(before), before);
    let due = schedule.due(Some(before), due_at);
    let again = schedule.due(due.fire, due_at);

    assert_eq!((too_early.fire, too_early.next), (None, Some(due_at)));
    assert_eq!((due.fire, due.next), (Some(due_at), next));
    assert_eq!((again.fire, again.next), (None, next));
}

#[test]
fn a_source_that_never_ran_has_missed_nothing() {
    let schedule = schedule_in("UTC", "0 18 * * *");
    let now = moment("2026-11-22T19:00:00Z");

    let due = schedule.due(None, now);

    let next = Some(moment("2026-11-23T18:00:00Z"));
    assert_eq!(due, Due { fire: None, next });
}

#[test]
fn of_many_that_were_missed_the_newest_is_fired() {
    for (at, newest) in [
        ("* * * * *", "2026-11-22T12:34:00Z"),
        ("0 18 * * 1-5", "2026-11-20T18:00:00Z"),
        ("0 0 31 * *", "2026-10-31T00:00:00Z"),
        ("0 0 29 2 *", "2024-02-29T00:00:00Z"),
    ] {
        let schedule = schedule_in("UTC", at);
        let last = moment("2019-05-06T07:08:09Z");
        let now = moment("2026-11-22T12:34:56.789Z");

        let due = schedule.due(Some(last), now);

        assert_eq!(due.fire, Some(moment(newest)), "{at}");
        assert_eq!(schedule.due(due.fire, now).fire, None, "{at}");
    }
}

#[test]
fn a_clock_set_back_fires_nothing_until_it_has_caught_up() {
    let schedule = schedule_in("UTC", "0 * * * *");
    let last = moment("2026-11-22T18:00:00Z");

    let set_back = schedule.due(Some(last), moment("2026-11-22T15:30:00Z"));

    let next = Some(moment("2026-11-22T19:00:00Z"));
    assert_eq!(set_back, Due { fire: None, next });
}

#[test]
fn moments_beyond_the_calendar_are_none() {
    let schedule = schedule("0 18 * * *");
    for extreme in [Timestamp(i64::MIN), Timestamp(i64::MAX)] {
        assert_eq!(schedule.next(extreme), None);
        assert_eq!(schedule.due(Some(extreme), extreme).fire, None);
    }
}

#[test]
fn a_table_has_the_keys_of_a_schedule_alone() {
    let table = "provider = 'schedule'\nat = '0 18 * * 1-5'\ntimezone = 'Europe/Berlin'";
    let read: ScheduleConfig = toml::from_str(table).expect("a table");
    let unknown = toml::from_str::<ScheduleConfig>(&format!("{table}\nsecret = 'x'"));
    let incomplete = toml::from_str::<ScheduleConfig>("provider = 'schedule'");

    let expected = ScheduleConfig {
        timezone: Some("Europe/Berlin".to_owned()),
        ..config("0 18 * * 1-5")
    };
    assert_eq!(read, expected);
    assert!(
        unknown
            .expect_err("no such key")
            .message()
            .contains("secret")
    );
    assert!(incomplete.expect_err("no time").message().contains("`at`"));
}

fn parsed(body: &[u8]) -> Parsed {
    parse_delivery(&ParseInput {
        delivery: &DeliveryId("0192a000-0000-7000-8000-000000000000".to_owned()),
        source: &name(),
        provider: PROVIDER,
        received_at: moment("2026-11-22T17:00:01Z"),
        received_local: "2026-11-22T18:00:01+01:00",
        headers: &[],
        body,
    })
}

#[test]
fn a_delivery_is_one_event_that_says_when_it_was_due() {
    let due_at = moment("2026-11-22T17:00:00Z");

    let parsed = parsed(&body(due_at));

    let [event] = &parsed.events[..] else {
        panic!("{} events", parsed.events.len());
    };
    let expected = event::Schedule {
        name: "evening".to_owned(),
        due_at,
    };
    assert_eq!(event.subject, Subject::Schedule(expected));
    assert_eq!(event.happened_at, Some(due_at));
    assert_eq!(
        (event.provider.as_str(), event.provider_event.as_str()),
        ("schedule", "schedule")
    );
    assert_eq!((&event.note, parsed.left_out), (&None, 0));
    assert_eq!(body(due_at), br#"{"due_at":1795366800000}"#);
}

#[test]
fn a_body_that_is_no_schedules_is_other_with_a_note() {
    for odd in [&b""[..], b"{}", b"[]", br#"{"due_at":"today"}"#, b"\xff"] {
        let parsed = parsed(odd);

        assert_eq!(parsed.events.len(), 1);
        assert_eq!(parsed.events[0].subject, Subject::Other);
        assert!(parsed.events[0].note.is_some());
    }
}

#[test]
fn deliveries_of_one_moment_have_the_same_key_and_others_another() {
    let (one, other) = (Timestamp(1_000), Timestamp(2_000));
    assert_eq!(delivery_key(one), delivery_key(one));
    assert_ne!(delivery_key(one).0, delivery_key(other).0);
    assert_eq!(delivery_key(one).0, "id:1000");
}
