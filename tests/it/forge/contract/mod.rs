//! What every forge keeps, whichever it is: one set of tests, for each test forge, and for a real
//! Gitea or Forgejo where `HEADWATER_TEST_GITEA_URL` and `HEADWATER_TEST_GITEA_TOKEN` (of an
//! administrator) name one.

mod changing;
mod comments;
mod faults;
mod gates;
mod listing;
mod merging;
mod opening;
mod real;
pub mod site;
mod standing;

/// `kept_by!(module, start)` tries the contract on a site.
macro_rules! kept_by {
    ($name:ident, $start:expr) => {
        kept_by! { @each $name, $start,
            changing::a_ticked_box_is_read
            changing::an_unknown_number_is_missing
            changing::labels_come_and_go_and_a_persons_stay
            changing::only_what_is_named_changes
            changing::what_is_closed_may_be_reopened
            changing::what_is_merged_cannot_be_closed
            comments::comments_are_added_edited_and_listed_oldest_first
            gates::a_commit_enters_when_its_pull_request_is_merged
            gates::a_commit_of_a_pull_request_that_is_not_merged_has_not_entered
            gates::a_long_description_is_cut
            gates::a_missing_commit_is_missing
            gates::a_status_that_is_posted_is_read_back
            gates::an_approval_of_an_older_head_does_not_count
            gates::an_approval_of_one_who_may_not_write_does_not_count
            gates::approvals_are_those_that_count_now
            gates::checks_are_told_by_name_and_the_newest_counts
            gates::checks_of_all_pages_are_told
            listing::a_deleted_branch_is_still_known_by_its_name
            listing::a_forks_branch_of_the_same_name_is_not_ours
            listing::a_persons_own_has_their_name
            listing::all_pages_are_read_and_the_oldest_comes_first
            listing::those_of_one_branch_come_in_all_states_newest_first
            listing::what_is_pushed_is_seen
            merging::a_branch_that_has_moved_is_not_merged
            merging::a_conflict_is_not_ready
            merging::a_draft_and_a_closed_one_are_not_ready
            merging::a_missing_approval_is_not_ready
            merging::each_method_makes_its_own_history
            merging::what_is_ready_is_merged_at_once
            merging::what_waits_for_a_check_is_merged_by_the_forge
            opening::a_body_comes_back_as_it_was
            opening::a_closed_one_does_not_stand_for_a_new_one
            opening::a_draft_is_a_draft
            opening::a_label_is_made_once
            opening::people_who_cannot_be_asked_are_warnings
            opening::what_is_opened_reads_back
            opening::what_is_opened_twice_is_one
            opening::without_its_branch_there_is_none
            standing::a_missing_repository_is_missing
            standing::a_wrong_token_is_denied
            standing::checks_are_summed_up
            standing::one_failure_among_many_checks_counts
            standing::protection_is_what_the_branch_demands
            standing::standing_says_who_asks_and_what_they_may
            standing::statuses_and_runs_count_together
        }
    };
    (@each $name:ident, $start:expr, $($module:ident :: $test:ident)*) => {
        mod $name {
            use crate::forge::contract::site::Site as _;

            $(
                #[test]
                fn $test() {
                    let Some(site) = $start else {
                        return;
                    };
                    crate::forge::contract::$module::$test(&site);
                    assert_eq!(site.violations(), [""; 0]);
                }
            )*
        }
    };
}

/// The contract, and what goes wrong on the way, with a test forge of this kind.
macro_rules! kept_by_test_forge {
    ($name:ident, $kind:ident) => {
        kept_by_test_forge! { @each $name, $kind,
            fault_12_a_lost_answer_makes_no_second_pull_request
            a_status_without_the_right_says_which_is_needed
            fault_12_a_lost_answer_to_a_comment_is_one_comment
            fault_12_a_lost_answer_to_a_merge_is_a_merge
            fault_12_a_lost_answer_to_a_status_is_one_status
            fault_13_a_long_limit_is_told
            fault_13_a_short_limit_is_waited_for
            fault_14_one_refused_token_is_asked_for_again
            fault_15_a_forge_that_is_down_is_unavailable
            where_nothing_changes_nothing_is_written
        }
    };
    (@each $name:ident, $kind:ident, $($fault:ident)*) => {
        mod $name {
            use crate::forge::contract::site::{Site as _, TestSite};
            use crate::support::forge::Kind;

            kept_by!(keeps, Some(crate::forge::contract::site::TestSite::start(
                crate::support::forge::Kind::$kind,
            )));

            $(
                #[test]
                fn $fault() {
                    let site = TestSite::start(Kind::$kind);
                    crate::forge::contract::faults::$fault(&site);
                    assert_eq!(site.violations(), [""; 0]);
                }
            )*
        }
    };
}

kept_by_test_forge!(forgejo, Forgejo);
kept_by_test_forge!(gitea, Gitea);
kept_by_test_forge!(github, GitHub);
kept_by_test_forge!(gitlab, GitLab);
kept_by!(
    real_gitea,
    crate::forge::contract::real::RealGitea::if_there_is_one()
);
