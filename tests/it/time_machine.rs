//! The time machine: stored events through a module that is not installed.
//!
//! The rule at work and the modules that are tried are the guest `picks` with different settings, so that it is known
//! which events must differ. What is uploaded wrongly, and what ends early, is in `refusals.rs` beside this.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use hookbox::domain::names::Digest;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::support::events::push_of_its_own;
use crate::support::modules::marked;
use crate::support::server::{SECRET, Server, Site};
use crate::support::{guest, hookbox_with, stderr, stdout};

mod leftovers;
mod refusals;
mod seats;

/// A source of alerts, a console, a team that sees them, and one that does not.
const CONFIG: &str = r#"
    [sources.alerts]
    provider = "alertmanager"
    secret = { file = "secret" }

    [channels.console]
    kind = "console"

    [shared]
    sources = ["*"]
    channels = ["console"]

    [teams.payments]
    sources = ["alerts"]
    channels = ["console"]

    [teams.strangers]
    sources = ["gitlab"]
    channels = ["console"]
"#;

/// A settings file for the guest `picks`.
fn picks(tell: &[&str], loud: &[&str], fall: &[&str]) -> String {
    let list = |names: &[&str]| json!(names).to_string();
    format!(
        "[settings]\nchannel = 'console'\ntell = {}\nloud = {}\nfall = {}\n",
        list(tell),
        list(loud),
        list(fall)
    )
}

/// A running server with a past.
struct Past {
    site: Site,
    server: Server,
}

impl Past {
    /// A server with the rule `payments/picks` at work, with these settings.
    async fn with(settings: &str) -> Self {
        let site = Site::new(CONFIG);
        site.put("rules/payments/picks.toml", settings.as_bytes());
        site.put("rules/payments/picks.wasm", &guest("picks"));
        site.put("picks.wasm", &marked(&guest("picks"), "tried"));
        let server = site.serve().await;
        server.rule_in_state("payments/picks", "active").await;
        Self { site, server }
    }

    /// Sends alerts of these names in one delivery.
    async fn send(&self, names: &[String]) {
        let alert = |name: &String| {
            json!({
                "status": "firing", "labels": { "alertname": name },
                "startsAt": "2026-11-22T14:29:05Z", "fingerprint": "5ef77f1f8a3ecfaf",
            })
        };
        let alerts: Vec<Value> = names.iter().map(alert).collect();
        let body = json!({
            "status": "firing", "version": "4", "receiver": "hookbox", "alerts": alerts,
            "groupKey": uuid::Uuid::now_v7().to_string(),
        });
        let answer = self
            .server
            .http
            .post(format!("{}/hooks/alerts", self.server.public))
            .bearer_auth(SECRET)
            .json(&body)
            .send()
            .await
            .expect("the server answers");
        assert_eq!(answer.status(), 202);
    }

    /// Sends alerts, one in each delivery, and waits until each is done.
    async fn evaluated(&self, names: &[&str]) {
        for name in names {
            self.send(&[(*name).to_owned()]).await;
        }
        self.server.idle().await;
    }

    /// Runs `hookbox rules replay` on the module beside the configuration.
    async fn replay(&self, settings: Option<&str>, arguments: &[&str]) -> Output {
        let mut all = vec!["rules", "replay", "picks.wasm"];
        if !arguments.contains(&"--as") {
            all.extend(["--team", "payments"]);
        }
        if let Some(settings) = settings {
            self.site.put("tried.toml", settings.as_bytes());
            all.extend(["--settings", "tried.toml"]);
        }
        all.extend(arguments);
        all.extend(["--server", &self.server.admin]);
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let (folder, token) = (self.site.path().to_owned(), self.server.token.clone());
        let run = tokio::task::spawn_blocking(move || {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            hookbox_with(&folder, &all, &[("HOOKBOX_TOKEN", &token)])
        });
        run.await.expect("nothing panicked")
    }

    /// What a run says, a line each.
    async fn lines(&self, settings: Option<&str>, arguments: &[&str]) -> Vec<Value> {
        let output = self
            .replay(settings, &[arguments, &["--json"]].concat())
            .await;
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stdout(&output);
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("each line is JSON")
    }

    /// The sums of every table but that of the owners, whose leases are renewed all the time.
    fn checksum(&self) -> BTreeMap<String, (usize, String)> {
        checksum(&self.site.path().join("data/hookbox.db"))
    }
}

