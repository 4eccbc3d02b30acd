//! `hookbox commands`: the list, a run by hand, and what it wrote.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Desk, entry, id};
use crate::support::receiver::Receiver;
use crate::support::server::Site;
use crate::support::{eventually, script, stderr, stdout};

const COMMANDS: &str = r#"
    [commands.greet]
    argv = ["./greet", "{name}", "--loud={loud}"]
    parameters.name = { pattern = "[a-z]+" }
    parameters.loud = { values = ["yes", "no"], default = "no" }
    environment = { TOKEN = { file = "secret" }, PLAIN = "plain-value" }
    timeout = "90s"

    [commands.slow]
    argv = ["./slow"]
    concurrency.when_busy = "reject"
"#;

/// A server with a command that greets, and one that waits for the file `go`.
async fn open() -> Desk {
    let receiver = Receiver::start().await;
    let site = Site::new(&super::config(receiver.address, COMMANDS));
    script(
        &site.path().join("greet"),
        "echo \"hello $1 $2 $TOKEN\"; [ \"$1\" != nobody ]",
    );
    let go = site.path().join("go");
    let slow = format!(
        "echo first; while [ ! -e '{}' ]; do sleep 0.05; done; echo second",
        go.display()
    );
    script(&site.path().join("slow"), &slow);
    Desk::serving(site).await
}

