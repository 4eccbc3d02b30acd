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

/// What belongs to no source, by a part of its name, and why.
const NOT_CHECKED: &[(&str, &str)] = &[
    (
        "dingtalk-docs-login-free",
        "signs a call to DingTalk, not one from it",
    ),
    (
        "computed-dingtalk-robot",
        "signs a message to a robot of DingTalk: the notifier's",
    ),
    (
        "computed-feishu-custom-bot",
        "signs a message to a bot of Feishu: the notifier's",
    ),
    (
        "feishu-docs-decrypt",
        "is an encrypted body, which no source takes",
    ),
];

impl Vector {
    /// The sources that the vector describes: of the provider itself, and of `generic` with a description that says
    /// the same. None for what is in [`NOT_CHECKED`].
    fn tables(&self) -> Vec<String> {
        let secret = format!("secret = {{ env = '''{}''' }}", self.secret);
        let own = |provider: &str| format!("provider = '{provider}'\n{secret}");
        let described = |description: &str| {
            format!("provider = 'generic'\n{secret}\n[signature]\n{description}")
        };
        match self.provider.as_str() {
            "gitlab" if self.scheme.starts_with("plain token") => vec![
                own("gitlab"),
                format!("provider = 'generic'\n{secret}\nauth = {{ header = 'X-Gitlab-Token' }}"),
            ],
            // A key that is Base64 has no description: a secret is taken as it is written.
            "gitlab" | "standard-webhooks" => vec![own(&self.provider)],
            "slack" => vec![
                own("slack"),
                described(
                    "header = 'X-Slack-Signature'\nprefix = 'v0='\nalgorithm = 'sha256'\n\
                     signed = 'v0:{timestamp}:{body}'\ntimestamp_header = 'X-Slack-Request-Timestamp'",
                ),
            ],
            "gitee" => vec![own("gitee")],
            "scalr" => vec![described(
                "header = 'X-Signature'\nalgorithm = 'sha1'\nallow_sha1 = true\nsigned = '{body}{header:Date}'",
            )],
            "github" | "gitea" | "gogs" | "bitbucket" | "bitbucket-server" | "generic" => {
                let algorithm = ["sha1", "sha256", "sha512"]
                    .into_iter()
                    .find(|name| self.scheme.contains(&format!("hmac-{name}")))
                    .expect("the scheme names its algorithm");
                let mut names = self.headers.keys();
                let header = names.find(|name| name.to_lowercase().contains("signature"));
                let generic = described(&format!(
                    "header = '{}'\nprefix = '{algorithm}='\nalgorithm = '{algorithm}'\nallow_sha1 = true\n\
                     separator = ','",
                    header.map_or("X-Signature", String::as_str)
                ));
                // SHA-1 is taken from no provider.
                let provider = match self.provider.as_str() {
                    "bitbucket-server" => "bitbucket-data-center",
                    provider => provider,
                };
                let is_own = algorithm == "sha256" && provider != "generic";
                [generic]
                    .into_iter()
                    .chain(is_own.then(|| own(provider)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// The body: in the vector, or in a file beside it.
    fn body(&self, folder: &std::path::Path) -> Vec<u8> {
        match (&self.body, &self.body_file) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(file)) => std::fs::read(folder.join(file)).expect("the body is there"),
            (None, None) => Vec::new(),
        }
    }

    fn is_accepted(&self, source: &Source, body: &[u8]) -> Result<(), Rejection> {
        let seconds = self.verify_at_unix.map(|seconds| seconds * 1_000);
        let signed_at = self
            .headers
            .get("X-Gitee-Timestamp")
            .and_then(|time| time.parse().ok());
        let now = seconds.or(signed_at).map_or(NOW, Timestamp);
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
    let (mut checked, mut found) = (0, std::collections::BTreeSet::new());
    for vector in &vectors {
        let reason = NOT_CHECKED
            .iter()
            .find(|(part, _)| vector.id.contains(part));
        let tables = vector.tables();
        assert_ne!(tables.is_empty(), reason.is_none(), "{}", vector.id);
        if let Some((part, reason)) = reason {
            found.insert(part);
            println!("not checked: {}: it {reason}", vector.id);
        }
        let body = vector.body(&folder);
        for table in tables {
            let verdict = match testing::build(&table) {
                Ok(source) => vector
                    .is_accepted(&source, &body)
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            assert_eq!(
                verdict.is_ok(),
                vector.expected == "valid",
                "{}: {verdict:?}\n{table}",
                vector.id
            );
            checked += 1;
        }
    }
    println!(
        "{checked} verdicts on {} signature vectors checked",
        vectors.len()
    );
    assert_eq!(found.len(), NOT_CHECKED.len(), "found: {found:?}");
    assert!(checked >= 77, "{checked}");
}