fn checksum(file: &Path) -> BTreeMap<String, (usize, String)> {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let db = db.expect("the store can be read");
    let mut names = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'owners'")
        .expect("a statement");
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))
        .expect("the tables")
        .collect::<Result<_, _>>()
        .expect("their names");
    let sum = |table: &String| {
        let mut rows = db
            .prepare(&format!("SELECT * FROM {table}"))
            .expect("a statement");
        let columns = rows.column_count();
        let rows: Vec<String> = rows
            .query_map([], |row| {
                let cells = (0..columns).map(|column| row.get::<_, Cell>(column));
                let cells: Vec<Cell> = cells.collect::<Result<_, _>>()?;
                Ok(format!("{cells:?}"))
            })
            .expect("the rows")
            .collect::<Result<_, _>>()
            .expect("a row");
        (
            rows.len(),
            Digest::of(rows.join("\n").as_bytes()).to_string(),
        )
    };
    names
        .iter()
        .map(|table| (table.clone(), sum(table)))
        .collect()
}

/// The events of a run that differ, by the name of their alert, with what they come to.
fn verdicts(lines: &[Value]) -> Vec<String> {
    let events = lines.iter().filter_map(|line| line.get("event"));
    events
        .map(|event| {
            let action = &event["changes"][0];
            let side = if action["now"].is_null() {
                "then"
            } else {
                "now"
            };
            let text = action[side]["notify"]["text"].as_str().unwrap_or("-");
            format!("{} {text}", event["verdict"].as_str().expect("a verdict"))
        })
        .collect()
}

