"""Making a new search from a submission: checked as a whole before anything is written."""

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError
from alignment_core.files import is_address
from alignsearch.search.documents import REHEARSAL, Recipe, RecipeChoices, Search
from alignsearch.search.documents.errors import ClusterError, NameTakenError
from alignsearch.search.samplers.sampler import default_startup
from alignsearch.search.store import Store
from alignsearch.search.use_cases.submission import NO_CHECKPOINTS, PARALLEL, Submission
from alignsearch.search.use_cases.warm_start import warm_start
from alignsearch.spaces.catalog import get_space

PACKAGES = ("alignsearch", "hyperopt", "numpy")
"""Packages whose versions are stored with a search, because its suggestions depend on them."""

Resources = Mapping[str, float]
CheckData = Callable[[str, str | None, Any], None]


@dataclass(frozen=True)
class Surroundings:
    """The cluster, the folders and the data that a new search will find; the caller wires them.

    Attributes:
        capacity: from the resources of one trial (None: the cluster's default) to these resources
            and the number of such trials that the cluster runs at once. Raises ClusterError if
            nothing answers, or no host offers that much.
        check_data: from a data set, its folder and `alignment_core.data.InputOptions`: raises an
            AlignSearchError if they can't be read here.
        own_checkpoints: the folder for checkpoints if the person names none; None keeps none.
    """

    capacity: Callable[[str | None], tuple[dict[str, float], int]]
    check_data: CheckData
    own_checkpoints: Path | None


def prepare(asked: Submission, who: str, around: Surroundings) -> Search:
    """Return the search as `create` will write it; without a name, it is called `unnamed`.

    Its warm start is left out, because it needs the store: see `with_warm_start`.

    Raises:
        AlignSearchError: the data, the resources or the slots that are asked for can't be had.
    """
    space = get_space(asked.space)
    recipe = recipe_of(asked, around.check_data)
    per_trial, room = around.capacity(asked.resources)
    check_room(asked.parallel, room, per_trial)
    return Search(
        name=asked.name or "unnamed",
        space=space.name,
        space_hash=space.space_hash,
        recipe=recipe,
        trials=asked.trials,
        parallel=min(asked.parallel or PARALLEL, room, asked.trials),
        seed=asked.seed,
        algo=asked.algo,
        startup=default_startup(asked.trials) if asked.startup is None else asked.startup,
        pending=asked.pending,
        resources=per_trial,
        priority=asked.priority,
        max_attempts=asked.max_attempts,
        checkpoints=checkpoints_folder(asked.checkpoints, around.own_checkpoints),
        keep_checkpoints=asked.keep_checkpoints,
        lease_seconds=asked.lease,
        stall_seconds=asked.stalled_after,
        pruning=asked.pruning,
        created_by=who,
        versions=versions(),
    )


def with_warm_start(store: Store, search: Search, start_from: str) -> Search:
    """Return the search with the results of the finished search `start_from` for TPE to begin with.

    Raises:
        UnknownNameError: there is no search `start_from`.
        StateConflictError: it goes on, is over another space, or has no finished trial.
    """
    start = warm_start(store, start_from, get_space(search.space))
    return search.model_copy(update={"warm_start": start})


def create(store: Store, search: Search, *, named: bool) -> Search:
    """Write the search; unless it is `named`, under a name made of space, data set and number.

    Raises:
        NameTakenError: there is a search of this name.
    """
    if named:
        return store.searches.create(search)
    for number in count(1):
        name = f"{search.space}-{search.recipe.dataset}-{number}"
        try:
            return store.searches.create(search.model_copy(update={"name": name}))
        except NameTakenError:
            continue
    raise AssertionError("unreachable: there is always a next number")


def recipe_of(choices: RecipeChoices, check_data: CheckData | None, **own: Any) -> Recipe:
    """Return the recipe of what a person chose, completed with the data set's facts.

    check_data: None if the data have been checked before. own: further fields of the recipe, or
    other values than those chosen.

    Raises:
        AlignSearchError: the data can't be read, as `check_data` finds.
    """
    chosen = {name: getattr(choices, name) for name in RecipeChoices.model_fields}
    if choices.schedule_epochs is None:
        del chosen["schedule_epochs"]
    if choices.dataset == REHEARSAL:
        usual = {"width": choices.width or 1, "stem": "none", "data_dir": None}
        return Recipe.model_validate({**chosen, **usual, **own})
    # Imports NumPy, which most commands do without.
    from alignment_core import data

    options = data.InputOptions(choices.image_size, on_corrupt=choices.on_corrupt)
    if check_data is not None:
        check_data(choices.dataset, choices.data_dir, options)
    facts = data.info(choices.dataset)
    usual = {
        "width": choices.width or facts.default_width,
        "stem": facts.stem,
        "batch_divisor": facts.batch_divisor,
        "data_dir": _absolute(choices.data_dir),
    }
    return Recipe.model_validate({**chosen, **usual, **own})


def checkpoints_folder(asked: str | None, usual: Path | None) -> str | None:
    """Return the folder for checkpoints, as a whole path; None if none are kept.

    asked: a folder, a gs:// address or `off`. usual: the folder for None.
    """
    if asked == NO_CHECKPOINTS:
        return None
    if asked is None:
        return None if usual is None else str(usual.absolute())
    return asked if is_address(asked) else str(Path(asked).absolute())


def check_room(parallel: int | None, room: int, per_trial: Resources) -> None:
    """Raise ClusterError if more trials are asked for at once than the cluster has room for."""
    if parallel is not None and parallel > room:
        raise ClusterError(
            f"--parallel {parallel} is more than the cluster can place: it has room for "
            f"{room} trials of {amounts(per_trial)} at once; lower it, or take less for each with "
            "--resources"
        )


def amounts(resources: Resources) -> str:
    """Return resources as people write them: CPU=0.5, GPU=1."""
    return ", ".join(f"{name}={amount:g}" for name, amount in resources.items())


def versions() -> dict[str, str]:
    """Return the versions that a search stores: Python's, and those of `PACKAGES`."""
    packages = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **packages}


def _absolute(folder: str | None) -> str | None:
    if folder is None or is_address(folder):
        return folder
    try:
        return str(Path(folder).resolve())
    except OSError as error:
        raise ConfigurationError(f"--data-dir {folder!r} can't be read ({error})") from error
