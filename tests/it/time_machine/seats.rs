//! How many trials and dry runs there are at once, and that nothing is kept of those that there is no room for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{CONFIG, Past, picks};
use crate::support::hostile::costly_to_compile;
use crate::support::modules::marked;
use crate::support::server::{Server, Site};
use crate::support::{eventually, guest};

const TEAMS: [&str; 4] = ["docs", "payments", "shop", "web"];

/// The token of a team.
fn token(team: &str) -> String {
    format!("a-token-of-the-team-{team}-that-is-long-enough")
}

/// A server with four teams that have a token each.
async fn served() -> (Site, Server) {
    let teams = TEAMS.map(|team| {
        format!("[teams.{team}]\ntoken = {{ file = '{team}' }}\nsources = ['alerts']\nchannels = ['console']\n")
    });
    let (sources, _) = CONFIG.split_once("[teams.").expect("there are teams");
    let site = Site::new(&format!("{sources}\n{}", teams.concat()));
    // It may have to be built, for longer than a half upload waits.
    guest("picks");
    for team in TEAMS {
        site.put(team, token(team).as_bytes());
    }
    let server = site.serve().await;
    (site, server)
}

fn path(team: &str) -> String {
    format!("/api/v1/rules/replay?rule={team}/picks")
}

/// An upload that the server reads, and of which nothing has come.
///
/// The server asks for the rest once it wants to read it, so that it is known how far it is.
async fn half_an_upload(server: &Server, token: &str, team: &str) -> TcpStream {
    let host = server.admin.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.expect("the server listens");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-length: 1000\r\n\
         expect: 100-continue\r\n\r\n",
        path(team)
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("the server answers"));
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
    stream
}

/// The status of the answer to a whole upload, and what it says.
async fn upload(server: &Server, token: &str, team: &str) -> (StatusCode, Value) {
    let module = STANDARD.encode(guest("picks"));
    let settings = picks(&[], &[], &[]);
    let answer = server
        .http
        .post(format!("{}{}", server.admin, path(team)))
        .bearer_auth(token)
        .json(&json!({ "module": module, "settings": settings }))
        .send()
        .await
        .expect("the server answers");
    let status = answer.status();
    let text = answer.text().await.expect("the answer is read");
    let first = text.lines().next().unwrap_or_default();
    (status, serde_json::from_str(first).expect("JSON"))
}

const BUSY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

#[tokio::test]
async fn an_upload_that_there_is_no_room_for_is_refused_while_others_are_still_read() {
    let (_site, server) = served().await;
    let mut halves = Vec::new();
    for _ in 0..4 {
        halves.push(half_an_upload(&server, &server.token, "docs").await);
    }

    let (refused, why) = upload(&server, &server.token, "docs").await;
    drop(halves.pop());
    let taken = eventually("there is room again", || async {
        let (status, answer) = upload(&server, &server.token, "docs").await;
        (status == StatusCode::OK)
            .then_some(answer.clone())
            .ok_or(answer.to_string())
    })
    .await;

    assert_eq!(refused, BUSY);
    assert_eq!(why["error"]["code"], "api/busy");
    let message = why["error"]["message"].as_str().expect("a message");
    assert!(message.ends_with("wait until one has ended"), "{message}");
    assert!(taken["began"].is_object(), "{taken}");
}

#[tokio::test]
async fn a_team_has_one_trial_at_a_time_and_teams_leave_one_to_the_operators() {
    let (_site, server) = served().await;
    let [docs, payments, shop, web] = TEAMS;
    let _of_docs = half_an_upload(&server, &token(docs), docs).await;

    let (again, why) = upload(&server, &token(docs), docs).await;
    let (of_other, _) = upload(&server, &token(payments), payments).await;
    let _of_payments = half_an_upload(&server, &token(payments), payments).await;
    let _of_shop = half_an_upload(&server, &token(shop), shop).await;
    let (of_last, full) = upload(&server, &token(web), web).await;
    let (of_operator, _) = upload(&server, &server.token, web).await;

    assert_eq!((again, of_other), (BUSY, StatusCode::OK));
    let message = why["error"]["message"].as_str().expect("a message");
    assert!(message.starts_with("the team has one of its"), "{message}");
    assert_eq!((of_last, of_operator), (BUSY, StatusCode::OK));
    assert_eq!(full["error"]["code"], "api/busy");
}

#[tokio::test]
async fn costly_modules_that_are_tried_keep_no_rule_from_being_loaded() {
    let past = Past::with(&picks(&[], &[], &[])).await;
    let costly = |mark: &str| {
        let module = marked(&costly_to_compile(&guest("fails")), mark);
        let body = json!({ "module": STANDARD.encode(module), "settings": "" });
        let path = format!("{}{}", past.server.admin, path("payments"));
        let request = past.server.http.post(path).bearer_auth(&past.server.token);
        request.json(&body)
    };
    let tried: Vec<JoinHandle<_>> = ["one", "other", "third"]
        .map(|mark| tokio::spawn(costly(mark).send()))
        .into();
    eventually("one is being compiled", || async {
        let compiling = compiling(past.server.pid());
        (compiling > 0).then_some(()).ok_or("none".to_owned())
    })
    .await;

    past.site.put("rules/payments/late.wasm", &guest("fails"));
    past.server.rule_in_state("payments/late", "active").await;

    let waiting = tried.iter().filter(|tried| !tried.is_finished()).count();
    assert_eq!(waiting, 3, "the rule waited for modules that are tried");
    for tried in tried {
        tried.abort();
    }
}

#[tokio::test]
async fn a_team_has_one_dry_run_at_a_time() {
    let (site, server) = served().await;
    // Long enough that one is surely going on when the other is asked for.
    site.put("rules/docs/slow.toml", b"[settings]\nsteps = 400000");
    site.put("rules/docs/slow.wasm", &guest("slow"));
    server.rule_in_state("docs/slow", "active").await;
    let names: Vec<String> = (0..100).map(|number| format!("a{number}")).collect();
    let past = Past { site, server };
    past.send(&names).await;
    past.server.idle().await;
    let rehearsed = async || {
        let path = "/api/v1/events/replay?rule=docs%2Fslow&all=true&dry_run=true";
        let request = past
            .server
            .http
            .post(format!("{}{path}", past.server.admin));
        let answer = request.bearer_auth(token("docs")).send().await;
        let answer = answer.expect("the server answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("the answer is JSON");
        (status, body)
    };

    let (one, other) = tokio::join!(rehearsed(), rehearsed());
    let (later, _) = rehearsed().await;

    let (taken, refused) = if one.0 == StatusCode::OK {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!((taken.0, refused.0), (StatusCode::OK, BUSY));
    assert_eq!(taken.1["rehearsed"].as_array().map(Vec::len), Some(100));
    assert_eq!(refused.1["error"]["code"], "api/busy");
    assert_eq!(later, StatusCode::OK);
}

/// How many children of a process compile, whichever of its threads began them.
fn compiling(server: u32) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{server}/task")).expect("the server runs");
    let children: Vec<String> = threads
        .filter_map(Result::ok)
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .collect();
    let arguments = |child: &str| std::fs::read_to_string(format!("/proc/{child}/cmdline"));
    let children = children
        .iter()
        .flat_map(|children| children.split_whitespace());
    children
        .filter(|child| arguments(child).is_ok_and(|given| given.contains("__compile")))
        .count()
}
