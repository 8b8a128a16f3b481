"""New searches: what can be asked for, checked before anything is written.

The command line and the dashboard both ask here, so they accept and refuse alike.
"""

import importlib.metadata
import platform
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal, get_args

from alignment_core.accelerator_names import check_accelerator
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.cli.checkpoint_options import check_lease, checkpoints_folder, pruning
from alignsearch.cli.drive import cluster
from alignsearch.cli.options import LARGEST
from alignsearch.cli.quiet import check_data
from alignsearch.search.documents import NAME_FORM, REHEARSAL, PendingPolicy, Recipe, Search
from alignsearch.search.documents.errors import ClusterError, NameTakenError
from alignsearch.search.documents.resources import parse_resources
from alignsearch.search.driver.warm_start import warm_start
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.training import WEIGHTS_ORDERS

ALGOS = ("tpe", "random")
PENDING_POLICIES = get_args(PendingPolicy)
OnCorrupt = Literal["refuse", "skip"]
PARALLEL = 60
"""Configurations in flight where the cluster has room (Kunin et al. 2020, App. B.1)."""
LONGEST_TEXT = 4096
"""Characters; no system takes a longer path."""
MOST_PARALLEL = 10_000
"""Of one search: whoever drives it asks the cluster for each slot."""
PACKAGES = ("alignsearch", "hyperopt", "numpy")


@dataclass(frozen=True)
class Submission:
    """What `alignsearch submit` is asked for, by the names of its options."""

    space: str
    name: str | None
    trials: int
    parallel: int | None
    seed: int
    dataset: str
    data_dir: str | None
    epochs: int
    width: int | None
    algo: str
    startup: int | None
    pending: str
    weights_order: str
    resources: str | None
    priority: int
    max_attempts: int
    checkpoints: str | None
    keep_checkpoints: int
    lease: float
    stalled_after: float
    pruner: str
    grace: int
    reduction: int
    pruned_as: str
    image_size: int | None = None
    on_corrupt: OnCorrupt = "refuse"
    precision: str = "float32"
    strategy: str = "auto"
    warm_start: str | None = None


