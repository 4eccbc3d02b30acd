//! What a team is shown, and what it may do: on every path of the admin interface.

use regex::Regex;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{SHOP, Teams, WATCH, ask};
use crate::support::events::{evaluated_by, sample, verdict};
use crate::support::{hookbox, rule, stderr, stdout, workspace};

/// The paths that a team may ask for. Every other must refuse it.
const ALLOWED: [(&str, &str); 18] = [
    ("get", "/api/v1/events"),
    ("post", "/api/v1/events/replay"),
    ("get", "/api/v1/events/{id}"),
    ("get", "/api/v1/rules"),
    ("get", "/api/v1/rules/{name}"),
    ("post", "/api/v1/rules/wish"),
    ("post", "/api/v1/rules/replay"),
    ("get", "/api/v1/rules/{name}/state"),
    ("delete", "/api/v1/rules/{name}/state"),
    ("get", "/api/v1/actions"),
    ("get", "/api/v1/actions/{id}"),
    ("get", "/api/v1/actions/{id}/output"),
    ("get", "/api/v1/channels"),
    ("get", "/api/v1/commands"),
    ("get", "/api/v1/sources"),
    ("get", "/api/v1/pauses"),
    ("post", "/api/v1/pause"),
    ("post", "/api/v1/resume"),
];