fn summary(lines: &[Value]) -> &Value {
    let last = lines.last().expect("there are lines");
    last.get("summary").expect("the last line sums up")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_events_show_exactly_the_three_that_differ_and_nothing_is_changed() {
    let past = Past::with(&picks(&["a0010", "a5000", "a9999"], &[], &[])).await;
    let names: Vec<String> = (0..10_000).map(|number| format!("a{number:04}")).collect();
    for delivery in names.chunks(1_000) {
        past.send(delivery).await;
    }
    past.server.idle().await;
    let before = past.checksum();

    // One is told in capitals, one is told that was not, and one is not told that was.
    let tried = picks(&["a0010", "a5000", "a7777"], &["a5000"], &[]);
    let lines = past.lines(Some(&tried), &[]).await;

    let after = past.checksum();
    let mut found = verdicts(&lines);
    found.sort();
    assert_eq!(found, ["changed A5000", "gone a9999", "new a7777"]);
    let summary = summary(&lines);
    assert_eq!(summary["looked-at"], 10_000);
    assert_eq!(
        summary["events"],
        json!({ "same": 9_997, "new": 1, "gone": 1, "changed": 1, "faults": 0 })
    );
    assert_eq!(
        summary["actions"],
        json!({ "same": 1, "new": 1, "gone": 1, "changed": 1, "faults": 0 })
    );
    assert_eq!(summary["now"]["evaluations"], 10_000);
    assert!(summary["then"]["fuel"]["median"].as_u64() > Some(0));
    assert_eq!(before["events"].0, 10_000);
    assert_eq!(before["evaluations"].0, 10_000);
    assert_eq!(before, after);
    let console = past.server.console();
    assert!(
        !console.contains("A5000") && !console.contains("a7777"),
        "{console}"
    );
}

#[tokio::test]
async fn the_settings_of_the_rule_at_work_hold_where_none_are_given() {
    let past = Past::with(&picks(&["a", "b"], &[], &[])).await;
    past.evaluated(&["a", "b", "c"]).await;

    let lines = past.lines(None, &["--all"]).await;

    assert_eq!(lines[0]["began"]["settings"], "rule-at-work");
    assert_eq!(lines[0]["began"]["exactness"], "exact");
    assert_eq!(verdicts(&lines), ["same a", "same b", "same -"]);
    let (then, now) = (&summary(&lines)["then"], &summary(&lines)["now"]);
    assert_eq!(
        then["fuel"], now["fuel"],
        "the same module with the same settings"
    );
    let event = &lines[1]["event"];
    assert_ne!(event["then"]["module"], event["now"]["module"]);
}

#[tokio::test]
async fn the_events_are_in_their_order_and_each_counts_once_however_often_it_was_replayed() {
    let past = Past::with(&picks(&["a"], &[], &[])).await;
    past.evaluated(&["a", "b", "c"]).await;
    // What the rule answers from now on is another thing than what it answered first.
    let digest = crate::support::modules::digest(&marked(&guest("picks"), "later"));
    let later = picks(&["b", "c"], &[], &[]);
    past.site.put("rules/payments/picks.toml", later.as_bytes());
    past.site.put(
        "rules/payments/picks.wasm",
        &marked(&guest("picks"), "later"),
    );
    past.server.serves("payments/picks", &digest).await;
    past.server.post("/api/v1/events/replay?all=true").await;
    past.server.idle().await;

    let lines = past.lines(Some(&picks(&["c"], &[], &[])), &["--all"]).await;

    assert_eq!(verdicts(&lines), ["gone a", "same -", "new c"]);
    assert_eq!(summary(&lines)["looked-at"], 3);
}

#[tokio::test]
async fn a_rule_that_never_was_has_everything_new_and_sees_what_its_team_sees() {
    let past = Past::with(&picks(&["a"], &[], &[])).await;
    past.evaluated(&["a", "b"]).await;
    let tried = picks(&["a"], &[], &[]);

    let of_team = past.lines(Some(&tried), &["--as", "payments/other"]).await;
    let of_shared = past.lines(Some(&tried), &["--as", "other"]).await;
    let of_strangers = past.lines(Some(&tried), &["--as", "strangers/other"]).await;

    for lines in [&of_team, &of_shared] {
        assert_eq!(verdicts(lines), ["new a"]);
        assert_eq!(summary(lines)["first-asked"]["evaluations"], 2);
        assert_eq!(summary(lines)["then"]["evaluations"], 0);
    }
    assert_eq!(verdicts(&of_strangers), Vec::<String>::new());
    assert_eq!(summary(&of_strangers)["not-asked"], 2);
}

#[tokio::test]
async fn an_event_that_the_module_is_not_asked_about_has_lost_its_actions() {
    let past = Past::with(&picks(&["a"], &[], &[])).await;
    past.evaluated(&["a", "b"]).await;
    let narrower = format!("subjects = ['push']\n{}", picks(&["a"], &[], &[]));

    let lines = past.lines(Some(&narrower), &[]).await;

    assert_eq!(verdicts(&lines), ["gone a"]);
    let reason = lines[1]["event"]["not-asked"].as_str().expect("a reason");
    assert!(reason.contains("subjects = [\"push\"]"), "{reason}");
    assert_eq!(summary(&lines)["events"]["same"], 1);
    assert_eq!(summary(&lines)["not-asked"], 2);
}

#[tokio::test]
async fn a_module_that_faults_on_some_events_is_shown_with_the_fault_and_the_rest_goes_on() {
    let past = Past::with(&picks(&["a", "b", "c"], &[], &[])).await;
    past.evaluated(&["a", "b", "c"]).await;
    let falling = picks(&["a", "b", "c"], &[], &["b"]);

    let lines = past.lines(Some(&falling), &[]).await;
    let shown = past.replay(Some(&falling), &[]).await;

    assert_eq!(verdicts(&lines), ["faults b"]);
    let now = &lines[1]["event"]["now"];
    assert_eq!(now["fault"]["code"], "rule/trapped");
    let log = now["log"].to_string();
    assert!(log.contains("told to panic at `b`"), "{log}");
    assert_eq!(summary(&lines)["events"]["same"], 2);
    let shown = stdout(&shown);
    assert!(shown.contains("faults"), "{shown}");
    assert!(shown.contains("(rule/trapped)"), "{shown}");
    let rule = past.server.rule("payments/picks").await.expect("the rule");
    assert_eq!(rule["state"], "active");
}

#[tokio::test]
async fn what_differs_is_a_line_for_people_and_an_exit_code_for_scripts() {
    let past = Past::with(&picks(&["a"], &[], &[])).await;
    past.evaluated(&["a", "b"]).await;
    let same = picks(&["a"], &[], &[]);
    let loud = picks(&["a"], &["a"], &[]);
    let code = |output: &Output| output.status.code();

    let differs = past.replay(Some(&loud), &["--fail-on-difference"]).await;
    let alike = past.replay(Some(&same), &["--fail-on-difference"]).await;
    let told = past.replay(Some(&loud), &[]).await;
    let earlier = past
        .replay(Some(&loud), &["--fail-on-difference", "--until", "1d"])
        .await;

    assert_eq!((code(&differs), code(&alike)), (Some(8), Some(0)));
    assert_eq!((code(&told), code(&earlier)), (Some(0), Some(0)));
    let text = stdout(&told);
    let first = text.lines().next().expect("a line");
    assert!(first.contains("alert"), "{text}");
    assert!(
        first.ends_with("changed  ~ notify console: text \"a\" → \"A\""),
        "{text}"
    );
    assert!(
        text.contains("\nevents: 1 same, 0 new, 0 gone, 1 changed, 0 faults\n"),
        "{text}"
    );
    assert!(
        text.contains("\nof the 2 events that both were asked about:\n  fuel: total "),
        "{text}"
    );
    assert!(!stdout(&alike).contains(" → \"A\""), "{}", stdout(&alike));
}

#[tokio::test]
async fn only_the_events_that_are_meant_are_looked_at() {
    let past = Past::with(&picks(&[], &[], &[])).await;
    past.evaluated(&["a", "b", "c"]).await;
    let tried = picks(&["a", "b", "c"], &[], &[]);

    for (arguments, expected) in [
        (&["--limit", "2"][..], &["new b", "new c"][..]),
        (&["--source", "alerts", "--limit", "1"], &["new c"]),
        (&["--source", "gitlab"], &[]),
        (&["--subject", "push"], &[]),
        (&["--project", "payments/storefront"], &[]),
        (&["--since", "0s"], &[]),
        (
            &["--since", "2h", "--subject", "alert"],
            &["new a", "new b", "new c"],
        ),
    ] {
        let lines = past.lines(Some(&tried), arguments).await;

        assert_eq!(verdicts(&lines), expected, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_state_begins_empty_and_grows_in_a_copy() {
    let more = "[sources.gitlab]\nprovider = 'gitlab'\nsecret = { file = 'secret' }\n[shared]\nstate = '1KiB'";
    let site = Site::new(&CONFIG.replace("[shared]", more));
    site.put("rules/counter.wasm", &guest("counter"));
    site.put("picks.wasm", &marked(&guest("counter"), "tried"));
    let server = site.serve().await;
    server.rule_in_state("counter", "active").await;
    let past = Past { site, server };
    for _ in 0..3 {
        let push = push_of_its_own();
        past.server.send("Push Hook", &push).await;
    }
    past.server.idle().await;
    let before = past.checksum();

    let all = past.lines(None, &["--as", "counter", "--all"]).await;
    let newest = past
        .lines(None, &["--as", "counter", "--limit", "2", "--all"])
        .await;

    assert_eq!(all[0]["began"]["exactness"], "estimate");
    assert_eq!(summary(&all)["events"]["same"], 3);
    assert_eq!(summary(&all)["other-reasons"], 0);
    // It did not see the first, so that it counts from the second on.
    assert_eq!(newest[1]["event"]["now"]["reason"], "1 after nothing");
    assert_eq!(summary(&newest)["other-reasons"], 2);
    assert_eq!(past.checksum(), before);
}

#[tokio::test]
async fn a_team_tries_modules_as_its_own_rules_and_learns_of_no_event_of_others() {
    let token = "token = { file = 'team' }";
    let site =
        Site::new(&CONFIG.replace("[teams.strangers]", &format!("[teams.strangers]\n{token}")));
    site.put("team", b"a-token-of-the-team-that-is-long-enough");
    site.put("rules/payments/picks.wasm", &guest("picks"));
    site.put(
        "rules/payments/picks.toml",
        picks(&["a"], &[], &[]).as_bytes(),
    );
    site.put("picks.wasm", &guest("picks"));
    let server = site.serve().await;
    server.rule_in_state("payments/picks", "active").await;
    let mut past = Past { site, server };
    past.evaluated(&["a", "b"]).await;
    "a-token-of-the-team-that-is-long-enough".clone_into(&mut past.server.token);
    let tried = picks(&["a"], &[], &[]);

    let own = past.lines(Some(&tried), &["--as", "strangers/picks"]).await;
    let foreign = past.replay(Some(&tried), &[]).await;
    let counting = past
        .replay(Some(&tried), &["--as", "strangers/picks", "--limit", "1"])
        .await;

    assert!(own[0]["began"]["events"].is_null(), "{}", own[0]);
    assert_eq!(summary(&own)["looked-at"], 0);
    assert_eq!(summary(&own)["not-asked"], 0);
    let code = |output: &Output| output.status.code();
    assert_eq!((code(&foreign), code(&counting)), (Some(6), Some(6)));
    assert!(stderr(&foreign).contains("404"), "{}", stderr(&foreign));
    assert!(stderr(&counting).contains("403"), "{}", stderr(&counting));
}

#[tokio::test]
async fn a_team_that_tries_a_module_is_told_no_number_of_an_event() {
    let token = "a-token-of-the-team-that-is-long-enough";
    let site = Site::new(&CONFIG.replace(
        "[teams.payments]",
        "[teams.payments]\ntoken = { file = 'team' }",
    ));
    site.put("team", token.as_bytes());
    site.put("picks.wasm", &guest("picks"));
    let server = site.serve().await;
    let mut past = Past { site, server };
    past.evaluated(&["a"]).await;
    let tried = picks(&["a"], &[], &[]);

    let of_operators = past.lines(Some(&tried), &[]).await;
    token.clone_into(&mut past.server.token);
    let of_team = past.lines(Some(&tried), &[]).await;

    assert_eq!(verdicts(&of_team), ["new a"]);
    assert!(of_operators[1]["event"]["sequence"].is_i64());
    assert_eq!(of_team[1]["event"].get("sequence"), None);
}
