//! How well-known senders are described, with signatures that another program computed.

use crate::domain::clock::Timestamp;
use crate::sources::testing::{self, NOW, accepted, build, headers};
use crate::sources::{Rejection, Source, Verified};

/// <https://docs.stripe.com/webhooks#verify-manually>: the time stands beside the signatures, of which there are
/// several while a secret is replaced; `v0` is for tests.
const STRIPE: &str = r#"
    provider = "generic"
    secret = { env = "whsec_test" }
    event_pointer = "/type"
    id_pointer = "/id"
    time_pointer = "/created"
    [signature]
    header = "Stripe-Signature"
    timestamp_prefix = "t="
    prefix = "v1="
    separator = ","
    algorithm = "sha256"
    signed = "{timestamp}.{body}"
"#;
const STRIPE_BODY: &[u8] = br#"{"id":"evt_1","type":"invoice.paid","created":1767225600}"#;
const STRIPE_SIGNATURE: &str = "23228616d2034af0a1c95d660cc5553e74fdf279b195d9f996e1c8478aab9960";
const OTHER_SIGNATURE: &str = "738c894107ceb710a6f201729f754499b1f5617b92e5fe7988206efd3c84d988";

/// <https://developer.paddle.com/webhooks/signature-verification>.
const PADDLE: &str = r#"
    provider = "generic"
    secret = { env = "pdl_ntfset_test" }
    event_pointer = "/event_type"
    id_pointer = "/event_id"
    time_pointer = "/occurred_at"
    [signature]
    header = "Paddle-Signature"
    timestamp_prefix = "ts="
    prefix = "h1="
    separator = ";"
    algorithm = "sha256"
    signed = "{timestamp}:{body}"
"#;
const PADDLE_BODY: &[u8] =
    br#"{"event_id":"ntf_1","event_type":"transaction.paid","occurred_at":"2026-01-01T00:00:00.5Z"}"#;

/// <https://shopify.dev/docs/apps/build/webhooks/verify-deliveries>.
const SHOPIFY: &str = r#"
    provider = "generic"
    secret = { env = "hush" }
    event_header = "X-Shopify-Topic"
    [signature]
    header = "X-Shopify-Hmac-SHA256"
    algorithm = "sha256"
    encoding = "base64"
    id_header = "X-Shopify-Webhook-Id"
"#;
const SHOPIFY_BODY: &[u8] = br##"{"id":820982911946154508,"name":"#9999"}"##;

/// <https://github.com/PagerDuty/developer-docs/blob/main/docs/webhooks/04-Signatures.md>.
const PAGERDUTY: &str = r#"
    provider = "generic"
    secret = { env = "pd secret" }
    event_pointer = "/event/event_type"
    id_pointer = "/event/id"
    time_pointer = "/event/occurred_at"
    [signature]
    header = "X-PagerDuty-Signature"
    prefix = "v1="
    separator = ","
    algorithm = "sha256"
"#;
const PAGERDUTY_BODY: &[u8] =
    br#"{"event":{"id":"01CDXV9U1","event_type":"incident.triggered","occurred_at":"2026-01-01T00:00:00Z"}}"#;

/// <https://linear.app/developers/webhooks>.
const LINEAR: &str = r#"
    provider = "generic"
    secret = { env = "lin_wh_test" }
    event_header = "Linear-Event"
    project_pointer = "/organizationId"
    time_pointer = "/webhookTimestamp"
    [signature]
    header = "Linear-Signature"
    algorithm = "sha256"
    id_header = "Linear-Delivery"
"#;
const LINEAR_BODY: &[u8] =
    br#"{"action":"create","type":"Issue","organizationId":"acme","webhookTimestamp":1767225599500}"#;

fn source(table: &str) -> Source {
    build(table).expect("a source")
}

fn verify<'a>(
    source: &Source,
    list: &[(&str, &str)],
    body: &'a [u8],
) -> Result<Verified<'a>, Rejection> {
    let verdict = source.verify(&headers(list), body, NOW);
    verdict.map(|verdict| accepted(Ok(verdict)))
}

fn stripe(header: &str) -> Result<Verified<'static>, Rejection> {
    verify(
        &source(STRIPE),
        &[("Stripe-Signature", header)],
        STRIPE_BODY,
    )
}

