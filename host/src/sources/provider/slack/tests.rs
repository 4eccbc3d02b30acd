//! Who is believed, what names a delivery, and what is kept.

mod parsing;

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Rejection, Source, Verdict, Verified};

/// The example of <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const TIME: i64 = 1_531_420_618;
const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
const COMMAND: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
    &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
    &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

type List = Vec<(&'static str, String)>;

fn source() -> Source {
    build(&format!(
        "provider = 'slack'\nsecret = {{ env = '{SECRET}' }}"
    ))
    .expect("a source")
}

fn command() -> List {
    vec![
        (
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        ),
        ("X-Slack-Request-Timestamp", TIME.to_string()),
        ("X-Slack-Signature", SIGNATURE.to_owned()),
    ]
}

/// The verdict on the command of the documentation, some seconds after it was sent.
fn verdict(list: &List, later: i64) -> Result<Verdict<'static>, Rejection> {
    let now = Timestamp((TIME + later) * 1_000);
    source().verify(&headers(list), COMMAND.as_bytes(), now)
}

fn refusal(list: &List, later: i64) -> &'static str {
    let rejection = verdict(list, later).expect_err("refused");
    assert_eq!(rejection.status, 401);
    rejection.code
}

fn with(name: &str, value: &str) -> List {
    let mut list = command();
    for entry in &mut list {
        if entry.0 == name {
            value.clone_into(&mut entry.1);
        }
    }
    list
}

/// What is accepted of a body that Slack sends now.
fn sent(body: &[u8]) -> Verified<'_> {
    let source = source();
    let list = testing::sign(&source, "", body);
    accepted(source.verify(&headers(&list), body, NOW))
}

fn stored(verified: &Verified<'_>) -> Value {
    serde_json::from_slice(&verified.body).expect("what is stored is JSON")
}

#[test]
fn the_command_of_the_documentation_is_accepted_for_five_minutes_on_either_side() {
    for later in [0, 300, -300] {
        let verified = accepted(verdict(&command(), later));
        assert_eq!(verified.secret.as_deref(), Some("secret"));
    }
    for later in [301, -301] {
        assert_eq!(refusal(&command(), later), "hook/stale-timestamp");
    }
}

#[test]
fn another_signature_time_body_or_prefix_is_refused() {
    for (name, value) in [
        ("X-Slack-Signature", &*SIGNATURE.replace("9b503", "9b504")),
        ("X-Slack-Signature", &SIGNATURE.replace("v0=", "")),
        ("X-Slack-Signature", &SIGNATURE.replace("v0=", "v1=")),
        ("X-Slack-Signature", "v0="),
        ("X-Slack-Request-Timestamp", "1531420619"),
        ("X-Slack-Request-Timestamp", "now"),
    ] {
        assert_eq!(
            refusal(&with(name, value), 0),
            "hook/bad-signature",
            "{value}"
        );
    }
    let changed = COMMAND.replace("roadrunner", "coyote");
    let now = Timestamp(TIME * 1_000);
    let rejection = source()
        .verify(&headers(&command()), changed.as_bytes(), now)
        .expect_err("the body was changed");
    assert_eq!(rejection.code, "hook/bad-signature");
}

#[test]
fn the_time_is_looked_at_only_after_the_signature() {
    let old_and_wrong = with("X-Slack-Signature", &SIGNATURE.replace("9b503", "9b504"));
    assert_eq!(refusal(&old_and_wrong, 100_000), "hook/bad-signature");
}

#[test]
fn each_needed_header_is_refused_when_it_is_missing_empty_or_doubled() {
    for name in ["X-Slack-Signature", "X-Slack-Request-Timestamp"] {
        let missing: List = command()
            .into_iter()
            .filter(|(key, _)| *key != name)
            .collect();
        let own: List = command()
            .into_iter()
            .filter(|(key, _)| *key == name)
            .collect();
        for (list, code) in [
            (missing, "hook/missing-signature"),
            (with(name, " "), "hook/empty-signature"),
            ([command(), own].concat(), "hook/repeated-signature"),
        ] {
            let rejection = source()
                .check_headers(&headers(&list))
                .expect_err("refused");
            assert_eq!((rejection.status, rejection.code), (401, code), "{name}");
        }
    }
}

#[test]
fn a_challenge_is_answered_once_it_is_verified() {
    let body = br#"{"token":"t","challenge":"3eZbrw1a","type":"url_verification"}"#;
    let source = source();
    let list = testing::sign(&source, "", body);
    match source.verify(&headers(&list), body, NOW) {
        Ok(Verdict::Answer(answer)) => assert_eq!(answer, "3eZbrw1a"),
        verdict => panic!("{verdict:?}"),
    }
    let rejection = source
        .verify(&headers(&list[..1]), body, NOW)
        .expect_err("nobody signed it");
    assert_eq!(rejection.status, 401);
    let another = br#"{"challenge":"3eZbrw1a","type":"event_callback","event":{"type":"x"}}"#;
    assert_eq!(sent(another).provider, "slack");
}

