//! Drops what bots caused: as a shared rule, before any team's rule sees it.
//!
//! A bot is who the provider marks as one, or who logs in with a name that one of the patterns matches.
//! What machines are there to report, such as a failed pipeline, is kept whoever caused it.

use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// Patterns over the user names of bots, with `*` and `?`, in any case.
        bots: Vec<String> = ["project_*_bot*", "group_*_bot*", "*[bot]", "*-bot", "renovate*", "dependabot*"],
        /// The subjects that are kept whoever caused them.
        keep_subjects: Vec<SubjectName> = ["pipeline", "job", "release", "deployment", "alert"],
    },
    evaluate: filter,
}

fn filter(event: &Event, settings: &Settings) -> Decision {
    let Some(actor) = &event.actor else {
        return nothing("nobody is named");
    };
    let subject = event.subject_name();
    if settings.keep_subjects.contains(&subject) {
        return nothing(format!("`{subject}` is kept whoever caused it"));
    }
    let handle = actor.handle();
    if actor.bot {
        return drop_event(format!("{} marks `{handle}` as a bot", event.provider));
    }
    // User names are ASCII; the tables of all other letters would be a sixth of the module.
    let name = handle.to_ascii_lowercase();
    match settings
        .bots
        .iter()
        .find(|bot| pattern::matches(&bot.to_ascii_lowercase(), &name))
    {
        Some(bot) => drop_event(format!("`{handle}` is a bot: `bots` has `{bot}`")),
        None => nothing(format!("`{handle}` is no bot")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caused_by(username: &str, name: &str) -> Event {
        let mut event = sample(name);
        event.actor = Some(Person {
            id: None,
            name: "Somebody".to_owned(),
            username: Some(username.to_owned()),
            email: None,
            bot: false,
        });
        event
    }

    #[test]
    fn what_a_person_caused_goes_on() {
        let outcome = case(filter)
            .event(caused_by("ada.martin", "gitlab/push"))
            .run();

        assert_eq!(outcome.expect_nothing(), "`ada.martin` is no bot");
    }

    #[test]
    fn the_names_that_providers_give_their_bots_are_known() {
        for name in [
            "project_15_bot_4f2a",
            "group_3_bot",
            "dependabot[bot]",
            "Renovate-runner",
            "release-bot",
        ] {
            let outcome = case(filter).event(caused_by(name, "gitlab/push")).run();

            assert!(
                outcome
                    .expect_dropped()
                    .starts_with(&format!("`{name}` is a bot"))
            );
        }
    }

    #[test]
    fn a_bot_that_the_provider_marks_needs_no_pattern() {
        let mut event = caused_by("deploys", "gitlab/merge-request-opened");
        if let Some(actor) = &mut event.actor {
            actor.bot = true;
        }

        let outcome = case(filter).settings("bots = []").event(event).run();

        assert_eq!(outcome.expect_dropped(), "gitlab marks `deploys` as a bot");
    }

    #[test]
    fn a_failed_pipeline_is_kept_whoever_caused_it() {
        let event = caused_by("renovate", "gitlab/pipeline-failed");

        case(filter).event(event.clone()).run().expect_nothing();
        case(filter)
            .settings("keep_subjects = []")
            .event(event)
            .run()
            .expect_dropped();
    }

    #[test]
    fn an_event_without_an_actor_goes_on() {
        let mut event = sample("gitlab/push");
        event.actor = None;

        case(filter).event(event).run().expect_nothing();
    }

    #[test]
    fn a_subject_that_does_not_exist_is_refused_at_load() {
        let refusal = configure_with::<HookboxRule>("keep_subjects = ['pipelines']").unwrap_err();

        assert!(
            refusal
                .starts_with("`keep_subjects` is `[\"pipelines\"]`, expected a list of subjects")
        );
    }
}
