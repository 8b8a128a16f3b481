"""Submitting and driving a search that `alignsearch.Search` defines.

It stands apart from the definition, which each worker imports and which shall cost little there.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from alignment_core.errors import UnknownNameError
from alignsearch.driving_here import check_objective
from alignsearch.handle import SearchHandle
from alignsearch.names import whoami
from alignsearch.search.documents import Search as StoredSearch
from alignsearch.search.documents import space_of
from alignsearch.search.documents.constraint import in_words
from alignsearch.search.documents.definition import ASKED
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases import budget
from alignsearch.search.use_cases.new_search import (
    Surroundings,
    create,
    prepare,
    with_earlier,
)
from alignsearch.search.use_cases.rules import Changes
from alignsearch.search.use_cases.submission import Submission
from alignsearch.search.use_cases.unchanged import check_function
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.differences import difference
from alignsearch.store_variable import ray_of_environment
from alignsearch.submitting import submission
from alignsearch.surroundings import surroundings
from alignsearch.wiring import store_named, store_uri


def submit(
    definition: Definition, *, store: str | None, ray: str | None, options: Mapping[str, Any]
) -> SearchHandle:
    """Store a new search and return it, as `Search.submit` says."""
    named = store_named(store)
    asked, search = _prepared(definition, named, ray, options, wait=False)
    opened = Store.connect(store_uri(named))
    try:
        return _created(definition, opened, named, asked, search)
    except BaseException:
        opened.close()
        raise


def run(
    definition: Definition,
    *,
    store: str | None,
    ray: str | None,
    show: bool,
    replace_objective: bool,
    options: Mapping[str, Any],
) -> SearchHandle:
    """Drive a new or a stored search in this process and return it, as `Search.run` says."""
    named = store_named(store)
    asked, search = _prepared(definition, named, ray, options, wait=True)
    check_objective(search, _function(definition))
    opened = Store.connect(store_uri(named))
    try:
        existing = None if asked.name is None else _stored(opened, asked.name)
        if existing is None:
            handle = _created(definition, opened, named, asked, search)
        else:
            function = _function(definition)
            _check_same(existing, search, asked)
            check_function(opened, existing, function, whoami(), replace=replace_objective)
            _extend(opened, existing, search.trials)
            handle = _handle(definition, opened, existing.name, named)
        return handle.run(ray=ray, show=show)
    except BaseException:
        opened.close()
        raise


def _function(definition: Definition) -> Callable[..., Any] | None:
    objective = definition.objective
    return objective if callable(objective) else None


def _prepared(
    definition: Definition,
    named: str | None,
    ray: str | None,
    options: Mapping[str, Any],
    *,
    wait: bool,
) -> tuple[Submission, StoredSearch]:
    asked = submission(definition, options)
    address = ray or ray_of_environment()
    if definition.objective is None:
        definition = replace(definition, objective=ASKED)
        around = _nowhere
    else:
        around = surroundings(named, address, wait=wait)
    return asked, prepare(asked, whoami(), around, definition=definition)


def _created(
    definition: Definition,
    opened: Store,
    named: str | None,
    asked: Submission,
    search: StoredSearch,
) -> SearchHandle:
    if asked.earlier is not None:
        search = with_earlier(opened, search, asked)
    created = create(opened, search, named=asked.name is not None)
    return _handle(definition, opened, created.name, named)


def _handle(definition: Definition, opened: Store, name: str, named: str | None) -> SearchHandle:
    return SearchHandle(opened, name, named_store=named, objective=_function(definition))


def _stored(opened: Store, name: str) -> StoredSearch | None:
    try:
        return opened.searches.get(name)
    except UnknownNameError:
        return None


def _extend(opened: Store, existing: StoredSearch, trials: int) -> None:
    """Give the stored search the budget that is asked for, if that is larger.

    Raises:
        StateConflictError: it has failed, and would with the same budget.
    """
    if trials > existing.trials:
        budget.extend(opened, existing.name, Changes(trials=trials), whoami())
    elif existing.status is SearchStatus.FAILED:
        raise StateConflictError(
            f"search {existing.name!r} has failed: {existing.error}. `alignsearch retry "
            f"{existing.name}` has its failed trials tried again, and `alignsearch delete "
            f"{existing.name}` frees its name"
        )


def _check_same(existing: StoredSearch, search: StoredSearch, asked: Submission) -> None:
    """Check that the stored search is the one that is asked for.

    Raises:
        StateConflictError: it isn't.
    """
    differing = [
        f"{what} {theirs!r}, not {ours!r}"
        for what, theirs, ours in (
            ("the metric", _metric(existing), _metric(search)),
            ("the constraints", _constraints(existing), _constraints(search)),
            ("the prior", *_priors(existing, search, asked)),
            *(
                (name, getattr(existing, name), getattr(search, name))
                for name in ("seed", "algo", "startup", "pending")
                if name in asked.model_fields_set
            ),
        )
        if theirs != ours
    ]
    if existing.space_hash != search.space_hash:
        parts = difference(space_of(existing), space_of(search))
        differing.insert(0, f"another space ({parts})")
    if differing:
        raise StateConflictError(
            f"search {existing.name!r} is another one: it has {'; '.join(differing)}. Choose "
            "another name"
        )


def _metric(search: StoredSearch) -> str:
    definition = search.definition
    if definition is None:
        return ""
    named = [f"{each.name}, {each.direction}d" for each in (definition.metric, *definition.further)]
    return "; ".join([*named, *(f"{name}, reported" for name in definition.reported)])


def _priors(existing: StoredSearch, search: StoredSearch, asked: Submission) -> tuple[str, str]:
    """Return the stored search's prior and the one that is asked for, in words.

    That of another search counts by the other's name, since its trials were copied at that time.
    """
    prior = existing.prior
    if asked.prior_search is not None:
        return prior.source if prior else "none", asked.prior or ""
    if asked.prior is None and search.prior is None:
        return "", ""
    return str(prior or "none"), str(search.prior or "none")


def _constraints(search: StoredSearch) -> str:
    return in_words(search.constraints)


def _no_capacity(resources: str | None) -> tuple[dict[str, float], int]:
    return {}, LARGEST


def _no_data(dataset: str, folder: str | None, options: Any) -> None: ...


_nowhere = Surroundings(capacity=_no_capacity, check_data=_no_data, own_checkpoints=None)
"""Surroundings of a search whose trials are asked for: they need no cluster and no checkpoints."""
