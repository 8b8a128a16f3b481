"""`alignsearch best`: the best trial of a search and its configuration."""

from dataclasses import replace

from alignsearch.cli.options import JsonOption, NameArgument, StoreOption, print_json, print_text
from alignsearch.progress import best_so_far
from alignsearch.search.documents import metric_of
from alignsearch.search.reports.best import best_of_search
from alignsearch.search.reports.confirmation import confirmation_json, in_words
from alignsearch.search.reports.export import export as render
from alignsearch.search.use_cases.next_steps import next_step
from alignsearch.wiring import open_store


def best(name: NameArgument, as_json: JsonOption = False, store: StoreOption = None) -> None:
    """Print the best trial of a search and its configuration."""
    with open_store(store) as opened:
        found = best_of_search(opened, name)
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
            }
        )
        return
    # First of all, since it may be refused: a list of runs has no column.
    column = replace(found.column(name), certainty="")
    print_text(f"best {best_so_far(trial, metric, confirmed)}\n")
    if confirmed is not None:
        print_text("\n".join(in_words(confirmed, metric)) + "\n")
    print_text(render([column], "markdown"))
    if step is not None:
        print_text(f"\nnext: `{step}` trains it for longer")
