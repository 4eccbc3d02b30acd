//! Counts events, and says which it saw before: behaves, as long as it is about a push.
//!
//! For the tests of order and of what is kept: the reason of its decision is `<count> after <event>`. What is
//! no push makes it panic when it has written all.

use hookbox_sdk::prelude::*;

rule! { evaluate: count }

fn count(event: &Event) -> Result<Decision, Failure> {
    let count = state::add("seen", 1, None)?;
    let before = state::get("last")?.unwrap_or_else(|| "nothing".to_owned());
    state::set("last", &event.id, None)?;
    state::set(
        &format!("recent/{}", event.id),
        "",
        Some(Duration::from_secs(1)),
    )?;
    assert!(event.push().is_some(), "it counts pushes alone");
    Ok(nothing(format!("{count} after {before}")))
}
