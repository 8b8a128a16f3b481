"""`alignsearch.Search`: a search over a space and an objective of one's own, from Python."""

import importlib
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from alignment_core.errors import AlignSearchError, UnknownNameError
from alignsearch.driving_here import check_objective
from alignsearch.handle import SearchHandle
from alignsearch.search.documents import Search as StoredSearch
from alignsearch.search.documents.definition import ASKED
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.store import Store
from alignsearch.search.use_cases import budget
from alignsearch.search.use_cases.new_search import (
    Surroundings,
    create,
    prepare,
    with_warm_start,
)
from alignsearch.search.use_cases.rules import Changes
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.definition import Definition, Direction, Source, Table
from alignsearch.spaces.definitions import definition_of, source_of, stem_of
from alignsearch.spaces.space import SearchSpace
from alignsearch.store_variable import ray_of_environment
from alignsearch.submitting import submission
from alignsearch.surroundings import surroundings
from alignsearch.wiring import driver_owner, store_named, store_uri, whoami


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
            title: heading of a result's column. Default: the space's name.
            labels: names of dimensions for people, by label.
            table: the table of which a result is a column. Default: one row a dimension.
            name: name of the space. Default: that of the definition's address, like mirror-search
                for `mirror.py:search`, or of the objective.

        Raises:
            ConfigurationError: the space can't be searched or stored; the message says what and
                where.
        """
        source = _source_of(objective)
        found = definition_of(space, "search")
        own = name or (found.space.name if isinstance(space, SearchSpace | Definition) else "")
        self.definition = replace(
            found,
            space=replace(found.space, name=own or _automatic_name(objective, source)),
            objective=objective,
            metric=metric,
            direction=direction,
            title=title,
            labels=dict(labels or {}),
            table=table,
            source=source,
            named=bool(own),
        )

    def submit(
        self, *, store: str | None = None, ray: str | None = None, **options: Any
    ) -> SearchHandle:
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

        Raises:
            ConfigurationError: an option can't be used.
            NameTakenError: there is a search of this name.
            ClusterError: the cluster has no room for its trials.
        """
        named = store_named(store)
        asked, search = self._prepared(named, ray, options, wait=False)
        opened = Store.connect(store_uri(named))
        try:
            return self._created(opened, named, asked, search)
        except BaseException:
            opened.close()
            raise

    def run(
        self,
        *,
        store: str | None = None,
        ray: str | None = None,
        show: bool = True,
        **options: Any,
    ) -> SearchHandle:
        """Drive the search in this process until it is over, and return it.

        With a `name` that is stored already the search goes on: a script that was killed is run
        again. `trials` may then be more than before.

        Args:
            store: as `submit`.
            ray: as `submit`.
            show: whether to display the progress on a terminal or in a notebook.
            **options: as `submit`.

        Raises:
            ConfigurationError: an option can't be used, or the objective can't be sent to workers.
            StateConflictError: the stored search of this name is another one.
            ClusterError: the cluster can't be reached, or has no room for the trials.
            KeyboardInterrupt: the process was interrupted; the running trials are handed back.
        """
        named = store_named(store)
        asked, search = self._prepared(named, ray, options, wait=True)
        check_objective(search, self._function)
        opened = Store.connect(store_uri(named))
        try:
            existing = None if asked.name is None else _stored(opened, asked.name)
            if existing is None:
                handle = self._created(opened, named, asked, search)
            else:
                _go_on(opened, existing, search, asked)
                handle = self._handle(opened, existing.name, named)
            return handle.run(ray=ray, show=show)
        except BaseException:
            opened.close()
            raise

    def _defined(self) -> Definition:
        """Return the definition with its source."""
        return self.definition

    @property
    def _function(self) -> Callable[..., Any] | None:
        objective = self.definition.objective
        return objective if callable(objective) else None

    def _prepared(
        self, named: str | None, ray: str | None, options: Mapping[str, Any], *, wait: bool
    ) -> tuple[Submission, StoredSearch]:
        definition = self._defined()
        asked = submission(definition, options)
        address = ray or ray_of_environment()
        if definition.objective is None:
            definition = replace(definition, objective=ASKED)
            around = _nowhere
        else:
            around = surroundings(named, address, wait=wait)
        return asked, prepare(asked, whoami(), around, definition=definition)

    def _created(
        self, opened: Store, named: str | None, asked: Submission, search: StoredSearch
    ) -> SearchHandle:
        if asked.warm_start is not None:
            search = with_warm_start(opened, search, asked.warm_start)
        created = create(opened, search, named=asked.name is not None)
        return self._handle(opened, created.name, named)

    def _handle(self, opened: Store, name: str, named: str | None) -> SearchHandle:
        return SearchHandle(opened, name, named_store=named, objective=self._function)


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


def _stored(opened: Store, name: str) -> StoredSearch | None:
    try:
        return opened.searches.get(name)
    except UnknownNameError:
        return None


def _go_on(opened: Store, existing: StoredSearch, search: StoredSearch, asked: Submission) -> None:
    """Let the stored search go on with the budget that is asked for, if it is the same search.

    Raises:
        StateConflictError: it isn't.
    """
    differing = [
        f"{what} {theirs!r}, not {ours!r}"
        for what, theirs, ours in (
            ("the space", existing.space_hash[:12], search.space_hash[:12]),
            ("the metric", _metric(existing), _metric(search)),
            *(
                (name, getattr(existing, name), getattr(search, name))
                for name in ("seed", "algo", "startup", "pending")
                if name in asked.model_fields_set
            ),
        )
        if theirs != ours
    ]
    if differing:
        raise StateConflictError(
            f"search {existing.name!r} is another one: it has {'; '.join(differing)}. Choose "
            "another name"
        )
    if search.trials > existing.trials:
        budget.extend(opened, existing.name, Changes(trials=search.trials), whoami())


def _metric(search: StoredSearch) -> str:
    metric = search.definition.metric if search.definition else None
    return f"{metric.name}, {metric.direction}d" if metric else ""


def _no_capacity(resources: str | None) -> tuple[dict[str, float], int]:
    return {}, LARGEST


def _no_data(dataset: str, folder: str | None, options: Any) -> None: ...


_nowhere = Surroundings(capacity=_no_capacity, check_data=_no_data, own_checkpoints=None)
"""Surroundings of a search whose trials are asked for: they need no cluster and no checkpoints."""
