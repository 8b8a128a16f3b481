"""Which tests `make check`, `make test` and `make test-slow` run, in one table.

`make check` leaves out tests that start processes, compile networks, or are slow. `make test`
leaves out the slow ones. `make test-slow` runs the slow ones alone. A test is found by its name,
wherever its file lies; `test_house.py` holds this table to the tests that exist.
"""

import types

from slow_tests import SLOW

SLOW_PLACES = (
    # Folders.
    *("browser", "faults", "docker", "mongod", "alignment_core/analysis", "alignment_core/data"),
    # A search's whole life as a command, a page or a driver has it: its rules are tested without.
    "public/cli/test_confirm.py",
    "public/cli/test_finished.py",
    "public/cli/test_given.py",
    "public/cli/test_hostile_store.py",
    "public/cli/test_serve_hostile.py",
    "public/cli/test_whole_search.py",
    "public/cli/test_train.py",
    "public/cli/test_train_from.py",
    "public/cli/test_terminal.py",
    "public/cli/test_left_out.py",
    "public/cli/test_own_sources.py",
    "public/test_asking_faults.py",
    "public/test_given_points.py",
    "public/test_handle_whole.py",
    "public/test_hostile_store.py",
    "public/test_method_faults.py",
    "dashboards/web/test_behind_proxy.py",
    "dashboards/web/test_confirming.py",
    "dashboards/web/test_hostile_store.py",
    "dashboards/web/test_left_out.py",
    "dashboards/web/test_points.py",
    "dashboards/web/test_whole_search.py",
    "search/driver/test_confirmed_search.py",
    "search/driver/test_hostile_store.py",
    "search/driver/test_presence.py",
    "search/driver/test_upgraded_search.py",
    "search/store/test_disk_full.py",
    "search/store/test_places.py",
    "search/use_cases/test_export_optuna.py",
    "search/use_cases/test_import_mongotrials.py",
    "search/use_cases/test_import_optuna.py",
    "search/use_cases/test_import_several.py",
    "search/use_cases/test_longer_training.py",
    # They need the extras' packages, of `make .venv/trackers`.
    "search/trackers/test_tensorboard.py",
    "search/trackers/test_mlflow.py",
    "search/trackers/test_wandb.py",
    "search/use_cases/test_notices.py",
    "search/use_cases/test_tracking.py",
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
    "test_bad_documents_are_found",
    "test_only_commands_and_options_that_exist_are_used",
    "test_documents_name_only_options_and_targets_that_exist",
    "test_a_command_that_does_not_exist_is_found",
)
"""Tests of these places that an installation is to pass."""

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
    # A search with the store, the driver and the workers that its plan kills.
    "faults/campaign/test_stores.py",
)
"""Folders and files whose tests take seconds or a process each: not in `make check`."""

LONG = (
    "test_the_point_is_hyperopts_whatever_the_history",
    "test_a_space_draws_resolves_and_is_active_as_its_expression",
    "test_every_sample_is_a_configuration_of_the_space",
    "test_hyperopts_options_change_the_points_as_there",
    "test_tpe_returns_the_point_that_hyperopt_returns",
    "test_they_are_hyperopts_to_the_last_bit",
    "test_a_search_by_fmin_goes_as_with_hyperopts_own",
    "test_what_was_pending_before_leaves_no_trace",
    "test_it_names_a_better_trial_than_the_luckiest_one",
    "test_shares_are_those_of_an_additive_function",
    "test_a_nested_dimension_explains_its_part_of_the_variance",
    "test_an_interaction_is_no_ones_share",
    "test_trials_without_a_dimension_change_nothing_of_its_share",
    "test_xla_draws_noise_that_follows_its_seed",
    "test_a_step_under_a_rule_costs_the_operations_of_keras",
    "test_minibatches_add_up_to_the_whole_batch",
    "test_every_call_is_in_r_and_in_the_models_losses",
    "test_the_draws_reach_every_switch_every_primitive_and_both_inputs",
    "test_recordings_and_features_come_from_files",
    "test_every_layer_starts_at_the_closed_forms_rates",
    "test_reproduce_asks_for_all_at_its_scale_and_fits_layers_that_are_there",
    "test_xla_gives_the_same_numbers",
    "test_one_trace_serves_other_weights_and_deviations",
    "test_recording_works_inside_a_compiled_step",
    "test_shares_are_reached_step_by_step_without_ever_holding_more_than_there_is",
    "test_what_cannot_be_fitted_is_refused_in_a_line",
    # Every file of the house, or of its tests, is read.
    "test_nothing_asks_for_an_old_name",
    "test_the_failures_that_the_documents_explain_are_told_in_these_words",
    "test_every_asset_is_held_by_tests_that_exist",
    "test_a_test_that_does_not_exist_is_found",
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
