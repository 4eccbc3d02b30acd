//! The names of what an event can be about, for manifests and settings.

use std::fmt;

macro_rules! subject_names {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// What an event is about, without the event: `SubjectName::MergeRequest` is `merge-request`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is described by the type of the same name")]
        pub enum SubjectName {
            $($variant),*
        }

        impl SubjectName {
            /// Every subject, in the order of the interface.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name as manifests and settings files have it, such as `merge-request`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

subject_names! {
    Push = "push",
    Tag = "tag",
    MergeRequest = "merge-request",
    Issue = "issue",
    Comment = "comment",
    Pipeline = "pipeline",
    Job = "job",
    Release = "release",
    Deployment = "deployment",
    Page = "page",
    FeatureFlag = "feature-flag",
    Member = "member",
    Alert = "alert",
    File = "file",
    Schedule = "schedule",
    Ping = "ping",
    Other = "other",
}

impl SubjectName {
    /// Reads a name such as `merge-request`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|subject| subject.as_str() == name)
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