#[test]
fn an_event_is_known_by_its_id_however_often_it_is_sent() {
    let body =
        json!({"type": "event_callback", "event_id": "Ev1", "trigger_id": "1.2", "event": {}})
            .to_string();
    let keys = sent(body.as_bytes()).keys;
    assert_eq!(keys.len(), 1);
    assert!(keys[0].0 == "id:Ev1" && keys[0].1 >= Duration::from_hours(7 * 24));
    let command = accepted(verdict(&command(), 0)).keys;
    assert_eq!(
        command[0].0,
        "id:398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    );
}

#[test]
fn a_request_without_an_id_cannot_be_sent_again_while_it_is_recent() {
    let body = br#"{"type":"app_rate_limited","minute_rate_limited":1518467820}"#;
    let source = source();
    let at = |moment| {
        let outgoing = crate::sources::Outgoing {
            event: "",
            body,
            id: "",
            now: moment,
        };
        let list = source.signed_headers("slack", &outgoing).expect("signed");
        accepted(source.verify(&headers(&list), body, moment)).keys
    };
    let (first, later) = (at(NOW), at(Timestamp(NOW.0 + 60_000)));
    assert_eq!(first.len(), 2);
    assert_eq!((&first[0], first[0].1.as_secs()), (&later[0], 10));
    assert_ne!(first[1].0, later[1].0, "another time is another request");
    assert!(first[1].0.starts_with("body:") && first[1].1.as_secs() == 600);
}

#[test]
fn neither_the_signature_nor_what_lets_somebody_write_to_a_channel_is_kept() {
    let verified = accepted(verdict(&command(), 0));
    assert!(
        !verified
            .headers
            .iter()
            .any(|(name, _)| name == "x-slack-signature")
    );
    let fields = stored(&verified);
    assert_eq!(fields["token"], "[hidden]");
    assert_eq!(fields["response_url"], "[hidden]");
    assert_eq!(fields["command"], "/webhook-collect");

    let submission = json!({
        "type": "view_submission",
        "response_urls": [{"block_id": "b", "response_url": "https://hooks.slack.com/app/T/1/a"}],
        "interactivity": {"interactor": {"id": "U1", "secret": "AbCd"}},
        "bot_access_token": "xwfb-1",
    });
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &submission.to_string())
        .finish();
    let kept = stored(&sent(form.as_bytes()));
    assert_eq!(kept["response_urls"][0]["response_url"], "[hidden]");
    assert_eq!(kept["interactivity"]["interactor"]["secret"], "[hidden]");
    assert_eq!(kept["interactivity"]["interactor"]["id"], "U1");
    assert_eq!(kept["bot_access_token"], "[hidden]");
}

#[test]
fn a_source_may_expect_events_commands_and_channels() {
    let expecting = |expect: &str| {
        build(&format!(
            "provider = 'slack'\nverify = 'none'\nexpect = {expect}"
        ))
        .expect("a source")
    };
    let message = json!({"type": "event_callback", "team_id": "T1", "event": {"type": "message", "channel": "C1"}});
    let ignored = |expect: &str, body: &Value| {
        let body = body.to_string();
        let verdict = expecting(expect).verify(&headers::<&str, &str>(&[]), body.as_bytes(), NOW);
        match verdict.expect("nothing is verified") {
            Verdict::Ignore { reason, .. } => Some(reason),
            Verdict::Accept(_) | Verdict::Answer(_) => None,
        }
    };
    assert_eq!(ignored("{ events = ['message'] }", &message), None);
    assert_eq!(ignored("{ events = ['event_callback'] }", &message), None);
    assert_eq!(
        ignored("{ events = ['app_mention'] }", &message),
        Some("unexpected-event")
    );
    assert_eq!(ignored("{ projects = ['T1/*'] }", &message), None);
    assert_eq!(
        ignored("{ projects = ['T1/C2'] }", &message),
        Some("unexpected-project")
    );
    let command = json!({"command": "/deploy", "channel_id": "C1", "team_id": "T1"});
    assert_eq!(
        ignored("{ events = ['/deploy'], projects = ['T1/C1'] }", &command),
        None
    );
}

#[test]
fn the_signature_tells_whose_a_request_is() {
    let auto = build(&format!(
        "provider = 'auto'\nsecrets = {{ slack = {{ env = '{SECRET}' }} }}"
    ))
    .expect("a source");
    let now = Timestamp(TIME * 1_000);
    let verified = accepted(auto.verify(&headers(&command()), COMMAND.as_bytes(), now));
    assert_eq!(verified.provider, "slack");
}

#[test]
fn settings_of_other_providers_are_refused() {
    for (setting, key) in [
        ("auth = 'bearer'", "auth"),
        ("event_header = 'X'", "event_header"),
        ("event_pointer = '/type'", "event_pointer"),
        ("id_pointer = '/id'", "id_pointer"),
        ("project_pointer = '/project'", "project_pointer"),
        ("time_pointer = '/time'", "time_pointer"),
    ] {
        let table = format!("provider = 'slack'\nsecret = {{ env = 's' }}\n{setting}");
        let error = build(&table).expect_err(key);
        assert_eq!(error.key(), format!("sources.slack.{key}"));
    }
}
