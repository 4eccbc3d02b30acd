//! What becomes of each kind of body.

use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::event::{Change, CommentTarget, Event, Subject, Visibility};
use crate::sources::testing::{self, build};

fn read(body: &Value) -> Event {
    let source = build("provider = 'slack'\nverify = 'none'").expect("a source");
    let mut parsed = testing::parse(&source, &[], body.to_string().as_bytes());
    assert_eq!(parsed.events.len(), 1);
    parsed.events.remove(0)
}

fn event(event: &Value) -> Event {
    read(
        &json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event_time": 1_767_225_600, "event": event}),
    )
}

fn message(more: &Value) -> Event {
    let mut message = json!({
        "type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "text": "hello",
        "ts": "1767225599.000200", "event_ts": "1767225599.000200",
    });
    let more = more.as_object().expect("fields");
    message
        .as_object_mut()
        .expect("fields")
        .extend(more.clone());
    event(&message)
}

fn comment(event: &Event) -> (&str, &str, Change) {
    match &event.subject {
        Subject::Comment(comment) => (&comment.id, &comment.text, comment.change),
        subject => panic!("{}: {:?}", subject.name(), event.note),
    }
}

fn note(event: &Event) -> &str {
    assert_eq!(event.subject, Subject::Other);
    event.note.as_deref().expect("a note")
}

#[test]
fn a_message_is_a_comment_in_its_channel() {
    let event = message(&json!({}));
    assert_eq!(
        comment(&event),
        ("1767225599.000200", "hello", Change::Opened)
    );
    let Subject::Comment(said) = &event.subject else {
        panic!("it is a comment")
    };
    assert_eq!(said.target, CommentTarget::Other);
    assert_eq!(said.target_key.as_deref(), Some("C1"));
    assert_eq!(event.provider_event, "message");
    assert_eq!(event.provider_action, None);
    assert_eq!(event.happened_at, Some(Timestamp(1_767_225_599_000)));
    assert_eq!(event.note, None);
    let actor = event.actor.as_ref().expect("an actor");
    assert_eq!(
        (actor.id.as_deref(), &*actor.name, actor.bot),
        (Some("U1"), "U1", false)
    );
    let channel = event.repository.as_ref().expect("a channel");
    assert_eq!(
        (&*channel.id, &*channel.full_name, channel.visibility),
        ("C1", "T1/C1", Visibility::Public)
    );
}

#[test]
fn a_message_of_a_bot_says_so() {
    for (more, name) in [
        (json!({"bot_id": "B1", "bot_profile": {"name": "ci"}}), "ci"),
        (
            json!({"subtype": "bot_message", "bot_id": "B1", "username": "alerts", "user": null}),
            "alerts",
        ),
        (json!({"user": "USLACKBOT"}), "USLACKBOT"),
    ] {
        let event = message(&more);
        let actor = event.actor.expect("an actor");
        assert_eq!((&*actor.name, actor.bot), (name, true));
    }
}

#[test]
fn a_changed_and_a_deleted_message_keep_the_time_they_were_written_at_as_their_id() {
    let changed = message(&json!({
        "subtype": "message_changed", "user": null, "text": null, "ts": "1767225599.000900", "hidden": true,
        "message": {"type": "message", "user": "U1", "text": "hello!", "ts": "1767225500.000100",
                    "edited": {"user": "U2", "ts": "1767225599.000000"}},
        "previous_message": {"type": "message", "user": "U1", "text": "hello", "ts": "1767225500.000100"},
    }));
    assert_eq!(
        comment(&changed),
        ("1767225500.000100", "hello!", Change::Updated)
    );
    assert_eq!(changed.provider_action.as_deref(), Some("message_changed"));
    assert_eq!(changed.actor.expect("an editor").id.as_deref(), Some("U2"));
    assert_eq!(changed.happened_at, Some(Timestamp(1_767_225_599_000)));

    let deleted = message(&json!({
        "subtype": "message_deleted", "user": null, "text": null, "deleted_ts": "1767225500.000100",
        "previous_message": {"type": "message", "user": "U1", "text": "hello", "ts": "1767225500.000100"},
    }));
    assert_eq!(
        comment(&deleted),
        ("1767225500.000100", "hello", Change::Deleted)
    );
    assert_eq!(deleted.actor, None, "Slack does not say who deleted it");
}

