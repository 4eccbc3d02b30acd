//! Vectors that others published, and the window of time.

use serde::Deserialize;

use super::*;
use crate::sources::testing::{self, NOW};
use crate::sources::{Rejection, Source};

#[test]
fn an_hmac_is_what_the_published_vectors_say() {
    let secret = b"It's a Secret to Everybody";
    let found = mac(Algorithm::Sha256, secret, &[b"Hello, ", b"World!"]);
    let expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(Encoding::Hex.encode(&found), expected);
    assert!(same(
        &found,
        &Encoding::Hex
            .decode(expected.to_uppercase().as_bytes())
            .expect("digits")
    ));
    assert!(!same(&found, &found[..31]));
}

#[test]
fn tokens_are_the_same_only_as_a_whole() {
    assert!(same_token(b"token", b"token"));
    for other in [&b"tokem"[..], b"token ", b"toke", b"", b"Token"] {
        assert!(!same_token(b"token", other));
    }
}

#[test]
fn a_moment_is_recent_on_both_sides_of_the_present() {
    let tolerance = Span::seconds(300);
    for (offset, expected) in [
        (0, true),
        (300_000, true),
        (-300_000, true),
        (300_001, false),
        (-300_001, false),
    ] {
        assert_eq!(
            is_recent(Timestamp(NOW.0 + offset), NOW, tolerance),
            expected,
            "{offset}"
        );
    }
    assert!(!is_recent(
        Timestamp(i64::MAX),
        Timestamp(i64::MIN),
        tolerance
    ));
}

#[test]
fn a_time_is_digits_and_nothing_else() {
    assert_eq!(whole_number(b"1767225600"), Some(1_767_225_600));
    for text in [
        &b""[..],
        b"+5",
        b"-5",
        b"5.0",
        b" 5",
        b"hello",
        b"99999999999999999999",
    ] {
        assert_eq!(whole_number(text), None);
    }
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    provider: String,
    scheme: String,
    secret: String,
    body: Option<String>,
    body_file: Option<String>,
    headers: std::collections::BTreeMap<String, String>,
    expected: String,
    verify_at_unix: Option<i64>,
}

impl Vector {
    /// The source that the vector describes; none for schemes of other services' own.
    fn table(&self) -> Option<String> {
        let secret = format!("secret = {{ env = '''{}''' }}", self.secret);
        let algorithm = ["sha1", "sha256", "sha512"]
            .into_iter()
            .find(|name| self.scheme.contains(&format!("hmac-{name}")));
        let header = || {
            let mut names = self.headers.keys();
            let found = names.find(|name| name.to_lowercase().contains("signature"));
            found.map_or_else(|| "X-Signature".to_owned(), Clone::clone)
        };
        let table = match self.provider.as_str() {
            "gitlab" | "standard-webhooks" => format!("provider = '{}'\n{secret}", self.provider),
            "slack" => format!(
                "provider = 'generic'\n{secret}\n[signature]\nheader = 'X-Slack-Signature'\nprefix = 'v0='\n\
                 algorithm = 'sha256'\nsigned = 'v0:{{timestamp}}:{{body}}'\n\
                 timestamp_header = 'X-Slack-Request-Timestamp'"
            ),
            "github" | "gitea" | "gogs" | "bitbucket" | "bitbucket-server" | "generic"
            | "scalr" => {
                let algorithm = algorithm?;
                let signed = if self.provider == "scalr" {
                    "{body}{header:Date}"
                } else {
                    "{body}"
                };
                format!(
                    "provider = 'generic'\n{secret}\n[signature]\nheader = '{}'\nprefix = '{algorithm}='\n\
                     algorithm = '{algorithm}'\nallow_sha1 = true\nsigned = '{signed}'\nseparator = ','",
                    header()
                )
            }
            _ => return None,
        };
        Some(table)
    }

    fn is_accepted(&self, source: &Source, body: &[u8]) -> Result<(), Rejection> {
        let now = self
            .verify_at_unix
            .map_or(NOW, |seconds| Timestamp(seconds * 1_000));
        let headers: Vec<_> = self.headers.iter().collect();
        match source.verify(&testing::headers(&headers), body, now) {
            // The signature was right; what it signs is no JSON.
            Err(rejection) if rejection.status == 400 => Ok(()),
            verdict => verdict.map(|_| ()),
        }
    }
}

#[test]
fn every_published_vector_gets_the_verdict_that_it_expects() {
    let Some(folder) = testing::corpus("published signature vectors") else {
        return;
    };
    let text = std::fs::read(folder.join("signatures.json")).expect("the vectors are there");
    let vectors: Vec<Vector> = serde_json::from_slice(&text).expect("the vectors have one form");
    let (mut checked, mut others) = (0, Vec::new());
    for vector in &vectors {
        let Some(table) = vector.table() else {
            others.push(vector.id.as_str());
            continue;
        };
        let body = match (&vector.body, &vector.body_file) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(file)) => std::fs::read(folder.join(file)).expect("the body is there"),
            (None, None) => Vec::new(),
        };
        let verdict = match testing::build(&table) {
            Ok(source) => vector
                .is_accepted(&source, &body)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(
            verdict.is_ok(),
            vector.expected == "valid",
            "{}: {verdict:?}",
            vector.id
        );
        checked += 1;
    }
    println!(
        "{checked} signature vectors checked; of other schemes: {}",
        others.join(", ")
    );
    assert!(checked >= 60, "{checked}");
}
