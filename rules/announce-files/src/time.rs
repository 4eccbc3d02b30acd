//! Moments on the operator's clock, as people write them.
//!
//! A rule has no list of time zones. It knows how far the operator's clock was from UTC when the event
//! came, and that is right for a moment near it. Across a change of the clocks it is an hour off, so that
//! [`day_or_moment`](LocalClock::day_or_moment) says only the day of what is more than a day away.

use hookbox_sdk::prelude::*;

use crate::texts::Texts;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// The operator's clock at the time of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalClock {
    now_ms: u64,
    offset_minutes: i64,
    language: Language,
}

impl LocalClock {
    /// Reads the clock of an event; none where its local time is not RFC 3339.
    pub(crate) fn of(event: &Event, language: Language) -> Option<Self> {
        Some(Self {
            now_ms: event.received_at,
            offset_minutes: offset_minutes(&event.received_local)?,
            language,
        })
    }

    /// Returns the day and the time, such as `22 November 2026, 14:29`.
    pub(crate) fn moment(self, at_ms: u64) -> Option<String> {
        let local = Local::of(at_ms, self.offset_minutes)?;
        let day = local.day_in_words(self.language);
        let Local { hour, minute, .. } = local;
        Some(match self.language {
            Language::En => format!("{day}, {hour:02}:{minute:02}"),
            Language::Fr => format!("{day} à {hour} h {minute:02}"),
            Language::Zh => format!("{day} {hour:02}:{minute:02}"),
        })
    }

    /// Returns the day and the time of a moment within a day of the event, and else the day alone.
    pub(crate) fn day_or_moment(self, at_ms: u64) -> Option<String> {
        if at_ms.abs_diff(self.now_ms) <= DAY_MS {
            return self.moment(at_ms);
        }
        let local = Local::of(at_ms, self.offset_minutes)?;
        Some(local.day_in_words(self.language))
    }
}

/// The offset at the end of an RFC 3339 text.
fn offset_minutes(local: &str) -> Option<i64> {
    let (_, time) = local.split_once('T')?;
    if time.ends_with('Z') {
        return Some(0);
    }
    let (at, sign) = time.char_indices().rfind(|(_, c)| matches!(c, '+' | '-'))?;
    let (hours, minutes) = time.get(at + 1..)?.split_once(':')?;
    let offset = i64::from(hours.parse::<u8>().ok()?) * 60 + i64::from(minutes.parse::<u8>().ok()?);
    Some(if sign == '-' { -offset } else { offset })
}

/// A moment in the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Local {
    year: i64,
    /// From zero.
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
}

impl Local {
    fn of(at_ms: u64, offset_minutes: i64) -> Option<Self> {
        let minutes = i64::try_from(at_ms / MINUTE_MS).ok()? + offset_minutes;
        let (days, minute_of_day) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
        // Years are counted from March, so that the day that is not in every year is the last one, and in
        // eras of 400 years, which are equally long. 719,468 days lead from 0000-03-01 to 1970-01-01.
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // March to July and August to December are 153 days each: 31, 30, 31, 30, 31.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let is_next_year = month_from_march >= 10;
        Some(Self {
            year: era * 400 + year_of_era + i64::from(is_next_year),
            month: usize::try_from((month_from_march + 2) % 12).ok()?,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: minute_of_day / 60,
            minute: minute_of_day % 60,
        })
    }

    fn day_in_words(&self, language: Language) -> String {
        let Self { year, day, .. } = self;
        let months = &Texts::of(language).months;
        let month = months.get(self.month).copied().unwrap_or_default();
        match language {
            Language::Fr if *day == 1 => format!("1er {month} {year}"),
            Language::En | Language::Fr => format!("{day} {month} {year}"),
            Language::Zh => format!("{year}年{month}{day}日"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T13:29:05Z.
    const NOW: u64 = 1_795_354_145_000;

    fn clock(local: &str, language: Language) -> LocalClock {
        LocalClock {
            now_ms: NOW,
            offset_minutes: offset_minutes(local).unwrap(),
            language,
        }
    }

    fn said(local: &str, language: Language, at_ms: u64) -> String {
        clock(local, language).moment(at_ms).unwrap()
    }

    #[test]
    fn a_moment_is_said_on_the_operators_clock_and_as_the_language_does() {
        let paris = "2026-11-22T14:29:05+01:00";

        assert_eq!(said(paris, Language::En, NOW), "22 November 2026, 14:29");
        assert_eq!(said(paris, Language::Fr, NOW), "22 novembre 2026 à 14 h 29");
        assert_eq!(said(paris, Language::Zh, NOW), "2026年11月22日 14:29");
    }

    #[test]
    fn the_operators_clock_may_be_on_another_day() {
        let new_year = 1_798_761_540_000; // 2026-12-31T23:59:00Z

        let shanghai = "2027-01-01T07:59:00.123+08:00";
        assert_eq!(
            said(shanghai, Language::Fr, new_year),
            "1er janvier 2027 à 7 h 59"
        );
        assert_eq!(said(shanghai, Language::Zh, new_year), "2027年1月1日 07:59");
        let st_johns = "2026-12-31T20:29:00-03:30";
        assert_eq!(
            said(st_johns, Language::En, new_year),
            "31 December 2026, 20:29"
        );
        let utc = "2026-12-31T23:59:00Z";
        assert_eq!(said(utc, Language::En, new_year), "31 December 2026, 23:59");
    }

    #[test]
    fn leap_years_and_the_first_moment_are_right() {
        for (at_ms, day) in [
            (0, "1 January 1970, 00:00"),
            (951_782_400_000, "29 February 2000, 00:00"),
            (1_709_251_140_000, "29 February 2024, 23:59"),
            (1_709_251_200_000, "1 March 2024, 00:00"),
            (4_107_542_400_000, "1 March 2100, 00:00"),
        ] {
            assert_eq!(said("1970-01-01T00:00:00Z", Language::En, at_ms), day);
        }
        assert_eq!(
            said("1969-12-31T19:00:00-05:00", Language::En, 0),
            "31 December 1969, 19:00"
        );
    }

    #[test]
    fn the_time_of_what_is_long_ago_is_not_said() {
        let clock = clock("2026-11-22T14:29:05+01:00", Language::En);

        let yesterday = NOW - DAY_MS;
        assert_eq!(
            clock.day_or_moment(yesterday).unwrap(),
            "21 November 2026, 14:29"
        );
        assert_eq!(
            clock.day_or_moment(yesterday - 1).unwrap(),
            "21 November 2026"
        );
        assert_eq!(
            clock.day_or_moment(NOW + 2 * DAY_MS).unwrap(),
            "24 November 2026"
        );
    }

    #[test]
    fn what_is_no_local_time_has_no_clock() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T14:29:05",
            "T+1",
            "T+a:b",
            "2026-11-22 14:29+01:00",
        ] {
            assert_eq!(offset_minutes(text), None, "{text}");
        }
    }
}
