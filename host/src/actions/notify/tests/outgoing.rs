//! How servers outside are reached: authorities, proxies, and what holds for all channels.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::certificates::certified;
use super::receiver::Receiver;
use super::{Context, context, dev, held, send_to};
use crate::actions::notify::contract::plain;
use crate::actions::notify::{ChannelConfig, Channels, OutgoingConfig, People};

fn channels(settings: Value, outgoing: &Value, folder: &Path) -> Channels {
    let config: ChannelConfig = serde_json::from_value(settings).expect("settings of a channel");
    let outgoing: OutgoingConfig = serde_json::from_value(outgoing.clone()).expect("settings");
    let context = Context {
        outgoing,
        folder: folder.to_owned(),
        ..context()
    };
    let configs = BTreeMap::from([(dev(), config)]);
    Channels::build(&configs, People::default(), &context).expect("settings that can be used")
}

/// A server that answers one request over TLS, with the certificate of its authority in a file `ca.pem`.
async fn over_tls(folder: &Path) -> String {
    let (authority, acceptor) = certified(&["localhost"], 2_099);
    std::fs::write(folder.join("ca.pem"), authority).expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust the certificate hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut bytes = [0; 4_096];
            let read = stream.read(&mut bytes).await;
            assert!(read.is_ok_and(|count| count > 0));
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            stream.write_all(answer).await.expect("the client is there");
            // The client may have hung up before.
            drop(stream.shutdown().await);
        }
    });
    format!("https://localhost:{port}/hooks/x")
}

#[tokio::test]
async fn an_authority_of_the_operators_own_is_trusted_where_the_settings_name_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = over_tls(folder.path()).await;
    let settings = |more: Value| {
        let mut settings = json!({ "kind": "mattermost", "url": url });
        settings
            .as_object_mut()
            .expect("keys")
            .extend(more.as_object().expect("keys").clone());
        settings
    };
    let nothing = json!({});

    let stranger = channels(settings(nothing.clone()), &nothing, folder.path());
    let error = send_to(&stranger, &plain("x"))
        .await
        .expect_err("an unknown authority");
    assert_eq!(held(&error), Some(None), "{error}");
    assert!(error.to_string().contains("cannot be reached"), "{error}");

    let own = channels(settings(json!({ "ca": "ca.pem" })), &nothing, folder.path());
    send_to(&own, &plain("x")).await.expect("a trusted server");
    let of_all = channels(settings(nothing), &json!({ "ca": "ca.pem" }), folder.path());
    send_to(&of_all, &plain("x"))
        .await
        .expect("a trusted server");
}

#[tokio::test]
async fn a_proxy_for_all_channels_is_used_by_all_but_those_that_say_none() {
    let mut proxy = Receiver::with("200 OK", "", "ok").await;
    let mut server = Receiver::with("200 OK", "", "ok").await;
    let folder = tempfile::tempdir().expect("a folder");
    let outgoing = json!({ "proxy": proxy.url("") });

    let far = json!({ "kind": "mattermost", "url": "http://chat.invalid/hooks/x" });
    send_to(&channels(far, &outgoing, folder.path()), &plain("x"))
        .await
        .expect("by the proxy");
    let near = json!({ "kind": "mattermost", "url": server.url("/hooks/x"), "proxy": "none" });
    send_to(&channels(near, &outgoing, folder.path()), &plain("x"))
        .await
        .expect("without it");

    assert_eq!(
        proxy.request().line,
        "POST http://chat.invalid/hooks/x HTTP/1.1"
    );
    assert_eq!(server.request().line, "POST /hooks/x HTTP/1.1");
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_named_with_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("empty.pem"), "").expect("a file");
    for (file, reason) in [
        ("empty.pem", "it holds no certificate"),
        ("none.pem", "none.pem"),
    ] {
        let settings = json!({ "kind": "mattermost", "url": "https://x.org/a", "ca": file });
        let config: ChannelConfig = serde_json::from_value(settings).expect("settings");
        let context = Context {
            folder: folder.path().to_owned(),
            ..context()
        };
        let configs = BTreeMap::from([(dev(), config)]);
        let error = Channels::build(&configs, People::default(), &context);
        let error = error.expect_err("no certificates").to_string();
        assert!(error.contains("`ca`") && error.contains(reason), "{error}");
    }
}
