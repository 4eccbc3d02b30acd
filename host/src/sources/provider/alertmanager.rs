//! Alertmanager: the webhooks of a receiver (`webhook_configs`), in version 4 of their format.
//!
//! Alertmanager signs nothing. It sends what its `http_config` says, so `auth` describes how the secret comes:
//! `authorization` there is `"bearer"` here, which is the default, `basic_auth` is `{ basic = "user" }`, and a
//! header under `http_headers` is `{ header = "X-Token" }`.
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>
//!
//! Invariants:
//! - Each alert of a request is one event, firing or cleared.
//! - The same group, sent again after its `repeat_interval`, is a new delivery.

#[cfg(test)]
pub(super) mod corpus;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{
    BODY_COUNTS, Draft, Facts, Kind, Outgoing, Provider, Request, Setup, body_key, monitor,
};
use crate::sources::config::{AuthConfig, ConfigProblem};
use crate::sources::headers::Headers;
use crate::sources::json::{Cut, Node};
use crate::sources::rejection::Rejection;
use crate::sources::samples::sample;
use crate::sources::signature::credential::Credential;

/// Alertmanager's line in the list of providers.
pub(super) const KIND: Kind = Kind {
    name: NAME,
    build,
    detect: |headers| {
        let agent = headers.text(USER_AGENT);
        agent.is_some_and(|agent| agent.starts_with(AGENT))
    },
    samples: &[
        sample!("alertmanager", "alert-firing", "firing"),
        sample!("alertmanager", "alert-resolved", "resolved"),
    ],
};

const NAME: &str = "alertmanager";
const USER_AGENT: &str = "user-agent";
/// What the name of the program begins with, before its version:
/// <https://github.com/prometheus/alertmanager/blob/main/notify/util.go>.
const AGENT: &str = "Alertmanager/";

#[derive(Debug)]
struct Alertmanager {
    credential: Credential,
    credentials: [String; 1],
}

fn build(setup: Setup<'_>) -> Result<Box<dyn Provider>, ConfigProblem> {
    setup.refuse_signature()?;
    let auth = setup.config.auth.as_ref().unwrap_or(&AuthConfig::Bearer);
    let credential = Credential::build(auth, setup.secrets)?;
    Ok(Box::new(Alertmanager {
        credentials: [credential.header().to_owned()],
        credential,
    }))
}

impl Provider for Alertmanager {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        self.credential.check_headers(headers)
    }

    fn authenticate(&self, request: &Request<'_>) -> Result<String, Rejection> {
        self.credential.authenticate(request.headers)
    }

    fn facts(&self, _: Headers<'_>, body: Option<&Value>) -> Facts {
        let cut = Cut::default();
        let group = body.map(|body| Node::root(body, &cut));
        Facts {
            event: group.and_then(|group| group.text("status")),
            instance: group.and_then(|group| group.text("externalURL")),
            ..Facts::default()
        }
    }

    fn keys(&self, _: Headers<'_>, _: Option<&Value>, body: &[u8]) -> Vec<(String, Duration)> {
        // Nothing names a delivery, and a group that goes on firing is sent again with the same body.
        vec![body_key(body, BODY_COUNTS)]
    }

    fn credential_headers(&self) -> &[String] {
        &self.credentials
    }

    fn parse(&self, _: Headers<'_>, body: &Value) -> Vec<Draft> {
        monitor::alerts(body, |_| Vec::new())
    }

    fn left_out(&self, _: Headers<'_>, body: &Value) -> u64 {
        monitor::left_out(body)
    }

    fn sign(&self, _: &Outgoing<'_>) -> Vec<(String, String)> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (USER_AGENT.to_owned(), format!("{AGENT}0.28.1")),
        ];
        headers.extend(self.credential.sign());
        headers
    }
}