#[tokio::test]
async fn commands_are_listed_with_what_they_take_and_without_their_secrets() {
    let desk = open().await;

    let listed = desk.json(&["commands", "list"]).await;
    let text = desk.says(&["commands", "list"]).await;

    let greet = entry(&listed["commands"], "greet");
    assert_eq!(greet["argv"], json!(["./greet", "{name}", "--loud={loud}"]));
    assert_eq!(greet["parameters"][1]["name"], "name");
    assert_eq!(greet["parameters"][1]["accepts"], "pattern `[a-z]+`");
    assert_eq!(greet["parameters"][0]["default"], "no");
    assert_eq!(greet["environment"], json!(["PLAIN", "TOKEN"]));
    assert_eq!(greet["timeout"], "90s");
    assert_eq!(
        (&greet["running"], &greet["waiting"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(entry(&listed["commands"], "slow")["when-busy"], "reject");
    assert!(
        text.contains("greet  ./greet {name} --loud={loud}\n"),
        "{text}"
    );
    assert!(
        text.contains("loud: one of `yes`, `no`, `no` by default"),
        "{text}"
    );
    assert!(!format!("{listed}{text}").contains("plain-value"));
}

#[tokio::test]
async fn a_run_by_hand_shows_its_output_and_is_on_record() {
    let desk = open().await;

    let output = desk
        .ask(&["commands", "run", "greet", "name=ada", "loud=yes"])
        .await;

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "hello ada --loud=yes ***\n");
    let actions = desk.actions("command=greet&state=done", 1).await;
    let key = actions[0]["key"].as_str().expect("a key");
    let event = actions[0]["event"].as_str().expect("an event");
    assert_eq!(key, format!("{event}/0#operators/0"));
    assert_eq!(actions[0]["rule"], "by-hand");
    let record = desk.server.record(event).await;
    let event = &record["record"]["event"];
    assert_eq!(
        (&event["source"], &event["provider"]),
        (&json!("by-hand"), &json!("hookbox"))
    );
    assert_eq!(event["confidential"], true);
    let note = event["note"].as_str().expect("a note");
    assert!(note.ends_with("ran the command `greet` by hand"), "{note}");
    let shown = desk.says(&["events", "show", "last"]).await;
    assert!(shown.contains("deploy greet loud=yes name=ada"), "{shown}");
    let again = desk.says(&["commands", "output", &id(&actions[0])]).await;
    assert_eq!(again, "hello ada --loud=yes ***\n");
}

#[tokio::test]
async fn a_run_that_fails_exits_with_7_and_says_how_to_go_on() {
    let desk = open().await;

    let error = desk
        .fails(7, &["commands", "run", "greet", "name=nobody"])
        .await;
    let json = desk
        .ask(&["commands", "run", "greet", "name=nobody", "--json"])
        .await;

    assert!(error.contains("is dead: exit 1 after"), "{error}");
    assert!(error.contains("`hookbox actions retry "), "{error}");
    assert_eq!(json.status.code(), Some(7));
    let action: Value = serde_json::from_str(&stdout(&json)).expect("it is JSON");
    assert_eq!(action["state"], "dead");
    assert_eq!(action["attempts"][0]["exit-code"], 1);
}

#[tokio::test]
async fn arguments_that_are_not_accepted_leave_nothing_behind() {
    let desk = open().await;

    for (arguments, code, expected) in [
        (vec!["greet"], 6, "got no value and has no default"),
        (vec!["greet", "name=ADA"], 6, "pattern `[a-z]+`"),
        (
            vec!["greet", "name=ada", "nam=x"],
            6,
            "it has `loud`, `name`",
        ),
        (vec!["greet", "name=ada", "name=bob"], 2, "given twice"),
        (vec!["greet", "ada"], 2, "`name=value`"),
        (vec!["gret", "name=ada"], 6, "is it `greet`?"),
        (vec!["../x"], 6, "there is no command `../x`"),
    ] {
        let arguments = [&["commands", "run"], arguments.as_slice()].concat();
        let error = desk.fails(code, &arguments).await;
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let path = "/api/v1/commands/greet/run";
    for body in [
        "{",
        "[]",
        "{\"arguments\": {\"name\": 5}}",
        "{\"name\": \"ada\"}",
        "",
    ] {
        let refused = desk.refused(Method::POST, path, body).await;
        let expected = (StatusCode::BAD_REQUEST, "api/bad-request".to_owned());
        assert_eq!(refused, expected, "{body}");
    }
    assert_eq!(desk.server.events().await, [""; 0]);
}

#[tokio::test]
async fn what_a_command_wrote_is_seen_while_it_runs_and_followed_to_its_end() {
    let desk = open().await;

    let detached = desk.says(&["commands", "run", "slow", "--detach"]).await;
    let action = detached
        .trim()
        .strip_prefix("action ")
        .expect("a number")
        .to_owned();
    eventually("its first line is seen", || async {
        let text = desk.says(&["commands", "output", &action]).await;
        (text == "first\n").then_some(()).ok_or(text)
    })
    .await;
    let listed = desk.json(&["commands", "list"]).await;
    let refused = desk.fails(7, &["commands", "run", "slow"]).await;
    let follow = ["commands", "output", &action, "--follow"];
    let waits = desk.ask(&follow);
    let goes_on = async {
        desk.site.put("go", b"");
    };
    let (followed, ()) = tokio::join!(waits, goes_on);

    assert_eq!(entry(&listed["commands"], "slow")["running"], 1);
    assert!(refused.contains("is refused"), "{refused}");
    assert_eq!(followed.status.code(), Some(0), "{}", stderr(&followed));
    assert_eq!(stdout(&followed), "first\nsecond\n");
    let answer = desk
        .json(&["commands", "output", &action, "--attempt", "1"])
        .await;
    assert_eq!(
        (&answer["state"], &answer["text"]),
        (&json!("done"), &json!("first\nsecond\n"))
    );
    let none = desk
        .fails(6, &["commands", "output", &action, "--attempt", "2"])
        .await;
    assert!(none.contains("has no attempt 2: it has 1 so far"), "{none}");
    desk.fails(6, &["commands", "output", "4711"]).await;
}

#[tokio::test]
async fn a_git_update_is_listed_with_its_checkout() {
    let receiver = Receiver::start().await;
    let update = "[commands.site]\nkind = 'git-update'\npath = 'site'\nbranch = 'main'\nthen = ['make', 'all of it']";
    let site = Site::new(&super::config(receiver.address, update));
    std::fs::create_dir(site.path().join("site")).expect("a folder can be made");
    let desk = Desk::serving(site).await;

    let listed = desk.json(&["commands", "list"]).await;
    let text = desk.says(&["commands", "list"]).await;

    let site = entry(&listed["commands"], "site");
    assert_eq!(site["kind"], "git-update");
    assert_eq!(site["checkout"], json!(["site", "origin", "main"]));
    assert!(text.contains("site  make 'all of it'\n"), "{text}");
    assert!(
        text.contains("updates site to the branch main of origin"),
        "{text}"
    );
}

#[tokio::test]
async fn a_source_cannot_have_the_name_of_what_is_asked_by_hand() {
    let site = Site::new("[sources.by-hand]\nprovider = 'gitlab'");

    let output = crate::support::hookbox(site.path(), &["check"]);

    assert_eq!(output.status.code(), Some(3));
    let error = stderr(&output);
    assert!(error.contains("`[sources.by-hand]`"), "{error}");
}
