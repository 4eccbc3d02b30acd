//! The signature of Standard Webhooks.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
//!
//! Invariants:
//! - A signature covers the id, the time, and every byte of the body.
//! - No error shows a key.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::SettingError;
use crate::domain::secret::Secret;

/// Base64 with or without `=` at its end: keys are copied by people.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key that signs.
pub(super) struct SignKey(Hmac<Sha256>);

impl SignKey {
    /// Reads a key: `whsec_` and the base64 of 24 to 64 bytes.
    pub(super) fn parse(text: &Secret) -> Result<Self, SettingError> {
        let invalid = |expected| SettingError::Invalid {
            key: "sign_key".to_owned(),
            expected,
        };
        let encoded = text.expose().trim().strip_prefix("whsec_");
        let encoded = encoded.ok_or_else(|| invalid("it does not begin with `whsec_`"))?;
        let key = BASE64
            .decode(encoded)
            .map_err(|_| invalid("what follows `whsec_` is not base64"))?;
        if !(24..=64).contains(&key.len()) {
            return Err(invalid(
                "what follows `whsec_` is not the base64 of 24 to 64 bytes",
            ));
        }
        let hmac = Hmac::new_from_slice(&key).map_err(|_| invalid("its length is wrong"))?;
        Ok(Self(hmac))
    }

    /// The value of the header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, seconds: &str, body: &[u8]) -> String {
        let mut hmac = self.0.clone();
        for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
            hmac.update(part);
        }
        format!("v1,{}", BASE64.encode(hmac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(key: &str, id: &str, seconds: &str, body: &str) -> String {
        let key = SignKey::parse(&Secret::new(key)).expect("a key");
        key.sign(id, seconds, body.as_bytes())
    }

    #[test]
    fn the_vectors_of_standard_webhooks_hold() {
        let own = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        let library = sign(
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            "1649367553",
            r#"{"email":"test@example.com","username":"test_user"}"#,
        );
        assert_eq!(own, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(library, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn a_key_without_its_form_is_refused_and_not_shown() {
        for text in [
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_%%%%",
            "whsec_c2hvcnQ=",
        ] {
            let error = SignKey::parse(&Secret::new(text))
                .map(|_| ())
                .expect_err("no key");
            assert!(error.to_string().contains("`sign_key`"), "{error}");
            assert!(!error.to_string().contains(text), "{error}");
        }
    }
}
