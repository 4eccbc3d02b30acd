//! The text of a schedule: five fields, or a name for them.
//!
//! `croner` knows what an expression means. What it takes though nobody can mean it is refused here first, because
//! a time that is misread is found only when something did not happen.
//!
//! Invariants:
//! - What is refused is refused with the field that is wrong and what to write in its place.
//! - What is read comes at some time.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{self, DateTime};
use jiff::tz::TimeZone;

/// The names that stand for five fields, as Vixie cron knows them:
/// <https://github.com/vixie/cron/blob/master/entry.c>.
const NAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// From when an expression is asked whether it ever comes. The calendar repeats itself; any year would do.
const BEGINNING: DateTime = civil::date(2000, 1, 1).at(0, 0, 0, 0);

/// A place in the expression.
struct Field {
    name: &'static str,
    /// What it takes, for people.
    takes: &'static str,
    /// The words in it, beside numbers.
    words: &'static [&'static str],
    /// The longest step that meets more than one value.
    longest_step: u32,
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        takes: "0 to 59",
        words: &[],
        longest_step: 59,
    },
    Field {
        name: "hour",
        takes: "0 to 23",
        words: &[],
        longest_step: 23,
    },
    Field {
        name: "day of the month",
        takes: "1 to 31, `L` for the last one",
        words: &["L", "LW"],
        longest_step: 30,
    },
    Field {
        name: "month",
        takes: "1 to 12 or JAN to DEC",
        words: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
        longest_step: 11,
    },
    Field {
        name: "weekday",
        takes: "0 to 7 or SUN to SAT",
        words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "L"],
        longest_step: 6,
    },
];

/// Reads an expression. The error is a sentence for the operator.
pub(super) fn read(text: &str) -> Result<Cron, String> {
    let shown = text.escape_debug();
    let expression = fields_of(text.trim())?;
    let parts: Vec<&str> = expression.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!("`{shown}` {}", miscounted(&parts)));
    }
    for (place, (field, part)) in FIELDS.iter().zip(&parts).enumerate() {
        if !is_plain(field, part) || parse(&alone(place, part)).is_none() {
            return Err(format!(
                "the {} `{}` cannot be read: write {}, a list such as `1,3`, a range such as `1-3` in ascending \
                 order, a step such as `*/2`, or `*`",
                field.name,
                part.escape_debug(),
                field.takes
            ));
        }
        if let Some(step) = too_long_a_step(field, part) {
            return Err(format!(
                "the {} `{part}` meets one value only, since {step} steps over all others: write that value, or a \
                 step of at most {}",
                field.name, field.longest_step
            ));
        }
    }
    refuse_ambiguity(parts[2], parts[4])?;
    let cron = parse(expression).ok_or_else(|| format!("`{shown}` cannot be read"))?;
    if cron.find_next_occurrence(&BEGINNING, true).is_err() {
        return Err(format!(
            "`{shown}` never comes, since no year has such a day: write a day that the month has, or `L` for its \
             last, such as \"0 0 L * *\""
        ));
    }
    Ok(cron)
}

/// The five fields that a name stands for; any other text is itself.
fn fields_of(text: &str) -> Result<&str, String> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let known = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    known.map(|(_, fields)| *fields).ok_or_else(|| {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        format!(
            "`{}` is no name of a schedule: write one of {}, or five fields such as \"0 18 * * 1-5\"",
            text.escape_debug(),
            names.join(", ")
        )
    })
}

/// What is wrong with an expression that has not five fields.
fn miscounted(parts: &[&str]) -> String {
    let example = "minute, hour, day of the month, month, weekday, such as \"0 18 * * 1-5\"";
    let is_zone = |part: &str| part.contains('=') || TimeZone::get(part).is_ok();
    if parts.iter().any(|part| is_zone(part)) {
        return format!(
            "names a time zone: it stands in the key `timezone`; write five fields, {example}"
        );
    }
    match parts {
        [] => format!("is empty: write five fields: {example}"),
        [_, _, _, _, _, _] => {
            format!("has six fields, and a schedule has no seconds: write five, {example}")
        }
        parts => format!("has {} fields: write five, {example}", parts.len()),
    }
}

/// An expression of one field, with nothing said in the others.
fn alone(place: usize, part: &str) -> String {
    let mut parts = ["*"; FIELDS.len()];
    parts[place] = part;
    parts.join(" ")
}

fn parse(expression: &str) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(expression).ok()
}

/// Whether a field is made of its own words, numbers and signs, with nothing left out between the signs.
fn is_plain(field: &Field, part: &str) -> bool {
    let part = part.strip_prefix('+').unwrap_or(part);
    part.split([',', '-', '/', '#'])
        .all(|token| is_token(field, token))
}

fn is_token(field: &Field, token: &str) -> bool {
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    let (number, word) = token.split_at(digits);
    let word = word.to_ascii_uppercase();
    match (number.is_empty(), word.as_str()) {
        // The last weekday such as `5L`, and the working day nearest to a day such as `15W`.
        (true, "*" | "?") | (false, "" | "L" | "W") => true,
        (true, word) => field.words.contains(&word),
        (false, _) => false,
    }
}

/// The step of a field that reaches no second value.
fn too_long_a_step(field: &Field, part: &str) -> Option<u32> {
    part.split(',').find_map(|item| {
        let step = item.split_once('/')?.1.parse().ok()?;
        (step > field.longest_step).then_some(step)
    })
}

/// Refuses a day with a step beside another day. Where both are restricted, either is enough; but to Vixie cron a
/// field that begins with `*` restricts nothing, so that `*/2` beside a weekday means both:
/// <https://github.com/vixie/cron/blob/master/entry.c>.
fn refuse_ambiguity(day: &str, weekday: &str) -> Result<(), String> {
    let is_any = |part: &str| matches!(part, "*" | "?");
    let is_doubtful = |part: &str| part.starts_with('*') && !is_any(part);
    let (doubtful, beside, instead) = if is_doubtful(day) && !is_any(weekday) {
        (day, weekday, "1-31/2")
    } else if is_doubtful(weekday) && !is_any(day) {
        (weekday, day, "0-6/2")
    } else {
        return Ok(());
    };
    if weekday.starts_with('+') {
        return Ok(());
    }
    Err(format!(
        "the day `{doubtful}` beside the day `{beside}` means both of them to one cron and either to another: write \
         its range, such as `{instead}`, where either is enough, or `+{weekday}` as the weekday where both must be"
    ))
}
