//! What lies in the corpus: a payload, and beside it the headers that came with it.

use std::collections::BTreeMap;
use std::path::Path;

/// Whether a file is a payload, and not what lies beside one.
pub(crate) fn is_payload(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let beside = [".headers.json", ".expected.json"];
    name.ends_with(".json") && !beside.iter().any(|end| name.ends_with(end))
}

/// The headers beside a payload, by name; none where there is no such file.
pub(crate) fn headers_beside(payload: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(payload.with_extension("headers.json"));
    text.map_or_else(
        |_| BTreeMap::new(),
        |text| serde_json::from_str(&text).expect("headers are texts by name"),
    )
}
