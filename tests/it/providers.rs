//! Every provider from outside: its samples are sent, verified, and typed, and a rule cannot tell them apart.

use std::collections::BTreeSet;

use hookbox::sources::samples::{Sample, samples};
use serde_json::{Value, json};

use crate::support::events::evaluated_by;
use crate::support::receiver::Receiver;
use crate::support::server::{SECRET, Server, Site};
use crate::support::signature::{hexadecimal, seconds_from_now};
use crate::support::{eventually, guest, hookbox, rule, stderr, stdout};

/// A key, which serves as any other secret as well.
const KEY: &str = "whsec_YS1zaWduaW5nLWtleS1vZi10aGUtdGVzdHMtMDAwMQ==";

/// The providers of which there are samples.
fn providers() -> BTreeSet<&'static str> {
    samples().map(|sample| sample.provider).collect()
}

/// A folder with a source for each provider, called after it, and one that takes all of them.
fn site(more: &str) -> Site {
    let own = providers().into_iter().map(|provider| {
        let described = if provider == "generic" { "auth = 'bearer'" } else { "" };
        format!(
            "[sources.{provider}]\nprovider = '{provider}'\nsecret = {{ file = 'secret' }}\n{described}"
        )
    });
    let of_all = providers()
        .into_iter()
        .filter(|provider| *provider != "generic")
        .map(|provider| format!("secrets.{provider} = {{ file = 'secret' }}"));
    let everything = ["[sources.everything]\nprovider = 'auto'".to_owned()];
    let lines: Vec<String> = own.chain(everything).chain(of_all).collect();
    let site = Site::new(&format!(
        "{}\n[shared]\nsources = ['*']\nchannels = ['*']\n{more}",
        lines.join("\n")
    ));
    site.put("secret", KEY.as_bytes());
    site
}

/// Sends a sample with the program, and returns its exit code with what it printed.
fn send(site: &Site, server: &Server, sample: &Sample, more: &[&str]) -> (Option<i32>, String) {
    let to = |source: &str| format!("{}/hooks/{source}", server.public);
    let source = more
        .iter()
        .skip_while(|option| **option != "--source")
        .nth(1);
    let to = to(source.unwrap_or(&sample.provider));
    let mut arguments = vec!["send", sample.provider, sample.name, "--to", &to];
    arguments.extend(more);
    let output = hookbox(site.path(), &arguments);
    let printed = format!("{}{}", stdout(&output), stderr(&output));
    (output.status.code(), printed)
}

/// The events that are there once nothing waits any more.
async fn events(server: &Server, count: usize) -> Vec<Value> {
    eventually("every delivery is an event", || async {
        let listing = server.get("/api/v1/events?limit=1000").await;
        let events = listing["events"].as_array().cloned().unwrap_or_default();
        let done = events
            .iter()
            .filter(|event| event["state"] == "done")
            .count();
        if done == count {
            Ok(events)
        } else {
            Err(format!("{done} of {count}"))
        }
    })
    .await
}

