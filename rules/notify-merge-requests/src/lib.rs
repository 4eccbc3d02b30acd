//! Tells a channel of merge requests and pushes.
//!
//! Titles, names, and branches come from whoever pushed, so that nothing of theirs formats the message.

mod merge_request;
mod push;

use hookbox_sdk::prelude::*;

rule! {
    subjects: [MergeRequest, Push],
    settings: Settings {
        /// Where merge requests and pushes are told.
        channel: Channel,
    },
    evaluate: tell,
}

fn tell(event: &Event, settings: &Settings) -> Decision {
    match &event.subject {
        Subject::MergeRequest(merge_request) => {
            merge_request::tell(event, merge_request, &settings.channel)
        }
        Subject::Push(push) => push::tell(event, push, &settings.channel),
        _ => nothing("neither a merge request nor a push"),
    }
}