#[test]
fn a_first_message_that_becomes_a_tombstone_is_deleted() {
    let event = message(&json!({
        "subtype": "message_changed", "user": null, "text": null,
        "message": {"subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.",
                    "ts": "1767225500.000100"},
        "previous_message": {"user": "U1", "text": "hello", "ts": "1767225500.000100"},
    }));
    assert_eq!(
        comment(&event),
        ("1767225500.000100", "hello", Change::Deleted)
    );
    let Subject::Comment(said) = &event.subject else {
        panic!("it is a comment")
    };
    assert_eq!(said.target_key.as_deref(), Some("C1"));
}

#[test]
fn a_message_with_files_alone_has_no_text_and_a_notice_is_no_comment() {
    let files = message(&json!({"subtype": "file_share", "text": "", "files": [{"id": "F1"}]}));
    assert_eq!(comment(&files).1, "");
    for subtype in [
        "channel_join",
        "channel_topic",
        "message_replied",
        "huddle_thread",
    ] {
        let event = message(&json!({"subtype": subtype}));
        assert!(note(&event).contains(subtype), "{event:?}");
        assert_eq!(event.provider_action.as_deref(), Some(subtype));
        assert!(event.actor.is_some() && event.repository.is_some());
    }
}

#[test]
fn what_is_not_said_in_a_public_channel_is_confidential() {
    for (more, is_confidential) in [
        (json!({}), false),
        (json!({"channel_type": "group"}), true),
        (json!({"channel_type": "im", "channel": "D1"}), true),
        (json!({"channel_type": "mpim"}), true),
        (json!({"channel_type": "app_home"}), true),
        (json!({"channel_type": null}), true),
        (json!({"channel_type": "something new"}), true),
        (json!({"channel_type": "im", "channel": null}), true),
    ] {
        let event = message(&more);
        assert_eq!(event.is_confidential(), is_confidential, "{more}");
        let Subject::Comment(said) = &event.subject else {
            panic!("it is a comment")
        };
        assert_eq!(said.confidential, is_confidential, "{more}");
    }
}

#[test]
fn a_mention_is_a_comment_and_an_edited_one_an_update() {
    let mention = |more: Value| {
        let mut body = json!({"type": "app_mention", "user": "U1", "text": "<@U9> deploy", "ts": "1767225599.5",
                              "channel": "C1", "event_ts": "1515449522000016"});
        body.as_object_mut()
            .expect("fields")
            .extend(more.as_object().expect("fields").clone());
        event(&body)
    };
    let plain = mention(json!({}));
    assert_eq!(
        comment(&plain),
        ("1767225599.5", "<@U9> deploy", Change::Opened)
    );
    assert_eq!(plain.provider_event, "app_mention");
    // Slack's own example has an `event_ts` without its point.
    assert_eq!(plain.happened_at, Some(Timestamp(1_767_225_599_500)));
    assert!(plain.is_confidential(), "the channel may be private");
    let edited = mention(json!({"edited": {"user": "U1", "ts": "1767225600.0"}}));
    assert_eq!(comment(&edited).2, Change::Updated);
}

