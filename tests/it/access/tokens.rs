//! Tokens of teams: which are taken, and until when.

use reqwest::{Method, StatusCode};

use super::{CONFIG, PAYMENTS, SHOP, TEAMS, Teams, ask, site};
use crate::support::{eventually, hookbox, stderr};

#[tokio::test]
async fn a_token_that_does_not_tell_who_asks_is_an_error_of_the_configuration() {
    for (file, token, expected) in [
        (
            "shop-token",
            PAYMENTS,
            "`teams.payments.token` and `teams.shop.token` are the same",
        ),
        (
            "shop-token",
            "the-operators",
            "`teams.shop.token` is the admin token",
        ),
        ("shop-token", "", "`teams.shop.token`"),
    ] {
        let site = site();
        site.configure(&format!(
            "admin.token = {{ file = 'admin-token' }}\n{CONFIG}{TEAMS}"
        ));
        site.put("admin-token", b"the-operators");
        site.put(file, token.as_bytes());

        let output = hookbox(site.path(), &["check"]);

        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn a_token_opens_nothing_once_it_or_its_team_is_gone_from_the_configuration() {
    let teams = Teams::at_work().await;
    let status = async |token| {
        ask(&teams.server, token, Method::GET, "/api/v1/rules")
            .await
            .0
    };
    assert_eq!(
        [status(PAYMENTS).await, status(SHOP).await],
        [StatusCode::OK; 2]
    );

    let changed = TEAMS
        .replace("token = { file = \"payments-token\" }", "")
        .replace("[teams.shop]", "[teams.store]");
    teams.site.configure(&format!("{CONFIG}{changed}"));

    eventually("the tokens open nothing of the former teams", || async {
        let found = (status(PAYMENTS).await, status(SHOP).await);
        (found == (StatusCode::UNAUTHORIZED, StatusCode::OK))
            .then_some(())
            .ok_or(format!("{found:?}"))
    })
    .await;
    // The token is now that of another team, with no rule at work.
    let (_, listing) = ask(&teams.server, SHOP, Method::GET, "/api/v1/rules").await;
    assert_eq!(listing["rules"], serde_json::json!([]));
}

#[tokio::test]
async fn a_grant_that_is_taken_away_hides_the_events_from_the_next_question_on() {
    let teams = Teams::at_work().await;
    let path = format!("/api/v1/events/{}", teams.payments);
    assert_eq!(teams.ask(Method::GET, &path).await.0, StatusCode::OK);

    let narrower = TEAMS.replace("payments/**", "payments/other");
    teams.site.configure(&format!("{CONFIG}{narrower}"));

    eventually("the event is hidden", || async {
        let (status, body) = teams.ask(Method::GET, &path).await;
        (status == StatusCode::NOT_FOUND)
            .then_some(())
            .ok_or(body.to_string())
    })
    .await;
    let listed = teams.get("/api/v1/events").await;
    assert_eq!(listed["events"], serde_json::json!([]));
}
