//! Teams: what the rules of a folder see, as far as the operator's file says so.

use crate::support::events::{evaluated_by, sample, verdict};
use crate::support::guest;
use crate::support::modules::echo_settings;
use crate::support::server::{Server, Site};

/// Every team gets the rule `echo`.
async fn teams_at_work(teams: &str, names: &[&str]) -> (Site, Server) {
    let site = Site::new(&format!("{}\n{teams}", Site::CONFIG));
    for name in names {
        let path = |ending: &str| format!("rules/{name}/echo.{ending}");
        site.put(&path("toml"), echo_settings(name).as_bytes());
        site.put(&path("wasm"), &guest("echo"));
    }
    let server = site.serve().await;
    (site, server)
}

#[tokio::test]
async fn a_folder_of_no_team_is_rejected_with_the_block_to_paste() {
    let (site, server) = teams_at_work("", &["payments"]).await;

    let rejected = server.rule_in_state("payments/echo", "rejected").await;
    let reason = rejected["reason"].as_str().expect("a reason").to_owned();
    let (_, block) = reason
        .split_once('\n')
        .expect("the block is on its own lines");
    let pasted = block.replace("channels = []", "channels = ['console']");
    site.configure(&format!("{}\n{pasted}", Site::CONFIG));
    server.rule_in_state("payments/echo", "active").await;
    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;

    assert!(block.starts_with("[teams.payments]\n"), "{reason}");
    assert!(rejected["serving"].is_null());
    assert_eq!(evaluated_by(&record), ["payments/echo"]);
}

const TEAMS: &str = "
    [teams.payments]
    sources = ['gitlab']
    projects = ['payments/**']
    channels = ['console']

    [teams.shop]
    sources = ['gitlab']
    projects = ['shop/**']
    channels = ['console']

    [teams.strangers]
    sources = ['github']
    channels = ['console']

    [teams.trusted]
    sources = ['git*']
    confidential = true
    channels = ['console']
";

#[tokio::test]
async fn a_team_sees_the_events_of_its_sources_and_projects_alone() {
    let names = ["payments", "shop", "strangers", "trusted"];
    let (_site, server) = teams_at_work(TEAMS, &names).await;
    for name in names {
        server
            .rule_in_state(&format!("{name}/echo"), "active")
            .await;
    }

    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;

    assert_eq!(evaluated_by(&record), ["payments/echo", "trusted/echo"]);
    for (rule, reason) in [
        (
            "shop/echo",
            "its project `payments/storefront` is not among the `projects` under `[teams.shop]` in \
             `hookbox.toml`",
        ),
        (
            "strangers/echo",
            "its source `gitlab` is not granted: add \"gitlab\" to `sources` under \
             `[teams.strangers]` in `hookbox.toml`",
        ),
    ] {
        let verdict = verdict(&record, rule).expect("every rule is named");
        assert_eq!(verdict["kind"], "not-asked", "{verdict}");
        assert_eq!(verdict["reason"], reason);
    }
}

#[tokio::test]
async fn a_confidential_event_is_shown_to_those_alone_who_are_granted_it() {
    let names = ["payments", "trusted"];
    let (_site, server) = teams_at_work(TEAMS, &names).await;
    for name in names {
        server
            .rule_in_state(&format!("{name}/echo"), "active")
            .await;
    }

    let body = sample("issue-opened").body;
    let hidden = body.replace("\"confidential\": false", "\"confidential\": true");
    let by_header = server.send("Confidential Issue Hook", body).await;
    let by_body = server.send("Issue Hook", &hidden).await;
    let open = server.send("Issue Hook", body).await;

    assert_ne!(body, hidden);
    for event in [by_header, by_body] {
        let record = server.settled(&event).await;
        assert_eq!(evaluated_by(&record), ["trusted/echo"]);
        let verdict = verdict(&record, "payments/echo").expect("every rule is named");
        assert_eq!(verdict["kind"], "not-asked", "{verdict}");
        assert_eq!(
            verdict["reason"],
            "it is confidential: set `confidential = true` under `[teams.payments]` in \
             `hookbox.toml` to show such events"
        );
    }
    let record = server.settled(&open).await;
    assert_eq!(evaluated_by(&record), ["payments/echo", "trusted/echo"]);
}

#[tokio::test]
async fn what_a_team_is_not_granted_rejects_its_rule_with_the_line_that_allows_it() {
    let team = "[teams.payments]\nsources = ['*']";
    let (site, server) = teams_at_work(team, &["payments"]).await;

    let rejected = server.rule_in_state("payments/echo", "rejected").await;
    site.configure(&format!("{}\n{team}\nchannels = ['con*']", Site::CONFIG));
    server.rule_in_state("payments/echo", "active").await;

    assert_eq!(rejected["code"], "rule/not-granted");
    assert_eq!(
        rejected["reason"],
        "channel `console` is not granted: add \"console\" to `channels` under \
         `[teams.payments]` in `hookbox.toml`"
    );
}
