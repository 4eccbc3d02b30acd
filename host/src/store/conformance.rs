//! The contract of [`Store`] as tests, the same for every back end.
//!
//! Each test takes a [`Bench`]: a store of its own, a clock that stands still until the test moves it,
//! and the means to open the store again. A back end is one line at the end of this file and one
//! function in `bench` that opens it.
//!
//! [`Store`]: super::Store

mod actions;
mod bench;
mod deliveries;
mod events;
mod interleavings;
mod listings;
mod order;
mod ownership;
mod refusals;
mod sources;
mod units;

use bench::Bench;

/// Makes a test of each function named, for one back end. One that is not named is reported by the
/// compiler as unused.
macro_rules! tests {
    ($backend:ident: $($module:ident { $($test:ident,)* })*) => {
        mod $backend {
            $(mod $module {
                $(#[tokio::test]
                async fn $test() {
                    super::super::$module::$test(super::super::Bench::$backend()).await;
                })*
            })*

            #[test]
            fn however_claims_crashes_and_ends_interleave_a_key_keeps_its_order() {
                super::interleavings::a_key_keeps_its_order(super::Bench::$backend);
            }
        }
    };
}

macro_rules! conformance {
    ($backend:ident) => {
        tests! { $backend:
            deliveries {
                a_delivery_is_read_back_as_it_was_accepted,
                a_delivery_is_a_duplicate_by_any_of_its_keys,
                a_delivery_accepted_again_is_its_own_duplicate,
                a_key_counts_for_its_source_alone,
                a_key_no_longer_counts_after_it_expired,
                an_expired_key_counts_for_the_delivery_that_took_it_over,
                deliveries_are_claimed_oldest_first_up_to_the_limit,
                a_second_worker_never_claims_a_claimed_delivery,
                a_split_delivery_is_not_claimed_again,
                a_delivery_may_hold_no_event,
                a_delivery_claimed_by_another_cannot_be_split,
                a_split_that_fails_leaves_the_delivery_claimed,
                events_are_numbered_in_the_order_of_their_deliveries,
                what_was_answered_survives_reopening,
            }
            refusals {
                a_refusal_is_read_back_as_it_was_recorded,
                equal_refusals_are_counted,
                refusals_that_differ_in_any_trait_are_kept_apart,
                the_last_two_hundred_refusals_of_a_source_are_kept,
                an_address_that_is_refused_often_pushes_out_its_own_refusals,
            }
            sources {
                a_folder_that_was_never_kept_is_not_known,
                an_empty_folder_is_known_once_it_was_kept,
                files_are_read_back_as_they_were_kept,
                a_file_that_changed_takes_the_place_of_its_former_state,
                files_that_are_gone_are_forgotten,
                a_path_that_is_gone_and_changed_is_kept,
                a_folders_files_are_its_own,
                a_folders_root_is_known_once_it_was_kept,
                a_folder_that_is_kept_anew_forgets_what_was_kept,
                a_batch_is_kept_with_its_deliveries,
                a_batch_that_is_committed_again_changes_nothing,
                equal_changes_in_later_batches_are_each_a_delivery,
                a_delivery_of_a_batch_whose_key_is_known_is_a_duplicate,
                the_number_of_a_batch_has_all_its_bits_and_is_its_sources_own,
                the_number_of_the_last_batch_outlasts_a_new_beginning,
                many_files_are_kept_at_once,
                a_schedule_that_never_ran_has_no_last_moment,
                the_last_moment_never_goes_back,
                a_schedules_last_moment_is_its_own,
                folders_and_schedules_survive_reopening,
                the_last_delivery_is_the_one_accepted_last,
                the_last_delivery_counts_how_often_it_came_again,
            }
            events {
                events_get_sequence_numbers_in_their_order,
                split_events_are_claimed_by_the_same_owner,
                events_are_claimed_in_the_order_of_their_sequence_numbers,
                a_finished_event_is_done_with_its_snapshot,
                a_released_event_is_claimed_again,
                an_event_claimed_by_another_is_neither_finished_nor_released,
                an_event_is_not_finished_for_another_run,
                an_event_is_not_finished_with_an_unknown_snapshot,
                the_newest_event_is_found_without_an_identifier,
                an_unknown_event_is_not_found,
                snapshots_are_kept_once,
            }
            units {
                a_unit_is_committed_with_all_that_belongs_to_it,
                a_unit_committed_twice_has_its_evaluations_once,
                a_unit_that_fails_leaves_nothing_behind,
                a_unit_of_an_event_claimed_by_another_is_not_committed,
                a_unit_of_an_unknown_snapshot_is_not_committed,
                an_action_whose_key_is_known_is_kept_once,
                a_drop_is_never_kept_as_an_action,
                an_event_claimed_again_knows_its_committed_units,
                an_action_that_ended_at_once_is_never_claimed,
            }
            actions {
                an_action_is_claimed_once_with_its_attempt_on_record,
                an_action_is_claimed_for_its_kind_alone,
                actions_are_claimed_in_the_order_of_events_up_to_the_limit,
                an_action_is_not_claimed_before_it_is_due,
                a_settled_action_is_done_with_its_attempt_ended,
                a_retry_waits_for_its_time_and_counts_attempts,
                an_action_given_up_is_dead_and_one_refused_is_refused,
                an_action_claimed_by_another_is_not_settled,
                an_action_is_not_settled_twice,
                follow_ups_are_committed_with_the_end_and_once,
                a_follow_up_of_an_unknown_event_leaves_the_action_running,
                an_interrupted_notification_waits_again,
                an_interrupted_command_waits_for_a_decision,
                what_follows_from_a_decision_is_kept_with_it,
                a_command_to_be_rerun_is_claimed_again,
                only_an_interrupted_command_can_be_decided_about,
                the_next_due_time_is_that_of_the_kind,
            }
            order {
                actions_without_a_key_are_claimed_together,
                one_action_of_a_key_runs_at_a_time,
                one_claim_takes_one_action_of_each_key,
                a_key_waits_while_its_first_action_is_not_due,
                an_action_never_runs_after_one_of_a_later_event_of_its_key,
                a_command_rerun_too_late_is_superseded,
                the_action_behind_a_superseded_one_is_claimed_at_once,
                actions_of_one_event_and_key_run_in_the_order_of_their_commit,
                a_key_with_many_waiting_does_not_hide_the_others,
            }
            ownership {
                what_a_crashed_owner_had_in_hand_is_handed_out_again,
                an_owner_whose_lease_runs_keeps_its_claims,
                an_owner_whose_lease_ran_out_loses_its_claims,
                a_sole_owner_takes_over_claims_whose_lease_runs,
                recovering_leaves_the_own_claims_alone,
                a_delivery_in_flight_at_three_crashes_is_set_aside,
                an_event_in_flight_at_three_crashes_is_set_aside,
                a_notification_in_flight_at_three_crashes_is_set_aside,
                a_command_in_flight_at_a_crash_is_interrupted,
                a_command_rerun_into_three_crashes_is_set_aside,
                an_orderly_end_counts_no_crash,
                the_backlog_counts_what_is_not_finished,
                a_store_that_can_be_written_answers_a_probe,
            }
            listings {
                events_are_listed_newest_first,
                events_are_listed_by_each_condition,
                events_are_listed_page_by_page,
                an_event_is_summed_up,
                actions_are_listed_by_each_condition,
                actions_are_listed_page_by_page,
                an_event_shows_how_often_its_delivery_came_again,
            }
        }
    };
}

conformance!(sqlite);
