//! What is known of rules beyond their files.

use rusqlite::{Connection, params};

use super::rows;
use crate::domain::names::RuleName;
use crate::store::StoreError;

/// Everything that is kept, by name.
pub(super) fn list(db: &Connection) -> Result<Vec<(RuleName, String)>, StoreError> {
    let rules = db
        .prepare_cached("SELECT rule, record FROM rules ORDER BY rule")?
        .query_map([], |row| Ok((rows::rule(row, "rule")?, row.get("record")?)))?
        .collect::<Result<_, _>>()?;
    Ok(rules)
}

/// Keeps what is known of some rules, and forgets others.
pub(super) fn keep(
    db: &Connection,
    rules: &[(RuleName, Option<String>)],
) -> Result<(), StoreError> {
    for (rule, record) in rules {
        let rule = rule.to_string();
        match record {
            Some(record) => db
                .prepare_cached(
                    "INSERT INTO rules (rule, record) VALUES (?1, ?2) \
                     ON CONFLICT (rule) DO UPDATE SET record = excluded.record",
                )?
                .execute(params![rule, record])?,
            None => db
                .prepare_cached("DELETE FROM rules WHERE rule = ?1")?
                .execute(params![rule])?,
        };
    }
    Ok(())
}
