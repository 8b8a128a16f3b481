"""Making a new search from a submission: checked as a whole before anything is written."""

import importlib.metadata
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError
from alignment_core.files import is_address
from alignment_core.model_names import OWN_WIDTHS
from alignsearch.search.documents import (
    REHEARSAL,
    Recipe,
    RecipeChoices,
    Search,
    metrics_of,
    reported_names_of,
    space_of,
)
from alignsearch.search.documents.definition import ASKED
from alignsearch.search.documents.errors import ClusterError, NameTakenError
from alignsearch.search.documents.resources import check_gpu_fraction
from alignsearch.search.samplers.sampler import (
    PACKAGES,
    check_serves,
    check_serves_prior,
    default_startup,
    package_versions,
)
from alignsearch.search.store import Store
from alignsearch.search.use_cases.defined import (
    WITH_RECIPE,
    check_shown,
    objective_of,
    stored_definition,
)
from alignsearch.search.use_cases.goals import check_goals
from alignsearch.search.use_cases.metric_choices import constraints_of
from alignsearch.search.use_cases.priors import prior_of, prior_of_search
from alignsearch.search.use_cases.rules import NO_TIMEOUT
from alignsearch.search.use_cases.submission import NO_CHECKPOINTS, PARALLEL, Submission
from alignsearch.search.use_cases.trained import (
    Find,
    check_network,
    check_trainings,
    own_parts,
)
from alignsearch.search.use_cases.warm_start import warm_start
from alignsearch.spaces.definition import TRAINING, Definition
from alignsearch.spaces.definitions import find_definition, find_object, stem_of
from alignsearch.spaces.narrowing import parse_fixed, parse_ranges

