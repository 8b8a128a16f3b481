"""Which tests `make check`, `make test` and `make test-slow` run, in one table.

`make check` leaves out tests that start processes, compile networks, or are slow. `make test`
leaves out the slow ones. `make test-slow` runs the slow ones alone. A test is found by its name,
wherever its file lies; `test_house.py` holds this table to the tests that exist.
"""

import types

SLOW_PLACES = (
    # Folders.
    *("browser", "faults", "docker", "mongod", "alignment_core/analysis", "alignment_core/data"),
    # A search's whole life as a command, a page or a driver has it: its rules are tested without.
    "public/cli/test_confirm.py",
    "public/cli/test_given.py",
    "public/cli/test_hostile_store.py",
    "public/cli/test_whole_search.py",
    "public/cli/test_train_from.py",
    "public/cli/test_left_out.py",
    "public/cli/test_own_sources.py",
    "public/test_asking_faults.py",
    "public/test_given_points.py",
    "public/test_handle_whole.py",
    "public/test_method_faults.py",
    "dashboards/web/test_confirming.py",
    "dashboards/web/test_hostile_store.py",
    "dashboards/web/test_left_out.py",
    "dashboards/web/test_points.py",
    "dashboards/web/test_whole_search.py",
    "search/driver/test_confirmed_search.py",
    "search/store/test_disk_full.py",
    "search/store/test_places.py",
    "search/use_cases/test_import_mongotrials.py",
    "search/use_cases/test_import_optuna.py",
    "search/use_cases/test_longer_training.py",
    "workers/test_identity.py",
    "workers/test_local_ray.py",
    "workers/test_pytorch.py",
)
"""Folders and files whose tests take minutes, or which the main job does without: slow, but for
`KEPT`."""

KEPT = (
    # One page in a real browser, one real kill, and the documents' commands.
    "test_the_list_says_where_searches_stand_and_keeps_its_filter_in_the_address",
    "test_what_was_acknowledged_survives_kills",
    *("test_bad_documents_are_found", "test_a_search_outlives_a_few_faults_of_its_store"),
    "test_a_rename_that_is_killed_is_finished_by_the_same_command",
    "test_only_commands_and_options_that_exist_are_used",
    "test_documents_name_only_options_and_targets_that_exist",
    "test_a_command_that_does_not_exist_is_found",
)
"""Tests of these places that an installation is to pass."""

