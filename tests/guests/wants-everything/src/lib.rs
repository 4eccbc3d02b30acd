//! Asks for every channel and command, and names those that its settings or the event say.
//!
//! For the tests of grants: a pattern is cut to what is granted, and an action outside is refused. The
//! targets are settings of kind `text`, so that nothing is checked at load; a push to `run/<command>`
//! runs that command.

use hookbox_sdk::prelude::*;

rule! {
    channels: ["*"],
    commands: ["*"],
    settings: Settings {
        /// The channel that is told; a text, so that it is not checked at load.
        notify: Option<String>,
        /// The command that is run; a text, so that it is not checked at load.
        run: Option<String>,
    },
    evaluate: reach,
}

fn reach(event: &Event, settings: &Settings) -> Decision {
    let mut decision = nothing(format!("all that can be named for {}", event.id));
    if let Some(channel) = &settings.notify {
        decision = decision.and(Notify::to(channel).text("a message nobody granted"));
    }
    let pushed = event
        .branch()
        .and_then(|branch| branch.strip_prefix("run/"));
    if let Some(command) = settings.run.as_deref().or(pushed) {
        decision = decision.and(Deploy::command(command).argument("event", &event.id));
    }
    decision
}
