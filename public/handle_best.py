"""The best trials of a search, as a Python program reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alignsearch.held_search import HeldSearch
from alignsearch.search.documents import Search, Trial, metric_of, values_of
from alignsearch.search.reports.best import best_columns, best_of_search, front_of_search
from alignsearch.search.reports.confirmation import Confirmed
from alignsearch.search.reports.export import export as render
from alignsearch.search.use_cases.export_optuna import Exported, export_optuna

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Best:
    """The best trial of a search.

    Attributes:
        number: number of the trial in its search, from 0.
        value: the search's metric: the mean over fresh seeds where the search is confirmed.
        loss: what was minimized: the metric, negated where the metric is maximized.
        config: the configuration, as the objective got it.
        point: HyperOpt's value of each active dimension by its label, as `hyperopt.fmin` returns.
        values: the readable value of each active dimension by its label.
        metrics: the trial's other metrics by name, further ones of the search among them.
        epoch: the epoch, or the step, that did best; None if it isn't known.
        confirmed: the mean's interval, and how sure it is; None if the search isn't confirmed.
    """

    number: int
    value: float
    loss: float
    config: Any
    point: Mapping[str, Any]
    values: Mapping[str, Any]
    metrics: Mapping[str, float]
    epoch: int | None
    confirmed: Confirmed | None = None


class BestVerbs(HeldSearch):
    """The part of `SearchHandle` that reads the best trials; each method reads the store anew."""

    def best(self) -> Best:
        """Return the best trial; of several metrics, the best by the first one.

        Raises:
            StateConflictError: no trial has finished with a loss, or none keeps the constraints.
        """
        found = best_of_search(self._store, self._own)
        return _best(found.search, found.trial, found.loss, found.confirmed)

    def best_trials(self) -> list[Best]:
        """Return the front: the trials than which no other one is better in every metric.

        Those that break a constraint are not among them. They are sorted by the first metric, the
        best first. A search of one metric has one such trial, or several with equal results.

        Raises:
            StateConflictError: as `best`.
        """
        search, trials = front_of_search(self._store, self._own)
        return [_best(search, trial, trial.loss) for trial in trials]

    def importance(self, metric: str | None = None) -> "pd.DataFrame":
        """Return the share of a metric's variance that each dimension explains, the largest first.

        The frame has the columns `share` and `deviation`, by the dimension's label (functional
        ANOVA, Hutter et al. 2014).

        Args:
            metric: name of the metric; the search's first one by default.

        Raises:
            UnknownNameError: the search has no such metric.
            StateConflictError: too few trials have finished with a result.
        """
        import pandas as pd

        from alignsearch.search.reports.importance_by_metric import (
            importance_of_search,
            metric_named,
        )

        search = self._store.searches.get(self._own)
        trials = self._store.trials.all_readable(self._own)
        found = importance_of_search(search, trials, metric_named(search, metric))
        rows = {each.metaparameter: (each.share, each.deviation) for each in found.shares}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["share", "deviation"])

    def export_optuna(self, url: str, study: str | None = None) -> Exported:
        """Add the ended trials to a study of Optuna's, which its tools read; known ones stay.

            search.export_optuna("sqlite:///mirror.db")

        Args:
            url: the storage, as Optuna takes it.
            study: the study's name; this search's by default.

        Raises:
            ConfigurationError: Optuna isn't installed, the storage can't be used, or it has a study
                of this name that is none of this search.
        """
        return export_optuna(self._store, self._own, url, study)

    def export(self, format: str = "text") -> str:
        """Return the best configuration as a column of the search's table, or each of the front.

        Args:
            format: text, markdown, latex (a table for LaTeX's `\\input`), csv or json.

        Raises:
            StateConflictError: no trial has finished with a loss.
            UnknownNameError: there is no such format.
        """
        return render(best_columns(self._store, self._own), format)


def _best(
    search: Search, trial: Trial, loss: float | None, confirmed: Confirmed | None = None
) -> Best:
    assert trial.result is not None
    assert loss is not None
    return Best(
        number=trial.tid,
        value=metric_of(search).value(loss),
        loss=loss,
        config=trial.config,
        point=dict(trial.point),
        values=values_of(search, trial),
        metrics=dict(trial.result.metrics),
        epoch=trial.best_epoch,
        confirmed=confirmed,
    )
