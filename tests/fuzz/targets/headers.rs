//! The headers of a request: their verification by every provider, and `auto`.
//!
//! The input is lines of a name, a colon, and a value; what follows an empty line is the body.

#![no_main]

use std::sync::LazyLock;

use fuzz::sources::{Source, VerifyMode, providers};
use fuzz::{source, take};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let checked = providers().filter(|name| *name != "generic").map(|name| source(name, None));
    checked.chain([source("auto", Some(VerifyMode::None))]).collect()
});

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let mut headers = HeaderMap::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            break;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    for source in SOURCES.iter() {
        take(source, &headers, rest);
    }
});
