//! What Slack's bodies say.
//!
//! A body is an event in its wrapper, <https://docs.slack.dev/reference/objects/event-object>, a slash command,
//! <https://docs.slack.dev/interactivity/implementing-slash-commands>, or an interaction,
//! <https://docs.slack.dev/reference/interaction-payloads>. Of people, channels and workspaces an event has the
//! identifiers alone.

use crate::domain::clock::Timestamp;
use crate::domain::event::{
    Change, Comment, CommentTarget, Member, Person, Repository, Subject, Visibility,
};
use crate::sources::json::Node;
use crate::sources::provider::Draft;
use crate::sources::provider::git::missing;

/// Slack's own program, whose messages are not marked as a bot's.
const SLACKBOT: &str = "USLACKBOT";

/// The name of what happened: the inner event's type, the command, or the type of an interaction.
pub(super) fn name(body: Node<'_>) -> Option<&str> {
    match body.raw("type") {
        Some(kind @ "event_callback") => body.get("event").raw("type").or(Some(kind)),
        Some(kind) => Some(kind),
        None if is_check(body) => Some("ssl_check"),
        None => body.raw("command"),
    }
}

/// Whether Slack only looks at the server's certificate.
fn is_check(body: Node<'_>) -> bool {
    body.raw("ssl_check") == Some("1")
}

/// The one event of a body.
pub(super) fn read(body: Node<'_>) -> Draft {
    let event = body.get("event");
    let read = match body.raw("type") {
        Some("event_callback") => of_event(event),
        Some(kind) => Err(why_not(&body.cut().text(kind))),
        None if is_check(body) => Ok(Draft::about(Subject::Ping)),
        None if body.raw("command").is_some() => Err(
            "a slash command is no message, and there is no subject for it: its words are in the payload"
                .to_owned(),
        ),
        None => Err("the body names no kind, as `type` or `command`".to_owned()),
    };
    let mut draft = read.unwrap_or_else(|note| Draft {
        actor: person(event).or_else(|| person(body)),
        ..Draft::other("", note)
    });
    let place = place(body);
    let is_message = matches!(draft.subject, Subject::Comment(_));
    draft.confidential = place
        .as_ref()
        .map_or(is_message, |place| place.visibility != Visibility::Public);
    if let Subject::Comment(comment) = &mut draft.subject {
        comment.confidential = draft.confidential;
    }
    draft.repository = place;
    draft.provider_event = name(body)
        .map(|name| body.cut().text(name))
        .unwrap_or_default();
    draft.provider_action = event.text("subtype");
    draft.happened_at = happened_at(body);
    draft
}

/// Why a body that is no event in a wrapper is `other`.
fn why_not(kind: &str) -> String {
    match kind {
        "url_verification" => missing(kind, "challenge"),
        "app_rate_limited" => {
            "Slack leaves out events of this minute, because there are too many of them".to_owned()
        }
        "block_actions"
        | "block_suggestion"
        | "interactive_message"
        | "message_action"
        | "shortcut"
        | "view_closed"
        | "view_submission"
        | "dialog_submission" => {
            format!(
                "an interaction of the kind `{kind}` is no subject: read it through the payload"
            )
        }
        _ => format!("the kind `{}` is not known", kind.escape_debug()),
    }
}

/// An event out of its wrapper.
fn of_event(event: Node<'_>) -> Result<Draft, String> {
    match event.raw("type") {
        Some("message") => message(event),
        Some("app_mention") => comment("app_mention", event, event, written(event)),
        Some(kind @ "member_joined_channel") => member(kind, event, Change::Opened),
        Some(kind @ "member_left_channel") => member(kind, event, Change::Deleted),
        Some(kind @ "team_join") => member(kind, event, Change::Opened),
        Some("reaction_added" | "reaction_removed") => {
            Err("a reaction is not a comment".to_owned())
        }
        Some(kind) => Err(format!(
            "there is no subject for the event `{}`",
            event.cut().text(kind).escape_debug()
        )),
        None => Err(missing("event_callback", "event.type")),
    }
}

/// Whether a message is as it was first written.
fn written(message: Node<'_>) -> Change {
    if message.get("edited").exists() {
        Change::Updated
    } else {
        Change::Opened
    }
}

/// A message, by its subtype: <https://docs.slack.dev/reference/events/message>.
fn message(event: Node<'_>) -> Result<Draft, String> {
    match event.raw("subtype") {
        None | Some("bot_message" | "me_message" | "file_share" | "thread_broadcast") => {
            comment("message", event, event, written(event))
        }
        Some("message_changed") => {
            let now = event.get("message");
            // The first message of a thread is not deleted while there are answers to it: it becomes a tombstone.
            if now.raw("subtype") == Some("tombstone") {
                return deleted(event, now.text("ts"));
            }
            let draft = comment("message_changed", event, now, Change::Updated)?;
            let editor = person(now.get("edited"));
            Ok(Draft {
                actor: editor.or(draft.actor),
                ..draft
            })
        }
        Some("message_deleted") => deleted(event, event.text("deleted_ts")),
        Some(notice) => Err(format!(
            "a message of the kind `{}` is Slack's notice, which nobody wrote",
            event.cut().text(notice).escape_debug()
        )),
    }
}

/// A message that is gone; Slack does not say who took it away.
fn deleted(event: Node<'_>, id: Option<String>) -> Result<Draft, String> {
    let before = event.get("previous_message");
    let id = id
        .or_else(|| before.text("ts"))
        .ok_or_else(|| missing("message_deleted", "deleted_ts"))?;
    Ok(Draft::about(Subject::Comment(said(
        event,
        before,
        id,
        Change::Deleted,
    ))))
}

