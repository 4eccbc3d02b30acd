//! Which team a token of the admin interface belongs to.
//!
//! Invariants:
//! - No token belongs to two teams, and none of a team is the operator's.
//! - How long a comparison takes says nothing about where two tokens differ.

use subtle::ConstantTimeEq as _;

use crate::domain::names::TeamName;
use crate::domain::secret::Secret;

/// The tokens of the teams.
#[derive(Debug, Default)]
pub struct TeamTokens(Vec<(TeamName, Secret)>);

/// Tokens that do not tell who asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Two teams have the same one.
    #[error(
        "`teams.{first}.token` and `teams.{second}.token` are the same: give each team a token of its own"
    )]
    Shared {
        /// One team.
        first: TeamName,
        /// The other.
        second: TeamName,
    },
    /// A team has the operator's.
    #[error(
        "`teams.{team}.token` is the admin token, which shows everything: give the team one of its own"
    )]
    Admin {
        /// The team.
        team: TeamName,
    },
}

impl TeamTokens {
    /// Takes the teams' tokens.
    ///
    /// # Errors
    /// When two are the same, or one is the admin token, where that is known.
    pub fn new(
        tokens: Vec<(TeamName, Secret)>,
        admin: Option<&Secret>,
    ) -> Result<Self, TokenError> {
        for (index, (team, token)) in tokens.iter().enumerate() {
            if admin == Some(token) {
                return Err(TokenError::Admin { team: team.clone() });
            }
            let others = &tokens[..index];
            if let Some((first, _)) = others.iter().find(|(_, other)| other == token) {
                return Err(TokenError::Shared {
                    first: first.clone(),
                    second: team.clone(),
                });
            }
        }
        Ok(Self(tokens))
    }

    /// The team whose token this is. Every token is compared, whichever is right.
    #[must_use]
    pub fn owner(&self, given: &str) -> Option<&TeamName> {
        let mut owner = None;
        for (team, token) in &self.0 {
            if is_same(given, token) {
                owner = Some(team);
            }
        }
        owner
    }
}

/// Whether a text is a secret, in a time that tells no more than whether they are equally long.
#[must_use]
pub fn is_same(given: &str, secret: &Secret) -> bool {
    bool::from(given.as_bytes().ct_eq(secret.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(pairs: &[(&str, &str)], admin: &str) -> Result<TeamTokens, String> {
        let pairs = pairs.iter().map(|(team, token)| {
            let team = TeamName::parse(*team).expect("a team's name");
            (team, Secret::new(*token))
        });
        TeamTokens::new(pairs.collect(), Some(&Secret::new(admin)))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_leads_to_the_team_that_has_it_and_no_other_text_does() {
        let tokens = tokens(&[("payments", "one"), ("shop", "two")], "admin").expect("they differ");
        assert_eq!(tokens.owner("one").map(TeamName::as_str), Some("payments"));
        assert_eq!(tokens.owner("two").map(TeamName::as_str), Some("shop"));
        for other in ["", "on", "onee", "One", "admin"] {
            assert_eq!(tokens.owner(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_of_two_teams_or_of_the_operator_is_refused() {
        let shared = tokens(&[("payments", "one"), ("shop", "one")], "admin");
        assert_eq!(
            shared.expect_err("they are the same"),
            "`teams.payments.token` and `teams.shop.token` are the same: give each team a token of its own"
        );
        let admin = tokens(&[("shop", "admin")], "admin");
        assert_eq!(
            admin.expect_err("it is the operator's"),
            "`teams.shop.token` is the admin token, which shows everything: give the team one of its own"
        );
    }
}
