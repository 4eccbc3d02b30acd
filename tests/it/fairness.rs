//! Whose events wait for whom: a team whose rules are slow, or many, delays the events of no other.

use crate::support::events::evaluated_by;
use crate::support::modules::echo_settings;
use crate::support::server::{Server, Site};
use crate::support::{eventually, guest};

/// Two teams, each with the events of its own projects.
const TEAMS: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }

    [channels.console]
    kind = "console"

    [limits]
    fuel = 100_000_000_000
    cpu_time = "1m"
    wall_time = "5m"

    [teams.slow]
    sources = ["*"]
    projects = ["slow/**"]

    [teams.swift]
    sources = ["*"]
    projects = ["swift/**"]
    channels = ["*"]
"#;

/// Sends a push of its own to a project of a team, and returns its identifier.
async fn push(server: &Server, team: &str) -> String {
    let body = crate::support::events::push_of_its_own();
    let body = body.replace("payments/storefront", &format!("{team}/storefront"));
    server.send("Push Hook", &body).await
}

async fn waiting(server: &Server) -> u64 {
    let status = server.get("/api/v1/status").await;
    status["backlog"]["events"].as_u64().expect("a count")
        + status["backlog"]["deliveries"].as_u64().expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_does_not_wait_for_those_of_a_slow_team() {
    const SLOW: u64 = 300;
    let site = Site::new(TEAMS);
    site.put(
        "rules/slow/rule.toml",
        b"[settings]\nsteps = 1_000_000_000\n",
    );
    site.put("rules/slow/rule.wasm", &guest("slow"));
    site.put("rules/swift/rule.toml", echo_settings("swift").as_bytes());
    site.put("rules/swift/rule.wasm", &guest("echo"));
    let server = site.serve().await;
    server.rule_in_state("slow/rule", "active").await;
    server.rule_in_state("swift/rule", "active").await;
    for _ in 0..SLOW {
        push(&server, "slow").await;
    }

    let event = push(&server, "swift").await;
    let record = server.settled(&event).await;
    let left = waiting(&server).await;

    assert_eq!(evaluated_by(&record), ["swift/rule"]);
    assert!(
        left > SLOW / 2,
        "only {left} of the slow team's events still waited"
    );
    server.kill();
}

#[tokio::test]
async fn a_team_with_more_rules_than_one_turn_is_for_has_each_asked_once() {
    const RULES: usize = 70;
    let site = Site::new(TEAMS);
    site.put("rules/swift/echo.wasm", &guest("echo"));
    site.put("rules/swift/echo.toml", echo_settings("first").as_bytes());
    for number in 1..RULES {
        let settings = format!("module = 'echo.wasm'\n{}", echo_settings("another"));
        site.put(
            &format!("rules/swift/echo-{number:02}.toml"),
            settings.as_bytes(),
        );
    }
    let server = site.serve().await;
    eventually("the rules are at work", || async {
        let listing = server.get("/api/v1/rules").await;
        let rules = listing["rules"].as_array().expect("a list");
        let active = rules
            .iter()
            .filter(|rule| rule["state"] == "active")
            .count();
        (active == RULES).then_some(()).ok_or(format!("{active}"))
    })
    .await;

    let event = push(&server, "swift").await;
    let record = server.settled(&event).await;

    let asked = evaluated_by(&record);
    assert_eq!(asked.len(), RULES, "{asked:?}");
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once, asked, "each once, in their order");
    assert_eq!(
        server
            .console()
            .lines()
            .filter(|line| line.contains(&event))
            .count(),
        RULES
    );
}
