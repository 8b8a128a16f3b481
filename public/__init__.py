"""Distributed hyperparameter search for learning rules without weight symmetry: the Python API.

Names are imported on first use, because their packages are slow to import: `import alignsearch`
alone brings neither TensorFlow nor Ray nor pandas.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alignment_core.errors import AlignSearchError
    from alignsearch.dashboards import plots
    from alignsearch.dashboards.client import Client
    from alignsearch.handle import SearchHandle, open_search, resume
    from alignsearch.loading import load_search
    from alignsearch.own_search import Search
    from alignsearch.rule_search import RuleSearch
    from alignsearch.search.reports.best import best_column, best_trial, column_of
    from alignsearch.search.reports.export import export, published_columns, read_csv, read_json
    from alignsearch.search.store import Store
    from alignsearch.search.use_cases.hyperopt_trials import SearchTrials
    from alignsearch.search.use_cases.new_search import create, prepare
    from alignsearch.search.use_cases.submission import Submission
    from alignsearch.search.use_cases.summary import read_summary
    from alignsearch.spaces.catalog import SPACES, get_space
    from alignsearch.spaces.definition import Row, Table
    from alignsearch.store_trials import StoreTrials
    from alignsearch.workers.trial_context import TrialContext as Trial

__version__ = version("alignsearch")

_HOMES = {
    # Search(space, objective): a search over a function of one's own; submit or run it.
    "Search": "alignsearch.own_search",
    # RuleSearch(rule, space, training): a search over trainings of a learning rule of one's own.
    "RuleSearch": "alignsearch.rule_search",
    # open_search(name): a stored search, with its trials and epochs as pandas frames.
    "open_search": "alignsearch.handle",
    # resume(name, objective): drive a stored search in this process.
    "resume": "alignsearch.handle",
    # load_search(file): a search that was dumped, in a store again.
    "load_search": "alignsearch.loading",
    # SearchHandle: what open_search, resume, Search.submit and Search.run return.
    "SearchHandle": "alignsearch.handle",
    # StoreTrials(name): for hyperopt.fmin, in place of MongoTrials.
    "StoreTrials": "alignsearch.store_trials",
    # Trial: the second argument of an objective, which reports to it and asks whether to stop.
    "Trial": "alignsearch.workers.trial_context:TrialContext",
    # Table(title, rows), Row(name, field): the table of which a search's result is a column.
    "Table": "alignsearch.spaces.definition",
    "Row": "alignsearch.spaces.definition",
    # Client(url): a dashboard's searches and trials as pandas frames; submits and steers, too.
    "Client": "alignsearch.dashboards.client",
    # plots.plot_history(client, name) and others: a search's charts as Plotly figures.
    "plots": "alignsearch.dashboards.plots",
    # Store.connect(uri): the searches, trials and epochs of a MongoDB.
    "Store": "alignsearch.search.store",
    # Submission(space=…): everything that can be asked of a new search, checked.
    "Submission": "alignsearch.search.use_cases.submission",
    # prepare(submission, who, surroundings): the search that it asks for.
    "prepare": "alignsearch.search.use_cases.new_search",
    # create(store, search, named=…): write the search; `alignsearch serve` then drives it.
    "create": "alignsearch.search.use_cases.new_search",
    # read_summary(store, name): counts, best trial, time left, and what the search waits for.
    "read_summary": "alignsearch.search.use_cases.summary",
    # SearchTrials(store, name): a search as HyperOpt's Trials, for fmin and its plotting.
    "SearchTrials": "alignsearch.search.use_cases.hyperopt_trials",
    # best_trial(store, name): the search and its best trial.
    "best_trial": "alignsearch.search.reports.best",
    # best_column(store, name): the best configuration as a column of its definition's table.
    "best_column": "alignsearch.search.reports.best",
    # column_of(search, trial, title=…): any trial as a column.
    "column_of": "alignsearch.search.reports.best",
    # published_columns(): the four columns of Kunin et al. 2020, Table 5.
    "published_columns": "alignsearch.search.reports.export",
    # export(columns, format): columns as text, Markdown, LaTeX, CSV or JSON.
    "export": "alignsearch.search.reports.export",
    # read_csv(text), read_json(text): configurations from an export, with all digits.
    "read_csv": "alignsearch.search.reports.export",
    "read_json": "alignsearch.search.reports.export",
    # SPACES, get_space(name): the search spaces by name.
    "SPACES": "alignsearch.spaces.catalog",
    "get_space": "alignsearch.spaces.catalog",
    # AlignSearchError: the root of all errors that are raised on purpose.
    "AlignSearchError": "alignment_core.errors",
}
"""Each public name and the module that has it, with its name there if that is another."""

__all__ = [
    "SPACES",
    "AlignSearchError",
    "Client",
    "Row",
    "RuleSearch",
    "Search",
    "SearchHandle",
    "SearchTrials",
    "Store",
    "StoreTrials",
    "Submission",
    "Table",
    "Trial",
    "__version__",
    "best_column",
    "best_trial",
    "column_of",
    "create",
    "export",
    "get_space",
    "load_search",
    "open_search",
    "plots",
    "prepare",
    "published_columns",
    "read_csv",
    "read_json",
    "read_summary",
    "resume",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alignsearch' has no attribute {name!r}")
    home, _, other = _HOMES[name].partition(":")
    module = import_module(home)
    found = module if home.endswith(f".{name}") else getattr(module, other or name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