SLOW = (
    # Training to a result, where shorter tests train the same way.
    "test_digits_are_learnt",
    "test_one_configuration_gives_one_training_on_a_new_and_on_a_used_trainer",
    "test_a_result_sums_its_epochs_up",
    "test_two_replicas_train_as_two_minibatches_do",
    "test_photographs_are_trained_on_as_the_network_sees_them",
    "test_a_trial_whose_first_epoch_is_all_delay_is_recorded",
    "test_ctrl_c_ends_it_and_until_then_nobody_else_trains_there",
    "test_a_killed_training_ends_as_if_it_had_lived",
    "test_a_truncated_checkpoint_falls_back_to_the_one_before_and_says_so",
    "test_noisy_kolen_pollack_goes_on_to_the_same_end",
    "test_digits_are_learnt_by_each",
    "test_its_layers_are_measured",
    "test_another_rule_needs_another_network",
    "test_new_magnitudes_are_drawn_at_each_step_and_the_same_after_a_resume",
    "test_the_parts_of_a_batch_share_its_magnitudes",
    "test_a_search_over_a_rule_without_an_r_trains_it",
    "test_coasting_changes_a_training_and_none_is_the_default",
    "test_adam_moves_the_square_root_of_two_as_far_per_gradient",
    "test_more_values_and_gradients_are_the_definitions",
    # A minute on a busy machine; one fault at two trials is explored in a tenth of that.
    "test_no_two_faults_at_one_trial_break_a_rule",
    # Every rule on every kind of device, every network.
    "test_xla_compiles_every_rule",
    "test_every_shape_is_known_before_a_step_runs",
    "test_two_replicas_give_what_one_device_gives",
    "test_a_training_on_two_replicas_goes_on_to_the_same_end",
    "test_a_deeper_network_repeats_the_blocks_of_a_shallower_one",
    "test_with_backward_kernels_tied_the_gradient_is_backpropagations",
    "test_backward_kernels_are_no_trainable_parameters",
    "test_the_parameters_are_the_published_count",
    "test_bfloat16_products_and_float32_masters",
    # fit in all of Keras's ways, for every rule; Keras's own networks.
    "test_fit_trains_every_rules_kernels_as_the_trainer_does",
    "test_fit_trains_convolutions_as_the_trainer_does",
    "test_a_plain_keras_model_trains_as_the_trainer_does_at_once",
    "test_every_way_to_run_a_step_trains_the_same",
    "test_batches_one_by_one_train_the_same",
    "test_minibatches_train_as_whole_batches",
    "test_gradients_accumulate_over_batches",
    "test_mixed_precision_trains_about_the_same",
    "test_two_replicas_train_as_one_device",
    "test_delay_minimizes_r_alone",
    "test_a_delayed_step_is_a_step_on_r",
    "test_r_moves_before_j_if_both_alternate",
    "test_a_subclassed_model_is_built_by_its_first_batch",
    "test_functional_and_subclassed_models_of_classes_live_side_by_side",
    "test_a_layer_of_two_trained_models_is_refused_when_the_second_is_compiled",
    "test_a_loaded_model_goes_on_as_the_saved_one",
    "test_all_layers_and_optimizers_come_back_from_a_file",
    "test_a_cloned_model_has_the_rule_and_trains",
    "test_an_exported_model_predicts_the_same",
    "test_two_trainings_of_one_trainer_are_the_same_bit_by_bit",
    "test_fit_forms_no_term_that_the_gradient_does_not_need",
    "test_every_read_of_a_kernel_comes_before_its_update",
    "test_a_twin_learns",
    "test_time_distributed_layers_count_each_step",
    "test_an_rnns_cell_learns_by_rules_of_kernels_and_refuses_others",
    "test_a_plain_model_refuses_terms_that_a_loop_holds_and_says_what_to_do",
    "test_fit_draws_the_magnitudes_that_the_trainer_draws",
    "test_a_fixed_rule_that_is_replaced_acts_from_the_next_fit",
    "test_keras_applications_of_known_layers_have_twins",
    "test_keras_applications_with_other_kernels_are_refused_by_name",
    "test_a_small_transformer_learns_as_under_backpropagation",
    "test_kolen_pollack_and_activation_alignment_learn_to_copy",
    "test_kolen_pollack_learns_a_table_that_feedback_alignment_does_not",
    # ImageNet's and CIFAR's readers.
    "test_pipelines_of_uneven_shares_keep_step",
    "test_a_network_is_trained_from_shards_whatever_is_skipped",
    "test_input_pipelines_share_the_records",
    "test_a_sample_is_always_the_same",
    "test_throughput_is_measured_over_epochs",
    "test_the_batch_size_changes_neither_order_nor_pixels",
    "test_a_file_system_of_tensorflows_own_is_read",
    "test_seed_and_epoch_decide_order_and_pixels",
    "test_kerass_cache_is_loaded_whole_and_standardized_by_channel",
    "test_a_corrupt_record_is_printed_with_its_place",
    "test_data_sets_are_listed_with_what_they_lack",
    "test_a_whole_data_set_is_counted_and_timed",
    "test_what_cannot_be_checked_is_said",
    "test_a_corrupt_record_is_refused_by_shard_and_offset",
    "test_a_corrupt_record_is_skipped_and_told_of",
    "test_two_damaged_records_of_a_shard_are_both_found",
    "test_a_skipped_validation_image_leaves_the_others",
    # The document's other examples, whose kind a shorter test covers.
    "test_the_scikit_learn_model_is_searched",
    "test_the_function_is_narrowed_searched_and_exported",
    "test_the_jax_network_is_searched",
    "test_the_pytorch_network_is_searched",
    "test_the_pytorch_program_is_searched",
    "test_the_loop_that_asks_and_tells_ends_its_search_and_goes_on",
    "test_a_function_that_returns_nothing_is_mended_under_its_name",
    "test_another_function_under_the_same_name_is_refused",
    "test_the_rule_is_searched_with_a_network_and_data_of_ones_own",
    "test_the_rule_is_refused_in_one_line_where_it_cannot_be_trained",
    "test_fmin_moved_over_goes_on_where_it_was",
    "test_the_walk_prints_and_leaves_what_the_page_promises",
    "test_a_narrowed_space_is_searched_and_exported_as_table_5",
    # The paper's experiments, whole.
    "test_its_smallest_run_leaves_a_report_with_figures_and_tables",
    "test_its_runs_are_a_search_of_the_store_like_any_other",
    "test_its_statistics_are_numpys_over_the_trials",
    "test_it_leaves_figures_tables_and_its_setting",
    "test_what_its_search_cannot_show_is_said",
    "test_the_same_command_trains_nothing_again_and_shifts_what_is_there",
    "test_a_trained_networks_layers_are_fitted_to_simulated_recordings",
    "test_scalar_network_leaves_figures_tables_and_what_was_run",
    "test_stability_shows_both_fates_of_a_network",
    "test_what_it_draws_at_random_it_gives_the_seeds_of",
    # Examples of each framework, and a program, on Ray; further ways in which a process dies.
    "test_scikit_learn_is_killed_and_resumes",
    "test_scikit_learn_is_pruned",
    "test_jax_is_killed_and_resumes",
    "test_jax_is_pruned",
    "test_jax_in_a_warm_worker_is_pruned",
    "test_a_file_is_shipped_and_hides_no_module_whatever_its_name",
    "test_modules_beside_a_file_are_shipped_with_it",
    "test_a_programs_files_are_shipped",
    "test_a_changed_source_pauses_the_search_on_a_cluster_too",
    "test_a_program_is_searched_from_submit_to_result",
    "test_what_ends_a_process_is_the_attempts_error",
    # A search as a whole: trained for longer; followed; every refusal.
    "test_the_best_is_trained_for_longer_and_the_same_command_trains_nothing_again",
    "test_a_run_trains_what_its_trial_trained_but_for_epochs_and_seed",
    "test_a_log_is_followed_over_the_next_attempt_to_the_trials_end",
    "test_bad_input_is_refused_in_a_line_and_nothing_is_written",
    "test_a_search_that_is_driven_or_runs_stays",
    "test_a_rename_that_was_broken_off_is_told_of",
    "test_note_and_tags_are_found_again",
    # Thousands of requests; long histories; other programs' answers beside ours.
    "test_no_request_makes_the_server_fail",
    "test_long_histories_too",
    "test_a_whole_search_goes_as_hyperopts_own_would",
    "test_points_over_thousands_of_random_trees_are_hyperopts",
    "test_a_search_over_a_tree_goes_as_hyperopts_own_would",
    "test_long_histories_of_trees_too",
    "test_shares_are_optunas_where_all_is_uniform",
    # Points and results that people give, by every command, where Python's own tests give them.
    "test_points_are_enqueued_and_said_which_are_left_out",
    "test_failed_trials_are_tried_again_and_one_is_cancelled",
    "test_what_cannot_be_used_is_refused_and_nothing_is_written",
    "test_what_is_no_study_of_one_objective_is_refused",
    # A second way to the same end.
    "test_a_script_named_search_drives_one_and_asks_a_dashboard",
    "test_a_process_in_the_repositorys_root_has_one_name_for_each_module",
    "test_a_search_is_driven_from_a_folder_with_files_of_any_name",
    "test_run_again_it_trains_nothing_anew_and_has_the_same_numbers",
    "test_interrupted_it_is_continued_in_the_same_search",
    "test_an_idle_worker_makes_the_slots_next_trial",
    "test_a_trial_placed_twice_is_made_once_and_both_slots_become_free",
    "test_the_next_dispatcher_adopts_workers_that_outlive_their_driver",
    "test_other_searches_keep_their_workers",
    "test_a_trial_that_was_begun_for_the_slots_worker_is_made_under_that_lease",
    "test_slots_are_told_of_in_the_order_in_which_their_trials_end",
    "test_a_worker_that_dies_is_told_of_with_the_reason",
    "test_close_ends_every_worker",
    "test_a_finished_training_is_not_repeated",
    "test_reproduce_shows_what_is_done_and_what_failed_in_one_page",
    "test_reproduce_tells_programs_what_became_of_each",
    "test_searches_share_the_slots_and_the_rest_gets_what_one_gives_back",
    "test_a_run_leaves_pairs_of_weights_of_the_chosen_layer_and_epoch",
    "test_thousands_of_spaces_draw_and_resolve_as_their_expressions",
    "test_tpe_suggests_for_many_spaces_what_it_does_for_their_expressions",
    # Searches from Python on a Ray of their own, where shorter tests drive the same parts.
    "test_one_slot_goes_as_fmin_by_itself_whatever_the_algorithm",
    "test_many_slots_make_each_trial_once_and_more_calls_go_on",
    "test_given_points_come_first",
    "test_it_stops_where_fmin_stops",
    "test_a_timeout_lets_running_trials_end",
    "test_an_error_ends_the_call_and_the_next_one_goes_on",
    "test_an_algorithm_that_raises_ends_the_call_with_its_error",
    "test_it_is_pickled_with_its_trials_and_a_method_can_hold_it",
    "test_attachments_and_hyperopts_figures",
    "test_what_cannot_be_used_is_refused_before_anything_is_stored",
    "test_the_same_name_goes_on_and_another_search_is_refused",
    "test_options_are_those_of_submit_with_its_checks",
    "test_a_stored_search_waits_for_its_objective_and_goes_on_with_it",
    "test_a_function_of_a_module_needs_nobody_to_hand_it",
    "test_it_is_steered_and_waited_for",
    "test_an_unknown_search_is_named",
    "test_several_processes_ask_at_once_and_no_trial_is_given_twice",
    "test_a_killed_process_loses_its_trial_to_the_next_that_asks",
    "test_one_slot_repeats_the_search_exactly",
    "test_a_method_is_searched_through_the_deaths_of_store_and_worker",
    "test_asked_trials_outlive_the_store_and_a_process_that_asks",
    "test_a_result_whose_answer_was_lost_is_told_again",
    "test_a_definition_of_an_installed_package_is_used_by_its_name",
    "test_an_edit_is_refused_by_new_workers_and_not_noticed_by_warm_ones",
    "test_serve_says_what_a_sessions_search_waits_for_and_leaves_it_to_its_script",
    "test_a_killed_training_of_ones_own_rule_ends_as_if_it_had_lived",
    "test_pruning_compares_reports_whatever_their_steps_are",
    "test_every_reading_command_shows_it",
    # Confirmed searches in every situation, where one is confirmed and completes again.
    "test_a_search_is_confirmed_from_submit_to_its_table",
    "test_the_sampler_hears_nothing_of_repetitions",
    "test_a_stopped_search_is_confirmed_without_the_rest_of_its_budget",
    "test_a_confirmation_goes_on_with_another_driver",
    "test_a_lost_answer_doubles_no_repetition",
    "test_repetitions_begin_in_slots_that_have_nothing_left_to_do",
    "test_a_stop_ends_it_without_further_repetitions",
    "test_pruning_spares_repetitions",
    "test_intervals_cover_and_chances_are_those_of_many_searches",
    # scikit-learn, plotly and pandas over a search of another kind.
    "test_importance_takes_only_the_trials_that_use_a_dimension",
    "test_frames_and_figures_of_any_search",
    # Ray on several hosts, where the dispatchers' contract and the main job use one; networks with
    # layers of every kind.
    "test_the_cluster_offers_what_its_hosts_have",
    "test_warm_workers_serve_trial_after_trial",
    "test_a_trial_is_placed_on_a_whole_tpu_host",
    "test_a_killed_worker_costs_an_attempt_and_its_trial_is_tried_again",
    "test_an_interrupted_driver_hands_back_and_leaves_no_worker",
    "test_a_host_with_other_versions_is_refused_by_name",
    "test_a_host_hands_back_where_the_head_is_gone",
    "test_a_host_without_the_node_is_told",
    "test_a_slice_is_taken_by_its_head",
    "test_why_a_worker_cannot_start_is_said_at_once",
    "test_the_table_sets_the_algebra_beside_the_real_layers",
    "test_every_setting_but_the_listed_ones_makes_another_network",
    "test_the_optimizer_of_j_has_a_name",
    "test_the_term_in_the_models_losses_is_the_definitions",
    "test_a_rule_that_needs_pseudogradients_is_refused_in_a_loop_of_ones_own",
    "test_what_is_no_rule_is_refused",
    "test_unknown_keywords_of_rules_are_refused",
    "test_channels_first_is_refused_where_it_cannot_be",
    # Further ways in which a search's budget changes under its driver.
    "test_a_search_whose_trials_all_fail_ends",
    "test_with_one_slot_an_extended_search_is_the_one_that_was_submitted_so",
    "test_a_stopped_search_goes_on_and_one_that_stops_goes_on_too",
    "test_a_budget_set_while_the_driver_ends_the_search_is_never_lost",
    "test_a_wider_search_beyond_its_first_slots_reuses_warm_workers",
    "test_a_smaller_budget_ends_the_search_with_what_runs",
    "test_a_search_is_not_over_while_it_is_better_and_ends_by_patience",
    "test_a_loss_that_is_good_enough_ends_it",
    "test_no_trial_begins_after_a_time_and_those_that_wait_for_a_host_end",
    "test_the_time_driven_is_summed_over_drivers_without_pauses",
    # Several servers, drivers or hosts at once.
    "test_it_listens_on_loopback_alone_and_its_token_is_its_owners",
    "test_why_it_cannot_start_is_one_line",
    "test_searches_of_one_name_in_two_stores_have_their_own_workers",
    "test_a_copy_that_nothing_tells_apart_gets_no_worker_of_its_original",
    "test_a_worker_refuses_every_driver_but_its_own",
    "test_a_name_used_again_gets_no_worker_of_the_search_before",
    "test_a_copied_folder_is_another_store_and_a_moved_or_restored_one_is_not",
    "test_what_a_loaded_copy_does_its_original_does_not_notice",
    "test_importance_is_computed_beside_the_server",
    "test_a_store_that_goes_away_is_told_and_comes_back",
    "test_an_interrupted_serve_hands_back_and_the_next_one_goes_on",
    "test_a_worker_that_cannot_reach_the_store_says_so",
    "test_of_two_serves_one_takes_over_within_a_lease_and_revives_the_store",
    "test_pause_lets_trials_finish_and_resume_goes_on_until_stop",
    "test_data_that_were_copied_while_it_was_stopped_are_a_backup",
    "test_damaged_data_are_reported_in_time_and_left_as_they_are",
    "test_a_full_disk_is_named_and_a_search_goes_on_once_there_is_room",
    "test_an_autoscaler_hears_what_is_asked_for",
    "test_every_host_is_looked_at_from_inside",
    "test_a_worker_that_rays_memory_monitor_kills_is_a_crash_that_says_so",
    "test_a_preempted_worker_hands_back_and_another_goes_on_from_its_state",
    "test_a_host_that_goes_hands_back_and_is_given_nothing_more",
    "test_a_cluster_that_wants_a_token_says_so",
)
"""Slow tests of other folders, by name."""

