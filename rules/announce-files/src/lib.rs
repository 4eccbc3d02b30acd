//! Tells a channel of files: uploaded, changed, renamed, or removed.
//!
//! Names of files and folders come from whoever uploads, so that nothing of theirs formats the message.

mod category;
mod changes;
mod kind;
mod message;
mod size;
mod texts;
mod time;

pub use category::Categories;
pub use changes::Changes;
use hookbox_sdk::prelude::*;

rule! {
    subjects: [File],
    settings: Settings {
        /// Where files are told.
        channel: Channel,
        /// The language of the messages: `en`, `fr`, or `zh`.
        language: Language = "en",
        /// The changes that are told, of `created`, `modified`, `renamed`, and `removed`.
        changes: Changes = ["created", "modified"],
        /// Names for folders, such as `{ "HR/Contracts" = "Contracts" }`. What is in none of them has the
        /// name of the first folder on its path.
        categories: Categories,
    },
    evaluate: tell,
}

fn tell(event: &Event, settings: &Settings) -> Decision {
    match event.file() {
        Some(file) => message::tell(event, file, settings),
        None => nothing("not a file"),
    }
}

#[cfg(test)]
mod tests;
