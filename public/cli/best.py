"""`alignsearch best`: the best trial of a search and its configuration, or its front."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    OutputOption,
    StoreOption,
    console,
    print_json,
    print_text,
    table_of,
)
from alignsearch.cli.trial_rows import cell, heading
from alignsearch.progress import best_so_far
from alignsearch.search.documents import (
    Search,
    Trial,
    measured,
    metric_of,
    metrics_of,
    reported_names_of,
)
from alignsearch.search.documents.constraint import in_words as kept_in_words
from alignsearch.search.reports.best import best_of_search, front_of_search
from alignsearch.search.reports.confirmation import confirmation_json, in_words
from alignsearch.search.reports.export import export as render
from alignsearch.search.reports.trial_table import columns_of, row_of
from alignsearch.search.use_cases.giving import counted
from alignsearch.search.use_cases.next_steps import next_step
from alignsearch.wiring import open_store


def best(
    name: NameArgument,
    as_json: JsonOption = False,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Print the best trial of a search and its configuration; of several metrics, the front.

    The front has the trials than which no other one is better in every metric. A trial that breaks
    a constraint is never among them.
    """
    with open_store(store) as opened:
        found = best_of_search(opened, name)
        front = front_of_search(opened, name)[1] if _has_several(found.search) else []
    trial, metric, confirmed = found.trial, metric_of(found.search), found.confirmed
    step = next_step(found.search)
    if as_json:
        print_json(
            {
                "tid": trial.tid,
                "loss": found.loss,
                "metric": metric.name,
                "direction": metric.direction,
                "value": None if found.loss is None else metric.value(found.loss),
                "chance": trial.chance,
                "configuration": trial.config,
                "confirmation": confirmed and confirmation_json(confirmed, metric),
                **({"metrics": measured(found.search, trial)} if _has_more(found.search) else {}),
                **({"front": _front_json(found.search, front)} if front else {}),
            }
        )
        return
    # First of all, since it may be refused: a list of runs has no column.
    column = replace(found.column(name), certainty="")
    if front:
        _print_front(found.search, front)
        return
    print_text(f"best {best_so_far(trial, metric, confirmed)}\n")
    if confirmed is not None:
        print_text("\n".join(in_words(confirmed, metric)) + "\n")
    print_text(render([column], "text"))
    if step is not None:
        print_text(f"\nnext: `{step}` trains it for longer")


def _has_several(search: Search) -> bool:
    return len(metrics_of(search)) > 1


def _has_more(search: Search) -> bool:
    return bool(reported_names_of(search))


def _front_json(search: Search, front: Sequence[Trial]) -> list[dict[str, Any]]:
    return [
        {"tid": each.tid, "metrics": measured(search, each), "configuration": each.config}
        for each in front
    ]


def _print_front(search: Search, front: Sequence[Trial]) -> None:
    """Print a row a trial: its number, its metrics and its configuration."""
    columns = columns_of(search, front)
    rows = [row_of(search, each, columns) for each in front]
    metrics = metrics_of(search)
    keep = "keeps" if len(front) == 1 else "keep"
    kept = f" that {keep} {kept_in_words(search.constraints)}" if search.constraints else ""
    print_text(
        f"front of {counted(len(front), 'trial')}{kept}, by "
        + ", ".join(f"{each.label} ({each.direction}d)" for each in metrics)
    )
    measures = (columns.fixed[2], *columns.further.values())
    shown = ("tid", *measures, *columns.dimensions.values())
    # A column a dimension may be more than a terminal has: the metrics are never cut off.
    table = table_of(*map(heading, shown), whole=[*map(heading, ("tid", *measures))])
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in shown))
    console.print(table)
