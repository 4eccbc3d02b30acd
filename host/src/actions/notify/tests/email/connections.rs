//! How a mail server is reached: encryption, certificates, and forbidden addresses.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::super::{Context, KEY, SendError, context, dev, held, open, plain};
use super::smtp::{MailServer, Script, Security, Turn};
use super::{channel, deliver, with_password};

const ENCRYPTED: [Security; 2] = [Security::Starttls, Security::Tls];

async fn untrusted(settings: Value) -> SendError {
    let error = deliver(with_password(settings))
        .await
        .expect_err("no trust");
    assert_eq!(held(&error), Some(None), "{error}");
    assert!(error.to_string().contains("cannot be reached: "), "{error}");
    error
}

/// Whether nothing was said behind the encryption.
async fn assert_nothing_said(server: &mut MailServer) {
    let dialog = server.dialog().await;
    let told = dialog.told();
    assert!(
        told.iter()
            .all(|line| line.starts_with("EHLO") || *line == "STARTTLS"),
        "{told:?}"
    );
    assert_eq!(dialog.letter, None);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_trusted_and_the_error_says_how_it_would_be() {
    for security in ENCRYPTED {
        let mut server = MailServer::start(Script::new(security)).await;
        let mut settings = server.settings();
        settings.as_object_mut().expect("keys").remove("ca");
        let error = untrusted(settings).await;

        assert!(
            error
                .to_string()
                .contains("name a file with that authority's certificate in `ca`"),
            "{error}"
        );
        assert_nothing_said(&mut server).await;
    }
}

#[tokio::test]
async fn a_certificate_is_checked_against_the_name_in_the_settings() {
    for security in ENCRYPTED {
        for (names, host, is_trusted) in [
            (vec!["localhost"], "localhost", true),
            (vec!["127.0.0.1"], "127.0.0.1", true),
            (vec!["localhost"], "127.0.0.1", false),
            (vec!["127.0.0.1"], "localhost", false),
            (vec!["mail.example.org"], "localhost", false),
        ] {
            let script = Script {
                names,
                ..Script::new(security)
            };
            let mut server = MailServer::start(script).await;
            let mut settings = server.settings();
            settings["host"] = host.into();
            if is_trusted {
                deliver(settings).await.expect("a letter taken");
                continue;
            }
            let error = untrusted(settings).await;
            assert!(
                error
                    .to_string()
                    .contains("write the name that its certificate has into `host`"),
                "{error}"
            );
            assert_nothing_said(&mut server).await;
        }
    }
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_not_trusted() {
    for security in ENCRYPTED {
        let script = Script {
            until: 2020,
            ..Script::new(security)
        };
        let mut server = MailServer::start(script).await;
        let error = untrusted(server.settings()).await;
        assert!(error.to_string().contains("renew it"), "{error}");
        assert_nothing_said(&mut server).await;
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_from_the_beginning_is_worth_a_retry_with_a_hint() {
    let mut server = MailServer::start(Script::new(Security::None)).await;
    let mut settings = server.settings();
    settings["security"] = "tls".into();
    let error = untrusted(settings).await;
    assert!(error.to_string().contains("another `security`"), "{error}");
    drop(server.dialog().await);

    let server = MailServer::start(Script::new(Security::None).with("", Turn::Closes)).await;
    let mut settings = server.settings();
    settings["security"] = "tls".into();
    untrusted(settings).await;
}

#[tokio::test]
async fn a_server_without_starttls_is_told_nothing_more() {
    let cases = [
        (
            "250 mail.example.org",
            "offers no STARTTLS: nothing is sent to it unencrypted",
        ),
        (
            "250-STARTTLS\r\n250 8BITMIME",
            "offers no STARTTLS: nothing is sent to it unencrypted",
        ),
        (
            "250-mail.example.org\r\n250 XSTARTTLS",
            "offers no STARTTLS: nothing is sent to it unencrypted",
        ),
    ];
    for (offered, said) in cases {
        let script = Script::new(Security::Starttls).with("EHLO", Turn::Says(offered));
        let mut server = MailServer::start(script).await;
        let error = deliver(with_password(server.settings()))
            .await
            .expect_err("no STARTTLS");

        assert_eq!(held(&error), Some(None), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(server.dialog().await.told(), ["EHLO example.org"]);
    }
}

#[tokio::test]
async fn a_server_that_refuses_starttls_is_told_nothing_more() {
    for (answer, disposition) in [
        ("454 4.7.0 not now", Some(None)),
        ("502 5.5.1 not implemented", None),
        ("354 go on", None),
    ] {
        let script = Script::new(Security::Starttls).with("STARTTLS", Turn::Says(answer));
        let mut server = MailServer::start(script).await;
        let error = deliver(with_password(server.settings()))
            .await
            .expect_err("refused");
        assert_eq!(held(&error), disposition, "{error}");
        assert_nothing_said(&mut server).await;
    }
}

#[tokio::test]
async fn what_is_slipped_in_before_the_encryption_is_no_answer_behind_it() {
    let slipped_in =
        "220 2.0.0 begin\r\n250-evil.example.org\r\n250 AUTH PLAIN\r\n235 2.7.0 welcome";
    let script = Script::new(Security::Starttls).with("STARTTLS", Turn::Says(slipped_in));
    let mut server = MailServer::start(script).await;
    untrusted(server.settings()).await;
    assert_nothing_said(&mut server).await;
}

#[tokio::test]
async fn a_server_that_offers_starttls_in_small_letters_is_understood() {
    let server = MailServer::start(
        Script::new(Security::Starttls)
            .with("EHLO", Turn::Says("250-mail.example.org\r\n250 starttls")),
    )
    .await;
    deliver(server.settings()).await.expect("a letter taken");
}

fn settings(host: &str, port: u16, security: &str) -> Value {
    channel(json!({
        "host": host,
        "port": port,
        "security": security,
        "from": "hookbox@example.org",
        "to": ["dev@example.org"],
    }))
}

fn refused(settings: Value, context: &Context<'_>) -> String {
    let text = open(settings, context)
        .expect_err("a forbidden address")
        .to_string();
    assert!(
        text.starts_with("channel `dev`: `host` leads to "),
        "{text}"
    );
    text
}

#[test]
fn a_metadata_address_is_refused_when_the_channel_is_opened() {
    for host in [
        "169.254.169.254",
        "fe80::1",
        "[fd00:ec2::254]",
        "100.100.100.200",
    ] {
        for security in ["starttls", "tls", "none"] {
            let text = refused(settings(host, 25, security), &context());
            assert!(text.contains("no channel may lead there"), "{text}");
        }
    }
}

#[test]
fn what_is_not_encrypted_leads_to_no_public_address_and_a_password_to_no_other_machine() {
    let text = refused(settings("93.184.216.34", 25, "none"), &context());
    assert!(
        text.contains("set `security` to `starttls` or `tls`"),
        "{text}"
    );
    assert!(open(settings("10.0.0.5", 25, "none"), &context()).is_ok());
    let text = refused(with_password(settings("10.0.0.5", 25, "none")), &context());
    assert!(
        text.contains("no password is sent there unencrypted"),
        "{text}"
    );
    assert!(
        open(
            with_password(settings("10.0.0.5", 587, "starttls")),
            &context()
        )
        .is_ok()
    );
}

fn with_listener(listener: SocketAddr) -> Context<'static> {
    Context {
        forbidden: vec![listener],
        ..context()
    }
}

#[tokio::test]
async fn an_own_listener_is_refused_by_its_address_and_by_a_name() {
    for security in ["starttls", "tls", "none"] {
        let server = MailServer::start(Script::new(Security::None)).await;
        let port = server.address.port();
        for listener in [server.address, SocketAddr::from(([0, 0, 0, 0], port))] {
            let context = with_listener(listener);
            let text = refused(settings("127.0.0.1", port, security), &context);
            assert!(text.contains("own listeners"), "{text}");

            let channels = open(settings("localhost", port, security), &context).expect("a name");
            let error = channels.send(&dev(), &plain("x"), KEY).await;
            let error = error.expect_err("a forbidden address");
            assert!(
                error.to_string().contains("one of Hookbox's own listeners"),
                "{error}"
            );
            assert_eq!(held(&error), None);
        }
        assert!(server.is_untouched());
    }
}

#[tokio::test]
async fn another_port_of_the_same_name_is_allowed() {
    let server = MailServer::start(Script::new(Security::None)).await;
    let context = with_listener(SocketAddr::from(([127, 0, 0, 1], 1)));
    let settings = settings("localhost", server.address.port(), "none");
    let channels = open(settings, &context).expect("a name");
    assert!(channels.send(&dev(), &plain("x"), KEY).await.is_ok());
}