#[test]
fn whoever_joins_or_leaves_a_channel_or_joins_the_workspace_is_a_member() {
    let member = |event: &Event| match &event.subject {
        Subject::Member(member) => (member.person.clone(), member.change),
        subject => panic!("{}: {:?}", subject.name(), event.note),
    };
    let joined = event(
        &json!({"type": "member_joined_channel", "user": "U1", "channel": "C1", "channel_type": "C",
                               "inviter": "U2", "event_ts": "1767225599.000000"}),
    );
    let (person, change) = member(&joined);
    assert_eq!((person.id.as_deref(), change), (Some("U1"), Change::Opened));
    assert_eq!(
        joined.actor.as_ref().and_then(|actor| actor.id.as_deref()),
        Some("U2")
    );
    let left = event(&json!({"type": "member_left_channel", "user": "U1", "channel": "G1"}));
    assert_eq!(member(&left).1, Change::Deleted);
    assert_eq!(
        left.actor.as_ref().and_then(|actor| actor.id.as_deref()),
        Some("U1")
    );
    assert_eq!(left.happened_at, Some(Timestamp(1_767_225_600_000)));

    let new = event(
        &json!({"type": "team_join", "user": {"id": "U3", "name": "ada.martin", "real_name": "Ada Martin",
                            "is_bot": false, "profile": {"email": "ada.martin@example.org"}}}),
    );
    let (person, change) = member(&new);
    assert_eq!(
        (&*person.name, person.username.as_deref()),
        ("Ada Martin", Some("ada.martin"))
    );
    assert_eq!(person.email.as_deref(), Some("ada.martin@example.org"));
    assert_eq!(change, Change::Opened);
    assert!(new.repository.is_none() && !new.is_confidential());
}

#[test]
fn a_command_is_other_under_its_own_name() {
    let event = read(
        &json!({"command": "/deploy", "text": "storefront staging", "team_id": "T1", "channel_id": "C1",
                "channel_name": "storefront", "user_id": "U1", "user_name": "ada.martin"}),
    );
    assert!(note(&event).contains("command"));
    assert_eq!(event.provider_event, "/deploy");
    let actor = event.actor.expect("an actor");
    assert_eq!(
        (actor.id.as_deref(), actor.username.as_deref()),
        (Some("U1"), Some("ada.martin"))
    );
    let channel = event.repository.expect("a channel");
    assert_eq!(
        (&*channel.name, &*channel.full_name),
        ("storefront", "T1/C1")
    );
    assert!(event.confidential);
}

#[test]
fn an_interaction_is_other_under_its_type() {
    let event = read(
        &json!({"type": "block_actions", "team": {"id": "T1", "domain": "acme"}, "channel": {"id": "C1", "name": "dev"},
                "user": {"id": "U1", "username": "ada.martin", "name": "ada.martin", "team_id": "T1"},
                "actions": [{"action_id": "approve", "action_ts": "1767225599.365233"}]}),
    );
    assert!(note(&event).contains("block_actions"));
    assert_eq!(event.provider_event, "block_actions");
    assert_eq!(event.happened_at, Some(Timestamp(1_767_225_599_365)));
    assert_eq!(event.actor.expect("an actor").name, "ada.martin");
    assert_eq!(event.repository.expect("a channel").full_name, "T1/C1");
}

#[test]
fn a_check_of_the_certificate_is_a_ping() {
    let event = read(&json!({"ssl_check": "1", "token": "[hidden]"}));
    assert_eq!(event.subject, Subject::Ping);
    assert_eq!(event.provider_event, "ssl_check");
}

#[test]
fn what_lacks_what_its_kind_always_has_is_other_with_a_note() {
    for (body, expected) in [
        (json!({}), "names no kind"),
        (json!([1]), "names no kind"),
        (json!({"type": "url_verification"}), "challenge"),
        (json!({"type": "event_callback"}), "event.type"),
        (
            json!({"type": "event_callback", "event": {"type": "message", "user": "U1"}}),
            "`ts`",
        ),
        (
            json!({"type": "event_callback", "event": {"type": "message", "subtype": "message_deleted"}}),
            "deleted_ts",
        ),
        (
            json!({"type": "event_callback", "event": {"type": "member_joined_channel"}}),
            "`user`",
        ),
        (
            json!({"type": "event_callback", "event": {"type": "reaction_added", "item": {"channel": "C1"}}}),
            "reaction",
        ),
        (
            json!({"type": "event_callback", "event": {"type": "channel_created", "channel": {"id": "C1"}}}),
            "channel_created",
        ),
        (json!({"type": "app_rate_limited"}), "leaves out"),
        (json!({"type": "tomorrow"}), "not known"),
    ] {
        let event = read(&body);
        assert!(note(&event).contains(expected), "{body}: {:?}", event.note);
    }
}
