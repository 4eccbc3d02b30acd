//! Bodies as they lie in the file: LZ4 blocks, each after its length.
//!
//! A webhook's JSON shrinks to a third or less, and what is written and synced before a sender is
//! answered shrinks with it.

use rusqlite::Row;
use rusqlite::types::Type;

/// A body as it is kept.
pub(super) fn pack(body: &[u8]) -> Vec<u8> {
    lz4_flex::compress_prepend_size(body)
}

/// Reads a body back from a column.
pub(super) fn read(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<u8>> {
    let index = row.as_ref().column_index(column)?;
    let packed = row.get_ref(index)?.as_blob().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(error))
    })?;
    lz4_flex::decompress_size_prepended(packed).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn read_back(packed: &[u8]) -> rusqlite::Result<Vec<u8>> {
        let db = Connection::open_in_memory()?;
        db.query_row("SELECT ?1 AS body", [packed], |row| read(row, "body"))
    }

    #[test]
    fn a_body_is_read_back_as_it_was() {
        let repetitive = br#"{"commits":[]}"#.repeat(1_000);
        let irregular: Vec<u8> = (0..4_096_u32)
            .map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3])
            .collect();
        for body in [b"".as_slice(), b"{}", &repetitive, &irregular] {
            assert_eq!(read_back(&pack(body)).expect("it can be read"), body);
        }
        assert!(pack(&repetitive).len() < repetitive.len() / 10);
    }

    #[test]
    fn a_damaged_body_is_an_error() {
        let mut packed = pack(&b"some text ".repeat(100));
        packed.truncate(packed.len() / 2);
        assert!(read_back(&packed).is_err());
        assert!(read_back(b"").is_err());
    }
}
