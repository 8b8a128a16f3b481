"""`StoreTrials`: HyperOpt's `fmin` on Ray workers, with trials that outlive every process.

    best = fmin(objective, space, algo=tpe.suggest, max_evals=300, trials=StoreTrials("mine"))

The search is stored under its name. Running the same script again goes on where it was: no trial is
lost, and none is evaluated twice.
"""

import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hyperopt
import numpy as np
from hyperopt import base, tpe
from hyperopt.base import validate_loss_threshold, validate_timeout

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.fmin_call import FminCall, Shown
from alignsearch.fmin_run import Algorithm, EarlyStop, Rules, Seeds
from alignsearch.fmin_space import checked_points, stored_space
from alignsearch.names import driver_owner, whoami
from alignsearch.search.documents import Search, is_of_fmin, space_of
from alignsearch.search.documents.definition import HYPEROPT
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.store import Store
from alignsearch.search.store.address import mask
from alignsearch.search.use_cases.hyperopt_trials import SearchTrials
from alignsearch.search.use_cases.new_search import create, prepare
from alignsearch.search.use_cases.rules import RULES
from alignsearch.search.use_cases.unchanged import check_function
from alignsearch.spaces.definition import Definition, Source
from alignsearch.spaces.differences import difference
from alignsearch.spaces.space import SearchSpace
from alignsearch.store_variable import ray_of_environment
from alignsearch.submitting import submission
from alignsearch.surroundings import surroundings
from alignsearch.wiring import has_store, open_store, store_named, store_uri
from alignsearch.workers.objectives.hyperopt_domain import minimizing
from alignsearch.workers.shipping import pickled

_FMIN = hyperopt.fmin.__code__
"""HyperOpt's `fmin`, which doesn't hand its `points_to_evaluate` on to a `Trials` object.

HyperOpt's own way, `generate_trials_to_calculate(points)`, makes a `Trials` object, which would
take the place of this one. So the points are read from the frame of the call. A version of HyperOpt
that names them otherwise fails by a KeyError; `trials.fmin(points_to_evaluate=...)` works
with each.
"""