def prepare(
    asked: Submission, who: str, *, store: str | None, ray: str | None, wait: bool = False
) -> Search:
    """The search as it is to be written; without a name of its own it is called `unnamed`.

    What it sets out from isn't looked at: `set_out` does that, in the store.

    store: the URI of a store that isn't this folder's. ray: a cluster's address. wait: whether it
    is to be driven from here.

    Raises:
        AlignSearchError: something asked for is unknown, out of range or can't be had.
    """
    chosen = get_space(asked.space)
    _check_known("algorithm", asked.algo, ALGOS)
    _check_known("policy for pending trials", asked.pending, PENDING_POLICIES)
    _check_known("weights order", asked.weights_order, WEIGHTS_ORDERS)
    _check_number("trials", asked.trials, least=1)
    _check_number("parallel", asked.parallel, least=1, most=MOST_PARALLEL)
    _check_number("epochs", asked.epochs, least=1)
    _check_number("width", asked.width, least=1)
    _check_number("max-attempts", asked.max_attempts, least=1)
    _check_number("keep-checkpoints", asked.keep_checkpoints, least=0)
    _check_number("stalled-after", asked.stalled_after, least=1)
    check_lease(asked.lease)
    early = pruning(asked.pruner, asked.grace, asked.reduction, asked.pruned_as, asked.epochs)
    _check_number("startup", asked.startup, least=0)
    _check_number("seed", asked.seed, least=0)
    _check_number("priority", asked.priority, least=-LARGEST)
    for option in ("data_dir", "checkpoints", "resources"):
        if len(getattr(asked, option) or "") > LONGEST_TEXT:
            shown = option.replace("_", "-")
            raise ConfigurationError(f"--{shown} is longer than {LONGEST_TEXT} characters")
    if asked.name is not None and not NAME_FORM.fullmatch(asked.name):
        raise ConfigurationError(
            f"--name {asked.name!r} won't do: letters, digits, dots, dashes and underscores, 64 at "
            "most, a letter or a digit first"
        )
    check_accelerator(asked.strategy, asked.precision)
    recipe = _recipe(asked)
    if asked.resources is not None and store is not None and ray is None and not wait:
        # Whoever drives it has the cluster; here need be no Ray.
        per_trial, room = parse_resources(asked.resources), LARGEST
    else:
        per_trial, room = placeable(ray, asked.resources)
    check_room(asked.parallel, room, per_trial)
    # HyperOpt takes a second to import: nobody waits for it to be told of a mistake.
    from alignsearch.search.samplers.suggest import default_startup

    return Search(
        name=asked.name or "unnamed",
        space=chosen.name,
        space_hash=chosen.space_hash,
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
        checkpoints=checkpoints_folder(asked.checkpoints, store, asked.dataset),
        keep_checkpoints=asked.keep_checkpoints,
        lease_seconds=asked.lease,
        stall_seconds=asked.stalled_after,
        pruning=early,
        created_by=who,
        versions={
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
    )


def set_out(store: Store, search: Search, start_from: str) -> Search:
    """The search as it sets out from the results of another.

    Raises:
        UnknownNameError, StateConflictError: it can't set out from `start_from`.
    """
    start = warm_start(store, start_from, get_space(search.space))
    return search.model_copy(update={"warm_start": start})


def create(store: Store, search: Search, *, named: bool) -> Search:
    """Write the search, under its own name or, if it isn't `named`, one of space, data and number.

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


def _recipe(asked: Submission) -> Recipe:
    dataset, data_dir = asked.dataset, asked.data_dir
    if dataset == REHEARSAL:
        return Recipe(
            dataset=dataset,
            width=asked.width or 1,
            stem="none",
            epochs=asked.epochs,
            weights_order=asked.weights_order,
        )
    # Brings NumPy, which most verbs do without.
    from alignment_core import data

    if dataset not in data.DATA_SETS:
        raise UnknownNameError("data set", dataset, [*data.DATA_SETS, REHEARSAL])
    options = data.InputOptions(asked.image_size, on_corrupt=asked.on_corrupt)
    check_data(dataset, data_dir, options)
    facts = data.info(dataset)
    return Recipe(
        dataset=dataset,
        data_dir=data_dir
        if data_dir is None or "://" in data_dir
        else str(Path(data_dir).resolve()),
        width=asked.width or facts.default_width,
        stem=facts.stem,
        epochs=asked.epochs,
        batch_divisor=facts.batch_divisor,
        weights_order=asked.weights_order,
        image_size=asked.image_size,
        on_corrupt=asked.on_corrupt,
        precision=asked.precision,
        strategy=asked.strategy,
    )


def placeable(ray: str | None, resources: str | None) -> tuple[dict[str, float], int]:
    """What a trial takes, and how many such trials the cluster can run at once.

    Raises:
        ClusterError: nothing answers at `ray`, or no host offers what a trial takes.
    """
    from alignsearch.workers.cluster import capacity, default_resources, local_node

    if ray is None:
        hosts = [local_node()]
    else:
        with cluster(ray) as found:
            hosts = found
    per_trial = default_resources(hosts) if resources is None else parse_resources(resources)
    room = capacity(hosts, per_trial)
    if room < 1:
        raise ClusterError(
            f"no host of the cluster offers {_amounts(per_trial)}: `alignsearch doctor` "
            "lists what there is"
        )
    return per_trial, room


def check_room(parallel: int | None, room: int, per_trial: dict[str, float]) -> None:
    """Raise ClusterError if more trials are asked for at once than the cluster has room for."""
    if parallel is not None and parallel > room:
        raise ClusterError(
            f"--parallel {parallel} is more than the cluster can place: it has room for "
            f"{room} trials of {_amounts(per_trial)} at once; lower it, or take less for each with "
            "--resources"
        )


def _check_known(kind: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise UnknownNameError(kind, name, known)


def _check_number(option: str, value: float | None, *, least: int, most: int = LARGEST) -> None:
    if value is None:
        return
    # So that what is no number is refused too.
    if not value >= least:
        raise ConfigurationError(f"--{option} must be at least {least}, not {value}")
    if value > most:
        raise ConfigurationError(f"--{option} must be at most {most}, not {value}")


def _amounts(resources: dict[str, float]) -> str:
    return ", ".join(f"{name}={amount:g}" for name, amount in resources.items())
