"""Training one trial of a search again, under several seeds, as a search of its own.

The new search lists its runs, as an experiment's does. Its recipe is the old one's with some
fields changed. Its definition is the old one's, so that data, networks and rules of a user's own
are found as before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import (
    Recipe,
    RecipeChoices,
    Search,
    Trial,
    is_list_of_runs,
    lives_in_session,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.reports.best import best_trial
from alignsearch.search.store import Store
from alignsearch.search.use_cases.listed_runs import hash_of, submit_listed
from alignsearch.search.use_cases.new_search import versions
from alignsearch.search.use_cases.next_steps import EPOCHS, MOST_SEEDS, SEEDS, is_trained
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.configuration import configuration
from alignsearch.spaces.runs import SEED, Run

LONGEST_STEM = 40
"""Letters of the old search's name in the new one: the whole has 64 at most."""


def longer_training(
    store: Store,
    name: str,
    tid: int | None = None,
    *,
    epochs: int = EPOCHS,
    seeds: Sequence[int] = range(SEEDS),
    who: str,
    folder: Callable[[str], str | None] = lambda name: None,
) -> Search:
    """Store a search that trains one trial's configuration once for each seed, and return it.

    The same call again returns the same search, whatever came of it since.

    Args:
        store: holds both searches.
        name: the search whose trial is trained.
        tid: the trial's number; None for the best one.
        epochs: epochs of each training. The learning rates' schedule is that of Table 5, of 100
            epochs, scaled to them; a search with a schedule of its own keeps its proportion.
        seeds: random seeds of initial weights, the order of images and noise.
        who: the new search's owner.
        folder: from the new search's name to the folder of its checkpoints, of which each run
            keeps the last ones; None for none.

    Raises:
        UnknownNameError: there is no such search or trial.
        StateConflictError: no trial has finished with a loss, or the training is defined in a
            Python session.
        ConfigurationError: the search trains nothing, or epochs or seeds can't be used.
    """
    search = store.searches.get(name)
    _refuse_untrained(search)
    if not 1 <= epochs <= LARGEST:
        raise ConfigurationError(f"epochs must be from 1 to {LARGEST}, not {epochs}")
    if not 1 <= len(seeds) <= MOST_SEEDS:
        raise ConfigurationError(f"there must be from 1 to {MOST_SEEDS} seeds, not {len(seeds)}")
    trial = best_trial(store, name)[1] if tid is None else store.trials.get(name, tid)
    made = _listed(
        search,
        trial,
        _longer(search.training, epochs),
        seeds,
        called=f"{trial.tid}-longer",
        note=f"trial {trial.tid} of {name}, trained for {epochs} epochs",
        who=who,
        folder=folder,
    )
    return submit_listed(store, made.search, made.configs, made.point)


def trained_again(
    store: Store,
    name: str,
    *,
    seeds: Sequence[int],
    called: str,
    changes: Mapping[str, Any],
    who: str,
) -> Search:
    """Store a search that trains the best configuration of a search again, once for each seed.

    Everything is as in the search itself, but for `changes`. The same call again returns the same
    search, whatever came of it since. Checkpoints go where the search's own are, and none is kept.

    Args:
        store: holds both searches.
        name: the search whose best trial is trained.
        seeds: random seeds of initial weights, the order of images and noise.
        called: what the trainings are for, as a part of the new search's name.
        changes: fields of the recipe with other values.
        who: the new search's owner.

    Raises:
        UnknownNameError, StateConflictError, ConfigurationError: as `longer_training`.
    """
    search = store.searches.get(name)
    _refuse_untrained(search)
    trial = best_trial(store, name)[1]
    made = _listed(
        search,
        trial,
        search.training.model_copy(update=dict(changes)),
        seeds,
        called=called,
        note=f"trial {trial.tid} of {name}, {called}",
        who=who,
        folder=lambda new: search.checkpoints,
        keep_checkpoints=0,
    )
    return submit_listed(store, made.search, made.configs, made.point)


def stem_of(name: str, called: str) -> str:
    """Return the beginning of the names of a search's trainings, before a hash.

    Args:
        name: the search whose trial is trained.
        called: what the trainings are for.
    """
    return f"{name[:LONGEST_STEM]}-{called}-"


@dataclass(frozen=True)
class _Listed:
    search: Search
    configs: list[dict[str, Any]]
    point: Mapping[str, Any] | None


def _refuse_untrained(search: Search) -> None:
    if not is_trained(search):
        what = "is a list of runs" if is_list_of_runs(search) else "trains no network of ours"
        raise ConfigurationError(
            f"search {search.name!r} {what}: nothing of it can be trained for longer"
        )
    if lives_in_session(search):
        raise StateConflictError(
            f"search {search.name!r} trains what a Python session defined: define it in a file to "
            "train its best for longer"
        )


def _listed(
    search: Search,
    trial: Trial,
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    called: str,
    note: str,
    who: str,
    folder: Callable[[str], str | None],
    keep_checkpoints: int | None = None,
) -> _Listed:
    """Return the search that trains one trial's configuration by a recipe, once for each seed."""
    configs = [_run(search, trial, recipe, seed) for seed in seeds]
    known = search.definition is not None
    content = [
        search.name,
        search.created_at.isoformat(),
        trial.tid,
        recipe.model_dump(mode="json"),
    ]
    new = f"{stem_of(search.name, called)}{hash_of([*content, configs])}"
    made = Search(
        name=new,
        space=RUNS.name,
        space_hash=search.space_hash if known else RUNS.space_hash,
        definition=search.definition,
        recipe=recipe,
        trials=len(configs),
        parallel=min(search.parallel, len(configs)),
        seed=search.seed,
        startup=0,
        resources=search.resources,
        priority=search.priority,
        max_attempts=search.max_attempts,
        checkpoints=folder(new),
        keep_checkpoints=len(configs) if keep_checkpoints is None else keep_checkpoints,
        lease_seconds=search.lease_seconds,
        stall_seconds=search.stall_seconds,
        note=note,
        tags=search.tags,
        created_by=who,
        versions=versions(),
    )
    return _Listed(made, configs, trial.point if known else None)


def _longer(recipe: Recipe, epochs: int) -> Recipe:
    usual = RecipeChoices.model_fields["epochs"].default
    schedule = float(EPOCHS)
    if recipe.schedule_epochs != usual and recipe.epochs:
        schedule = recipe.schedule_epochs * epochs / recipe.epochs
    changed = {"epochs": epochs, "schedule_epochs": max(1.0, schedule), "weight_samples": None}
    return recipe.model_copy(update=changed)


def _run(search: Search, trial: Trial, recipe: Recipe, seed: int) -> dict[str, Any]:
    label = f"{search.name}:{trial.tid}"
    if search.definition is None:
        # Searches of older versions are over the paper's spaces.
        run = Run(
            rule=search.space,
            label=label,
            seed=seed,
            model=recipe.model,
            width=recipe.width,
            epochs=recipe.epochs,
            weights_order=recipe.weights_order,
            searched=configuration(trial.config),
        )
        return run.values()
    own = {
        "rule": search.space,
        "label": label,
        SEED: seed,
        "model": recipe.model,
        "width": recipe.width,
        "epochs": recipe.epochs,
    }
    config = trial.config if isinstance(trial.config, dict) else {"configuration": trial.config}
    return {**{key: each for key, each in config.items() if key not in own}, **own}
