//! The contract of [`Store`] as tests, the same for every back end.
//!
//! Each test takes a [`Bench`]: a store of its own, a clock that stands still until the test moves it,
//! and the means to open the store again. A back end is one line at the end of this file and one
//! function in `bench` that opens it.
//!
//! [`Store`]: super::Store

mod actions;
mod bench;
mod by_hand;
mod deliveries;
mod earlier;
mod events;
mod interleavings;
mod listings;
mod messages;
mod once;
mod order;
mod ownership;
mod past;
mod pauses;
mod refusals;
mod replays;
mod sources;
mod states;
mod turns;
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
            fn whatever_happens_in_which_order_keys_and_lanes_keep_theirs() {
                super::interleavings::keys_and_lanes_keep_their_order(super::Bench::$backend);
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
                what_is_known_of_rules_is_kept_until_it_is_forgotten,
            }
            units {
                a_unit_is_committed_with_all_that_belongs_to_it,
                a_unit_committed_twice_has_its_evaluations_once,
                a_unit_committed_in_parts_counts_with_the_last,
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
                commands_are_claimed_in_the_order_of_events_up_to_the_limit,
                commands_that_fell_due_first_are_claimed_first,
                an_action_keeps_the_run_it_was_asked_for_in,
                an_action_is_not_claimed_before_it_is_due,
                a_settled_action_is_done_with_its_attempt_ended,
                a_retry_waits_for_its_time_and_counts_attempts,
                an_attempt_that_fails_for_good_says_how_the_action_ended,
                an_action_claimed_by_another_is_not_settled,
                an_action_is_not_settled_twice,
                follow_ups_are_committed_with_the_end_and_once,
                a_follow_up_of_an_unknown_event_leaves_the_action_running,
                an_interrupted_notification_waits_again,
                an_interrupted_command_waits_for_a_decision,
                what_follows_from_a_decision_is_kept_with_it,
                a_command_to_be_rerun_is_claimed_again,
                only_an_interrupted_command_can_be_decided_about,
                what_was_found_of_an_output_is_put_into_the_record_of_the_last_attempt,
                the_next_command_is_the_first_that_is_not_due,
            }
            order {
                commands_without_a_turn_are_claimed_together,
                one_action_of_a_key_runs_at_a_time,
                one_claim_takes_one_action_of_each_key,
                a_key_waits_while_its_first_action_is_not_due,
                a_command_never_runs_after_the_same_one_of_a_later_event_of_its_key,
                a_command_rerun_too_late_is_superseded,
                the_action_behind_a_superseded_one_is_claimed_at_once,
                actions_of_one_event_and_key_run_in_the_order_of_their_commit,
                a_key_with_many_waiting_does_not_hide_the_others,
            }
            earlier {
                a_command_of_an_event_evaluated_late_runs_before_later_ones,
                a_queue_waits_for_an_event_that_is_to_be_claimed,
                a_queue_waits_for_a_delivery_that_is_not_split,
                a_queue_waits_for_no_later_event,
                a_queue_waits_for_nothing_of_a_paused_source,
                a_queue_waits_for_no_event_of_a_paused_source,
                a_queue_waits_for_no_event_that_was_set_aside,
                a_queue_waits_for_no_replay,
                only_a_queue_waits_for_earlier_events,
                a_command_that_a_person_asks_for_waits_for_earlier_events,
            }
            messages {
                messages_of_a_channel_are_claimed_one_at_a_time_in_the_order_of_their_events,
                channels_do_not_wait_for_each_other,
                a_message_that_is_not_due_holds_up_none_that_is,
                those_due_after_a_message_are_shown_and_claimed_by_nobody,
                a_message_that_is_passed_by_waits_and_is_not_shown,
                merged_messages_end_with_the_one_that_carried_them,
                messages_are_merged_only_where_their_carrier_was_sent,
                only_those_of_the_channel_that_still_wait_are_merged,
                a_held_message_waits_again_as_if_the_attempt_had_not_been,
                a_retry_of_a_message_counts_and_waits_for_its_time,
                lanes_show_what_is_due_and_when_the_next_falls_due,
                a_lane_counts_a_thousand_and_one_at_most,
                every_attempt_at_a_message_of_a_channel_counts_as_sent,
                messages_committed_before_a_moment_are_given_up_with_the_reason,
                a_failing_channel_is_known_until_it_works_again,
            }
            once {
                a_message_is_not_sent_again_within_its_time,
                a_message_is_the_same_for_one_rule_channel_and_key,
                the_second_of_one_commit_is_not_sent,
                a_message_that_was_sent_counts,
                a_message_that_came_to_nothing_does_not_count,
                what_ends_at_once_is_not_deduplicated,
                a_message_committed_again_is_no_repetition_of_itself,
            }
            turns {
                one_that_rejects_is_refused_while_another_of_its_key_is_open,
                one_that_rejects_is_refused_for_any_event_and_command,
                one_that_rejects_waits_once_the_others_have_ended,
                the_latest_takes_the_place_of_those_that_wait,
                the_latest_waits_for_the_one_that_runs,
                the_latest_of_an_earlier_event_gives_way,
                actions_of_one_event_never_take_each_others_place,
                commands_of_a_group_wait_for_each_other_and_supersede_their_own,
                an_earlier_command_of_a_group_runs_after_another_of_a_later_event,
                one_that_cancels_ends_the_one_that_runs_and_waits_for_its_end,
                the_newest_that_cancels_is_the_one_that_takes_the_place,
                one_that_ended_before_it_could_be_ended_keeps_its_end,
                one_whose_end_was_asked_for_is_not_run_again,
                one_that_is_cut_off_while_it_is_to_end_is_canceled,
                one_that_is_to_end_is_canceled_at_its_last_crash_too,
                what_ends_at_once_takes_nobodys_place,
                an_action_committed_again_takes_nobodys_place,
                a_rerun_gives_way_to_the_latest_that_waits,
                one_tried_again_gives_way_to_any_that_waits_where_it_is_the_latest,
                one_that_rejects_and_is_tried_again_is_refused_beside_one_at_work,
                one_that_cancels_and_is_tried_again_ends_the_one_that_runs,
                a_message_has_no_turn,
            }
            by_hand {
                what_did_not_come_about_is_tried_again_at_once,
                a_command_refused_without_a_turn_is_not_tried_again,
                attempts_from_before_no_longer_count,
                crashes_from_before_no_longer_count,
                an_interrupted_command_tried_again_waits_for_a_decision_anew,
                only_what_matches_is_tried_again_or_canceled,
                all_that_match_are_changed_whatever_the_page,
                a_command_tried_again_too_late_is_superseded,
                what_has_not_ended_is_canceled_by_hand,
                a_command_that_runs_is_ended_by_who_runs_it,
                a_command_canceled_by_hand_and_cut_off_stays_canceled,
                a_person_has_the_last_word_about_a_command_that_is_to_end,
                a_message_on_its_way_is_left_alone,
                a_command_that_was_ended_can_be_tried_again,
            }
            pauses {
                deliveries_of_a_paused_source_are_accepted_and_wait,
                deliveries_of_several_sources_are_claimed_in_their_order,
                events_of_a_paused_source_wait,
                messages_of_a_paused_channel_wait,
                a_paused_command_waits,
                a_paused_command_holds_up_no_other_of_its_key,
                a_paused_command_that_waits_has_no_other_refused,
                a_paused_command_that_runs_has_others_refused,
                a_pause_does_not_end_what_runs,
                pauses_are_listed_with_their_first_moment_and_last_reason,
                a_pause_is_ended_once_and_for_its_kind_alone,
            }
            replays {
                an_event_is_evaluated_again_as_its_next_run,
                a_replay_may_be_for_one_rule,
                a_replay_that_waits_takes_up_further_rules,
                a_replay_that_has_begun_takes_up_no_further_rule,
                an_event_is_not_evaluated_again_before_its_first_run,
                a_stuck_event_is_evaluated_again_with_its_crashes_forgotten,
                a_delivery_that_was_set_aside_unread_is_read_at_a_replay,
                what_matches_is_evaluated_again_in_the_order_of_the_events,
                an_unknown_event_is_not_evaluated_again,
                what_rules_have_missed_is_known_until_they_were_asked,
                each_rule_is_asked_about_what_it_has_missed,
                a_unit_committed_again_changes_nothing_of_what_was_missed,
                what_a_person_asks_for_is_done_without_a_rule,
                what_a_person_asks_for_is_kept_once,
                what_a_person_asks_for_is_kept_whole_or_not_at_all,
                what_a_person_asked_for_is_never_evaluated,
            }
            past {
                the_past_is_read_page_by_page_in_the_order_of_the_events,
                the_past_holds_what_matches_and_no_other,
                the_newest_evaluations_are_found_however_they_went,
                an_event_is_no_past_before_its_first_run_is_over,
                what_a_person_asked_for_is_no_past_of_rules,
                the_first_answer_of_a_rule_is_the_one_that_counts,
                a_drop_of_its_unit_or_of_the_shared_rules_is_known,
            }
            states {
                what_a_rule_keeps_is_committed_with_its_evaluation,
                changes_that_saw_another_state_commit_nothing_of_their_unit,
                a_unit_committed_twice_changes_a_state_once,
                a_unit_that_fails_leaves_the_state_as_it_was,
                what_a_rule_keeps_is_its_names_own_and_survives_reopening,
                what_is_cleared_is_gone_and_told,
                an_evaluation_that_saw_what_was_cleared_brings_nothing_back,
                a_delivery_is_claimed_with_the_number_of_its_first_event,
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
                events_are_listed_by_when_they_were_received,
                events_are_listed_page_by_page,
                a_look_ends_at_its_bounds_and_says_where_to_go_on,
                an_event_is_summed_up,
                actions_are_listed_by_each_condition,
                actions_are_listed_by_when_they_were_committed,
                actions_are_listed_page_by_page,
                an_event_shows_how_often_its_delivery_came_again,
            }
        }
    };
}

conformance!(sqlite);
