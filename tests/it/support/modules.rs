//! Modules that do the same and are not the same: for swaps, and for many rules at once.

use hookbox::domain::names::Digest;

/// The module with a custom section at its end, so that its digest is another.
pub(crate) fn marked(module: &[u8], mark: &str) -> Vec<u8> {
    const NAME: &[u8] = b"mark";
    let size = u8::try_from(1 + NAME.len() + mark.len()).expect("the mark is short");
    assert!(size < 0x80, "the mark is short");
    let mut marked = module.to_vec();
    // The section's kind and size, the length of its name, its name, and what it holds.
    marked.extend([0, size, 4]);
    marked.extend(NAME);
    marked.extend(mark.as_bytes());
    marked
}

/// The digest of some bytes, as the server shows it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).as_str().to_owned()
}

/// A settings file for the guest `echo`.
pub(crate) fn echo_settings(tag: &str) -> String {
    format!("[settings]\nchannel = 'console'\ntag = '{tag}'\n")
}
