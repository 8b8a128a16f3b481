"""`alignsearch.Search`: a search over a space and an objective of one's own, from Python."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.names import driver_owner
from alignsearch.spaces.definition import Definition, Direction, Role, Source, Table
from alignsearch.spaces.definitions import definition_of, source_of, stem_of
from alignsearch.spaces.distributions import Distribution
from alignsearch.spaces.space import SearchSpace

if TYPE_CHECKING:
    from alignsearch.handle import SearchHandle


class Search:
    """A space, an objective and a goal.

        space = {"lr": hp.loguniform("lr", -9, 0), "width": hp.choice("width", [32, 64])}

        def objective(config, trial):
            ...
            return accuracy

        search = alignsearch.Search(space, objective, metric="accuracy", direction="maximize")
        found = search.run(trials=100)
        found.best().config

    In a file `mirror.py`, the same object is what `alignsearch submit mirror.py:search` submits.

    Attributes:
        definition: the same as data, with the place where workers find the objective.
    """

    def __init__(
        self,
        space: Any,
        objective: Callable[..., Any] | str | None = None,
        *,
        metric: str = "loss",
        direction: Direction = "minimize",
        metrics: Mapping[str, Role] | None = None,
        constraints: Sequence[str] = (),
        prior: Mapping[str, Any] | None = None,
        title: str = "",
        labels: Mapping[str, str] | None = None,
        table: Table | None = None,
        name: str = "",
    ) -> None:
        """Define the search; nothing is stored yet.

        Args:
            space: a HyperOpt expression, a dictionary or list of them, or a `SearchSpace`.
            objective: `function(config, trial)` or `function(config)`, which returns the metric or
                HyperOpt's dictionary. None for a search whose trials are asked for, by `ask` and
                `tell`, or evaluated by a program (`alignsearch submit FILE.py:NAME -- PROGRAM`).
            metric: name of the number that the objective returns or reports.
            direction: "minimize" or "maximize".
            metrics: several metrics in place of `metric` and `direction`, the main one first:
                `{"error": "minimize", "speed": "maximize", "memory": "report"}`. A trial gives a
                number for each; one to "report" has no direction, and may have a constraint.
            constraints: bounds of these metrics, like `["memory <= 8"]`. A trial that breaks one
                is never the best.
            prior: where good configurations are expected, a distribution a dimension:
                `{"lr": hp.lognormal("lr", -7, 1)}`. A dimension without one is open. The prior
                fades as results come; `run(prior="none")` leaves it out.
            title: heading of a result's column. Default: the space's name.
            labels: names of dimensions for people, by label.
            table: the table of which a result is a column. Default: one row a dimension.
            name: name of the space. Default: that of the definition's address, like mirror-search
                for `mirror.py:search`, or of the objective.

        Raises:
            ConfigurationError: the space can't be searched or stored, or a metric, a constraint or
                the prior can't be used; the message says what and where.
            UnknownNameError: the prior names a dimension that the space lacks.
        """
        first, *others = _metrics_named(metric, direction, metrics)
        source = _source_of(objective)
        found = definition_of(space, "search")
        own = name or (found.space.name if isinstance(space, SearchSpace | Definition) else "")
        self.definition = replace(
            found,
            space=replace(found.space, name=own or _automatic_name(objective, source)),
            objective=objective,
            metric=first[0],
            direction=first[1],
            further=dict(others),
            constraints=(constraints,) if isinstance(constraints, str) else tuple(constraints),
            prior=prior_distributions(prior),
            title=title,
            labels=dict(labels or {}),
            table=table,
            source=source,
            named=bool(own),
        )

    def submit(
        self, *, store: str | None = None, ray: str | None = None, **options: Any
    ) -> "SearchHandle":
        """Store a new search and return it; nothing runs yet.

        A running `alignsearch serve` drives it, or `run` of the handle. A search whose objective no
        module has is driven by this process alone.

        Args:
            store: URI of a MongoDB. By default the store that `ALIGNSEARCH_STORE` names, or the
                embedded store of the current folder.
            ray: HOST:PORT of a Ray cluster's head, whose room is checked. By default the cluster
                that `ALIGNSEARCH_RAY` names, or this machine.
            **options: `name`, `trials`, `parallel`, `seed`, `algo`, `resources`, `pruner` and all
                others of `alignsearch submit`, with `_` for `-`; the same checks and defaults.
                `fix` and `range` may be dictionaries: `fix={"lr": 0.1}, range={"width": (8, 64)}`.

        Raises:
            ConfigurationError: an option can't be used.
            NameTakenError: there is a search of this name.
            ClusterError: the cluster has no room for its trials.
        """
        # Workers import definitions, too: what submits and drives is imported by who does.
        from alignsearch.own_search_runs import submit

        return submit(self._defined(), store=store, ray=ray, options=options)

    def run(
        self,
        *,
        store: str | None = None,
        ray: str | None = None,
        show: bool = True,
        replace_objective: bool = False,
        **options: Any,
    ) -> "SearchHandle":
        """Drive the search in this process until it is over, and return it.

        With a `name` that is stored already the search goes on: a script that was killed is run
        again. `trials` may then be more than before.

        Args:
            store: as `submit`.
            ray: as `submit`.
            show: whether to display the progress on a terminal or in a notebook.
            replace_objective: let a stored search go on with a function of another code than
                before. Its results are then mixed with the earlier ones.
            **options: as `submit`.

        Raises:
            ConfigurationError: an option can't be used, or the objective can't be sent to workers.
            StateConflictError: the stored search of this name is another one, or its function has
                changed.
            ClusterError: the cluster can't be reached, or has no room for the trials.
            KeyboardInterrupt: the process was interrupted; the running trials are handed back.
        """
        from alignsearch.own_search_runs import run

        return run(
            self._defined(),
            store=store,
            ray=ray,
            show=show,
            replace_objective=replace_objective,
            options=options,
        )

    def _defined(self) -> Definition:
        """Return the definition with its source."""
        return self.definition


def prior_distributions(prior: Mapping[str, Any] | None) -> Mapping[str, Distribution]:
    """Return a prior's distributions by label; none for None.

    Raises:
        ConfigurationError: as `alignsearch.spaces.hyperopt_space.distributions_of`.
    """
    if prior is None:
        return {}
    # It imports HyperOpt, as a space of HyperOpt's expressions does.
    from alignsearch.spaces.hyperopt_space import distributions_of

    return distributions_of(prior)


def _metrics_named(
    metric: str, direction: Direction, metrics: Mapping[str, Role] | None
) -> list[tuple[str, Any]]:
    """Return all metrics with what is done with each, the first one first."""
    if metrics is None:
        return [(metric, direction)]
    if (metric, direction) != ("loss", "minimize"):
        raise ConfigurationError("give either metrics, or metric and direction")
    if not isinstance(metrics, Mapping) or not metrics:
        raise ConfigurationError(
            'metrics is a dictionary with an entry a metric, like {"error": "minimize"}'
        )
    return list(metrics.items())


def _automatic_name(objective: Any, source: Source) -> str:
    if source.kind != "session":
        return stem_of(source.address)
    name = getattr(objective, "__name__", "")
    return name if name.isidentifier() else "search"


def _source_of(objective: Any) -> Source:
    """Return the module of a function that workers can import; for others, this process."""
    here = Source("session", driver_owner())
    module = getattr(objective, "__module__", None)
    path = getattr(objective, "__qualname__", "")
    if not callable(objective) or module in (None, "__main__") or "<" in path:
        return here
    found: Any = sys.modules.get(module)
    if found is None or importlib.util.find_spec(module) is None:
        return here
    home = found
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is not objective:
        return here
    with suppress(AlignSearchError):
        return source_of(home, "module", f"{module}:{path}")
    return here
