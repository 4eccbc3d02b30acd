//! What a team's settings and modules may not reach: another team's channels, commands, and events.

use serde_json::json;

use super::{SECRET_TAG, goes_on, settings, teams_at_work};
use crate::support::guest;
use crate::support::modules::{digest, marked};

#[tokio::test]
async fn a_settings_file_cannot_grant_what_its_team_is_not_granted() {
    let (site, server) = teams_at_work().await;
    for (name, text, code) in [
        ("channel", settings("shop", "x"), "rule/not-granted"),
        (
            "grants",
            format!("channels = ['*']\n{}", settings("payments", "x")),
            "rule/settings",
        ),
        (
            "team",
            format!("team = 'shop'\n{}", settings("payments", "x")),
            "rule/settings",
        ),
        (
            "table",
            format!(
                "{}[teams.payments]\nchannels = ['*']",
                settings("payments", "x")
            ),
            "rule/settings",
        ),
    ] {
        site.put(&format!("rules/payments/{name}.toml"), text.as_bytes());
        site.put(&format!("rules/payments/{name}.wasm"), &guest("echo"));
        let rejected = server
            .rule_in_state(&format!("payments/{name}"), "rejected")
            .await;
        assert_eq!(rejected["code"], code, "{rejected}");
    }
    // Limits and conditions only narrow: more than the team has is no more.
    let wide = format!(
        "sources = ['*']\nprojects = ['**']\n[limits]\nfuel = 9000000000\nmemory = '1GiB'\n{}",
        settings("payments", "wide")
    );
    site.put("rules/payments/wide.toml", wide.as_bytes());
    site.put("rules/payments/wide.wasm", &guest("echo"));
    server.rule_in_state("payments/wide", "active").await;
    let shown = server.get("/api/v1/rules/payments%2Fwide").await;

    assert_eq!(shown["rule"]["limits"]["fuel"], 10_000_000);
    assert_eq!(shown["rule"]["limits"]["memory"], "32MiB");
    goes_on(&site, &server).await;
}

#[tokio::test]
async fn a_module_reaches_no_channel_and_no_command_of_another_team() {
    let (site, server) = teams_at_work().await;
    let text = "[settings]\nnotify = 'shop-room'\nrun = 'shop-deploy'";
    site.put("rules/payments/reach.toml", text.as_bytes());
    site.put("rules/payments/reach.wasm", &guest("wants-everything"));
    server.rule_in_state("payments/reach", "active").await;

    let record = goes_on(&site, &server).await;

    let actions = record["record"]["actions"].as_array().expect("a list");
    let reached: Vec<&serde_json::Value> = actions
        .iter()
        .filter(|action| action["rule"] == "payments/reach")
        .collect();
    assert_eq!(reached.len(), 2, "{record}");
    for action in reached {
        assert_eq!(action["state"], "refused", "{action}");
        assert_eq!(action["attempts"], json!([]));
        assert!(!action.to_string().contains(SECRET_TAG));
    }
    assert!(!server.console().contains("nobody granted"));
}

#[tokio::test]
async fn a_module_at_work_several_times_is_swapped_everywhere_in_one_snapshot() {
    let (site, server) = teams_at_work().await;
    for name in ["second", "third"] {
        let text = format!("module = 'echo.wasm'\n{}", settings("payments", name));
        site.put(&format!("rules/payments/{name}.toml"), text.as_bytes());
        server
            .rule_in_state(&format!("payments/{name}"), "active")
            .await;
    }

    for mark in ["a", "b", "c"] {
        let newer = marked(&guest("echo"), mark);
        site.put("rules/payments/echo.wasm", &newer);
        server.serves("payments/echo", &digest(&newer)).await;
        for name in ["payments/second", "payments/third"] {
            let rule = server.rule(name).await.expect("it is there");
            assert_eq!(rule["serving"]["module"], digest(&newer), "{rule}");
        }
    }
}

#[tokio::test]
async fn a_settings_file_with_two_modules_says_which_would_be_used() {
    let (site, server) = teams_at_work().await;
    let text = format!("module = 'echo.wasm'\n{}", settings("payments", "two"));
    site.put("rules/payments/two.toml", text.as_bytes());
    server.rule_in_state("payments/two", "active").await;

    site.put("rules/payments/two.wasm", &marked(&guest("echo"), "two"));
    let rejected = server.rule_in_state("payments/two", "rejected").await;
    std::fs::remove_file(site.path().join("rules/payments/two.wasm")).expect("removed");
    let active = server.rule_in_state("payments/two", "active").await;

    assert_eq!(rejected["code"], "rule/settings");
    assert_eq!(
        rejected["reason"],
        "the settings file says `module = \"echo.wasm\"`, and `two.wasm` beside it would be used: remove the line, \
         or the file"
    );
    assert_eq!(active["serving"]["module"], digest(&guest("echo")));
}
