"""`alignsearch importance`: which dimensions explain a metric of a search."""

from typing import Annotated

import typer

from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    OutputOption,
    StoreOption,
    console,
    print_json,
    table_of,
)
from alignsearch.search.documents import label_of
from alignsearch.wiring import open_store


def importance(
    name: NameArgument,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="Metric to explain. Default: the search's first one."),
    ] = None,
    as_json: JsonOption = False,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Print the share of a metric's variance that each dimension of a search explains."""
    # scikit-learn takes a second to import.
    from alignsearch.search.reports.importance_by_metric import importance_of_search, metric_named

    with open_store(store) as opened:
        search = opened.searches.get(name)
        explained = metric_named(search, metric)
        found = importance_of_search(search, opened.trials.all_readable(name), explained)
    if as_json:
        print_json(
            {
                "metric": explained.name,
                "trials": found.scored,
                "shares": {
                    each.metaparameter: {"share": each.share, "deviation": each.deviation}
                    for each in found.shares
                },
            }
        )
        return
    label = explained.score_label or explained.label
    title = f"importance for {label}, {found.scored} trials"
    table = table_of("dimension", "share of variance", "deviation", title=title)
    for each in found.shares:
        table.add_row(
            label_of(search, each.metaparameter), f"{each.share:.1%}", f"{each.deviation:.1%}"
        )
    console.print(table)