#[tokio::test]
async fn every_sample_is_accepted_as_what_it_is_and_refused_when_it_was_tampered_with() {
    let site = site("");
    let server = site.serve().await;

    let mut tried = BTreeSet::new();
    let mut sent = 0;
    for sample in samples() {
        let name = format!("{}/{}", sample.provider, sample.name);
        let (code, printed) = send(&site, &server, sample, &[]);
        assert_eq!(code, Some(0), "{name}: {printed}");
        assert!(
            printed.starts_with("202 ") || printed.starts_with("200 "),
            "{name}: {printed}"
        );
        sent += 1;
        if tried.insert(sample.provider) {
            let (code, printed) = send(&site, &server, sample, &["--tamper"]);
            assert_eq!(code, Some(6), "{name}: {printed}");
            assert!(printed.contains("401 "), "{name}: {printed}");
        }
    }

    let found = events(&server, sent).await;
    for sample in samples() {
        let expected: Value = serde_json::from_str(sample.event).expect("an event is JSON");
        let subject = match &expected["subject"] {
            Value::Object(subject) => subject.keys().next().cloned().unwrap_or_default(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        let is_there = found
            .iter()
            .any(|event| event["source"] == sample.provider && event["subject"] == subject);
        assert!(
            is_there,
            "{}/{}: no {subject}",
            sample.provider, sample.name
        );
    }
}

#[tokio::test]
async fn one_source_takes_the_requests_of_every_provider_and_knows_each() {
    let site = site("");
    let server = site.serve().await;

    let mut sent = Vec::new();
    // The requests of a generic source have no header of their own.
    for provider in providers()
        .into_iter()
        .filter(|provider| *provider != "generic")
    {
        let sample = samples().find(|sample| sample.provider == provider);
        let sample = sample.expect("it has a sample");
        let everything = ["--source", "everything"];
        let (code, printed) = send(&site, &server, sample, &everything);
        assert_eq!(code, Some(0), "{provider}: {printed}");
        let tampered = send(
            &site,
            &server,
            sample,
            &["--source", "everything", "--tamper"],
        );
        assert!(tampered.1.contains("401 "), "{provider}: {}", tampered.1);
        sent.push(provider);
    }

    let mut known = BTreeSet::new();
    for event in events(&server, sent.len()).await {
        let id = event["id"].as_str().expect("it has an identifier");
        let record = server.get(&format!("/api/v1/events/{id}")).await;
        let event = &record["record"]["event"];
        assert_eq!(record["record"]["secret"], event["provider"]);
        known.insert(event["provider"].as_str().expect("a provider").to_owned());
    }
    assert_eq!(known, sent.into_iter().map(str::to_owned).collect());
}

#[tokio::test]
async fn the_same_rule_says_the_same_about_the_same_merge_request_whoever_sends_it() {
    let receiver = Receiver::start().await;
    let address = receiver.address;
    let site = site(&format!(
        "[channels.dev]\nkind = 'mattermost'\nurl = 'http://{address}/hooks/key'\n"
    ));
    site.put(
        "rules/notify-merge-requests.toml",
        b"[settings]\nchannel = 'dev'",
    );
    site.put(
        "rules/notify-merge-requests.wasm",
        &rule("notify-merge-requests"),
    );
    let server = site.serve().await;
    server
        .rule_in_state("notify-merge-requests", "active")
        .await;

    for change in ["opened", "merged", "closed"] {
        let mut first: Option<(&str, Value)> = None;
        for provider in [
            "gitlab",
            "github",
            "bitbucket",
            "gitea",
            "forgejo",
            "gogs",
            "gitee",
        ] {
            let name = format!("merge-request-{change}");
            let sample =
                samples().find(|sample| sample.provider == provider && sample.name == name);
            let sample = sample.expect("each has one");
            let before = receiver.received().len();
            let (code, printed) = send(&site, &server, sample, &[]);
            assert_eq!(code, Some(0), "{printed}");
            let message = eventually("the message arrives", || async {
                receiver
                    .received()
                    .get(before)
                    .map(|sent| sent.json())
                    .ok_or(String::new())
            })
            .await;
            let message = neutral(&message, sample);
            match &first {
                None => first = Some((provider, message)),
                Some((other, expected)) => {
                    assert_eq!(&message, expected, "{change}: {provider} beside {other}");
                }
            }
        }
    }
}

/// A message without what cannot be the same: the address of the page, and what the provider calls the person who
/// did it (GitHub sends no names).
fn neutral(message: &Value, sample: &Sample) -> Value {
    let event: Value = serde_json::from_str(sample.event).expect("an event is JSON");
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut neutral = message.to_string();
    for (own, word) in [
        (text("/url"), "the page"),
        (text("/actor/name"), "the person"),
    ] {
        let escaped = own.replace('-', "\\\\-");
        for own in [own, &escaped] {
            if !own.is_empty() {
                neutral = neutral.replace(own, word);
            }
        }
    }
    serde_json::from_str(&neutral).expect("it is still JSON")
}

#[tokio::test]
async fn sources_are_listed_with_what_came_last_and_shown_with_what_was_refused() {
    let site = Site::new(Site::CONFIG);
    let server = site.serve().await;
    let ask = |arguments: &[&str]| {
        let mut all = vec!["--server", server.admin.as_str()];
        all.extend(arguments);
        let output = hookbox(site.path(), &all);
        (
            output.status.code(),
            format!("{}{}", stdout(&output), stderr(&output)),
        )
    };
    let (_, empty) = ask(&["sources", "show", "gitlab"]);
    assert!(empty.contains("nothing has come yet"), "{empty}");

    let event = server.send_sample("push").await;
    let wrong = server
        .hook("Push Hook", "{}")
        .header("x-gitlab-token", "another");
    let answer = wrong.send().await.expect("the server answers");
    assert_eq!(answer.status(), 401, "two tokens are none");

    let (code, list) = ask(&["sources", "list"]);
    assert_eq!(code, Some(0), "{list}");
    assert!(
        list.contains("gitlab") && list.contains("/hooks/gitlab"),
        "{list}"
    );
    let (_, shown) = ask(&["sources", "show", "gitlab"]);
    for part in [
        &event,
        "Push Hook",
        "hook/repeated-signature",
        "by the secrets secret",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains(SECRET), "{shown}");
    let (code, unknown) = ask(&["sources", "show", "gitlap"]);
    assert_eq!(code, Some(6), "{unknown}");
    assert!(unknown.contains("`gitlap`"), "{unknown}");
}

#[tokio::test]
async fn what_a_source_learned_is_all_that_it_takes_afterwards() {
    let site = Site::new(Site::CONFIG);
    let server = site.serve().await;
    server.send_sample("push").await;

    let output = hookbox(
        site.path(),
        &[
            "--server",
            &server.admin,
            "sources",
            "learn",
            "gitlab",
            "--last",
        ],
    );

    let printed = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(printed.contains("expect = {"), "{printed}");
    assert!(printed.contains("\"Push Hook\""), "{printed}");
    eventually("the server follows the file", || async {
        let answer = server
            .hook("Tag Push Hook", r#"{"object_kind":"tag_push"}"#)
            .send()
            .await;
        let answer = answer.expect("the server answers");
        match answer.status().as_u16() {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    let sent = server.send_sample("push").await;
    assert_eq!(
        server.settled(&sent).await["record"]["event"]["subject"]["push"]["branch"],
        "main"
    );
}

/// Sends a body to a source with its secret as a bearer token, and returns the delivery's identifier.
async fn post(server: &Server, source: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> String {
    let mut request = server
        .http
        .post(format!("{}/hooks/{source}", server.public))
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("the server answers");
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.expect("the answer is JSON");
    answer["id"]
        .as_str()
        .expect("it has an identifier")
        .to_owned()
}

#[tokio::test]
async fn a_push_of_two_branches_and_a_tag_is_three_events_and_a_rule_sees_each_alone() {
    let site = site("[channels.console]\nkind = 'console'\n");
    site.put("rules/echo.toml", b"[settings]\nchannel = 'console'");
    site.put("rules/echo.wasm", &guest("echo"));
    let server = site.serve().await;
    server.rule_in_state("echo", "active").await;
    let end = |kind: &str, name: &str, hash: &str| json!({"type": kind, "name": name, "target": {"hash": hash.repeat(40), "type": "commit"}});
    let changes = [
        ("branch", "main", "a"),
        ("branch", "next", "b"),
        ("tag", "v1", "c"),
    ];
    let changes: Vec<Value> = changes
        .map(|(kind, name, hash)| {
            json!({"old": null, "new": end(kind, name, hash), "created": true, "closed": false, "forced": false})
        })
        .into();
    let repository =
        json!({"full_name": "payments/storefront", "name": "storefront", "uuid": "{1}"});
    let body = json!({"push": {"changes": changes}, "repository": repository}).to_string();
    let signature = format!("sha256={}", hexadecimal(KEY, body.as_bytes()));
    let headers = [
        ("x-event-key", "repo:push"),
        ("x-hook-uuid", "1"),
        ("x-request-uuid", "delivery-1"),
        ("x-hub-signature", signature.as_str()),
    ];

    let id = post(&server, "bitbucket", body.into_bytes(), &headers).await;

    events(&server, 3).await;
    let mut seen = Vec::new();
    for event in [id.clone(), format!("{id}.2"), format!("{id}.3")] {
        let record = server.settled(&event).await;
        let subject = &record["record"]["event"]["subject"];
        let name = subject["push"]["branch"]
            .as_str()
            .or(subject["tag"]["name"].as_str());
        seen.push(name.expect("a branch or a tag").to_owned());
        assert_eq!(evaluated_by(&record), ["echo"]);
        assert!(server.console().contains(&event), "{}", server.console());
    }
    assert_eq!(seen, ["main", "next", "v1"]);
}

#[tokio::test]
async fn of_ten_thousand_alerts_a_thousand_are_events_and_the_rest_is_counted_where_operators_look()
{
    let site = site("");
    let server = site.serve().await;
    let alert = json!({"status": "firing", "labels": {"alertname": "DiskFull"}, "startsAt": "2026-01-01T00:00:00Z"});
    let alerts = vec![alert; 10_000];
    let body = json!({"version": "4", "status": "firing", "alerts": alerts}).to_string();
    let bearer = format!("Bearer {KEY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("user-agent", "Alertmanager/0.28"),
    ];

    post(&server, "alertmanager", body.into_bytes(), &headers).await;

    let listed = events(&server, 1_000).await;
    assert!(listed.iter().all(|event| event["subject"] == "alert"));
    let source = server.get("/api/v1/sources/alertmanager").await;
    let refusal = &source["refusals"][0];
    assert_eq!(refusal["code"], "delivery/too-many-events", "{source}");
    let message = refusal["message"].as_str().expect("it has words");
    assert!(message.contains("9000 more events"), "{message}");
}

#[tokio::test]
async fn a_verified_challenge_is_answered_and_not_stored_and_a_command_is_answered_with_nothing() {
    let site = site("");
    let server = site.serve().await;
    let ask = |body: &str, kind: &str, key: &str| {
        let time = seconds_from_now(0).to_string();
        let signed = format!("v0:{time}:{body}");
        let signature = format!("v0={}", hexadecimal(key, signed.as_bytes()));
        let address = format!("{}/hooks/slack", server.public);
        let request = server.http.post(address).body(body.to_owned());
        let request = request.header("content-type", kind);
        let request = request.header("x-slack-request-timestamp", time);
        request.header("x-slack-signature", signature).send()
    };
    let challenge = r#"{"type":"url_verification","challenge":"3eZbrw1a"}"#;

    let forged = ask(challenge, "application/json", "another")
        .await
        .expect("an answer");
    let answered = ask(challenge, "application/json", KEY)
        .await
        .expect("an answer");
    let command = "command=%2Fdeploy&text=main&user_id=U1&trigger_id=1.2";
    let form = "application/x-www-form-urlencoded";
    let acknowledged = ask(command, form, KEY).await.expect("an answer");

    assert_eq!(forged.status(), 401);
    assert_eq!(answered.status(), 200);
    assert_eq!(answered.text().await.expect("a text"), "3eZbrw1a");
    assert_eq!(acknowledged.status(), 200);
    assert_eq!(acknowledged.text().await.expect("a text"), "");
    let stored = events(&server, 1).await;
    assert_eq!(stored.len(), 1, "the command alone: {stored:?}");
}

#[test]
fn samples_are_listed_and_shown_and_an_unknown_one_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let ask = |arguments: &[&str]| hookbox(folder.path(), &[&["samples"], arguments].concat());

    let listed = stdout(&ask(&["list"]));
    for sample in samples() {
        let name = format!("{}/{}", sample.provider, sample.name);
        assert!(listed.lines().any(|line| line.starts_with(&name)), "{name}");
    }
    assert!(listed.contains("folder/file-created"), "{listed}");
    let shown = stdout(&ask(&["show", "github/push"]));
    let body: Value = serde_json::from_str(&shown).expect("a body is JSON");
    assert_eq!(body["ref"], "refs/heads/main");
    let event = stdout(&ask(&["show", "github/push", "--event"]));
    let event: Value = serde_json::from_str(&event).expect("an event is JSON");
    assert_eq!(event["subject"]["push"]["branch"], "main");
    for wrong in [["show", "github/pish"], ["list", "githup"]] {
        let output = ask(&wrong);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(wrong[1]), "{}", stderr(&output));
    }
}
