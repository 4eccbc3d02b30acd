//! What the payloads of code hosts have in common: refs, commits, times.

use crate::domain::clock::Timestamp;
use crate::domain::event::Repository;

/// A branch or tag without `refs/heads/` or `refs/tags/`.
pub(super) fn short_ref(name: &str) -> &str {
    name.strip_prefix("refs/heads/")
        .or_else(|| name.strip_prefix("refs/tags/"))
        .unwrap_or(name)
}

/// Whether a commit is none: all zeros, in either length of hash.
pub(super) fn is_zero(commit: &str) -> bool {
    commit.len() >= 40 && commit.bytes().all(|byte| byte == b'0')
}

/// The first line of a message.
pub(super) fn first_line(message: &str) -> String {
    message
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

/// A time in RFC 3339, or as GitLab writes it: `2013-12-03 17:23:34 UTC`, `2013-12-03 17:23:34 +0200`. None
/// for the year 1, which programs in Go write for no time at all.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let compact = match text.strip_suffix(" UTC") {
        Some(rest) => format!("{rest}Z"),
        None => text.replacen(" +", "+", 1).replacen(" -", "-", 1),
    };
    let instant: jiff::Timestamp = compact.parse().ok()?;
    let is_none = text.starts_with("0001-01-01");
    (!is_none).then(|| Timestamp(instant.as_millisecond()))
}

/// A page below a repository's, whose path is encoded.
pub(super) fn page(repository: Option<&Repository>, path: &str) -> Option<String> {
    let mut url = format!("{}/", repository?.url.as_deref()?);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push_str(&hex::encode_upper([byte]));
        }
    }
    Some(url)
}

/// What a payload of some kind always has, and this one has not.
pub(super) fn missing(kind: &str, key: &str) -> String {
    format!("the body is of the kind `{kind}` and has no `{key}`")
}
