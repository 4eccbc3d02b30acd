//! Who asks: the operator with the admin token, or a team with its own; and what a team may know of.
//!
//! [`authenticate`] finds out, and nothing is asked without it. The routes that a team may ask for have [`Guarded`]
//! for their state, from which a handler gets nothing but [`Caller`]: one that does not take who asks does not
//! compile. The other routes are behind [`operators_alone`].
//!
//! Invariants:
//! - A team knows of its own rules and what they did, of the events that it is granted, and of the names of the
//!   sources, channels, and commands that it is granted.
//! - A team that is gone from the configuration asks for nothing more.
//! - What a team may not do at all is 403; what it may not know of is 404, as if it were not there.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{commands, live};
use crate::capability::{Grants, is_same};
use crate::domain::event::Event;
use crate::domain::names::{RuleName, SourceName, TeamName};
use crate::domain::pattern::Pattern;
use crate::http::Admin;
use crate::http::error::ApiError;
use crate::store::{ActionRecord, Pausable};
use crate::worker::{Audience, OPERATORS};

/// Who asks.
#[derive(Debug, Clone)]
pub(super) enum Access {
    /// The operator, who may do everything.
    Operator,
    /// A team.
    Team(Team),
}

/// A team that asks, with what it is granted at the moment.
#[derive(Debug, Clone)]
pub(super) struct Team {
    /// Its name.
    pub(super) name: TeamName,
    grants: Grants,
}

impl Team {
    /// Whether a rule is its own.
    pub(super) fn owns(&self, rule: &RuleName) -> bool {
        rule.team() == Some(&self.name)
    }

    /// Whether it sees an event. What a person asked for by hand is the operators'.
    pub(super) fn sees(&self, event: &Event) -> bool {
        !commands::is_by_hand(&event.source) && self.grants.show(event, Some(&self.name)).is_ok()
    }

    /// Whether it may see an event, as far as its source and its project say.
    pub(super) fn may_see(&self, source: &SourceName, project: Option<&str>) -> bool {
        let projects = self.grants.projects.as_deref();
        self.has_source(source)
            && projects.is_none_or(|projects| project.is_some_and(|project| has(projects, project)))
    }

    fn has_source(&self, source: &SourceName) -> bool {
        !commands::is_by_hand(source) && has(&self.grants.sources, source.as_str())
    }

    /// Whether the key of an action is of one of its rules.
    pub(super) fn owns_key(&self, key: &str) -> bool {
        let parts: Vec<&str> = key.split('/').collect();
        // The event, the run, the team, the rule, and the index.
        matches!(parts[..], [_, _, team, _, _] if team == self.name.as_str())
            && !key.contains(OPERATORS)
    }
}

fn has(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

impl Access {
    /// Whether somebody may know of a source, rule, channel or command of this name.
    pub(super) fn knows(&self, what: Pausable, name: &str) -> bool {
        let Self::Team(team) = self else {
            return true;
        };
        match what {
            Pausable::Source => has(&team.grants.sources, name),
            Pausable::Rule => RuleName::parse(name).is_ok_and(|rule| team.owns(&rule)),
            Pausable::Channel => has(&team.grants.channels, name),
            Pausable::Command => has(&team.grants.commands, name),
        }
    }

    /// Whether somebody may know of an action.
    pub(super) fn knows_action(&self, action: &ActionRecord) -> bool {
        match self {
            Self::Operator => true,
            Self::Team(team) => team.owns(&action.rule) && team.owns_key(&action.key),
        }
    }

    /// The team that asks.
    pub(super) fn team(&self) -> Option<&Team> {
        match self {
            Self::Operator => None,
            Self::Team(team) => Some(team),
        }
    }

    /// Who hears of what is done for whoever asks.
    pub(super) fn audience(&self) -> Audience {
        match self {
            Self::Operator => Audience::Operators,
            Self::Team(team) => Audience::Team(team.name.clone()),
        }
    }

    /// Refuses what only operators do.
    ///
    /// # Errors
    /// Where a team asks.
    pub(super) fn only_operators(&self, what: &str) -> Result<(), ApiError> {
        match self {
            Self::Operator => Ok(()),
            Self::Team(team) => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "api/not-for-teams",
                format!(
                    "the token is that of the team `{}`, and {what}: ask an operator",
                    team.name
                ),
            )),
        }
    }
}

