//! The channels for the command line: how they are configured, how they stand, and a test of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::pauses::Pauses;
use super::{known, live, named, performing, understood};
use crate::domain::decision::{Field, Notification, Severity};
use crate::domain::names::ChannelName;
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{
    ActionFilter, ActionKind, ActionState, Channel, Failing, Lane, Pausable, StoreError,
};
use crate::worker::Live;

/// How many that wait are counted, at most: the store's own bound for a lane is the same.
const COUNTED: usize = 1_001;

/// Every channel that is configured, and those that have messages, fail or are paused without being so. A team gets
/// those that it is granted, and of them neither the address nor what others have waiting.
pub(super) async fn list(Caller { state, access }: Caller) -> Result<Json<Value>, ApiError> {
    let pauses = Pauses::read(&state).await?;
    if access.team().is_some() {
        return of_team(&state, &access, &pauses).await.map(Json);
    }
    let lanes = state.store.lanes(state.clock.now()).await?;
    let lanes: BTreeMap<String, Lane> = lanes
        .into_iter()
        .map(|lane| (lane.channel.clone(), lane))
        .collect();
    let failing: Vec<Channel> = state.store.failing().await?;
    let mut names: BTreeSet<String> = known::names(&state, &access, Pausable::Channel)
        .into_iter()
        .collect();
    names.extend(lanes.keys().cloned());
    names.extend(failing.iter().map(|channel| channel.name.clone()));
    names.extend(
        pauses
            .all(Pausable::Channel)
            .map(|pause| pause.name.clone()),
    );
    let live = live(&state);
    let mut channels = Vec::new();
    for name in names {
        let paused = pauses.of(Pausable::Channel, &name);
        let failing = failing.iter().find(|channel| channel.name == name);
        let failing = failing.and_then(|channel| channel.failing.as_ref());
        let mut shown = configured(&live, &name);
        shown["state"] = standing(&paused, failing).into();
        let lane = lanes.get(&name);
        shown["waiting"] = if paused.is_null() {
            lane.map_or(0, |lane| lane.due).into()
        } else {
            waiting(&state, &name).await?.into()
        };
        shown["next-due-at"] = json!(lane.and_then(|lane| lane.next_due_at));
        shown["failing"] = failing.map_or(Value::Null, |failing| of_failing(&state, failing));
        shown["paused"] = paused;
        channels.push(shown);
    }
    Ok(Json(json!({ "channels": channels })))
}

async fn of_team(state: &Admin, access: &Access, pauses: &Pauses) -> Result<Value, ApiError> {
    let (live, failing) = (live(state), state.store.failing().await?);
    let mut channels = Vec::new();
    for name in known::names(state, access, Pausable::Channel) {
        let paused = pauses.of(Pausable::Channel, &name);
        let fails = failing
            .iter()
            .find(|channel| channel.name == name)
            .and_then(|channel| channel.failing.as_ref());
        let configured = configured(&live, &name);
        channels.push(json!({
            "name": name,
            "kind": configured["kind"],
            "quotas": configured["quotas"],
            "state": standing(&paused, fails),
            "failing": fails.map(|fails| json!({
                "since-local": fails.since.rfc3339(&state.timezone),
                "until-local": fails.until.rfc3339(&state.timezone),
            })),
            "paused": paused,
        }));
    }
    Ok(json!({ "channels": channels }))
}

fn standing(paused: &Value, failing: Option<&Failing>) -> &'static str {
    match (paused.is_null(), failing) {
        (false, _) => "paused",
        (true, Some(_)) => "failing",
        (true, None) => "ok",
    }
}

fn configured(live: &Live, name: &str) -> Value {
    let channel = ChannelName::parse(name).ok();
    let kind = channel
        .as_ref()
        .and_then(|channel| live.channels.kind(channel));
    let place = channel
        .as_ref()
        .and_then(|channel| live.channels.place(channel));
    let quotas: Vec<String> = channel
        .iter()
        .flat_map(|channel| live.channels.quotas(channel))
        .map(ToString::to_string)
        .collect();
    json!({ "name": name, "kind": kind, "place": place, "quotas": quotas })
}

fn of_failing(state: &Admin, failing: &Failing) -> Value {
    let mut shown = json!(failing);
    shown["since-local"] = failing.since.rfc3339(&state.timezone).into();
    shown["until-local"] = failing.until.rfc3339(&state.timezone).into();
    shown
}

/// How many messages wait for a channel that is paused, which the lanes leave out.
async fn waiting(state: &Admin, channel: &str) -> Result<usize, StoreError> {
    let mut number = 0;
    for waits in [ActionState::Waiting, ActionState::Retrying] {
        let filter = ActionFilter {
            kind: Some(ActionKind::Notify),
            target: Some(channel.to_owned()),
            state: Some(waits),
            limit: COUNTED,
            ..ActionFilter::default()
        };
        number += state.store.actions(filter).await?.len();
    }
    Ok(number.min(COUNTED))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestQuery {
    mention: Option<String>,
    #[serde(default)]
    full: bool,
}

/// Sends a message to a channel at once, beside those that wait, and answers what the service said.
pub(super) async fn test(
    State(state): State<Arc<Admin>>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<TestQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let (name, query) = (named(name)?, understood(query)?);
    let channel = known::channel(&state, &name)?;
    performing(&state)?;
    let live = live(&state);
    let mut message = if query.full {
        full(&state, &live, &channel)
    } else {
        plain(&channel)
    };
    message.mentions.extend(query.mention);
    let key = format!("test/{}", uuid::Uuid::now_v7());
    let sent = live.channels.send(&channel, &message, &key).await;
    let sent = sent.map_err(|error| {
        // The fault is the channel's or its configuration's, and the server's part is done.
        ApiError::new(
            StatusCode::BAD_GATEWAY,
            "api/channel-failed",
            error.to_string(),
        )
    })?;
    Ok(Json(json!({
        "channel": channel,
        "kind": live.channels.kind(&channel),
        "place": live.channels.place(&channel),
        "detail": sent.detail,
    })))
}

fn plain(channel: &ChannelName) -> Notification {
    Notification {
        text: format!("A test of the channel `{channel}`, sent by hand: it works."),
        ..Notification::to(channel.as_str())
    }
}

/// A message with every part there is.
fn full(state: &Admin, live: &Live, channel: &ChannelName) -> Notification {
    let field = |name: &str, value: String| Field {
        name: name.to_owned(),
        value,
        short: true,
    };
    let kind = live.channels.kind(channel).unwrap_or_default();
    Notification {
        title: Some(format!("A test of the channel {channel}")),
        text: "It was sent by hand. **Strong**, *stressed*, `code`, [a link](https://example.org/), and a list:\n\n\
               - one\n- two\n\n> a quotation\n\n```\na block of code\n```"
            .to_owned(),
        severity: Some(Severity::Success),
        url: Some(live.public_url.clone()),
        fields: vec![
            field("kind", format!("`{kind}`")),
            field("sent", state.clock.now().rfc3339(&state.timezone)),
        ],
        footer: Some(format!("hookbox {}", env!("CARGO_PKG_VERSION"))),
        ..Notification::to(channel.as_str())
    }
}
