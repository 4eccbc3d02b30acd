//! Which rules may want an event, by its source, project and subject, so that a rule that does not want it costs
//! nothing.
//!
//! The index answers with rules that may want the event; [`RuleDescription::asks_about`] decides.
//!
//! Invariants:
//! - No rule that wants an event is left out.
//! - A rule has a bounded number of entries, whatever its settings file says.

use std::collections::HashMap;

use super::conditions::RuleDescription;
use crate::domain::event::{Event, Subject};
use crate::domain::pattern::Pattern;

/// How many places of a subject a rule may have. With more of them it is looked at for every event about that subject.
const PLACES: usize = 64;

/// Rules, by number.
type Numbers = Vec<usize>;

/// The rules of a snapshot, by what they want.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<&'static str, BySource>);

#[derive(Debug, Default)]
struct BySource {
    named: HashMap<String, ByProject>,
    any: ByProject,
}

#[derive(Debug, Default)]
struct ByProject {
    /// By the project, or by the folder that it lies in, at any depth.
    beneath: HashMap<String, Numbers>,
    any: Numbers,
}

impl Index {
    /// Takes rules up, each by its place in the sequence.
    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a RuleDescription>) -> Self {
        let mut index = Self::default();
        for (number, rule) in rules.enumerate() {
            let conditions = &rule.conditions;
            let mut sources = keys(
                conditions.sources.as_deref().or(Some(&rule.grants.sources)),
                Pattern::literal,
            );
            let mut projects = keys(
                conditions
                    .projects
                    .as_deref()
                    .or(rule.grants.projects.as_deref()),
                Pattern::folder,
            );
            if sources.len() * projects.len() > PLACES {
                (sources, projects) = (vec![None], vec![None]);
            }
            for subject in Subject::NAMES
                .into_iter()
                .filter(|subject| may_want(rule, subject))
            {
                let by_source = index.0.entry(subject).or_default();
                for source in &sources {
                    let by_project = match source {
                        Some(source) => by_source.named.entry((*source).to_owned()).or_default(),
                        None => &mut by_source.any,
                    };
                    for project in &projects {
                        let numbers = match project {
                            Some(project) => {
                                by_project.beneath.entry((*project).to_owned()).or_default()
                            }
                            None => &mut by_project.any,
                        };
                        numbers.push(number);
                    }
                }
            }
        }
        index
    }

    /// The rules that may want an event, in their order, each once.
    pub(super) fn candidates(&self, event: &Event) -> Numbers {
        let mut found = Numbers::new();
        let Some(by_source) = self.0.get(event.subject.name()) else {
            return found;
        };
        let named = by_source.named.get(event.source.as_str());
        for by_project in named.into_iter().chain([&by_source.any]) {
            found.extend(&by_project.any);
            let project = event.project().unwrap_or_default();
            let ends = project.match_indices('/').map(|(at, _)| at);
            for end in ends.chain([project.len()]) {
                found.extend(
                    by_project
                        .beneath
                        .get(&project[..end])
                        .into_iter()
                        .flatten(),
                );
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Whether a rule may want events about a subject.
fn may_want(rule: &RuleDescription, subject: &str) -> bool {
    let names = |names: &[String]| names.iter().any(|name| name == subject);
    let by_manifest = if rule.subjects.is_empty() {
        subject != "schedule"
    } else {
        names(&rule.subjects)
    };
    by_manifest && rule.conditions.subjects.as_deref().is_none_or(names)
}

/// What patterns are found by, each once: none where one of them may match anything.
fn keys<'a>(
    patterns: Option<&'a [Pattern]>,
    key: impl Fn(&'a Pattern) -> Option<&'a str>,
) -> Vec<Option<&'a str>> {
    let keys: Option<Vec<&str>> = patterns.and_then(|patterns| patterns.iter().map(key).collect());
    let Some(mut keys) = keys else {
        return vec![None];
    };
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().map(Some).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::capability::Grants;
    use crate::catalog::Conditions;
    use crate::domain::names::{Digest, RuleName};

    /// Patterns of every form, over the same few names.
    const PATTERNS: [&str; 14] = [
        "*", "**", "a", "b", "a/b", "a/b/c", "a/*", "a/**", "**/c", "a/**/c", "{a,b}/c", "a/[bc]",
        "b?", "a/b*",
    ];
    const NAMES: [&str; 9] = ["a", "b", "c", "a/b", "a/c", "b/c", "a/b/c", "a/x/c", "bb"];
    const SUBJECTS: [&str; 3] = ["push", "schedule", "ping"];

    fn patterns() -> impl Strategy<Value = Vec<Pattern>> {
        let pattern =
            select(&PATTERNS[..]).prop_map(|text| Pattern::parse(text).expect("a pattern"));
        prop::collection::vec(pattern, 0..4)
    }

    fn subjects() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(select(&SUBJECTS[..]).prop_map(str::to_owned), 0..3)
    }

    prop_compose! {
        fn rule()(
            granted in patterns(),
            projects in prop::option::of(patterns()),
            wanted in subjects(),
            conditions in (prop::option::of(patterns()), prop::option::of(patterns()), prop::option::of(subjects())),
        ) -> RuleDescription {
            RuleDescription {
                name: RuleName::parse("payments/route").expect("a rule's name"),
                module: Digest::of(b""),
                settings: Digest::of(b""),
                version: String::new(),
                subjects: wanted,
                conditions: Conditions {
                    sources: conditions.0,
                    projects: conditions.1,
                    subjects: conditions.2,
                    branches: None,
                },
                grants: Grants {
                    sources: granted,
                    projects,
                    confidential: true,
                    ..Grants::default()
                },
                shadow: false,
            }
        }
    }

    fn event(source: &str, project: Option<&str>, subject: &str) -> Event {
        let subject = match subject {
            "push" => serde_json::json!({"push": {
                "branch": "main", "before": "", "after": "", "created": false, "deleted": false,
                "forced": false, "commits": [], "commit-count": 0,
            }}),
            "schedule" => serde_json::json!({"schedule": {"name": source, "due-at": 0}}),
            other => other.into(),
        };
        let repository = project.map(|name| {
            serde_json::json!({"id": "1", "name": name, "full-name": name, "visibility": "private"})
        });
        let event = serde_json::json!({
            "id": "1", "source": source, "provider": "gitlab", "provider-event": "", "received-at": 0,
            "received-local": "", "replay": false, "truncated": false, "repository": repository,
            "subject": subject,
        });
        serde_json::from_value(event).expect("it is an event")
    }

    proptest! {
        #[test]
        fn the_index_leaves_out_no_rule_that_wants_an_event_and_keeps_the_order(
            rules in prop::collection::vec(rule(), 0..12),
            source in select(&["a", "b", "c", "bb"][..]),
            project in prop::option::of(select(&NAMES[..])),
            subject in select(&SUBJECTS[..]),
        ) {
            let event = event(source, project, subject);
            let index = Index::of(rules.iter());

            let candidates = index.candidates(&event);

            let asked = |numbers: &mut dyn Iterator<Item = usize>| -> Numbers {
                numbers.filter(|number| rules[*number].asks_about(&event).is_ok()).collect()
            };
            prop_assert_eq!(asked(&mut candidates.iter().copied()), asked(&mut (0..rules.len())));
        }
    }

    #[test]
    fn a_rule_is_looked_at_only_for_its_own_source_project_and_subject() {
        let one = |text: &str| vec![Pattern::parse(text).expect("a pattern")];
        let rule = |source: &str, project: &str| RuleDescription {
            name: RuleName::parse("payments/route").expect("a rule's name"),
            module: Digest::of(b""),
            settings: Digest::of(b""),
            version: String::new(),
            subjects: vec!["push".to_owned()],
            conditions: Conditions::default(),
            grants: Grants {
                sources: one(source),
                projects: Some(one(project)),
                ..Grants::default()
            },
            shadow: false,
        };
        let rules = [
            rule("a", "b/**"),
            rule("b", "b/**"),
            rule("a", "c"),
            rule("*", "b/c"),
        ];
        let index = Index::of(rules.iter());

        assert_eq!(index.candidates(&event("a", Some("b/c"), "push")), [0, 3]);
        assert_eq!(index.candidates(&event("a", Some("b/d"), "push")), [0]);
        assert_eq!(index.candidates(&event("a", Some("c"), "push")), [2]);
        assert_eq!(index.candidates(&event("a", None, "push")), Numbers::new());
        assert_eq!(
            index.candidates(&event("a", Some("b/c"), "ping")),
            Numbers::new()
        );
    }

    #[test]
    fn many_patterns_make_no_more_entries_than_are_bounded() {
        let many = |letter: char| {
            (0..200)
                .map(|number| Pattern::parse(format!("{letter}{number}")).expect("a pattern"))
                .collect()
        };
        let rule = RuleDescription {
            name: RuleName::parse("payments/route").expect("a rule's name"),
            module: Digest::of(b""),
            settings: Digest::of(b""),
            version: String::new(),
            subjects: vec!["push".to_owned()],
            conditions: Conditions {
                sources: Some(many('s')),
                projects: Some(many('p')),
                ..Conditions::default()
            },
            grants: Grants::default(),
            shadow: false,
        };

        let index = Index::of([&rule].into_iter());

        let by_source = &index.0["push"];
        assert!(by_source.named.is_empty() && by_source.any.any == [0]);
    }
}
