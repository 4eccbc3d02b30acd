//! What faults bring about: quarantine, and the undoing of a version.

use super::*;
use crate::support::eventually;

/// Sends so many pushes, and returns their records.
async fn pushes(server: &Server, number: usize) -> Vec<Value> {
    let mut records = Vec::new();
    for _ in 0..number {
        records.push(push(server).await);
    }
    records
}

/// The record of an event once it is evaluated a second time.
async fn evaluated_again(server: &Server, record: &Value) -> Value {
    let id = record["record"]["event"]["id"]
        .as_str()
        .expect("an identifier");
    eventually("the former version evaluates it", || async {
        let record = server.settled(id).await;
        match record["record"]["run"].as_u64() {
            Some(1) => Ok(record),
            _ => Err(record.to_string()),
        }
    })
    .await
}

#[tokio::test]
async fn ten_faults_in_a_row_are_a_quarantine_whose_events_are_asked_about_later() {
    let site = moody(FURIOUS);
    let config = Site::CONFIG;
    site.configure(&format!("quarantine = '1h'\n{config}"));
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;

    pushes(&server, 9).await;
    let nine = stands(&server).await;
    push(&server).await;
    let quarantined = server.rule_in_state("moody", "quarantined").await;
    let missed = pushes(&server, 3).await;
    let server = again(&site, server).await;
    let kept = stands(&server).await;
    pushes(&server, 2).await;
    let listed = server.rule_where("moody", |rule| rule["missed"] == 5).await;
    site.put("rules/moody.toml", CALM.as_bytes());
    server.rule_in_state("moody", "active").await;
    let replayed = server
        .post("/api/v1/events/replay?rule=moody&skipped=true")
        .await;
    server.idle().await;

    assert_eq!(nine["state"], "active");
    let standings = (standing(&quarantined), standing(&kept));
    let expected = [json!("quarantined"), json!("rule/quarantined"), json!(null)];
    assert_eq!(standings, (expected.clone(), expected));
    assert_eq!(quarantined["until"], kept["until"]);
    let reason = quarantined["reason"].as_str().expect("a reason");
    assert!(reason.contains("rule/trapped"), "{reason}");
    assert!(missed.iter().all(|record| evaluated_by(record).is_empty()));
    assert_eq!(listed["missed"], 5);
    assert_eq!(replayed["replayed"]["events"], 5, "{replayed}");
    let rule = server.rule("moody").await.expect("it is there");
    assert_eq!(rule["missed"], 0);
}

#[tokio::test]
async fn a_quarantine_ends_by_itself_and_the_next_is_longer() {
    let site = moody(FURIOUS);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    let length = |rule: &Value| {
        let moment = |key: &str| rule[key].as_i64().expect("a moment");
        moment("until") - moment("since")
    };

    pushes(&server, 10).await;
    let first = server.rule_in_state("moody", "quarantined").await;
    server.rule_in_state("moody", "active").await;
    pushes(&server, 10).await;
    let second = server.rule_in_state("moody", "quarantined").await;
    let enabled = wish(&server, "enable").await;

    assert_eq!((length(&first), length(&second)), (3_000, 15_000));
    assert_eq!(enabled["state"], "active");
}

#[tokio::test]
async fn a_version_that_faults_at_once_is_undone_and_its_events_are_evaluated_again() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    pushes(&server, 3).await;
    let calm = digest(CALM.as_bytes());
    let furious = digest(FURIOUS.as_bytes());

    site.put("rules/moody.toml", FURIOUS.as_bytes());
    server
        .rule_where("moody", |rule| rule["serving"]["settings"] == furious)
        .await;
    let faulted = pushes(&server, 3).await;
    let undone = server
        .rule_where("moody", |rule| {
            rule["code"] == "rule/undone" && rule["serving"]["settings"] == calm
        })
        .await;
    let mut again_evaluated = Vec::new();
    for record in &faulted {
        again_evaluated.push(evaluated_again(&server, record).await);
    }
    let server = again(&site, server).await;
    let kept = stands(&server).await;
    let event = push(&server).await;
    site.put("rules/moody.toml", format!("# Mended.\n{CALM}").as_bytes());
    let mended = server.rule_in_state("moody", "active").await;

    assert_eq!(undone["state"], "rejected");
    for record in &again_evaluated {
        let last = evaluations(record)
            .into_iter()
            .next_back()
            .expect("an evaluation")
            .clone();
        assert_eq!(
            (&last["settings"], last["outcome"]["decided"].is_object()),
            (&json!(calm), true),
            "{record}"
        );
    }
    assert_eq!(standing(&kept), standing(&undone));
    assert_eq!(kept["serving"]["settings"], calm);
    assert_eq!(evaluations(&event)[0]["settings"], calm);
    assert_eq!(mended["code"], json!(null));
}

#[tokio::test]
async fn a_version_whose_former_one_never_evaluated_is_not_undone() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;

    let furious = digest(FURIOUS.as_bytes());
    site.put("rules/moody.toml", FURIOUS.as_bytes());
    server
        .rule_where("moody", |rule| rule["serving"]["settings"] == furious)
        .await;
    pushes(&server, 9).await;
    let nine = stands(&server).await;

    assert_eq!(
        (nine["state"].as_str(), &nine["code"]),
        (Some("active"), &json!(null))
    );
}

#[tokio::test]
async fn nothing_passes_a_filter_in_quarantine_that_is_to_stop_at_its_faults() {
    let site = moody(&format!("on_fault = 'stop'\n{FURIOUS}"));
    site.configure(&format!("quarantine = '1h'\n{}", Site::CONFIG));
    site.put("rules/other.toml", CALM.replace("panics", "#").as_bytes());
    site.put("rules/other.wasm", &guest("moody"));
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    pushes(&server, 10).await;
    server.rule_in_state("moody", "quarantined").await;

    let record = push(&server).await;

    assert_eq!(evaluated_by(&record), Vec::<String>::new());
    let dropped = &record["record"]["drops"];
    assert!(
        record.to_string().contains("it is in quarantine"),
        "{dropped} {record}"
    );
}

#[tokio::test]
async fn a_restart_between_faults_hides_none_of_them() {
    let site = moody(FURIOUS);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;

    pushes(&server, 9).await;
    let server = again(&site, server).await;
    let before = stands(&server).await;
    push(&server).await;
    let quarantined = server.rule_in_state("moody", "quarantined").await;

    assert_eq!(before["state"], "active");
    assert_eq!(quarantined["code"], "rule/quarantined");
}

#[tokio::test]
async fn a_version_that_faults_on_both_sides_of_a_restart_is_undone() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    pushes(&server, 3).await;
    let (calm, furious) = (digest(CALM.as_bytes()), digest(FURIOUS.as_bytes()));
    site.put("rules/moody.toml", FURIOUS.as_bytes());
    server
        .rule_where("moody", |rule| rule["serving"]["settings"] == furious)
        .await;

    let mut faulted = pushes(&server, 2).await;
    let server = again(&site, server).await;
    faulted.extend(pushes(&server, 1).await);
    let undone = server
        .rule_where("moody", |rule| rule["serving"]["settings"] == calm)
        .await;

    assert_eq!(undone["code"], "rule/undone");
    for record in &faulted {
        evaluated_again(&server, record).await;
    }
}
