//! What every kind makes of what its service answers, or does not.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::super::kinds::CONTRACTS;
use super::super::tests::receiver::Receiver;
use super::super::tests::{open_kind, send_to};
use super::super::{Blame, Disposition, SendError};
use super::{Answered, Contract, HttpContract, Meaning, Reply, plain};

/// Every kind that speaks HTTP.
fn kinds() -> impl Iterator<Item = (&'static str, &'static HttpContract)> {
    CONTRACTS
        .iter()
        .filter_map(|(kind, contract)| match contract {
            Contract::Http(contract) => Some((*kind, contract)),
            Contract::Own { .. } => None,
        })
}

async fn answer(kind: &str, contract: &HttpContract, reply: Reply) -> Result<(), SendError> {
    let receiver = Receiver::with(reply.status, reply.headers, reply.body).await;
    let channels = open_kind(
        kind,
        (contract.settings)(&receiver.url("")),
        contract.person,
    );
    send_to(&channels, &plain("x")).await.map(drop)
}

fn held(error: &SendError) -> Option<(Option<Duration>, Blame)> {
    match error.disposition() {
        Disposition::Hold { after, blame } => Some((after, blame)),
        Disposition::GiveUp => None,
    }
}

fn check(kind: &str, answered: &Answered, result: Result<(), SendError>) {
    let Answered {
        reply,
        meaning,
        text,
    } = answered;
    let found = match &result {
        Ok(()) => Meaning::Taken,
        Err(error) => match held(error) {
            Some((after, _)) => Meaning::Passing(after.map(|after| after.as_secs())),
            None => Meaning::Permanent,
        },
    };
    assert_eq!(
        found, *meaning,
        "{kind}: {} {}: {result:?}",
        reply.status, reply.body
    );
    if let Err(error) = result {
        assert!(error.to_string().contains(text), "{kind}: {error}");
        assert!(
            !error.to_string().contains("s3cr3t"),
            "{kind} shows a key: {error}"
        );
    }
}

#[tokio::test]
async fn every_answer_of_a_service_is_read_as_the_service_means_it() {
    for (kind, contract) in kinds() {
        for answered in contract.answers {
            check(kind, answered, answer(kind, contract, answered.reply).await);
        }
    }
}

#[tokio::test]
async fn too_many_requests_hold_every_kind_for_as_long_as_the_service_says() {
    let asked = Reply {
        headers: "Retry-After: 7\r\n",
        ..Reply::new("429 Too Many Requests", "")
    };
    for (kind, contract) in kinds() {
        for (reply, after) in [(asked, Some(7)), (Reply::new(asked.status, ""), None)] {
            let error = answer(kind, contract, reply).await.expect_err("not taken");
            let after = after.map(Duration::from_secs);
            assert_eq!(
                held(&error),
                Some((after, Blame::Channel)),
                "{kind}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn an_error_of_the_server_holds_every_kind_and_may_be_the_messages_own() {
    for (kind, contract) in kinds() {
        let reply = Reply::new("500 Internal Server Error", "s3cr3tk3y broke");
        let error = answer(kind, contract, reply).await.expect_err("not taken");
        assert_eq!(held(&error), Some((None, Blame::Either)), "{kind}: {error}");
        let reply = Reply::new("503 Service Unavailable", "");
        let error = answer(kind, contract, reply).await.expect_err("not taken");
        assert_eq!(
            held(&error),
            Some((None, Blame::Channel)),
            "{kind}: {error}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_an_error_of_every_kind_that_says_what_to_write() {
    for (kind, contract) in kinds() {
        let reply = Reply {
            headers: "Location: https://elsewhere.example.org/s3cr3t\r\n",
            ..Reply::new("302 Found", "")
        };
        let error = answer(kind, contract, reply).await.expect_err("not taken");
        assert_eq!(held(&error), Some((None, Blame::Either)), "{kind}: {error}");
        assert!(
            error.to_string().contains("https://elsewhere.example.org"),
            "{kind}: {error}"
        );
        assert!(!error.to_string().contains("s3cr3t"), "{kind}: {error}");
    }
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_holds_every_kind_that_knows_its_service() {
    for (kind, contract) in kinds() {
        let page = Reply::new("200 OK", "<html>Log in to the guest network</html>");
        match answer(kind, contract, page).await {
            Err(error) => assert_eq!(held(&error), Some((None, Blame::Either)), "{kind}: {error}"),
            // Any answer of 2xx is a success of a server that Hookbox knows nothing about.
            Ok(()) => assert_eq!(kind, "http"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_http_holds_every_kind() {
    let broken: [&[u8]; 3] = [
        b"",
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{",
    ];
    for (kind, contract) in kinds() {
        for bytes in broken {
            let receiver = Receiver::answering(bytes).await;
            let channels = open_kind(
                kind,
                (contract.settings)(&receiver.url("")),
                contract.person,
            );
            let error = send_to(&channels, &plain("x"))
                .await
                .expect_err("not taken");
            assert_eq!(held(&error), Some((None, Blame::Either)), "{kind}: {error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answers_or_is_not_there_holds_every_kind() {
    for (kind, contract) in kinds() {
        let receiver = Receiver::silent().await;
        let mut settings = (contract.settings)(&receiver.url(""));
        settings["timeout"] = json!("50ms");
        let channels = open_kind(kind, settings, contract.person);
        let error = send_to(&channels, &plain("x"))
            .await
            .expect_err("not taken");
        assert_eq!(
            held(&error),
            Some((None, Blame::Channel)),
            "{kind}: {error}"
        );
        assert!(
            error.to_string().contains("gave no answer within 0.05 s"),
            "{kind}: {error}"
        );

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let channels = open_kind(kind, (contract.settings)(&base), contract.person);
        let error = send_to(&channels, &plain("x"))
            .await
            .expect_err("not taken");
        assert_eq!(
            held(&error),
            Some((None, Blame::Channel)),
            "{kind}: {error}"
        );
        assert!(
            error.to_string().contains("cannot be reached"),
            "{kind}: {error}"
        );
    }
}
