//! Whether an action may be performed now: its rule may be gone, but not its team's grants.

use super::Live;
use crate::domain::decision::Action;
use crate::domain::names::RuleName;

/// What stands in the key of an action that the operators asked for, by their configuration or by hand, and that
/// needs no team's grant. No name has a `#`, so no rule can bring it about.
pub const OPERATORS: &str = "#operators";

/// Looks grants up once more, with the configuration of the moment.
///
/// # Errors
/// The line of configuration that would allow it.
pub(super) fn permitted(
    live: &Live,
    key: &str,
    rule: &RuleName,
    action: &Action,
) -> Result<(), String> {
    if key.contains(OPERATORS) {
        return Ok(());
    }
    let team = rule.team();
    let config = live.catalog.team(team).ok_or_else(|| {
        format!(
            "the team is gone: there is no `{}` in `hookbox.toml`",
            crate::capability::table(team)
        )
    })?;
    config
        .grants
        .allow(action, &live.catalog.known, team)
        .map_err(|refusal| refusal.to_string())
}
