"""`alignsearch submit`: a search over a named space, checked before anything is written."""

from collections.abc import Callable
from typing import Annotated

import typer

from alignment_core.errors import UnknownNameError
from alignsearch.cli.drive import EXIT_INTERRUPTED, cluster, drive_to_end, interruptible, reviver
from alignsearch.cli.live import against_chance, best_so_far
from alignsearch.cli.options import (
    ImageSizeOption,
    JsonOption,
    LogFormatOption,
    LogLevelOption,
    OnCorruptOption,
    PrecisionOption,
    RayOption,
    StoreOption,
    StrategyOption,
    console,
    has_store,
    notices,
    print_json,
    print_text,
    start_logs,
    store_uri,
    whoami,
)
from alignsearch.search.documents import DEFAULT_PENDING
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.reports.best import best_column
from alignsearch.search.reports.export import export as render
from alignsearch.search.store import Store
from alignsearch.search.use_cases.submission import (
    PENDING_POLICIES,
    Submission,
    create,
    prepare,
    set_out,
)
from alignsearch.search.use_cases.summary import read_summary


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
        str, typer.Option(help="A name that `alignsearch data` lists, or rehearsal (no training).")
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
    image_size: ImageSizeOption = None,
    on_corrupt: OnCorruptOption = "refuse",
    precision: PrecisionOption = "float32",
    strategy: StrategyOption = "auto",
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
    warm_start: Annotated[
        str | None,
        typer.Option(help="A search that is over: TPE sets out from what it has found."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Drive it here, to its end.")] = False,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    as_json: JsonOption = False,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Submit a search over a named space."""
    start_logs(log_format, log_level)
    asked = Submission(
        space=space,
        name=name,
        trials=trials,
        parallel=parallel,
        seed=seed,
        dataset=dataset,
        data_dir=data_dir,
        epochs=epochs,
        width=width,
        algo=algo,
        startup=startup,
        pending=pending,
        weights_order=weights_order,
        resources=resources,
        priority=priority,
        max_attempts=max_attempts,
        checkpoints=checkpoints,
        keep_checkpoints=keep_checkpoints,
        lease=lease,
        stalled_after=stalled_after,
        pruner=pruner,
        grace=grace,
        reduction=reduction,
        pruned_as=pruned_as,
        image_size=image_size,
        on_corrupt=on_corrupt,
        precision=precision,
        strategy=strategy,
        warm_start=warm_start,
    )
    search = prepare(asked, whoami(), store=store, ray=ray, wait=wait)
    if warm_start is not None and not has_store(store):
        raise UnknownNameError("search", warm_start, ())
    uri = store_uri(store)
    with Store.connect(uri) as opened:
        if warm_start is not None:
            search = set_out(opened, search, warm_start)
        created = create(opened, search, named=name is not None)
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
    from alignsearch.search.driver.driver import Outcome

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