#[test]
fn stripe_s_time_stands_beside_its_signatures() {
    let wrong = OTHER_SIGNATURE;
    for header in [
        format!("t=1767225600,v1={STRIPE_SIGNATURE}"),
        format!("t=1767225600,v1={wrong},v1={STRIPE_SIGNATURE},v0={wrong}"),
        format!("v1={STRIPE_SIGNATURE}, t=1767225600"),
    ] {
        let verified = stripe(&header).expect("accepted");
        assert_eq!(verified.keys.len(), 1);
        assert_eq!(verified.keys[0].0, "id:evt_1");
        assert!(
            !verified
                .headers
                .iter()
                .any(|(name, _)| name == "stripe-signature")
        );
    }
    for (header, code) in [
        (format!("t=1767225600,v1={wrong}"), "hook/bad-signature"),
        (
            format!("t=1767225600,v0={STRIPE_SIGNATURE}"),
            "hook/bad-signature",
        ),
        (
            format!("t=1767225601,v1={STRIPE_SIGNATURE}"),
            "hook/bad-signature",
        ),
        (format!("v1={STRIPE_SIGNATURE}"), "hook/bad-signature"),
        (
            format!("t=1767225600,t=1767225600,v1={STRIPE_SIGNATURE}"),
            "hook/bad-signature",
        ),
        (" ".to_owned(), "hook/empty-signature"),
    ] {
        let rejection = stripe(&header).expect_err(&header);
        assert_eq!((rejection.status, rejection.code), (401, code), "{header}");
    }
    let header = format!("t=1767225600,v1={STRIPE_SIGNATURE}");
    let list = headers(&[("Stripe-Signature", header)]);
    for offset in [300_001, -300_001] {
        let now = Timestamp(NOW.0 + offset);
        let rejection = source(STRIPE)
            .verify(&list, STRIPE_BODY, now)
            .expect_err("too far");
        assert_eq!(rejection.code, "hook/stale-timestamp");
    }
}

#[test]
fn what_senders_sign_is_accepted_and_what_they_say_is_read() {
    let paddle =
        "ts=1767225600;h1=f58d54ceba6a7ffa17ef650827e3b2331574d079ba454ea000d1ded96ae03dab";
    let pagerduty = "v1=abb65fae607b9cfc763fb42545ab77281a190e365ce91947ef318b54c63681b1,\
                     v1=5eb8aef1cf2f4e9ccf4c653c2711cd22830e2f27450f5ec91eb4cd116695c562";
    let linear = "8ce49708aa1d5afd6c10f4cef499e702fe6758f124eed1015043247bc5a72521";
    let shopify = "YBwnJ9vsibq7srObgXybmGHWuwos+jDEL//7749XS78=";
    let stripe = format!("t=1767225600,v1={STRIPE_SIGNATURE}");
    for (table, body, list, event, key, time) in [
        (
            STRIPE,
            STRIPE_BODY,
            vec![("Stripe-Signature", &*stripe)],
            "invoice.paid",
            "id:evt_1",
            Some(NOW.0),
        ),
        (
            PADDLE,
            PADDLE_BODY,
            vec![("Paddle-Signature", paddle)],
            "transaction.paid",
            "id:ntf_1",
            Some(NOW.0 + 500),
        ),
        (
            SHOPIFY,
            SHOPIFY_BODY,
            vec![
                ("X-Shopify-Hmac-SHA256", shopify),
                ("X-Shopify-Topic", "orders/create"),
                ("X-Shopify-Webhook-Id", "b54557e4"),
            ],
            "orders/create",
            "id:b54557e4",
            None,
        ),
        (
            PAGERDUTY,
            PAGERDUTY_BODY,
            vec![("X-PagerDuty-Signature", pagerduty)],
            "incident.triggered",
            "id:01CDXV9U1",
            Some(NOW.0),
        ),
        (
            LINEAR,
            LINEAR_BODY,
            vec![
                ("Linear-Signature", linear),
                ("Linear-Event", "Issue"),
                ("Linear-Delivery", "234d1a4e"),
            ],
            "Issue",
            "id:234d1a4e",
            Some(NOW.0 - 500),
        ),
    ] {
        let source = source(table);
        let verified = verify(&source, &list, body).expect(event);
        assert_eq!(verified.keys[0].0, key);
        let parsed = testing::parse(&source, &verified.headers, &verified.body);
        let found = &parsed.events[0];
        assert_eq!(found.provider_event, event);
        assert_eq!(found.happened_at, time.map(Timestamp), "{event}");
        assert!(verify(&source, &list, b"{}").is_err(), "another body");
        let glance = source.glance(&headers(&list), Some(body));
        assert_eq!(glance.event.as_deref(), Some(event));
        assert_eq!(glance.delivery.as_deref(), key.strip_prefix("id:"));
    }
}

#[test]
fn what_a_source_signs_as_these_senders_it_accepts() {
    for (table, body) in [
        (STRIPE, STRIPE_BODY),
        (PADDLE, PADDLE_BODY),
        (SHOPIFY, SHOPIFY_BODY),
        (PAGERDUTY, PAGERDUTY_BODY),
        (LINEAR, LINEAR_BODY),
    ] {
        let source = source(table);
        let list = testing::sign(&source, "anything", body);
        let verified = accepted(source.verify(&headers(&list), body, NOW));
        assert_eq!(verified.secret.as_deref(), Some("secret"));
    }
}
