//! The admin listener, the command line that asks it, and the configuration it reports on.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::server::{Server, Site};
use crate::support::{eventually, guest};

mod asking;
mod changes;

/// The routes that answer a GET.
const ROUTES: [&str; 7] = [
    "/api/v1/events",
    "/api/v1/events/last",
    "/api/v1/rules",
    "/api/v1/actions",
    "/api/v1/actions/1",
    "/api/v1/sources",
    "/api/v1/status",
];

/// A running server that knows one event and one action.
async fn server_with_an_event() -> (Site, Server) {
    let site = Site::new(Site::CONFIG);
    site.put("rules/echo.toml", b"[settings]\nchannel = 'console'");
    site.put("rules/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    let event = server.send_sample("push").await;
    server.settled(&event).await;
    (site, server)
}

/// Asks for a path with these headers, and returns the status and the code of the error.
async fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let mut request = server.http.get(format!("{}{path}", server.admin));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("the server answers");
    let status = answer.status();
    let body: Value = answer.json().await.expect("the answer is JSON");
    let code = body["error"]["code"].as_str().unwrap_or_default();
    (status, code.to_owned())
}

#[tokio::test]
async fn nothing_is_answered_without_the_token() {
    let (_site, server) = server_with_an_event().await;
    let right = format!("Bearer {}", server.token);
    let longer = format!("{right}0");
    let basic = format!("Basic {}", server.token);

    for path in ROUTES {
        let refused = (StatusCode::UNAUTHORIZED, "api/unauthorized".to_owned());
        assert_eq!(ask(&server, path, &[]).await, refused, "{path}");
        for wrong in [
            "",
            "Bearer ",
            "Bearer guess",
            &longer,
            &basic,
            &server.token,
        ] {
            let found = ask(&server, path, &[("authorization", wrong)]).await;
            assert_eq!(found, refused, "{path}: {wrong}");
        }
        let found = ask(&server, path, &[("authorization", &right)]).await;
        assert_eq!(found, (StatusCode::OK, String::new()), "{path}");
    }
}

#[tokio::test]
async fn what_a_browser_sends_for_a_strange_page_is_refused_even_with_the_token() {
    let (_site, server) = server_with_an_event().await;
    let right = format!("Bearer {}", server.token);
    let authorized = ("authorization", right.as_str());
    let refused = (StatusCode::FORBIDDEN, "api/foreign-origin".to_owned());
    let port = server.admin.rsplit(':').next().expect("it has a port");

    for path in ROUTES.into_iter().chain(["/readyz"]) {
        for strange in [
            ("origin", "https://example.org"),
            ("origin", "null"),
            ("origin", server.admin.as_str()),
            ("host", "example.org"),
            ("host", "127.0.0.1:1"),
        ] {
            let found = ask(&server, path, &[authorized, strange]).await;
            assert_eq!(found, refused, "{path}: {strange:?}");
        }
    }
    let own = format!("localhost:{port}");
    let (status, _) = ask(&server, "/api/v1/rules", &[authorized, ("host", &own)]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_understood_is_400_and_what_is_not_there_404() {
    let (_site, server) = server_with_an_event().await;
    let right = format!("Bearer {}", server.token);
    let authorized = [("authorization", right.as_str())];

    for path in [
        "/api/v1/events?colour=red",
        "/api/v1/events?limit=many",
        "/api/v1/events?state=asleep",
        "/api/v1/events?source=../x",
        "/api/v1/events?before=first",
        "/api/v1/actions?state=asleep",
        "/api/v1/actions?colour=red",
        "/api/v1/actions?channel=dev&command=deploy",
        "/api/v1/actions?since=yesterday",
        "/api/v1/events?until=tomorrow",
        "/api/v1/actions?rule=a/b/c",
        "/api/v1/actions/first",
        "/api/v1/events/%ff",
    ] {
        let found = ask(&server, path, &authorized).await;
        assert_eq!(
            found,
            (StatusCode::BAD_REQUEST, "api/bad-request".to_owned()),
            "{path}"
        );
    }
    for path in [
        "/api/v1/events/0192a000-0000-7000-8000-000000000000",
        "/api/v1/actions/4711",
        "/api/v1/nothing",
        "/",
    ] {
        let found = ask(&server, path, &authorized).await;
        assert_eq!(
            found,
            (StatusCode::NOT_FOUND, "api/not-found".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn events_are_listed_page_by_page_and_by_what_they_are() {
    let (_site, server) = server_with_an_event().await;
    let mut sent = vec![];
    for sample in ["tag", "issue-opened", "merge-request-merged", "push"] {
        let event = server.send_sample(sample).await;
        server.settled(&event).await;
        sent.push(event);
    }
    let ids = |listing: &Value| -> Vec<String> {
        let events = listing["events"].as_array().expect("a list");
        events
            .iter()
            .map(|event| event["id"].as_str().expect("an id").to_owned())
            .collect()
    };

    let mut pages = vec![];
    let mut path = "/api/v1/events?limit=2".to_owned();
    loop {
        let page = server.get(&path).await;
        pages.push(ids(&page));
        let Some(next) = page["next"].as_i64() else {
            break;
        };
        path = format!("/api/v1/events?limit=2&before={next}");
    }

    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let newest_first: Vec<String> = sent.iter().rev().cloned().collect();
    assert_eq!(pages.concat()[..4], newest_first);
    let whole = server.get("/api/v1/events").await;
    assert_eq!(ids(&whole), pages.concat());
    assert_eq!(whole["next"], Value::Null);
    let last = server.get("/api/v1/events/last").await;
    assert_eq!(last["record"]["event"]["id"], sent[3]);
    for (filter, count) in [
        ("subject=push", 2),
        ("subject=tag", 1),
        ("subject=pipeline", 0),
        ("source=gitlab", 5),
        ("source=github", 0),
        ("project=payments/storefront", 5),
        ("project=payments/other", 0),
        ("state=done", 5),
        ("state=stuck", 0),
        ("subject=push&state=done&limit=1", 1),
    ] {
        let listing = server.get(&format!("/api/v1/events?{filter}")).await;
        assert_eq!(ids(&listing).len(), count, "{filter}");
    }
}

#[tokio::test]
async fn readyz_says_when_the_rules_are_loaded() {
    let (_site, server) = server_with_an_event().await;

    let ready = eventually("it is ready", || async {
        let answer = server.http.get(format!("{}/readyz", server.admin)).send();
        let answer = answer.await.expect("the server answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("the answer is JSON");
        (status == StatusCode::OK)
            .then_some(body.clone())
            .ok_or(body.to_string())
    })
    .await;

    for part in ["store", "configuration", "rules"] {
        assert_eq!(ready[part], "ok", "{ready}");
    }
}
