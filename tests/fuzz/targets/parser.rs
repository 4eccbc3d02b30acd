//! The parser of a provider: of the one whose name the folder of inputs has, as in `corpus/github`.
//!
//! An input is a line with the event header's value, and the body. The provider's samples are put into the
//! folder, to begin with.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use fuzz::sources::samples::samples;
use fuzz::sources::{Outgoing, Source, VerifyMode};
use fuzz::{NOW, source, take};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// The folder of inputs: the first argument that is no option of the fuzzer.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    folder.expect("name a folder of inputs, such as `corpus/github`").into()
});

static PROVIDER: LazyLock<String> = LazyLock::new(|| {
    let name = FOLDER.file_name().expect("the folder has a name");
    name.to_string_lossy().into_owned()
});

static SOURCE: LazyLock<Source> = LazyLock::new(|| source(&PROVIDER, Some(VerifyMode::None)));

/// Puts the samples where libFuzzer looks for its first inputs.
fn plant() {
    std::fs::create_dir_all(&*FOLDER).expect("a folder can be made");
    for sample in samples().filter(|sample| sample.provider == *PROVIDER) {
        let input = format!("{}\n{}", sample.event_header, sample.body);
        std::fs::write(FOLDER.join(sample.name), input).expect("a file can be written");
    }
}

fuzz_target!(init: plant(), |input: &[u8]| {
    let split = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (event, body) = input.split_at(split);
    let event = std::str::from_utf8(event).unwrap_or_default();
    let outgoing = Outgoing {
        event,
        body,
        id: "id-1",
        now: NOW,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in SOURCE.signed_headers(&PROVIDER, &outgoing).unwrap_or_default() {
        let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        if let Some((name, value)) = header {
            headers.insert(name, value);
        }
    }
    take(&SOURCE, &headers, body);
});
