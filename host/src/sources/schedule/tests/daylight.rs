//! What becomes of times that a change of the clock leaves out or repeats.

use croner::Cron;
use jiff::civil::DateTime;
use jiff::{Timestamp as Instant, ToSpan as _};
use proptest::prelude::*;

use super::*;

#[test]
fn a_time_that_does_not_exist_comes_once_when_the_clock_is_put_forward() {
    let daily = moments("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", 2);
    let twice = moments("Europe/Berlin", "30 2,3 * * *", "2026-03-28T12:00:00Z", 3);
    let often = moments("Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00:00Z", 2);

    assert_eq!(
        daily,
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    assert_eq!(
        twice,
        [
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:30:00+02:00",
            "2026-03-30T02:30:00+02:00"
        ]
    );
    assert_eq!(
        often,
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]
    );
}

#[test]
fn a_time_that_exists_twice_comes_the_first_time() {
    let daily = moments("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", 2);
    let often = moments("Europe/Berlin", "*/30 2,3 * * *", "2026-10-24T12:00:00Z", 4);

    assert_eq!(
        daily,
        ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    );
    assert_eq!(
        often,
        [
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T03:00:00+01:00",
            "2026-10-25T03:30:00+01:00"
        ]
    );
}

#[test]
fn asked_in_the_repeated_hour_it_has_come_already() {
    let schedule = schedule("30 2 * * *");
    let last = moment("2026-10-24T12:00:00Z");
    let before_it_is_shown_again = moment("2026-10-25T01:10:00Z");

    let due = schedule.due(Some(last), before_it_is_shown_again);
    let shown_again = schedule.due(due.fire, moment("2026-10-25T01:45:00Z"));

    assert_eq!(due.fire, Some(moment("2026-10-25T00:30:00Z")));
    assert_eq!(due.next, Some(moment("2026-10-26T01:30:00Z")));
    assert_eq!(shown_again.fire, None);
}

#[test]
fn a_schedule_of_every_hour_follows_the_time_that_passes() {
    let forward = moments("Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z", 3);
    let back = moments("Europe/Berlin", "30 0-23 * * *", "2026-10-25T00:00:00Z", 3);

    assert_eq!(
        forward,
        [
            "2026-03-29T01:30:00+01:00",
            "2026-03-29T03:30:00+02:00",
            "2026-03-29T04:30:00+02:00"
        ]
    );
    assert_eq!(
        back,
        [
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:30:00+01:00"
        ]
    );
}

#[test]
fn midnight_may_be_what_is_left_out() {
    let cairo = moments("Africa/Cairo", "@daily", "2026-04-23T12:00:00Z", 2);
    let santiago = moments("America/Santiago", "0 0 * * 0", "2026-09-05T12:00:00Z", 1);

    assert_eq!(
        cairo,
        ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]
    );
    assert_eq!(santiago, ["2026-09-06T01:00:00-03:00"]);
}

#[test]
fn a_change_may_be_half_an_hour_or_a_day() {
    let half = moments(
        "Australia/Lord_Howe",
        "15 2 * * *",
        "2026-10-03T12:00:00Z",
        2,
    );
    let day = moments("Pacific/Apia", "0 12 30 12 *", "2011-12-29T23:00:00Z", 2);

    assert_eq!(
        half,
        ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]
    );
    assert_eq!(
        day,
        ["2011-12-31T00:00:00+14:00", "2012-12-30T12:00:00+14:00"]
    );
}

const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Asia/Kolkata",
];

const EXPRESSIONS: [&str; 10] = [
    "* * * * *",
    "*/7 * * * *",
    "30 * * * *",
    "0 0 * * *",
    "30 2 * * *",
    "*/15 0-3 * * *",
    "10,50 1,2,3 * * 0",
    "0 */2 * * *",
    "5 1-23 * * *",
    "0 0 L * *",
];

/// Minute by minute, on the wall clock for certain hours and on the time line for every hour.
fn by_walking(at: &str, zone: &TimeZone, from: Instant, hours: i64) -> Vec<Instant> {
    let cron: Cron = at.parse().expect("an expression");
    let minutes = hours * 60;
    let matches = |time: &DateTime| cron.is_time_matching(time).expect("a time");
    if at.split(' ').nth(1) == Some("*") {
        let on_the_line = (1..=minutes).map(|minute| from + minute.minutes());
        return on_the_line
            .filter(|instant| matches(&zone.to_datetime(*instant)))
            .collect();
    }
    let shown = |mut time: DateTime| {
        loop {
            let ambiguous = zone.to_ambiguous_timestamp(time);
            if let Ok(instant) = ambiguous.earlier()
                && zone.to_datetime(instant) == time
            {
                return instant;
            }
            time += 1.minute();
        }
    };
    let start = zone.to_datetime(from) - 4.hours();
    let on_the_clock = (1..=minutes + 480).map(|minute| start + minute.minutes());
    let end = from + minutes.minutes();
    let mut moments: Vec<Instant> = on_the_clock.filter(matches).map(shown).collect();
    moments.retain(|instant| *instant > from && *instant <= end);
    moments.dedup();
    moments
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_moments_are_those_that_a_walk_minute_by_minute_finds(
        zone_name in proptest::sample::select(&ZONES[..]),
        at in proptest::sample::select(&EXPRESSIONS[..]),
        year in 2024_i64..2030,
        change in 0_usize..2,
        minutes_before in 0_i64..1_800,
    ) {
        let zone = zone(zone_name);
        let schedule = schedule_in(zone_name, at);
        let new_year: Instant = format!("{year}-01-01T00:00:00Z").parse().expect("a moment");
        let changes = zone.following(new_year).nth(change);
        let near = changes.map_or(new_year, |change| change.timestamp());
        let from = near - minutes_before.minutes();
        let hours = 48;

        let expected = by_walking(at, &zone, from, hours);

        let until = Timestamp((from + hours.hours()).as_millisecond());
        let mut last = Timestamp(from.as_millisecond());
        let newest = schedule.due(Some(last), until).fire;
        let mut found = Vec::new();
        while let Some(next) = schedule.next(last).filter(|next| *next <= until) {
            found.push(Instant::from_millisecond(next.0).expect("a moment"));
            last = next;
        }
        prop_assert_eq!(&found, &expected, "{} in {}", at, zone_name);
        prop_assert_eq!(newest.map(|newest| newest.0), found.last().map(|last| last.as_millisecond()));
    }
}
