//! What exists under which name, for everything that is asked for by its name.

use axum::http::StatusCode;

use super::access::Access;
use super::live;
use crate::capability::nearest;
use crate::domain::names::{ChannelName, CommandName, RuleName};
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::Pausable;

/// The names of every source, rule, channel or command there is, as far as somebody may know of it.
pub(super) fn names(state: &Admin, access: &Access, what: Pausable) -> Vec<String> {
    let mut names = all(state, what);
    names.retain(|name| access.knows(what, name));
    names
}

fn all(state: &Admin, what: Pausable) -> Vec<String> {
    let live = live(state);
    match what {
        Pausable::Source => {
            let sent = live.sources.keys().map(ToString::to_string);
            let inside = state.inside.summaries();
            let inside = inside.iter().map(|summary| summary.name.to_string());
            sent.chain(inside).collect()
        }
        Pausable::Rule => {
            let listing = state.catalog.listing();
            listing
                .rules
                .iter()
                .map(|rule| rule.name.to_string())
                .collect()
        }
        Pausable::Channel => live.channels.names().map(ToString::to_string).collect(),
        Pausable::Command => live.commands.names().map(ToString::to_string).collect(),
    }
}

/// Whether there is one of this name, as far as somebody may know of it.
pub(super) fn exists(state: &Admin, access: &Access, what: Pausable, name: &str) -> bool {
    access.knows(what, name) && all(state, what).iter().any(|known| known == name)
}

/// That there is none of this name, with its nearest neighbour among those that somebody may know of: what a team
/// may not know of and what is not there are answered alike.
pub(super) fn none(state: &Admin, access: &Access, what: Pausable, name: &str) -> ApiError {
    let names = names(state, access, what);
    let near = nearest(name, names.iter().map(String::as_str));
    let near = near.map_or_else(
        || format!("`hookbox {}s list` lists them", what.as_str()),
        |near| format!("is it `{near}`?"),
    );
    let message = format!(
        "there is no {} `{}`: {near}",
        what.as_str(),
        name.escape_debug()
    );
    ApiError::new(StatusCode::NOT_FOUND, "api/not-found", message)
}

/// The rule of this name: any of the operator's, and a team's own. What is done to a rule begins here.
///
/// # Errors
/// When there is none, or it is none of this team's.
pub(super) fn rule(state: &Admin, access: &Access, name: &str) -> Result<RuleName, ApiError> {
    let rule = RuleName::parse(name).ok();
    rule.filter(|_| exists(state, access, Pausable::Rule, name))
        .ok_or_else(|| none(state, access, Pausable::Rule, name))
}

/// The channel of this name, for operators.
pub(super) fn channel(state: &Admin, name: &str) -> Result<ChannelName, ApiError> {
    let channel = ChannelName::parse(name).ok();
    channel
        .filter(|_| exists(state, &Access::Operator, Pausable::Channel, name))
        .ok_or_else(|| none(state, &Access::Operator, Pausable::Channel, name))
}

/// The command of this name, for operators.
pub(super) fn command(state: &Admin, name: &str) -> Result<CommandName, ApiError> {
    let command = CommandName::parse(name).ok();
    command
        .filter(|_| exists(state, &Access::Operator, Pausable::Command, name))
        .ok_or_else(|| none(state, &Access::Operator, Pausable::Command, name))
}
