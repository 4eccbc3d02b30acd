//! Every parser on real payloads that others captured, where the environment says where they are.
//!
//! Each provider says what its payloads become in a [`Corpus`] beside its parser; what becomes `other`, and what
//! differs from what another project reads, stands there with the reason.

mod expected;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::provider::CORPORA;
use super::testing::{self, NOW, accepted, headers};
use super::{Source, Verdict};
use crate::domain::event::Event;

/// What the payloads of one provider become.
pub(super) struct Corpus {
    /// The folder of each project in which they lie, and the provider's name where that is the same.
    pub(super) folder: &'static str,
    /// The provider's name.
    pub(super) provider: &'static str,
    /// What kind a payload is of, from its lower-case headers and its body.
    pub(super) kind: fn(&[(String, String)], &Value) -> String,
    /// The subjects that each kind becomes. A kind may end with `*`; the first that fits counts.
    pub(super) subjects: &'static [(&'static str, &'static [&'static str])],
    /// The kinds for which there are no words, or parts of the paths of payloads that are not as the provider
    /// sends them, each with the reason.
    pub(super) others: &'static [(&'static str, &'static str)],
    /// Where Hookbox means something else than the other project: the type of the expectation or the end of its
    /// path, the field, and the reason.
    pub(super) differences: &'static [(&'static str, &'static str, &'static str)],
    /// How many payloads there are at least, and how many fields are compared at least.
    pub(super) at_least: (u32, u32),
}

/// The value of a header, for [`Corpus::kind`].
pub(super) fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone())
}

/// A source that takes everything from a provider.
fn open(provider: &str) -> Source {
    testing::build(&format!("provider = '{provider}'\nverify = 'none'")).expect("a source")
}

fn fits(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => kind.starts_with(begin),
        None => kind == pattern,
    }
}

/// The events of a payload, sent to an open source; none where it is a challenge.
fn events(source: &Source, path: &str, list: &[(String, String)], body: &[u8]) -> Vec<Event> {
    let list = headers(list);
    let verdict = source.verify(&list, body, NOW);
    match verdict {
        Ok(Verdict::Answer(_)) => Vec::new(),
        Err(rejection) => panic!("{path} is refused: {rejection}"),
        verdict => {
            let verified = accepted(verdict);
            testing::parse(source, &verified.headers, &verified.body).events
        }
    }
}

#[test]
fn every_payload_of_the_corpus_becomes_its_subject() {
    let Some(folder) = testing::corpus("real payloads") else {
        return;
    };
    let mut table: BTreeMap<(&str, String), u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for corpus in CORPORA {
        let source = open(corpus.provider);
        let payloads = testing::payloads(&folder, corpus.folder);
        let count = u32::try_from(payloads.len()).expect("a small number");
        assert!(
            count >= corpus.at_least.0,
            "{}: {count} payloads",
            corpus.provider
        );
        for (path, (list, body)) in payloads {
            let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let kind = (corpus.kind)(&list, &value);
            let found = events(&source, &path, &list, &body);
            for event in &found {
                let subject = event.subject.name();
                *table
                    .entry((corpus.provider, subject.to_owned()))
                    .or_default() += 1;
                if let Some(problem) = problem(corpus, &path, &kind, event) {
                    wrong.push(format!("{}: {path}: {problem}", corpus.provider));
                }
            }
        }
    }
    for ((provider, subject), count) in &table {
        println!("{provider:24} {subject:14} {count:4}");
    }
    for corpus in CORPORA {
        for (kind, reason) in corpus.others {
            println!("{}: other on purpose: {kind}: {reason}", corpus.provider);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is wrong with the subject of an event.
fn problem(corpus: &Corpus, path: &str, kind: &str, event: &Event) -> Option<String> {
    let found = event.subject.name();
    let is_other = |(other, _): &&(&str, &str)| match other.strip_prefix('/') {
        Some(_) => path.contains(other),
        None => fits(other, kind),
    };
    if corpus.others.iter().any(|other| is_other(&other)) {
        let is_explained = found == "other" && event.note.is_some();
        return (!is_explained).then(|| format!("`{kind}` is {found}, note {:?}", event.note));
    }
    if event.provider_event.is_empty() {
        return Some("the event has no name".to_owned());
    }
    let expected = corpus.subjects.iter().find(|(known, _)| fits(known, kind));
    let is_expected = expected.is_some_and(|(_, subjects)| subjects.contains(&found));
    (!is_expected).then(|| format!("`{kind}` is {found}, note {:?}", event.note))
}

#[test]
fn events_say_what_the_tests_of_another_parser_expect() {
    let Some(folder) = testing::corpus("expectations of another parser") else {
        return;
    };
    let mut wrong = Vec::new();
    for corpus in CORPORA {
        let mut compared = 0;
        for (path, (list, body)) in testing::payloads(&folder, corpus.folder) {
            let Some((kind, expected)) = expectation(&folder, corpus.folder, &path) else {
                continue;
            };
            let found = events(&open(corpus.provider), &path, &list, &body);
            for (field, theirs, ours) in expected::checks(&kind, &expected, &found[0]) {
                compared += 1;
                let is_deliberate = corpus
                    .differences
                    .iter()
                    .any(|(of, name, _)| *name == field && (*of == kind || path.ends_with(of)));
                if theirs != ours && !is_deliberate {
                    wrong.push(format!(
                        "{}: {path}: {field}: expected {theirs:?}, found {ours:?}",
                        corpus.provider
                    ));
                }
            }
        }
        println!("{:24} {compared:5} fields compared", corpus.provider);
        for (kind, field, reason) in corpus.differences {
            println!(
                "{}: different on purpose: {kind}, {field}: {reason}",
                corpus.provider
            );
        }
        assert!(
            compared >= corpus.at_least.1,
            "{}: {compared} fields",
            corpus.provider
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What another project's tests expect of a payload: its type, and its fields. Others expect a chat message,
/// which is no event.
fn expectation(folder: &Path, provider: &str, path: &str) -> Option<(String, Value)> {
    let beside = path
        .replacen('/', &format!("/{provider}/"), 1)
        .replace(".json", ".expected.json");
    let text = std::fs::read(folder.join(beside)).ok()?;
    let mut expected: Value = serde_json::from_slice(&text).expect("an expectation is JSON");
    let kind = expected.get("go_scm_type")?.as_str()?.to_owned();
    Some((kind, expected.get_mut("normalised")?.take()))
}
