//! What the pages of a team say, and what they do not, where much goes on that it does not see.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{PAYMENTS, Teams, WATCH, ask};
use crate::support::server::{SECRET, Server, Site};
use crate::support::{hookbox_with, stdout};

const CONFIG: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }

    [sources.alerts]
    provider = "alertmanager"
    secret = { file = "secret" }

    [teams.payments]
    token = { file = "payments-token" }
    sources = ["gitlab"]
    channels = []
    commands = []
"#;

/// Sends so many alerts in deliveries of a thousand.
async fn alerts(server: &Server, thousands: usize) {
    for delivery in 0..thousands {
        let alert = |number: usize| {
            json!({
                "status": "firing", "labels": { "alertname": format!("a{delivery}-{number}") },
                "startsAt": "2026-11-22T14:29:05Z", "fingerprint": "5ef77f1f8a3ecfaf",
            })
        };
        let alerts: Vec<Value> = (0..1_000).map(alert).collect();
        let body = json!({
            "status": "firing", "version": "4", "receiver": "hookbox", "alerts": alerts,
            "groupKey": delivery.to_string(),
        });
        let request = server.http.post(format!("{}/hooks/alerts", server.public));
        let answer = request.bearer_auth(SECRET).json(&body).send().await;
        assert_eq!(answer.expect("the server answers").status(), 202);
    }
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_team_looks_at_so_many_events_and_the_next_goes_on() {
    let site = Site::new(CONFIG);
    site.put("payments-token", PAYMENTS.as_bytes());
    let server = site.serve().await;
    let own = server.send_sample("push").await;
    server.settled(&own).await;
    alerts(&server, 11).await;
    let get = async |path: String| ask(&server, PAYMENTS, Method::GET, &path).await;

    let (_, first) = get("/api/v1/events".to_owned()).await;
    let next = first["next"].as_str().expect("there is more").to_owned();
    let (_, second) = get(format!("/api/v1/events?before={next}")).await;
    let (_, last) = get("/api/v1/events/last".to_owned()).await;
    let (guessed, refusal) = get("/api/v1/events?before=1".to_owned()).await;
    let listed = listed_by_the_program(&site, &server).await;

    assert_eq!(first["events"], json!([]), "all it looked at is hidden");
    assert!(next.parse::<i64>().is_err(), "{next}");
    assert_eq!(second["events"][0]["id"], own.as_str());
    assert_eq!(second["next"], Value::Null);
    assert_eq!(last["record"]["event"]["id"], own.as_str());
    assert_eq!(guessed, StatusCode::BAD_REQUEST, "{refusal}");
    assert!(listed.contains(&own), "{listed}");
}

/// What `hookbox events list` shows the team.
async fn listed_by_the_program(site: &Site, server: &Server) -> String {
    let (folder, admin) = (site.path().to_owned(), server.admin.clone());
    let run = tokio::task::spawn_blocking(move || {
        let variables = [
            ("HOOKBOX_SERVER", admin.as_str()),
            ("HOOKBOX_TOKEN", PAYMENTS),
        ];
        hookbox_with(&folder, &["events", "list"], &variables)
    });
    stdout(&run.await.expect("nothing panicked"))
}

#[tokio::test]
async fn no_number_of_an_event_is_told_to_a_team() {
    let teams = Teams::at_work().await;
    let paths = [
        "/api/v1/events?limit=1".to_owned(),
        format!("/api/v1/events/{}", teams.payments),
        "/api/v1/events/last".to_owned(),
        "/api/v1/actions".to_owned(),
    ];

    for path in paths {
        let of_team = teams.get(&path).await.to_string();
        let of_operators = teams.server.get(&path).await.to_string();

        assert!(!of_team.contains("\"sequence\""), "{path}: {of_team}");
        let is_about_events = path.contains("/events");
        assert_eq!(
            of_operators.contains("\"sequence\""),
            is_about_events,
            "{path}: {of_operators}"
        );
    }
    let pages = ["/api/v1/events?limit=1"; 2].map(|path| teams.get(path));
    let [one, again] = pages;
    let (one, again) = (one.await, again.await);
    assert_ne!(one["next"], again["next"], "it is not made from the place");
    let path = format!(
        "/api/v1/events?before={}",
        one["next"].as_str().expect("a cursor")
    );
    let (of_others, refusal) = ask(&teams.server, WATCH, Method::GET, &path).await;
    assert_eq!(of_others, StatusCode::BAD_REQUEST, "{refusal}");
}
