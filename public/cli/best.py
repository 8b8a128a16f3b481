"""`alignsearch best`: the best trial of a search and its configuration."""

from alignsearch.cli.options import JsonOption, NameArgument, StoreOption, print_json, print_text
from alignsearch.progress import best_so_far
from alignsearch.search.documents import metric_of
from alignsearch.search.reports.best import best_trial, column_of
from alignsearch.search.reports.export import export as render
from alignsearch.search.use_cases.next_steps import next_step
from alignsearch.wiring import open_store


def best(name: NameArgument, as_json: JsonOption = False, store: StoreOption = None) -> None:
    """Print the best trial of a search and its configuration."""
    with open_store(store) as opened:
        search, trial = best_trial(opened, name)
        metric = metric_of(search)
    step = next_step(search)
    if as_json:
        print_json(
            {
                "tid": trial.tid,
                "loss": trial.loss,
                "metric": metric.name,
                "direction": metric.direction,
                "value": None if trial.loss is None else metric.value(trial.loss),
                "chance": trial.chance,
                "configuration": trial.config,
            }
        )
        return
    column = column_of(search, trial, title=name)
    print_text(f"best {best_so_far(trial, metric)}\n")
    print_text(render([column], "markdown"))
    if step is not None:
        print_text(f"\nnext: `{step}` trains it for longer")