class StoreTrials(SearchTrials):
    """The trials of one search in a store, for `hyperopt.fmin` in place of `MongoTrials`.

    `fmin` evaluates them on the workers of a Ray cluster, several at once. With `parallel=1` each
    point is the one that `fmin` without this class suggests, by the same `rstate`.

    A trial whose worker dies is tried again. An error of the function is not: as in `fmin`, it
    ends the call unless `catch_eval_exceptions` is set. `max_evals` counts all trials that were
    ever made, those with an error included.

    It can be pickled, with the trials that it has read; the copy reads the store again when it is
    refreshed. A store's URI with a password isn't pickled: name that by `ALIGNSEARCH_STORE`.
    """

    _replace_objective = False
    """For pickles of a version that had no such option."""

    def __init__(
        self,
        name: str,
        *,
        store: str | None = None,
        ray: str | None = None,
        replace_objective: bool = False,
        **options: Any,
    ) -> None:
        """Read the search's trials, if there is such a search already.

        Args:
            name: name of the search.
            store: URI of a MongoDB. By default the store that `ALIGNSEARCH_STORE` names, or the
                embedded store of the current folder.
            ray: HOST:PORT of a Ray cluster's head. By default the cluster that `ALIGNSEARCH_RAY`
                names, or this machine.
            replace_objective: let `fmin` go on with a function of another code than before. Its
                results are then mixed with the earlier ones.
            **options: `parallel`, `resources`, `max_attempts`, `lease` and others that
                `alignsearch submit` has, for a new search.
        """
        self.name = name
        self._named_store = store
        self._ray = ray
        self._replace_objective = replace_objective
        self._options = options
        self._store: Store | None = None
        self._history = None
        base.Trials.__init__(self, refresh=False)
        self.refresh()

    def refresh(self) -> None:
        """Read the trials that changed in the store, if there is such a search."""
        if self._connect():
            super().refresh()
        else:
            base.Trials.refresh(self)

    def fmin(
        self,
        fn: Callable[..., Any],
        space: Any,
        algo: Algorithm | None = None,
        max_evals: int | None = None,
        timeout: float | None = None,
        loss_threshold: float | None = None,
        max_queue_len: int = 1,
        rstate: np.random.Generator | None = None,
        verbose: bool = False,
        pass_expr_memo_ctrl: bool | None = None,
        catch_eval_exceptions: bool = False,
        return_argmin: bool = True,
        show_progressbar: Any = True,
        early_stop_fn: EarlyStop | None = None,
        trials_save_file: str = "",
        points_to_evaluate: Sequence[Mapping[str, Any]] | None = None,
    ) -> Any:
        """Minimize a function on the workers; `hyperopt.fmin` calls this.

        The arguments are those of `hyperopt.fmin`, with these differences: `points_to_evaluate`
        are the first trials of a new search. `max_queue_len` has no effect, because a point is
        suggested when a worker is free. `early_stop_fn` gets the trials that have ended.

        Raises:
            ObjectiveError: the function has raised an error, and `catch_eval_exceptions` isn't set.
            StateConflictError: the stored search is over another space, or its function has
                changed.
            ConfigurationError: the function can't be sent to workers, or the space can't be stored.
            KeyboardInterrupt: the process was interrupted; the running trials are handed back.
        """
        validate_timeout(timeout)
        validate_loss_threshold(loss_threshold)
        points = list(points_to_evaluate or _points_of_caller() or ())
        domain = base.Domain(fn, space, pass_expr_memo_ctrl=pass_expr_memo_ctrl)
        budget = LARGEST if max_evals is None else min(max_evals, LARGEST)
        if budget > 0:
            space_as_stored = stored_space(domain.expr, self.name)
            first = checked_points(space_as_stored, points[:budget])
            self._minimize(
                space_as_stored,
                domain,
                algo=algo or tpe.suggest,
                rules=Rules(timeout, loss_threshold, early_stop_fn, catch_eval_exceptions),
                budget=budget,
                points=first,
                seeds=Seeds(rstate or _default_rstate(), len(first)),
                shown=Shown(show_progressbar if verbose else False, trials_save_file),
            )
        if return_argmin:
            if not self.trials:
                # HyperOpt's own words, by its own kind of error.
                raise Exception(  # noqa: TRY002
                    "There are no evaluation tasks, cannot return argmin of task losses."
                )
            return self.argmin
        return hyperopt.space_eval(space, self.argmin) if self.trials else None

    def _minimize(self, space: SearchSpace, domain: Any, **call: Any) -> None:
        # Objectives that can't be sent to workers are refused before anything is written.
        payload = pickled(minimizing(domain))
        search, store = self._stored_search(space, domain, call["budget"])
        FminCall(
            store=store,
            named_store=store_named(self._named_store),
            ray=self._ray,
            search=search,
            trials=self,
            domain=domain,
            payload=payload,
            **call,
        ).run()

    def _stored_search(self, space: SearchSpace, domain: Any, budget: int) -> tuple[Search, Store]:
        """Return the search of this name, which is made if there is none, and the open store.

        Raises:
            StateConflictError: it is over another space, of another function, or no search of
                `fmin`.
        """
        named = store_named(self._named_store)
        definition = Definition(
            space=space,
            objective=domain.fn,
            source=Source("session", driver_owner()),
        )
        options = {**self._options, "name": self.name, "trials": budget}
        around = surroundings(named, self._ray or ray_of_environment(), wait=True)
        asked = submission(definition, options)
        unused = [name for name in RULES if name in asked.model_fields_set]
        if unused:
            raise ConfigurationError(
                f"{unused[0]} has no use here: fmin's own timeout, loss_threshold and "
                "early_stop_fn end it"
            )
        new = prepare(asked, whoami(), around, definition=definition)
        store = self._store or self._use(Store.connect(store_uri(named)))
        if not self._connect():
            create(store, _of_fmin(new), named=True)
            self._connect()
        search = store.searches.get(self.name)
        if not is_of_fmin(search):
            raise StateConflictError(f"search {self.name!r} is none of fmin's: choose another name")
        if search.space_hash != new.space_hash:
            raise StateConflictError(
                f"search {self.name!r} is over another space "
                f"({difference(space_of(search), space)}): choose another name"
            )
        check_function(store, search, domain.fn, whoami(), replace=self._replace_objective)
        return search, store

    def _connect(self) -> bool:
        """Follow the stored search from now on; return False if there is none yet."""
        if self._history is not None:
            return True
        named = store_named(self._named_store)
        if self._store is None and not has_store(named):
            return False
        store = self._store or self._use(open_store(named))
        try:
            search = store.searches.get(self.name)
        except UnknownNameError:
            return False
        self._follow(store, search)
        return True

    def _use(self, store: Store) -> Store:
        """Work on an open store from now on; it is closed once nobody has this object any more."""
        self._store = store
        weakref.finalize(self, store.close)
        return store

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_store": None, "_history": None}
        named = self._named_store
        if named is not None and mask(named) != named:
            # A pickle may be sent anywhere.
            state["_named_store"] = None
        return state


def _of_fmin(search: Search) -> Search:
    """Return the search with HyperOpt's domain as its objective and `fmin` as its algorithm."""
    assert search.definition is not None
    objective = search.definition.objective.model_copy(update={"kind": HYPEROPT})
    definition = search.definition.model_copy(update={"objective": objective})
    return search.model_copy(update={"algo": "fmin", "definition": definition})


def _points_of_caller() -> Sequence[Mapping[str, Any]] | None:
    """Return the points that `hyperopt.fmin` was called with, if it is what called `fmin`."""
    frame = sys._getframe(2)
    return frame.f_locals["points_to_evaluate"] if frame.f_code is _FMIN else None


def _default_rstate() -> np.random.Generator:
    seed = os.environ.get("HYPEROPT_FMIN_SEED", "")
    return np.random.default_rng(int(seed) if seed else None)
