//! Expressions and zones that are refused, and what the operator is told.

use proptest::prelude::*;

use super::*;
use crate::sources::SourceConfigError;

fn refused(at: &str) -> SourceConfigError {
    let built = Schedule::build(&name(), &config(at), &TimeZone::UTC);
    built.err().unwrap_or_else(|| panic!("`{at}` is taken"))
}

#[track_caller]
fn assert_refused(at: &str, says: &str) {
    let error = refused(at);
    assert_eq!(error.key(), "sources.evening.at");
    let text = error.to_string();
    assert!(text.contains(says), "`{at}`: {text}");
}

#[test]
fn seconds_are_refused_with_the_five_fields_to_write() {
    let text = refused("0 0 18 * * 1-5").to_string();

    assert_eq!(
        text,
        "`sources.evening.at`: `0 0 18 * * 1-5` has six fields, and a schedule has no seconds: write five, minute, \
         hour, day of the month, month, weekday, such as \"0 18 * * 1-5\""
    );
}

#[test]
fn a_day_that_no_month_has_is_refused() {
    for at in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30,31 FEB *"] {
        assert_refused(at, "never comes");
    }
    assert_refused("0 0 30 2 *", "`L` for its last");
}

#[test]
fn a_field_that_cannot_be_read_is_named_with_what_it_takes() {
    for (at, says) in [
        ("60 * * * *", "the minute `60`"),
        ("-5 * * * *", "the minute `-5`"),
        ("JAN * * * *", "the minute `JAN`"),
        ("* 24 * * *", "the hour `24` cannot be read: write 0 to 23"),
        ("* 22-2 * * *", "the hour `22-2`"),
        ("* * 0 * *", "the day of the month `0`"),
        ("* * 32 * *", "the day of the month `32`"),
        ("* * * 13 *", "the month `13`"),
        ("* * * MON *", "the month `MON`"),
        ("* * * JAN1 *", "the month `JAN1`"),
        ("* * * * 8", "the weekday `8`"),
        ("* * * * MONDAY", "the weekday `MONDAY`"),
        ("* * * * JAN", "the weekday `JAN`"),
        ("* * * * 1MON", "the weekday `1MON`"),
        ("1,,2 * * * *", "the minute `1,,2`"),
        (", * * * *", "the minute `,`"),
        ("*/0 * * * *", "the minute `*/0`"),
        ("5/10 * * * *", "the minute `5/10`"),
        ("é * * * *", "the minute `é`"),
        ("99999999999999999999 * * * *", "the minute `9999"),
    ] {
        assert_refused(at, says);
    }
}

#[test]
fn a_step_that_meets_one_value_is_refused() {
    assert_refused("*/90 * * * *", "a step of at most 59");
    assert_refused("0 */24 * * *", "a step of at most 23");
}

#[test]
fn an_expression_of_another_length_is_refused() {
    assert_refused("", "is empty");
    assert_refused("   ", "is empty");
    assert_refused("0 18 * *", "has 4 fields");
    assert_refused("0 0 18 * * 1-5 2026", "has 7 fields");
    assert_refused("CRON_TZ=Europe/Berlin 0 18 * * *", "the key `timezone`");
    assert_refused("0 18 * * * Europe/Berlin", "the key `timezone`");
    assert_refused("0 18 * * * UTC", "the key `timezone`");
}

#[test]
fn a_name_that_is_no_time_is_refused() {
    assert_refused("@reboot", "`@reboot` is no name of a schedule");
    assert_refused("@daily @weekly", "write one of @hourly, @daily");
}

#[test]
fn a_step_of_days_beside_another_day_is_refused_because_crons_disagree() {
    assert_refused("0 0 */2 * 1", "`1-31/2`");
    assert_refused("0 0 */2 * 1", "`+1`");
    assert_refused("0 0 13 * */2", "`0-6/2`");
    assert_refused("0 0 */5 * 2", "the day `*/5` beside the day `2`");
    for clear in [
        "0 0 */2 * *",
        "0 0 * * */2",
        "0 0 1-31/2 * 1",
        "0 0 */2 * +1",
    ] {
        schedule(clear);
    }
}

#[test]
fn a_time_zone_that_is_not_known_is_refused() {
    let config = ScheduleConfig {
        timezone: Some("Berlin".to_owned()),
        ..config("0 18 * * *")
    };

    let error = Schedule::build(&name(), &config, &TimeZone::UTC).expect_err("no such zone");

    assert_eq!(
        error.to_string(),
        "`sources.evening.timezone`: `Berlin` is no time zone: write a name such as \"Europe/Paris\", or remove it \
         for the server's"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_written_is_refused_or_comes(at in "[-0-9*/,#LW?+ @SUNJAé]{0,24}") {
        if let Ok(schedule) = Schedule::build(&name(), &config(&at), &zone("Europe/Berlin")) {
            let now = moment("2026-11-22T12:00:00Z");
            let next = schedule.next(now).expect("it comes");
            prop_assert!(next > now);
        }
    }

    #[test]
    fn five_fields_of_signs_are_refused_or_come(
        fields in proptest::collection::vec("[-0-9*/,#L?+W]{1,4}|[0-9]{1,2}|\\*|\\*/[1-9]|[1-5]-[5-9]", 5)
    ) {
        let at = fields.join(" ");
        if let Ok(schedule) = Schedule::build(&name(), &config(&at), &zone("Europe/Berlin")) {
            prop_assert!(schedule.next(moment("2026-11-22T12:00:00Z")).is_some(), "{}", at);
        }
    }
}