LONGEST_STEM = 48
"""Characters of an automatic name before its number: a name has 64 at most."""

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
        resolve: from a definition's address to the definition. Raises an AlignSearchError if there
            is none, or if it may not be submitted from here.
        find: from the address of a data set's or a network's function to it and its source.
            Raises likewise.
        now: returns the present, with a time zone.
    """

    capacity: Callable[[str | None], tuple[dict[str, float], int]]
    check_data: CheckData
    own_checkpoints: Path | None
    resolve: Callable[[str], Definition] = find_definition
    find: Find = find_object
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def prepare(
    asked: Submission,
    who: str,
    around: Surroundings,
    *,
    definition: Definition | None = None,
    program: Sequence[str] = (),
) -> Search:
    """Return the search as `create` will write it; without a name, it is called `unnamed`.

    Its warm start, and a prior of another search, are left out, because they need the store: see
    `with_earlier`.

    Args:
        asked: what was asked for.
        who: the person that events name.
        around: the cluster, the folders and the data.
        definition: the definition itself, where Python code hands it over; by default the one at
            the address `asked.space`.
        program: the command that evaluates each trial, with its arguments; empty for none.

    Raises:
        AlignSearchError: the definition, the data, the resources or the slots that are asked for
            can't be had, or an option has no use.
    """
    defined = asked.measured(definition or around.resolve(asked.space))
    constraints = constraints_of(defined, asked.space)
    check_shown(defined, asked.space)
    space = defined.space.narrowed(parse_fixed(asked.fix), parse_ranges(asked.range))
    objective = objective_of(
        defined,
        asked.space,
        space,
        dataset=asked.dataset,
        program=program,
        own_process=asked.own_process,
    )
    with_recipe = objective.kind in WITH_RECIPE
    recipe = recipe_of(asked, around.check_data, around.find) if with_recipe else None
    asked.check_use(asked.space, recipe)
    rules = asked.rules(around.now())
    if objective.kind == ASKED and asked.timeout is not None:
        raise ConfigurationError(NO_TIMEOUT)
    if objective.kind == ASKED and asked.generation is not None:
        raise ConfigurationError(
            "--generation has no use: programs ask for this search's trials, as many as they like "
            "before they tell a result"
        )
    if objective.kind == TRAINING and recipe is not None:
        check_network(recipe)
        check_trainings(defined, space, recipe, seed=asked.seed)
    prior = prior_of(asked.prior, defined.prior, space)
    has_prior = prior is not None or asked.prior_search is not None
    startup = asked.startup
    if startup is None:
        startup = default_startup(asked.trials, with_prior=has_prior)
    check_serves(asked.algo, space, seed=asked.seed, startup=startup)
    if has_prior:
        check_serves_prior(asked.algo)
    per_trial, room = around.capacity(asked.resources)
    check_room(asked.parallel, room, per_trial)
    check_gpu_fraction(per_trial, allowed=asked.allow_gpu_fraction)
    search = Search(
        name=asked.name or "unnamed",
        space=space.name,
        space_hash=space.space_hash,
        definition=stored_definition(defined, space, objective),
        constraints=constraints,
        recipe=recipe,
        trials=asked.trials,
        parallel=min(asked.parallel or PARALLEL, room, asked.trials),
        seed=asked.seed,
        algo=asked.algo,
        startup=startup,
        pending=asked.pending,
        generation=asked.generation,
        prior=prior,
        resources=per_trial,
        priority=asked.priority,
        max_attempts=asked.max_attempts,
        checkpoints=checkpoints_folder(asked.checkpoints, around.own_checkpoints),
        keep_checkpoints=asked.keep_checkpoints,
        lease_seconds=asked.lease,
        stall_seconds=asked.stalled_after,
        pruning=asked.pruning,
        confirm=asked.confirmation_of(asked.trials),
        note=asked.note,
        tags=asked.tag,
        notify=asked.notify,
        trackers=asked.trackers,
        created_by=who,
        versions=versions() | package_versions(asked.algo),
        **rules,
    )
    check_goals(search)
    return search


def with_earlier(store: Store, search: Search, asked: Submission) -> Search:
    """Return the search with its warm start and its prior, if they are of other stored searches.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: its results can't be a warm start, or it has none.
        ConfigurationError: its best trials can't be a prior of this search.
    """
    if asked.warm_start is not None:
        start = warm_start(
            store, asked.warm_start, space_of(search), metrics_of(search), reported_names_of(search)
        )
        search = search.model_copy(update={"warm_start": start})
    if asked.prior_search is not None:
        prior = prior_of_search(store, space_of(search), asked.prior_search)
        search = search.model_copy(update={"prior": prior})
    return search


def create(store: Store, search: Search, *, named: bool) -> Search:
    """Write the search; unless it is `named`, under a name of its definition, data and a number.

    Raises:
        NameTakenError: there is a search of this name.
        ConfigurationError: the store's server can't do what a search needs.
    """
    lacking = store.lacking()
    if lacking:
        raise ConfigurationError(
            f"the store {store.uri_for_people} can't hold a search: its server fails at "
            f"{', '.join(lacking)}; use a MongoDB, or leave --store out"
        )
    if named:
        return store.searches.create(search)
    for number in count(1):
        name = f"{_stem(search)}-{number}"
        try:
            return store.searches.create(search.model_copy(update={"name": name}))
        except NameTakenError:
            continue
    raise AssertionError("unreachable: there is always a next number")


def _stem(search: Search) -> str:
    """Return the beginning of an automatic name: `ia-digits`, or `mirror-search`."""
    parts = [search.space]
    source = search.definition.source if search.definition else None
    if source is not None and source.kind in ("file", "module"):
        parts = [stem_of(source.address)]
    if search.recipe is not None:
        parts.append(search.recipe.dataset)
    usable = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).lstrip("._-")
    return usable[:LONGEST_STEM] or "search"


def recipe_of(
    choices: RecipeChoices,
    check_data: CheckData | None,
    find: Find = find_object,
    **own: Any,
) -> Recipe:
    """Return the recipe of what a person chose, completed with the data set's facts.

    check_data: None if the data have been checked before. find: from an address to a data set's or
    network's function and its source. own: further fields of the recipe, or other values than
    those chosen.

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

    folder = _absolute(choices.data_dir)
    parts = own_parts(choices.dataset, choices.model, folder, find)
    dataset = parts.dataset or choices.dataset
    options = data.InputOptions(choices.image_size, on_corrupt=choices.on_corrupt)
    if check_data is not None:
        check_data(dataset, choices.data_dir, options)
    facts = data.info(dataset)
    usual = {
        "width": choices.width or OWN_WIDTHS.get(choices.model, facts.default_width),
        "stem": facts.stem,
        "batch_divisor": facts.batch_divisor,
        "data_dir": folder,
        "sources": parts.sources,
    }
    return Recipe.model_validate({**chosen, **usual, **own})


def checkpoints_folder(asked: str | None, usual: Path | None) -> str | None:
    """Return the folder for checkpoints, as a whole path; None if none are kept.

    asked: a folder, a gs:// address or `off`. usual: the folder for None.

    Raises:
        ConfigurationError: TensorFlow can't write there.
    """
    if asked == NO_CHECKPOINTS:
        return None
    if asked is None:
        return None if usual is None else str(usual.absolute())
    return _readable(asked) if is_address(asked) else str(Path(asked).absolute())


def _readable(address: str) -> str:
    """Return the address, unless it is in S3, which TensorFlow alone can't read or write."""
    if address.startswith("s3://"):
        raise ConfigurationError(
            f"{address} can't be used: TensorFlow reads gs:// addresses, and none of s3://; mount "
            "the bucket as a folder of every host and name that"
        )
    return address


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
    if folder is None:
        return None
    if is_address(folder):
        return _readable(folder)
    try:
        return str(Path(folder).resolve())
    except OSError as error:
        raise ConfigurationError(f"--data-dir {folder!r} can't be read ({error})") from error
