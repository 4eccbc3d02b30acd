//! Signatures computed apart from the program, so that a mistake of its own shows.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hookbox::domain::clock::{Clock as _, SystemClock};
use sha2::Sha256;

/// A signing key as GitLab shows it.
pub(crate) const KEY: &str = "whsec_YS1zaWduaW5nLWtleS1vZi10aGUtdGVzdHMtMDAwMQ==";

/// The present moment in seconds since 1970, so much later.
pub(crate) fn seconds_from_now(later: i64) -> i64 {
    SystemClock.now().0 / 1_000 + later
}

/// The value of `webhook-signature`, as Standard Webhooks say.
pub(crate) fn standard(key: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = key.strip_prefix("whsec_").expect("it is a signing key");
    let key = BASE64_STANDARD.decode(key).expect("it is Base64");
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    format!("v1,{}", BASE64_STANDARD.encode(mac(&key, &signed)))
}

/// An HMAC-SHA256 in hexadecimal.
pub(crate) fn hexadecimal(secret: &str, signed: &[u8]) -> String {
    hex::encode(mac(secret.as_bytes(), signed))
}

fn mac(key: &[u8], signed: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(signed);
    mac.finalize().into_bytes().to_vec()
}
