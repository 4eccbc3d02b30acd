//! Which event header goes with which kind of body.

use serde_json::Value;

/// The event headers and the kinds that their bodies name, as `object_kind`. `System Hook` and
/// `Service Hook` come with every kind.
const KINDS: [(&str, &[&str]); 19] = [
    // A removed tag has been announced under this header as well; both kinds move a ref.
    ("Push Hook", &["push", "tag_push"]),
    ("Tag Push Hook", &["tag_push"]),
    ("Issue Hook", &["issue", "work_item"]),
    ("Confidential Issue Hook", &["issue", "work_item"]),
    ("Note Hook", &["note"]),
    ("Confidential Note Hook", &["note"]),
    ("Merge Request Hook", &["merge_request"]),
    ("Wiki Page Hook", &["wiki_page"]),
    ("Pipeline Hook", &["pipeline"]),
    ("Job Hook", &["build"]),
    // The name of `Job Hook` before GitLab 9.
    ("Build Hook", &["build"]),
    ("Deployment Hook", &["deployment"]),
    ("Feature Flag Hook", &["feature_flag"]),
    ("Release Hook", &["release"]),
    ("Milestone Hook", &["milestone"]),
    ("Emoji Hook", &["emoji"]),
    ("Resource Access Token Hook", &["access_token"]),
    ("Resource Deploy Token Hook", &["deploy_token"]),
    ("Vulnerability Hook", &["vulnerability"]),
];

/// The event headers of groups, whose bodies have an `event_name` alone, and how those begin.
const GROUP_KINDS: [(&str, &str); 3] = [
    ("Member Hook", "user_"),
    ("Subgroup Hook", "subgroup_"),
    ("Project Hook", "project_"),
];

/// The kind that a body names.
pub(super) fn of_body(body: &Value) -> Option<&str> {
    ["object_kind", "event_name"]
        .into_iter()
        .find_map(|key| body.get(key)?.as_str().filter(|kind| !kind.is_empty()))
}

/// The header with which a kind is usually sent.
pub(super) fn header_of(kind: &str) -> Option<&'static str> {
    let own =
        |(header, kinds): &(&'static str, &[&str])| (*kinds.first()? == kind).then_some(*header);
    let group = |(header, begin): &(&'static str, &str)| kind.starts_with(begin).then_some(*header);
    let issue = (kind == "work_item").then_some("Issue Hook");
    issue
        .or_else(|| KINDS.iter().find_map(own))
        .or_else(|| GROUP_KINDS.iter().find_map(group))
}

/// Whether a header and a body contradict each other: both are known, and they do not go together. A kind
/// or a header that is not known contradicts nothing: GitLab adds new ones, and a custom payload template
/// may name any.
pub(super) fn contradict(header: &str, kind: &str) -> bool {
    if header_of(kind).is_none() {
        return false;
    }
    let own = KINDS
        .iter()
        .find(|(name, _)| *name == header)
        .map(|(_, kinds)| kinds.contains(&kind));
    let group = GROUP_KINDS
        .iter()
        .find(|(name, _)| *name == header)
        .map(|(_, begin)| kind.starts_with(begin));
    own.or(group) == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_contradicts_the_kinds_of_other_headers_only() {
        for (header, kind) in [
            ("Push Hook", "push"),
            ("Job Hook", "build"),
            ("Issue Hook", "work_item"),
            ("Confidential Issue Hook", "issue"),
            ("System Hook", "merge_request"),
            ("Service Hook", "push"),
            ("Member Hook", "user_add_to_group"),
            ("Push Hook", "rocket"),
            ("Rocket Hook", "push"),
        ] {
            assert!(!contradict(header, kind), "{header} {kind}");
        }
        for (header, kind) in [
            ("Push Hook", "merge_request"),
            ("Job Hook", "pipeline"),
            ("Note Hook", "issue"),
            ("Member Hook", "push"),
            ("Subgroup Hook", "user_add_to_group"),
            ("Merge Request Hook", "project_create"),
        ] {
            assert!(contradict(header, kind), "{header} {kind}");
        }
    }

    #[test]
    fn a_kind_without_a_header_gets_its_usual_one() {
        assert_eq!(header_of("tag_push"), Some("Tag Push Hook"));
        assert_eq!(header_of("build"), Some("Job Hook"));
        assert_eq!(header_of("work_item"), Some("Issue Hook"));
        assert_eq!(header_of("subgroup_create"), Some("Subgroup Hook"));
        assert_eq!(header_of("rocket"), None);
    }
}