ON_MONGOD = (
    "test_each_ending_is_done_or_refused_as_the_table_says",
    "test_a_worker_whose_lease_was_taken_over_writes_nothing",
    "test_only_leases_that_have_passed_expire",
    "test_epochs_are_recorded_once_and_come_in_order",
    "test_cancelling_ends_what_is_live_and_leaves_what_has_ended",
)
"""Tests on servers of both kinds that an installation is to pass on a MongoDB, too.

All others are slow there. These share a file, so that `make test` starts one such server.
"""

LONG_FOLDERS = (
    # Compiled networks and images.
    *("alignment_core/data", "alignment_core/models", "alignment_core/training"),
    # A server is asked for by a parameter, which no list of fixtures shows.
    "contracts/store",
)
"""Folders whose tests take seconds or a process each: not in `make check`."""

LONG = (
    "test_the_point_is_hyperopts_whatever_the_history",
    "test_a_space_draws_resolves_and_is_active_as_its_expression",
    "test_every_sample_is_a_configuration_of_the_space",
    "test_hyperopts_options_change_the_points_as_there",
    "test_a_search_by_fmin_goes_as_with_hyperopts_own",
    "test_what_was_pending_before_leaves_no_trace",
    "test_it_names_a_better_trial_than_the_luckiest_one",
    "test_shares_are_those_of_an_additive_function",
    "test_a_nested_dimension_explains_its_part_of_the_variance",
    "test_an_interaction_is_no_ones_share",
    "test_trials_without_a_dimension_change_nothing_of_its_share",
    "test_every_example_runs",
    "test_xla_draws_noise_that_follows_its_seed",
    "test_a_step_under_a_rule_costs_the_operations_of_keras",
    "test_minibatches_add_up_to_the_whole_batch",
    "test_every_call_is_in_r_and_in_the_models_losses",
    "test_the_draws_reach_every_switch_every_primitive_and_both_inputs",
    "test_recordings_and_features_come_from_files",
    "test_every_layer_starts_at_the_closed_forms_rates",
    "test_reproduce_asks_for_all_at_its_scale_and_fits_layers_that_are_there",
    "test_xla_gives_the_same_numbers",
    # Lint runs the same check.
    "test_texts_begin_with_the_thing_that_they_describe",
)
"""Tests of other folders that compute for seconds: not in `make check`."""