/// Every path with its method, from the program's own table.
fn routes() -> Vec<(String, String)> {
    let table = std::fs::read_to_string(workspace().join("host/src/http/admin.rs"));
    let table = table.expect("the table can be read");
    let path = Regex::new(r#"^\s*"(/api/[^"]+)""#).expect("an expression");
    let method = Regex::new(r"\b(get|post|put|patch|delete)\(").expect("an expression");
    let mut routes = Vec::new();
    for route in table.split(".route(").skip(1) {
        // What follows the last route of a router is no method.
        let route = route.split("_layer(").next().unwrap_or_default();
        let Some(path) = path.captures(route) else {
            continue;
        };
        let methods = method.captures_iter(route);
        routes.extend(methods.map(|found| (found[1].to_owned(), path[1].to_owned())));
    }
    routes
}

/// The action of an event's only rule that acted.
async fn action_of(teams: &Teams, event: &str, rule: &str) -> String {
    let record = teams.server.record(event).await;
    let actions = record["record"]["actions"].as_array().expect("a list");
    let action = actions.iter().find(|action| action["rule"] == rule);
    action.expect("it acted")["id"].to_string()
}

/// A path with the names of what is another team's, or of what there is not.
fn filled(path: &str, (event, action, mark): (&str, &str, &str)) -> String {
    let id = if path.contains("/events/") {
        event
    } else {
        action
    };
    let name = match path.split('/').nth(3) {
        Some("rules") => "%2Fecho",
        Some("channels") => "-room",
        Some("commands") => "-deploy",
        _ => "-hub",
    };
    let query = match path {
        "/api/v1/pause" | "/api/v1/resume" => format!("?what=rule&name={mark}%2Fecho"),
        "/api/v1/rules/replay" => format!("?rule={mark}%2Fecho"),
        "/api/v1/rules/wish" => format!("?wish=disable&rule={mark}%2Fecho"),
        "/api/v1/events/replay" => format!("?rule={mark}%2Fecho&id={event}"),
        _ => String::new(),
    };
    let path = path.replace("{id}", id);
    format!(
        "{}{query}",
        path.replace("{name}", &format!("{mark}{name}"))
    )
}

#[tokio::test]
async fn every_path_of_the_admin_interface_refuses_a_team_or_shows_it_nothing_of_others() {
    let teams = Teams::at_work().await;
    let action = action_of(&teams, &teams.shop, "shop/echo").await;
    let theirs = (teams.shop.as_str(), action.as_str(), "shop");
    let nobodys = ("0192a000-0000-7000-8000-000000000000", "4711", "sh0p");
    let routes = routes();
    for allowed in ALLOWED {
        let known = routes
            .iter()
            .any(|(method, path)| (method.as_str(), path.as_str()) == allowed);
        assert!(known, "{allowed:?} is no path of the interface");
    }

    for (method, path) in routes {
        let verb = match method.as_str() {
            "get" => Method::GET,
            "post" => Method::POST,
            "delete" => Method::DELETE,
            other => panic!("`{path}` is asked with `{other}`: say how"),
        };
        let (status, body) = teams.ask(verb.clone(), &filled(&path, theirs)).await;
        if !ALLOWED.contains(&(method.as_str(), path.as_str())) {
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {body}");
            assert_eq!(body["error"]["code"], "api/not-for-teams", "{path}");
            continue;
        }
        let names_something = filled(&path, theirs) != path;
        if names_something {
            let (of_nothing, nothing) = teams.ask(verb, &filled(&path, nobodys)).await;
            let alike = nothing
                .to_string()
                .replace("sh0p", "shop")
                .replace(nobodys.0, &teams.shop)
                .replace(nobodys.1, &action);
            assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {body}");
            assert_eq!((of_nothing, alike), (status, body.to_string()), "{path}");
        } else {
            assert_eq!(status, StatusCode::OK, "{method} {path}: {body}");
            assert!(
                !body.to_string().contains("shop"),
                "{method} {path}: {body}"
            );
        }
    }
}

#[tokio::test]
async fn a_team_lists_and_shows_its_own_events_with_its_own_rules_part_of_them() {
    let teams = Teams::at_work().await;
    let body = sample("issue-opened").body;
    let hidden = body.replace("\"confidential\": false", "\"confidential\": true");
    let confidential = teams.server.send("Issue Hook", &hidden).await;
    teams.server.settled(&confidential).await;

    let listed = teams.get("/api/v1/events?limit=1").await;
    let next = listed["next"].as_str().expect("a name for the rest");
    let before = format!("/api/v1/events?limit=1&before={next}");
    let rest = teams.get(&before).await;
    let shown = teams
        .get(&format!("/api/v1/events/{}", teams.payments))
        .await;
    let last = teams.get("/api/v1/events/last").await;
    let actions = teams.get("/api/v1/actions").await;
    let of_rule = teams.get("/api/v1/actions?rule=shop%2Fecho").await;
    let (closed, _) = teams
        .ask(Method::GET, &format!("/api/v1/events/{confidential}"))
        .await;

    let events = listed["events"].as_array().expect("a list");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["id"], teams.payments);
    assert_eq!(events[0]["evaluations"], 1);
    assert_eq!(events[0]["actions"], json!([["done", 1]]));
    assert_eq!(rest, json!({ "events": [], "next": null }));
    for record in [&shown, &last] {
        assert_eq!(record["record"]["event"]["id"], teams.payments);
        assert_eq!(evaluated_by(record), ["payments/echo"]);
        assert_eq!(record["rules"].as_array().map(Vec::len), Some(1));
        assert!(!record.to_string().contains("shop"), "{record}");
        assert!(record["record"]["secret"].is_null(), "{record}");
        assert!(record["record"]["remote-address"].is_null(), "{record}");
    }
    let listed: Vec<&Value> = actions["actions"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["rule"], "payments/echo");
    assert_eq!(of_rule["actions"], json!([]));
    assert_eq!(closed, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_team_is_told_that_a_shared_rule_dropped_its_event_and_why() {
    let hush = rule("drop-bot-noise");
    let teams = Teams::at_work().await;
    teams
        .site
        .put("rules/hush.toml", b"[settings]\nbots = ['*']");
    teams.site.put("rules/hush.wasm", &hush);
    teams.server.rule_in_state("hush", "active").await;
    let event = teams.server.send_sample("push").await;
    teams.server.settled(&event).await;

    let record = teams.get(&format!("/api/v1/events/{event}")).await;
    let list = teams.get("/api/v1/rules").await;
    let (hidden, _) = teams.ask(Method::GET, "/api/v1/rules/hush").await;

    assert_eq!(evaluated_by(&record), [""; 0]);
    let drop = verdict(&record, "hush").expect("the rule is named");
    assert_eq!(drop["kind"], "dropped");
    let own = verdict(&record, "payments/echo").expect("the rule is named");
    assert_eq!(own["kind"], "dropped-before");
    for said in [&drop["reason"], &own["reason"]] {
        let said = said.as_str().expect("a reason");
        assert!(said.contains("is a bot: `bots` has `*`"), "{said}");
    }
    assert!(!list.to_string().contains("hush"), "{list}");
    assert_eq!(hidden, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_team_pauses_and_replays_its_own_rules_alone() {
    let teams = Teams::at_work().await;
    let echo = "what=rule&name=payments%2Fecho";
    let post = async |path: String| teams.ask(Method::POST, &path).await;

    let (paused, _) = post(format!("/api/v1/pause?{echo}&reason=a+try")).await;
    let held = teams.server.send_sample("push").await;
    teams.server.settled(&held).await;
    let missed = teams.get("/api/v1/rules/payments%2Fecho").await;
    let (resumed, went_on) = post(format!("/api/v1/resume?{echo}")).await;
    let (of_channel, _) = post("/api/v1/pause?what=channel&name=payments-room".to_owned()).await;
    let (all_rules, _) = post("/api/v1/events/replay?all=true".to_owned()).await;
    let rule = "rule=payments%2Fecho";
    let (of_others, _) = post(format!("/api/v1/events/replay?{rule}&id={}", teams.shop)).await;
    let (_, rehearsed) = post(format!(
        "/api/v1/events/replay?{rule}&all=true&dry_run=true"
    ))
    .await;
    teams.server.settled(&held).await;
    let (replayed, again) = post(format!("/api/v1/events/replay?{rule}&all=true")).await;
    let record = teams.server.settled(&teams.payments).await;
    let untouched = teams.server.record(&teams.shop).await;

    assert_eq!([paused, resumed, replayed], [StatusCode::OK; 3]);
    assert_eq!(missed["missed"], 1);
    assert_eq!(went_on["replayed"]["events"], 1);
    assert_eq!([of_channel, all_rules], [StatusCode::FORBIDDEN; 2]);
    assert_eq!(of_others, StatusCode::NOT_FOUND);
    let rehearsed = rehearsed["rehearsed"].as_array().expect("a list");
    assert!(
        rehearsed
            .iter()
            .all(|one| one["event"] != teams.shop.as_str())
    );
    assert_eq!(again["replayed"]["events"], 2, "{again}");
    assert_eq!(untouched["record"]["run"], 0);
    let asked_again: Vec<String> = evaluated_by(&record).into_iter().skip(2).collect();
    assert_eq!(asked_again, ["payments/echo"]);
}

#[tokio::test]
async fn a_team_takes_its_own_rule_out_of_work_and_into_it_again() {
    let teams = Teams::at_work().await;
    let wish = async |rule: &str, wish: &str| {
        let path = format!("/api/v1/rules/wish?rule={rule}%2Fecho&wish={wish}&by=ada");
        teams.ask(Method::POST, &path).await
    };

    let (done, disabled) = wish("payments", "disable").await;
    let event = teams.server.send_sample("push").await;
    let record = teams.server.settled(&event).await;
    let (back, enabled) = wish("payments", "enable").await;
    let (theirs, _) = wish("shop", "disable").await;
    let (shared, _) = teams
        .ask(Method::POST, "/api/v1/rules/wish?rule=hush&wish=disable")
        .await;
    let shown = stdout(&teams.run(&["rules", "show", "payments/echo"]).await);

    assert_eq!([done, back], [StatusCode::OK; 2], "{disabled} {enabled}");
    assert_eq!(disabled["rule"]["state"], "disabled");
    assert_eq!(disabled["rule"]["by"], "ada of the team `payments`");
    assert_eq!(evaluated_by(&record), ["shop-watch/echo"]);
    assert_eq!(enabled["rule"]["state"], "active");
    assert_eq!([theirs, shared], [StatusCode::NOT_FOUND; 2]);
    assert!(shown.contains("serves"), "{shown}");
}

#[tokio::test]
async fn a_team_reads_the_output_of_the_commands_that_its_own_rules_ran() {
    let teams = Teams::at_work().await;
    for team in ["payments", "shop"] {
        let settings = format!("[settings]\nrun = '{team}-deploy'");
        teams
            .site
            .put(&format!("rules/{team}/run.toml"), settings.as_bytes());
        let module = crate::support::guest("wants-everything");
        teams.site.put(&format!("rules/{team}/run.wasm"), &module);
        teams
            .server
            .rule_in_state(&format!("{team}/run"), "active")
            .await;
    }
    let own = teams.server.send_sample("push").await;
    teams.server.settled(&own).await;
    let theirs = teams.server.send("Push Hook", &super::of_shop()).await;
    teams.server.settled(&theirs).await;
    let action = action_of(&teams, &own, "payments/run").await;
    let other = action_of(&teams, &theirs, "shop/run").await;

    let output = teams.get(&format!("/api/v1/actions/{action}/output")).await;
    let (hidden, _) = teams
        .ask(Method::GET, &format!("/api/v1/actions/{other}/output"))
        .await;
    let of_shop = format!("/api/v1/actions/{other}/output");
    let (shown, _) = ask(&teams.server, SHOP, Method::GET, &of_shop).await;

    let text = output["text"].as_str().expect("a text");
    assert!(text.contains("a word of its own"), "{output}");
    assert_eq!((hidden, shown), (StatusCode::NOT_FOUND, StatusCode::OK));
}

#[tokio::test]
async fn what_an_operator_ran_by_hand_is_shown_to_no_team_whatever_it_is_granted() {
    let teams = Teams::at_work().await;
    let folder = teams.site.path();
    let arguments = [
        "commands",
        "run",
        "payments-deploy",
        "event=0",
        "--server",
        &teams.server.admin,
    ];
    let output = hookbox(folder, &arguments);
    assert!(output.status.success(), "{}", stderr(&output));

    let all = teams.server.events().await;
    let by_hand = all.first().expect("it is the newest");
    let (listed, events) = ask(&teams.server, WATCH, Method::GET, "/api/v1/events").await;
    let path = format!("/api/v1/events/{by_hand}");
    let (shown, _) = ask(&teams.server, WATCH, Method::GET, &path).await;
    let (_, last) = ask(&teams.server, WATCH, Method::GET, "/api/v1/events/last").await;

    assert_eq!((listed, shown), (StatusCode::OK, StatusCode::NOT_FOUND));
    assert_eq!(all.len(), 3);
    assert_eq!(
        events["events"].as_array().map(Vec::len),
        Some(2),
        "{events}"
    );
    assert_eq!(last["record"]["event"]["id"], teams.shop);
}

#[tokio::test]
async fn the_command_line_shows_a_team_its_own_with_its_token() {
    let teams = Teams::at_work().await;
    for (arguments, expected) in [
        (&["events", "list"][..], teams.payments.as_str()),
        (&["events", "show", "last"], "payments/echo acted"),
        (&["rules", "list"], "payments/echo"),
        (&["rules", "show", "payments/echo"], "asked of payments"),
        (&["rules", "grants"], "payments-room"),
        (&["actions", "list"], "payments-room"),
        (&["channels", "list"], "payments-room"),
        (&["commands", "list"], "payments-deploy"),
        (&["sources", "list"], "gitlab"),
    ] {
        let output = teams.run(arguments).await;
        let said = stdout(&output);
        assert!(
            said.contains(expected),
            "{arguments:?}: {said}{}",
            stderr(&output)
        );
        for hidden in ["shop", "/bin/echo", "/hooks/"] {
            assert!(!said.contains(hidden), "{arguments:?}: {said}");
        }
    }
    for arguments in [
        &["commands", "run", "payments-deploy"][..],
        &["channels", "test", "payments-room"],
        &["rules", "reload"],
        &["actions", "retry", "--all"],
        &["rules", "show", "shop/echo"],
        &["sources", "pause", "gitlab"],
    ] {
        let output = teams.run(arguments).await;
        assert_eq!(output.status.code(), Some(6), "{arguments:?}");
    }
}
