//! Writes to its state and removes it again, each time under another key: never above the quota, and without end if
//! it had more fuel.
//!
//! For the test that what came and went is neither held nor committed.

use hookbox_sdk::prelude::*;

rule! { evaluate: churn }

/// How often; the fuel is enough for it.
const TIMES: usize = 8_000;

fn churn(_event: &Event) -> Result<Decision, Failure> {
    let mut key = format!("{:0>500}", "");
    for number in 0..TIMES {
        key.truncate(490);
        for shift in [12, 9, 6, 3, 0] {
            let digit = (number >> shift & 7) as u8;
            key.push(char::from(b'0' + digit));
        }
        state::set(&key, "", None)?;
        state::remove(&key)?;
    }
    Ok(nothing(format!("{TIMES} came and went")))
}