/// The state of the routes that a team may ask for. It gives a handler no way to [`Admin`] but [`Caller`].
#[derive(Clone)]
pub(super) struct Guarded(Arc<Admin>);

impl Guarded {
    pub(super) fn new(state: &Arc<Admin>) -> Self {
        Self(Arc::clone(state))
    }
}

/// What the admin listener works with, and who asks.
pub(super) struct Caller {
    pub(super) state: Arc<Admin>,
    pub(super) access: Access,
}

impl FromRequestParts<Guarded> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Guarded,
    ) -> Result<Self, Self::Rejection> {
        let access = parts.extensions.get::<Access>();
        Ok(Self {
            state: Arc::clone(&state.0),
            access: access.cloned().ok_or_else(unauthorized)?,
        })
    }
}

/// Finds out who asks, and answers nobody else.
pub(super) async fn authenticate(
    State(state): State<Arc<Admin>>,
    mut request: Request,
    next: Next,
) -> Response {
    match access(&state, &request) {
        Some(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        None => unauthorized().into_response(),
    }
}

fn access(state: &Admin, request: &Request) -> Option<Access> {
    let given = request.headers().get(header::AUTHORIZATION)?;
    let given = given.to_str().ok()?.strip_prefix("Bearer ")?;
    let live = live(state);
    let team = live.team_tokens.owner(given);
    if is_same(given, &state.token) {
        return Some(Access::Operator);
    }
    let name = team?;
    let config = live.catalog.team(Some(name))?;
    Some(Access::Team(Team {
        name: name.clone(),
        grants: config.grants.clone(),
    }))
}

fn unauthorized() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "api/unauthorized",
        "send the admin token, or a team's, as `Authorization: Bearer …`; `hookbox` reads it from `HOOKBOX_TOKEN`, or \
         the admin token from `data/admin-token`",
    )
}

/// Lets through what the operator asks.
pub(super) async fn operators_alone(request: Request, next: Next) -> Response {
    let refused = match request.extensions().get::<Access>() {
        Some(access) => access.only_operators("this is the operators' alone"),
        None => Err(unauthorized()),
    };
    match refused {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(name: &str) -> Team {
        Team {
            name: TeamName::parse(name).expect("a team's name"),
            grants: Grants::default(),
        }
    }

    #[test]
    fn a_key_is_a_teams_own_by_its_whole_name_and_never_the_operators() {
        let payments = team("payments");
        for own in ["e/0/payments/route/0", "e.2/3/payments/route/1#report-2"] {
            assert!(payments.owns_key(own), "{own}");
        }
        for other in [
            "e/0/payments/0",
            "e/0/payments-old/route/0",
            "e/0/shop/payments/0",
            "e/0/route/0",
            "e/0#operators/0",
            "e/0/payments/route/0#operators-report-1",
        ] {
            assert!(!payments.owns_key(other), "{other}");
        }
    }

    #[test]
    fn a_team_without_grants_knows_of_its_own_rules_alone() {
        let access = Access::Team(team("payments"));
        assert!(access.knows(Pausable::Rule, "payments/route"));
        for rule in [
            "route",
            "payments",
            "payments-old/route",
            "shop/payments",
            "../payments/route",
        ] {
            assert!(!access.knows(Pausable::Rule, rule), "{rule}");
        }
        for what in [Pausable::Source, Pausable::Channel, Pausable::Command] {
            assert!(!access.knows(what, "payments"));
        }
    }
}