/// A message that was written or changed by whom it names.
fn comment(
    kind: &str,
    event: Node<'_>,
    message: Node<'_>,
    change: Change,
) -> Result<Draft, String> {
    let id = message.text("ts").ok_or_else(|| missing(kind, "ts"))?;
    Ok(Draft {
        actor: person(message),
        ..Draft::about(Subject::Comment(said(event, message, id, change)))
    })
}

/// A message in its channel. One that holds only files or blocks has no text.
fn said(event: Node<'_>, message: Node<'_>, id: String, change: Change) -> Comment {
    Comment {
        id,
        text: message.text("text").unwrap_or_default(),
        target: CommentTarget::Other,
        target_key: event.text("channel"),
        target_title: None,
        target_author: None,
        path: None,
        line: None,
        confidential: false,
        change,
    }
}

/// Somebody came to, or left, a channel or the workspace.
fn member(kind: &str, event: Node<'_>, change: Change) -> Result<Draft, String> {
    let person = person(event).ok_or_else(|| missing(kind, "user"))?;
    let inviter = event.text("inviter").map(known_by_id);
    Ok(Draft {
        actor: inviter.or_else(|| Some(person.clone())),
        ..Draft::about(Subject::Member(Member {
            person,
            change,
            role: None,
        }))
    })
}

/// Who is meant by `user`, an identifier or an object; by the flat fields of a command; or by those of a bot.
fn person(node: Node<'_>) -> Option<Person> {
    let user = node.get("user");
    let bot = node.get("bot_profile");
    let is_bot = node.raw("bot_id").is_some();
    if let Some(id) = user.text("id") {
        let username = user.text("username").or_else(|| user.text("name"));
        let profile = user.get("profile");
        return Some(Person {
            name: user
                .text("real_name")
                .or_else(|| username.clone())
                .unwrap_or_else(|| id.clone()),
            username,
            email: profile.text("email"),
            bot: user.flag("is_bot").unwrap_or(false) || id == SLACKBOT,
            id: Some(id),
        });
    }
    let flat_name = node.text("user_name");
    let id = node
        .text("user")
        .or_else(|| node.text("user_id"))
        .or_else(|| node.text("bot_id"))?;
    let name = bot
        .text("name")
        .or_else(|| node.text("username"))
        .or_else(|| flat_name.clone());
    Some(Person {
        name: name.unwrap_or_else(|| id.clone()),
        username: flat_name,
        email: None,
        bot: is_bot || id == SLACKBOT,
        id: Some(id),
    })
}

/// A person of whom Slack sends the identifier alone.
fn known_by_id(id: String) -> Person {
    Person {
        name: id.clone(),
        username: None,
        email: None,
        bot: id == SLACKBOT,
        id: Some(id),
    }
}

/// The channel in which something happened. Its full name is made of identifiers, `T0001/C0002`, because these are
/// all that every kind of body has, so that a channel has one name everywhere.
pub(super) fn place(body: Node<'_>) -> Option<Repository> {
    let event = body.get("event");
    let channel = [event, body, event.get("item"), body.get("container")]
        .into_iter()
        .find_map(|node| {
            node.text("channel")
                .or_else(|| node.get("channel").text("id"))
                .or_else(|| node.text("channel_id"))
        })?;
    let name = [event, body]
        .into_iter()
        .find_map(|node| node.get("channel").text("name"))
        .or_else(|| body.text("channel_name"));
    let team = body.text("team_id").or_else(|| body.get("team").text("id"));
    Some(Repository {
        name: name.unwrap_or_else(|| channel.clone()),
        full_name: match team {
            Some(team) => format!("{team}/{channel}"),
            None => channel.clone(),
        },
        url: None,
        ssh_url: None,
        http_url: None,
        default_branch: None,
        visibility: visibility(event.raw("channel_type"), &channel),
        id: channel,
    })
}

/// Who may see a channel. Only messages say so, with `channel_type`. An identifier that begins with `D` or `G` is of
/// a conversation or a private channel; `C` says nothing, because since March 2021 private ones have it as well:
/// <https://docs.slack.dev/reference/events/member_joined_channel>.
fn visibility(channel_type: Option<&str>, id: &str) -> Visibility {
    match channel_type {
        Some("channel") => Visibility::Public,
        Some("group" | "im" | "mpim" | "app_home") => Visibility::Private,
        _ if id.starts_with(['D', 'G']) => Visibility::Private,
        _ => Visibility::Unknown,
    }
}

/// When it happened: as the event says, or the action of an interaction.
fn happened_at(body: Node<'_>) -> Option<Timestamp> {
    let event = body.get("event");
    let action = body.items("actions").next();
    let texts = [
        event.raw("event_ts"),
        event.raw("ts"),
        body.raw("action_ts"),
    ];
    texts
        .into_iter()
        .chain([action.and_then(|action| action.raw("action_ts"))])
        .flatten()
        .find_map(time)
        .or_else(|| {
            let seconds = i64::try_from(body.number("event_time")?).ok()?;
            Some(Timestamp(seconds.checked_mul(1_000)?))
        })
}

/// A time such as `1355517523.000005`: seconds since 1970, and what tells apart the messages of a second.
fn time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(fraction) {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(Timestamp(seconds.checked_mul(1_000)?.checked_add(millis)?))
}
