//! What waits, by source, channel or command: the names in use are read by skipping through an index from
//! one to the next.
//!
//! Invariant: of what is paused one row is read, however many wait.

use rusqlite::{CachedStatement, Connection, Params, params};

use super::rows;
use crate::store::{Pausable, StoreError};

/// The different values of a column in some rows, but for those whose name is paused. The rows are what
/// stands after `FROM`, with a condition; an index begins with what that compares, and with the column.
pub(super) fn unpaused(column: &str, rows: &str, what: Pausable) -> String {
    format!(
        "WITH RECURSIVE found (name) AS ( \
         SELECT (SELECT {column} FROM {rows} ORDER BY {column} LIMIT 1) \
         UNION ALL \
         SELECT (SELECT {column} FROM {rows} AND {column} > found.name ORDER BY {column} LIMIT 1) \
         FROM found WHERE found.name IS NOT NULL) \
         SELECT found.name FROM found WHERE found.name IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM pauses WHERE pauses.what = '{}' AND pauses.name = found.name)",
        what.as_str()
    )
}

/// The names that such a statement finds.
pub(super) fn names<P: Params>(
    db: &Connection,
    statement: &str,
    values: P,
) -> Result<Vec<String>, StoreError> {
    let names = db
        .prepare_cached(statement)?
        .query_map(values, |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(names)
}

/// The lowest numbers of all groups together. `of_group` reads those of one, which is named first, that are
/// below a number, up to a limit, in their order.
pub(super) fn lowest(
    db: &Connection,
    groups: &str,
    of_group: &str,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    let mut lowest: Vec<i64> = Vec::new();
    if limit == 0 {
        return Ok(lowest);
    }
    let mut of_group: CachedStatement<'_> = db.prepare_cached(of_group)?;
    for name in names(db, groups, [])? {
        // The last one is the bound once there are enough: above it nothing is of interest.
        let below = match lowest.get(limit - 1) {
            Some(last) => *last,
            None => i64::MAX,
        };
        let found = of_group.query_map(params![name, below, rows::sql_limit(limit)], |row| {
            row.get::<_, i64>(0)
        })?;
        for number in found {
            lowest.push(number?);
        }
        lowest.sort_unstable();
        lowest.truncate(limit);
    }
    Ok(lowest)
}