PROCESS_FIXTURES = {
    "server_uri",
    "commands",
    "secured",
    "ray_address",
    "browser",
    "server",
    "wheel",
    "mongo",
}
"""Fixtures that start a process, or pass one on that the session shares."""

PROCESS_NAMES = {
    *("subprocess", "ray", "Process", "get_context"),
    *("EmbeddedStore", "SecuredServer", "replica_set", "one_member"),
}
"""A test module that imports one of these starts processes itself."""


def is_slow(place: str, name: str, *, on_mongod: bool = False) -> bool:
    """Return whether a test of a file belongs to `make test-slow`.

    place: the file below `tests/`, like `search/store/test_embedded.py`; name: of the function,
    without parameters; on_mongod: whether this is a second run of it, on a MongoDB.
    """
    if on_mongod and name not in ON_MONGOD:
        return True
    return name in SLOW or (place.startswith(SLOW_PLACES) and name not in KEPT)


def is_process(place: str, name: str, fixtures: list[str], module: types.ModuleType) -> bool:
    """Return whether a test does more than compute for a moment in the process of pytest."""
    return bool(
        place.startswith(LONG_FOLDERS)
        or name in LONG
        or PROCESS_FIXTURES & set(fixtures)
        or PROCESS_NAMES & set(vars(module))
    )
