//! What a source expects: projects, provider events, and instances.
//!
//! A verified request that is not expected is answered 200, because it is no fault of its sender.
//!
//! Invariant: where something is expected and the request does not say, it is not expected.

use serde_json::Value;

use super::config::{ConfigProblem, ExpectConfig, ProjectRef};
use super::provider::Facts;
use crate::domain::pattern::Pattern;

/// The expectations of one source; an empty list expects everything.
#[derive(Debug, Default)]
pub(super) struct Expect {
    ids: Vec<String>,
    projects: Vec<Pattern>,
    events: Vec<String>,
    instances: Vec<String>,
}

impl Expect {
    /// Reads the table `expect`.
    pub(super) fn build(config: &ExpectConfig) -> Result<Self, ConfigProblem> {
        let mut expect = Self {
            events: config.events.clone(),
            instances: config.instances.iter().map(|url| plain(url)).collect(),
            ..Self::default()
        };
        for project in &config.projects {
            match project {
                ProjectRef::Id(id) => expect.ids.push(id.to_string()),
                // Digits alone are a number, also where it was quoted, and also of a project that is called so.
                ProjectRef::Name(id)
                    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    expect.ids.push(id.clone());
                }
                ProjectRef::Name(name) => match Pattern::parse(name.clone()) {
                    Ok(pattern) => expect.projects.push(pattern),
                    Err(error) => {
                        return Err(ConfigProblem::new("expect.projects", error.to_string()));
                    }
                },
            }
        }
        Ok(expect)
    }

    /// The expectations as they could stand in the configuration; none where everything is expected.
    pub(super) fn shown(&self) -> Option<String> {
        let quoted = |texts: &mut dyn Iterator<Item = String>| {
            // TOML writes such a text as JSON does.
            texts
                .map(|text| Value::from(text).to_string())
                .collect::<Vec<_>>()
        };
        let projects = [
            self.ids.clone(),
            quoted(&mut self.projects.iter().map(ToString::to_string)),
        ];
        let lists = [
            ("projects", projects.concat()),
            ("events", quoted(&mut self.events.iter().cloned())),
            ("instances", quoted(&mut self.instances.iter().cloned())),
        ];
        let shown: Vec<String> = lists
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(key, list)| format!("{key} = [{}]", list.join(", ")))
            .collect();
        (!shown.is_empty()).then(|| format!("{{ {} }}", shown.join(", ")))
    }

    /// Why a request is not expected: a code, and a sentence.
    pub(super) fn mismatch(&self, facts: &Facts) -> Option<(&'static str, String)> {
        let found = |text: Option<&String>| match text {
            Some(text) => format!("`{}`", text.escape_debug()),
            None => "none".to_owned(),
        };
        if !self.instances.is_empty() {
            let instance = facts.instance.as_deref().map(plain);
            if !instance
                .as_ref()
                .is_some_and(|instance| self.instances.contains(instance))
            {
                let message = format!(
                    "this source expects other instances; the request names {}",
                    found(instance.as_ref())
                );
                return Some(("unexpected-instance", message));
            }
        }
        if !self.ids.is_empty() || !self.projects.is_empty() {
            // What a provider knows by one name may be a number: a user of Nextcloud's, or what a generic sender says.
            let by_id = [&facts.project_id, &facts.project]
                .into_iter()
                .flatten()
                .any(|id| self.ids.contains(id));
            let by_name = facts
                .project
                .as_ref()
                .is_some_and(|name| self.projects.iter().any(|pattern| pattern.matches(name)));
            if !by_id && !by_name {
                let project = facts.project.as_ref().or(facts.project_id.as_ref());
                let message = format!(
                    "this source expects other projects; the body names {}",
                    found(project)
                );
                return Some(("unexpected-project", message));
            }
        }
        let names = || facts.event.iter().chain(facts.kind.iter());
        let is_expected = |name: &String| {
            self.events
                .iter()
                .any(|event| event.eq_ignore_ascii_case(name))
        };
        if !self.events.is_empty() && !names().any(is_expected) {
            let message = format!(
                "this source expects other events; the request is {}",
                found(names().next())
            );
            return Some(("unexpected-event", message));
        }
        None
    }
}

/// An address without the `/` at its end, in lower case.
fn plain(url: &str) -> String {
    url.trim().trim_end_matches('/').to_ascii_lowercase()
}
