//! What all forges share: each of these tests, at each of them.

/// Gives their names to a macro.
macro_rules! shared {
    ($give:ident, $($with:tt)*) => {
        $give! { $($with)*
            closing::fault_10_closed_is_not_proposed_again_and_a_newer_digest_is
            closing::fault_10_a_closed_one_comes_back_when_it_is_asked_for
            closing::nothing_left_to_do_is_said_and_declines_nothing
            closing::pinned_by_hand_ends_it
            closing::fault_44_merged_by_squash_or_rebase_is_seen_by_content
            creates::what_is_pushed_is_a_pull_request_of_its_own_and_closed_it_stays_out
            closing::a_deleted_branch_is_made_again_where_its_pull_request_is_open
            opening::a_moved_tag_is_a_pull_request_that_moves_on_with_it
            opening::labels_reviewers_assignees_and_drafts_are_set_once
            opening::a_branch_from_before_the_forge_was_named_gets_its_pull_request
            opening::what_a_person_opened_or_wrote_below_stays
            opening::so_many_in_an_hour_and_the_rest_wait
            opening::outside_its_schedule_nothing_is_made_or_moved
            opening::templates_make_title_and_message_and_a_broken_one_is_named
        }
    };
}

/// One test each, at a forge of this kind.
macro_rules! hosted_at {
    ($name:ident $kind:ident $($module:ident :: $test:ident)*) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    crate::hosting::$module::$test(crate::support::forge::Kind::$kind);
                }
            )*
        }
    };
}

shared!(hosted_at, gitea Gitea);
shared!(hosted_at, forgejo Forgejo);
shared!(hosted_at, gitlab GitLab);
