//! Runs a deploy command when a branch moves.
//!
//! A merge gives two events, the merged merge request and the push to its target branch. Only the push
//! deploys: it also comes when nobody opened a merge request, and one merge is one run.

use hookbox_sdk::prelude::*;

rule! {
    subjects: [Push, MergeRequest],
    settings: Settings {
        /// The command to run; it gets the arguments `branch` and `commit`.
        command: CommandName,
        /// The branch that is deployed, or a pattern of branches.
        branch: BranchPattern = "main",
        /// The channel that is told how each run ended.
        report: Option<Channel>,
    },
    evaluate: deploy,
}

fn deploy(event: &Event, settings: &Settings) -> Result<Decision, Failure> {
    let push = match &event.subject {
        Subject::Push(push) => push,
        Subject::MergeRequest(merge_request) => return Ok(nothing(about(merge_request))),
        _ => return Ok(nothing("not a push")),
    };
    if !settings.branch.matches(&push.branch) {
        return Ok(nothing(format!(
            "`{}` is not `{}`",
            push.branch, settings.branch
        )));
    }
    if push.deleted {
        return Ok(nothing(format!("`{}` was deleted", push.branch)));
    }
    if push.after.is_empty() {
        return Err(Failure::event(
            "the push does not say which commit the branch is at",
        ));
    }
    Ok(Deploy::command(&settings.command)
        .argument("branch", &push.branch)
        .argument("commit", &push.after)
        .report_to(&settings.report, ReportWhen::Always)
        .because(format!("`{}` is at {}", push.branch, push.short_after())))
}

fn about(merge_request: &MergeRequest) -> &'static str {
    if merge_request.change == Change::Merged {
        "the push that the merge makes deploys"
    } else {
        "not merged"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "command = 'deploy-site'\nbranch = 'main'\nreport = 'ops'";

    fn push_to(branch: &str) -> Event {
        let mut event = sample("gitlab/push");
        if let Subject::Push(push) = &mut event.subject {
            branch.clone_into(&mut push.branch);
        }
        event
    }

    #[test]
    fn a_push_to_the_branch_runs_the_command_and_reports() {
        let event = push_to("main");
        let commit = event.push().unwrap().after.clone();

        let outcome = case(deploy).settings(SETTINGS).event(event).run();

        let run = outcome.expect_deploy("deploy-site");
        assert_eq!(run.argument("branch"), Some("main"));
        assert_eq!(run.argument("commit"), Some(commit.as_str()));
        assert_eq!(run.report.as_ref().unwrap().channel, "ops");
    }

    #[test]
    fn without_a_channel_nobody_is_told() {
        let outcome = case(deploy)
            .settings("command = 'deploy-site'")
            .event(push_to("main"))
            .run();

        assert_eq!(outcome.expect_deploy("deploy-site").report, None);
    }

    #[test]
    fn a_push_to_another_branch_runs_nothing() {
        let outcome = case(deploy)
            .settings(SETTINGS)
            .event(push_to("feature/x"))
            .run();

        assert_eq!(outcome.expect_nothing(), "`feature/x` is not `main`");
    }

    #[test]
    fn a_pattern_deploys_every_branch_it_matches() {
        let settings = "command = 'deploy-site'\nbranch = 'release/*'";

        case(deploy)
            .settings(settings)
            .event(push_to("release/1.2"))
            .run()
            .expect_deploy("deploy-site");
        case(deploy)
            .settings(settings)
            .event(push_to("release/1.2/fix"))
            .run()
            .expect_nothing();
    }

    #[test]
    fn a_deleted_branch_is_not_deployed() {
        let mut event = push_to("main");
        if let Subject::Push(push) = &mut event.subject {
            push.deleted = true;
        }

        let outcome = case(deploy).settings(SETTINGS).event(event).run();

        assert_eq!(outcome.expect_nothing(), "`main` was deleted");
    }

    #[test]
    fn both_events_of_one_merge_give_one_run() {
        let merged = case(deploy)
            .settings(SETTINGS)
            .sample("gitlab/merge-request-merged")
            .run();
        let pushed = case(deploy).settings(SETTINGS).event(push_to("main")).run();

        assert_eq!(
            merged.expect_nothing(),
            "the push that the merge makes deploys"
        );
        pushed.expect_deploy("deploy-site");
    }

    #[test]
    fn the_command_must_be_set() {
        assert_eq!(
            configure_with::<HookboxRule>("branch = 'main'"),
            Err("`command` is missing, expected the name of a command".to_owned())
        );
    }
}
