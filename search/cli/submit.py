"""`alignsearch submit`: a search over a named space, checked before anything is written."""

import importlib.metadata
import platform
import re
from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path
from typing import Annotated, get_args

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from search.best import best_column
from search.cli.drive import EXIT_INTERRUPTED, cluster, drive_to_end, interruptible, reviver
from search.cli.keeping import check_lease, checkpoints_folder, pruning
from search.cli.live import against_chance, best_so_far
from search.cli.options import (
    LARGEST,
    JsonOption,
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    console,
    notices,
    print_json,
    print_text,
    start_logs,
    store_uri,
    whoami,
)
from search.documents import DEFAULT_PENDING, REHEARSAL, PendingPolicy, Recipe, Search
from search.errors import ClusterError, NameTakenError
from search.export import export as render
from search.states import SearchStatus
from search.store import Store
from search.summary import read_summary
from spaces.catalog import get_space
from spaces.space import SearchSpace
from spaces.training import WEIGHTS_ORDERS

ALGOS = ("tpe", "random")
PENDING_POLICIES = get_args(PendingPolicy)
PARALLEL = 60
"""Configurations in flight where the cluster has room (Kunin et al. 2020, App. B.1)."""
NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PACKAGES = ("alignsearch", "hyperopt", "numpy")


def submit(
    space: Annotated[str, typer.Argument(help="wm, wm_ad, wm_ad_ops or ia.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the search; made from space and data without it.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials in all.")] = 300,
    parallel: Annotated[
        int | None, typer.Option(help="Trials at once: 60, or what the cluster can place.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Suggestions, weights and images follow from it.")] = 0,
    dataset: Annotated[
        str, typer.Option(help="digits, fashion_mnist, or rehearsal (no training).")
    ] = "digits",
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the images, as the workers see it.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Epochs a trial; the schedule scales to it.")] = 45,
    width: Annotated[
        int | None, typer.Option(help="Channels of ResNet-18's first stage (64 in the paper).")
    ] = None,
    algo: Annotated[str, typer.Option(help="tpe or random.")] = "tpe",
    startup: Annotated[
        int | None,
        typer.Option(help="Random points before TPE: 20, or a third of a small budget."),
    ] = None,
    pending: Annotated[
        str,
        typer.Option(
            help=f"What TPE takes a trial without a result for: {', '.join(PENDING_POLICIES)}."
        ),
    ] = DEFAULT_PENDING,
    weights_order: Annotated[
        str, typer.Option(help="Which primitive alpha, beta, gamma weigh: paper or reference.")
    ] = "paper",
    resources: Annotated[
        str | None,
        typer.Option(help="What one trial takes, like TPU=8 or CPU=0.5; else one accelerator."),
    ] = None,
    priority: Annotated[
        int, typer.Option(help="Each step up doubles its share of the cluster.")
    ] = 0,
    max_attempts: Annotated[int, typer.Option(help="Crashes after which a trial fails.")] = 3,
    checkpoints: Annotated[
        str | None,
        typer.Option(
            help="Folder or gs:// address for the trials' states, the same on every host; `off` "
            "for none. Beside the embedded store without it; none with --store."
        ),
    ] = None,
    keep_checkpoints: Annotated[
        int, typer.Option(help="Finished trials whose last states stay: the best so many.")
    ] = 1,
    lease: Annotated[
        float, typer.Option(help="Seconds of silence after which a worker or driver is given up.")
    ] = 30.0,
    stalled_after: Annotated[
        float,
        typer.Option(
            help="Seconds without a new epoch after which a trial is taken from its worker, if "
            "they are also 10 times the median epoch."
        ),
    ] = 300.0,
    pruner: Annotated[
        str, typer.Option(help="Ends trials early by their epochs' errors: none, asha, median.")
    ] = "none",
    grace: Annotated[int, typer.Option(help="Epochs before a trial may be pruned.")] = 1,
    reduction: Annotated[
        int, typer.Option(help="Of how many trials at a rung asha lets one go on.")
    ] = 3,
    pruned_as: Annotated[
        str, typer.Option(help="What TPE learns of a pruned trial: its last loss, or fail.")
    ] = "loss",
    wait: Annotated[bool, typer.Option("--wait", help="Drive it here, to its end.")] = False,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    as_json: JsonOption = False,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Submit a search over a named space."""
    start_logs(log_format, log_level)
    chosen = get_space(space)
    _check_known("algorithm", algo, ALGOS)
    _check_known("policy for pending trials", pending, PENDING_POLICIES)
    _check_known("weights order", weights_order, WEIGHTS_ORDERS)
    _check_number("trials", trials, least=1)
    _check_number("parallel", parallel, least=1)
    _check_number("epochs", epochs, least=1)
    _check_number("width", width, least=1)
    _check_number("max-attempts", max_attempts, least=1)
    _check_number("keep-checkpoints", keep_checkpoints, least=0)
    _check_number("stalled-after", stalled_after, least=1)
    check_lease(lease)
    early = pruning(pruner, grace, reduction, pruned_as, epochs)
    _check_number("startup", startup, least=0)
    _check_number("seed", seed, least=0)
    _check_number("priority", priority, least=-LARGEST)
    if name is not None and not NAME_FORM.fullmatch(name):
        raise ConfigurationError(
            f"--name {name!r} won't do: letters, digits, dots, dashes and underscores, 64 at "
            "most, a letter or a digit first"
        )
    recipe = _recipe(dataset, data_dir, epochs, width, weights_order)
    per_trial, room = _placeable(ray, resources)
    if parallel is not None and parallel > room:
        raise ClusterError(
            f"--parallel {parallel} is more than the cluster can place: it has room for {room} "
            f"trials of {_amounts(per_trial)} at once; lower it, or take less for each with "
            "--resources"
        )
    # HyperOpt takes a second to import: nobody waits for it to be told of a mistake.
    from search.suggest import default_startup

    search = Search(
        name=name or "unnamed",
        space=chosen.name,
        space_hash=chosen.space_hash,
        recipe=recipe,
        trials=trials,
        parallel=min(parallel or PARALLEL, room, trials),
        seed=seed,
        algo=algo,
        startup=default_startup(trials) if startup is None else startup,
        pending=pending,
        resources=per_trial,
        priority=priority,
        max_attempts=max_attempts,
        checkpoints=checkpoints_folder(checkpoints, store, dataset),
        keep_checkpoints=keep_checkpoints,
        lease_seconds=lease,
        stall_seconds=stalled_after,
        pruning=early,
        created_by=whoami(),
        versions={
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
    )
    uri = store_uri(store)
    with Store.connect(uri) as opened:
        created = (
            _create_named_after(opened, search, chosen)
            if name is None
            else opened.create_search(search)
        )
        if not wait:
            if as_json:
                print_json({"name": created.name})
            else:
                print_text(created.name)
            return
        _wait(opened, uri, created.name, ray, reviver(store), as_json=as_json)


def _wait(
    store: Store,
    uri: str,
    name: str,
    ray: str | None,
    revive_store: Callable[[], None],
    *,
    as_json: bool,
) -> None:
    from search.driver import Outcome

    if not as_json:
        print_text(f"search {name}")
    with cluster(ray), interruptible() as interrupt:
        # On a pipe, the one document that was asked for is all there is.
        shown_on = notices if as_json else console
        outcome = drive_to_end(store, uri, name, interrupt, shown_on, revive_store)
    summary = read_summary(store, name)
    if as_json:
        print_json({**summary.to_json(), "outcome": outcome.value})
    elif outcome == Outcome.INTERRUPTED:
        print_text(f"interrupted; `alignsearch serve` goes on with {name}")
    elif summary.best is not None:
        print_text(f"{name} is {summary.search.status}: best {best_so_far(summary.best)}")
        print_text(f"{against_chance(summary)}\n")
        print_text(render([best_column(store, name)], "markdown"))
    else:
        print_text(f"{name} is {summary.search.status}: {summary.search.error or 'no result'}")
    if outcome == Outcome.INTERRUPTED:
        raise typer.Exit(EXIT_INTERRUPTED)
    if summary.search.status != SearchStatus.COMPLETED:
        raise typer.Exit(1)


def _recipe(
    dataset: str, data_dir: str | None, epochs: int, width: int | None, weights_order: str
) -> Recipe:
    if dataset == REHEARSAL:
        return Recipe(
            dataset=dataset,
            width=width or 1,
            stem="none",
            epochs=epochs,
            weights_order=weights_order,
        )
    # Brings NumPy, which most verbs do without.
    from alignment_core import data

    if dataset not in data.DATA_SETS:
        raise UnknownNameError("data set", dataset, [*data.DATA_SETS, REHEARSAL])
    data.check(dataset, data_dir)
    facts = data.info(dataset)
    return Recipe(
        dataset=dataset,
        data_dir=data_dir
        if data_dir is None or "://" in data_dir
        else str(Path(data_dir).resolve()),
        width=width or facts.default_width,
        stem=facts.stem,
        epochs=epochs,
        batch_divisor=facts.batch_divisor,
        weights_order=weights_order,
    )


def _placeable(ray: str | None, resources: str | None) -> tuple[dict[str, float], int]:
    """What a trial takes, and how many such trials the cluster can run at once."""
    from workers.cluster import capacity, default_resources, local_node, parse_resources

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


def _create_named_after(store: Store, search: Search, space: SearchSpace) -> Search:
    for number in count(1):
        name = f"{space.name}-{search.recipe.dataset}-{number}"
        try:
            return store.create_search(search.model_copy(update={"name": name}))
        except NameTakenError:
            continue
    raise AssertionError("unreachable: there is always a next number")


def _check_known(kind: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise UnknownNameError(kind, name, known)


def _check_number(option: str, value: float | None, *, least: int) -> None:
    if value is None:
        return
    if value < least:
        raise ConfigurationError(f"--{option} must be at least {least}, not {value}")
    if value > LARGEST:
        raise ConfigurationError(f"--{option} must be at most {LARGEST}, not {value}")


def _amounts(resources: dict[str, float]) -> str:
    return ", ".join(f"{name}={amount:g}" for name, amount in resources.items())
