//! The commands for the command line: how they are configured, what waits for them, and one run by hand.
//!
//! What a person asks for is an event of its own with one action, under the operators' own key, so that it waits for
//! its turn, is on record and is shown as everything else is.
//!
//! Invariants:
//! - Arguments are checked before anything is kept.
//! - No rule is asked about what a person asked for, and no team sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::pauses::Pauses;
use super::{bad, known, live, named, performing};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Action, Argument, Deploy};
use crate::domain::event::{Event, Person, Subject};
use crate::domain::names::{CommandName, DeliveryId, NameError, RuleName, SourceName};
use crate::domain::turn::Turn;
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{
    ActionFilter, ActionKind, ActionState, Delivery, NewAction, Pausable, StoreError,
};
use crate::worker::OPERATORS;

/// What stands for the source, the rule and the provider's own name of what a person asks for. The configuration
/// takes no source of this name.
const BY_HAND: &str = "by-hand";

/// What stands for the provider.
const PROVIDER: &str = "hookbox";

/// How many that wait are counted, at most.
const COUNTED: usize = 1_001;

/// How long the name of a person may be, in characters.
const NAME: usize = 100;

/// Whether events of a source are what people asked for.
pub(super) fn is_by_hand(source: &SourceName) -> bool {
    source.as_str() == BY_HAND
}

/// Every command. A team gets those that it is granted, with what they take and not with what they run.
pub(super) async fn list(Caller { state, access }: Caller) -> Result<Json<Value>, ApiError> {
    let pauses = Pauses::read(&state).await?;
    let live = live(&state);
    if access.team().is_some() {
        let names = known::names(&state, &access, Pausable::Command);
        let commands = names.iter().map(|name| {
            let paused = pauses.of(Pausable::Command, name);
            let command = CommandName::parse(name.as_str()).ok();
            let command = command.and_then(|command| live.commands.get(&command));
            let parameters = command.map(|command| &command.summary().parameters);
            json!({ "name": name, "parameters": parameters, "paused": paused })
        });
        let commands: Vec<Value> = commands.collect();
        return Ok(Json(json!({ "commands": commands })));
    }
    let mut commands = Vec::new();
    for name in live.commands.names() {
        let summary = live.commands.get(name).map(|command| command.summary());
        let mut shown = json!(summary);
        shown["name"] = name.as_str().into();
        shown["running"] = count(&state, name, &[ActionState::Running]).await?.into();
        let waits = [ActionState::Waiting, ActionState::Retrying];
        shown["waiting"] = count(&state, name, &waits).await?.into();
        shown["paused"] = pauses.of(Pausable::Command, name.as_str());
        commands.push(shown);
    }
    let gone = pauses.all(Pausable::Command);
    let gone: Vec<Value> = gone
        .filter(|pause| !known::exists(&state, &access, Pausable::Command, &pause.name))
        .map(|pause| {
            json!({ "name": pause.name, "paused": pauses.of(Pausable::Command, &pause.name) })
        })
        .collect();
    Ok(Json(
        json!({ "commands": commands, "paused-and-gone": gone }),
    ))
}

/// How many actions of a command are in some states; 1,001 where there are more than 1,000.
async fn count(
    state: &Admin,
    command: &CommandName,
    states: &[ActionState],
) -> Result<usize, StoreError> {
    let mut number = 0;
    for one in states {
        let filter = ActionFilter {
            kind: Some(ActionKind::Deploy),
            target: Some(command.to_string()),
            state: Some(*one),
            limit: COUNTED,
            ..ActionFilter::default()
        };
        number += state.store.actions(filter).await?.len();
    }
    Ok(number.min(COUNTED))
}

/// What is asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RunRequest {
    /// Values for the command's parameters.
    arguments: BTreeMap<String, String>,
    /// Who asks, in their own words.
    by: Option<String>,
}

