//! Says that it asks for one channel and nothing else, and uses what it never named.
//!
//! For the tests that a manifest binds whoever wrote it: another channel that its team may use, channels and
//! commands of others, and such as there are not.

use hookbox_sdk::prelude::*;

rule! { subjects: [Push], channels: ["console"], evaluate: lie }

fn lie(event: &Event) -> Decision {
    let mut decision = nothing("nothing of this was asked for");
    for channel in ["spare", "others", "con*", "*", "../console", "con\0sole"] {
        decision = decision.and(Notify::to(channel).text(&event.id));
    }
    for command in ["deploy", "/bin/sh", ""] {
        decision = decision.and(Deploy::command(command));
    }
    decision.and(Deploy::command("deploy").report_to("others", ReportWhen::Always))
}
