//! Rules of each form that `rule!` takes, run as a rule author runs them.

use hookbox_sdk::log::Level;
use hookbox_sdk::prelude::*;
use hookbox_sdk::settings::SettingKind;
use serde_json::json;

mod plain {
    use hookbox_sdk::prelude::*;

    rule! { subjects: [MergeRequest], channels: ["dev"], evaluate: announce }

    fn announce(event: &Event) -> Decision {
        let Some(mr) = event.merge_request() else {
            return nothing("not a merge request");
        };
        Notify::to("dev")
            .title(format!("!{} {}", mr.number, mr.title))
            .link(&event.url)
            .into()
    }
}

mod complete {
    use hookbox_sdk::prelude::*;

    rule! {
        evaluate: decide,
        commands: ["deploy-*"],
        settings: Settings {
            /// Where it is told.
            channel: Channel,
            /// The language
            /// of the messages.
            language: Language = "en",
            patterns: Vec<BranchPattern> = ["main", "release/*"],
            /// How many.
            limit: i64 = -1,
            mention: Option<String>,
        },
        configure: check,
    }

    fn check(settings: &Settings) -> Result<(), String> {
        if settings.limit == 0 {
            Err("`limit` is 0, which tells nothing".to_owned())
        } else {
            Ok(())
        }
    }

    pub(super) fn decide(event: &Event, settings: &Settings) -> Result<Decision, Failure> {
        let push = event.push().ok_or_else(|| Failure::event("not a push"))?;
        let seen = state::add("pushes", 1, None)?;
        log::info(format!("push {seen} to {}", push.branch));
        if !settings
            .patterns
            .iter()
            .any(|pattern| pattern.matches(&push.branch))
        {
            return Ok(nothing("another branch"));
        }
        let text = settings.language.pick("a push", "un push", "推送");
        Ok(Notify::to(&settings.channel)
            .text(text)
            .mention(&settings.mention)
            .into())
    }
}

#[test]
fn every_sample_is_an_event_of_its_provider() {
    for name in samples() {
        let event = sample(name);
        assert!(
            name.starts_with(&event.provider),
            "{name} is of {}",
            event.provider
        );
    }
}

#[test]
fn a_manifest_says_what_the_macro_and_the_package_say() {
    let plain = manifest_of::<plain::HookboxRule>();
    let complete = manifest_of::<complete::HookboxRule>();

    assert_eq!(plain.name, "hookbox-sdk");
    assert_eq!(plain.subjects, ["merge-request"]);
    assert_eq!(plain.channels, ["dev"]);
    assert!(plain.settings.is_empty());
    assert!(complete.subjects.is_empty());
    assert_eq!(complete.commands, ["deploy-*"]);
    let [channel, language, patterns, limit, mention] = complete.settings.as_slice() else {
        panic!("five settings are declared");
    };
    assert_eq!(
        (channel.kind, channel.required),
        (SettingKind::Channel, true)
    );
    assert_eq!(language.summary, "The language of the messages.");
    assert_eq!(language.default.as_deref(), Some("\"en\""));
    assert_eq!(
        (patterns.kind, patterns.required),
        (SettingKind::Texts, false)
    );
    assert_eq!(
        patterns.default.as_deref(),
        Some(r#"["main", "release/*"]"#)
    );
    assert_eq!(limit.default.as_deref(), Some("-1"));
    assert_eq!((mention.kind, mention.required), (SettingKind::Text, false));
}

#[test]
fn settings_are_checked_at_load_by_type_and_then_by_the_rule() {
    let load = configure_with::<complete::HookboxRule>;

    assert_eq!(load("channel = 'dev'"), Ok(()));
    assert_eq!(
        load("channel = 'dev'\nlimit = 0"),
        Err("`limit` is 0, which tells nothing".to_owned())
    );
    assert_eq!(
        load("channel = 'dev'\nlangage = 'fr'"),
        Err("unknown key `langage`: did you mean `language`?".to_owned())
    );
    assert_eq!(
        configure_with::<plain::HookboxRule>("channel = 'dev'"),
        Err("unknown key `channel`: this rule has no settings".to_owned())
    );
    assert_eq!(configure_with::<plain::HookboxRule>(""), Ok(()));
}

#[test]
fn a_case_shows_what_the_rule_sent_logged_and_kept() {
    let outcome = case(complete::decide)
        .settings("channel = 'ops'\nlanguage = 'fr'")
        .state("pushes", "41")
        .sample("gitlab/push")
        .run();

    assert_eq!(outcome.expect_notification("ops").text, "un push");
    assert_eq!(outcome.log[0].level, Level::Info);
    assert_eq!(outcome.state["pushes"], "42");
}

#[test]
fn a_failure_keeps_no_state() {
    fn fails(_event: &Event) -> Result<Decision, Failure> {
        state::set("seen", "yes", None)?;
        Err("no".into())
    }

    let outcome = case(fails).state("seen", "no").sample("gitlab/push").run();

    assert_eq!(outcome.expect_failure().message(), "no");
    assert_eq!(outcome.state["seen"], "no");
}

#[test]
fn state_without_a_grant_is_a_failure_that_says_so() {
    let outcome = case(complete::decide)
        .settings("channel = 'ops'")
        .without_state()
        .sample("gitlab/push")
        .run();

    assert_eq!(
        outcome.expect_failure().message(),
        "the operator has not granted this rule `state`"
    );
}

#[test]
fn wrong_settings_are_the_evaluations_failure() {
    let outcome = case(complete::decide).sample("gitlab/push").run();

    assert!(
        matches!(outcome.expect_failure(), Failure::Settings(text) if text.contains("`channel` is missing"))
    );
}

#[test]
fn the_payload_is_read_by_pointer_header_and_query() {
    fn read(_event: &Event) -> Decision {
        let words = [
            payload::text("/project/path"),
            payload::integer("/project/id").map(|id| id.to_string()),
            payload::header("x-gitlab-event"),
            payload::query("team"),
            payload::remote_address(),
            payload::pointer("/nothing/here").map(|value| value.to_string()),
        ];
        nothing(words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    let outcome = case(read)
        .event(sample("gitlab/push"))
        .payload(&json!({"project": {"path": "payments/api", "id": 15}}))
        .header("X-Gitlab-Event", "Push Hook")
        .query("team", "payments")
        .remote_address("10.0.0.9")
        .run();

    assert_eq!(
        outcome.expect_nothing(),
        "payments/api 15 Push Hook payments 10.0.0.9"
    );
}