impl RunRequest {
    fn read(body: &Bytes) -> Result<Self, ApiError> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let mut request: Self = serde_json::from_slice(body).map_err(|error| {
            bad(format!(
                "the body is not as expected, such as {{\"arguments\": {{\"branch\": \"main\"}}}}: {error}"
            ))
        })?;
        request.by = request.by.map(|by| by.trim().chars().take(NAME).collect());
        request.by = request.by.filter(|by| !by.is_empty());
        Ok(request)
    }

    fn arguments(&self) -> Vec<Argument> {
        let one = |(name, value): (&String, &String)| Argument {
            name: name.clone(),
            value: value.clone(),
        };
        self.arguments.iter().map(one).collect()
    }
}

/// Has a command run, and does not wait for it.
pub(super) async fn run(
    State(state): State<Arc<Admin>>,
    name: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let name = known::command(&state, &named(name)?)?;
    let request = RunRequest::read(&body)?;
    performing(&state)?;
    let live = live(&state);
    let command = live.commands.get(&name);
    let command = command
        .ok_or_else(|| known::none(&state, &Access::Operator, Pausable::Command, name.as_str()))?;
    let deploy = Deploy {
        name: name.to_string(),
        arguments: request.arguments(),
        report: None,
    };
    let prepared = command
        .prepare(&deploy.arguments)
        .map_err(|error| bad(error.to_string()))?;
    let asked = Asked {
        deploy,
        turn: prepared.turn().clone(),
        by: request.by.clone(),
        at: state.clock.now(),
    };
    let (delivery, event, action) = asked.records(&state, &json!(request))?;
    let id = event.id.clone();
    let actions = state.store.ask(delivery, event, vec![action]).await?;
    state.waker.wake_all();
    let action = actions.first().ok_or_else(|| StoreError::Database {
        message: format!("the store kept no action for event `{id}`"),
    })?;
    let action = state.store.action(*action).await?;
    let pauses = Pauses::read(&state).await?;
    let shown = json!({
        "id": action.id,
        "event": action.event,
        "key": action.key,
        "state": action.state,
        "detail": action.detail,
        "caused-by": action.caused_by,
        "paused": pauses.of(Pausable::Command, name.as_str()),
    });
    Ok((StatusCode::ACCEPTED, Json(shown)))
}

/// What a person asks for.
struct Asked {
    deploy: Deploy,
    turn: Turn,
    by: Option<String>,
    at: Timestamp,
}

impl Asked {
    /// The delivery, the event and the action that stand for it.
    fn records(
        self,
        state: &Admin,
        request: &Value,
    ) -> Result<(Delivery, Event, NewAction), ApiError> {
        let not_a_name = |error: NameError| StoreError::Database {
            message: error.to_string(),
        };
        let source = SourceName::parse(BY_HAND).map_err(not_a_name)?;
        let rule = RuleName::parse(BY_HAND).map_err(not_a_name)?;
        let received_local = self.at.rfc3339(&state.timezone);
        let delivery = Delivery {
            id: DeliveryId::generate(),
            source: source.clone(),
            provider: PROVIDER.to_owned(),
            received_at: self.at,
            received_local: received_local.clone(),
            remote_address: None,
            headers: Vec::new(),
            query: None,
            body: Bytes::from(request.to_string()),
            secret: None,
            keys: Vec::new(),
        };
        let by = self
            .by
            .as_deref()
            .unwrap_or("somebody with the admin token");
        let event = Event {
            id: delivery.id.event(0),
            source,
            provider: PROVIDER.to_owned(),
            provider_event: BY_HAND.to_owned(),
            received_at: self.at,
            received_local,
            happened_at: None,
            provider_action: None,
            replay: false,
            truncated: false,
            actor: self.by.as_ref().map(|by| Person {
                id: None,
                name: by.clone(),
                username: None,
                email: None,
                bot: false,
            }),
            repository: None,
            url: None,
            note: Some(format!(
                "{by} ran the command `{}` by hand",
                self.deploy.name
            )),
            // Only operators see it.
            confidential: true,
            subject: Subject::Other,
        };
        let action = NewAction {
            // The mark of what the operators asked for, which needs no team's grant.
            key: format!("{}/0{OPERATORS}/0", event.id),
            event: event.id.clone(),
            run: 0,
            rule,
            action: Action::Deploy(self.deploy),
            state: ActionState::Waiting,
            detail: None,
            turn: Some(self.turn),
            due_at: self.at,
        };
        Ok((delivery, event, action))
    }
}
