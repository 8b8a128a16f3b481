"""Definitions of new searches: which may be named over the network, and what the store keeps."""

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.attempts.program_files import own_files
from alignsearch.search.documents import (
    REHEARSAL,
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredRow,
    StoredSource,
    command_template,
)
from alignsearch.search.documents.definition import ASKED, HYPEROPT
from alignsearch.spaces.definition import TRAINING, Definition, Direction, Source
from alignsearch.spaces.definitions import SHIPPED, find_definition, installed_names
from alignsearch.spaces.function_code import code_hash
from alignsearch.spaces.space import SearchSpace

REHEARSING = "rehearsal"
FUNCTION, PROGRAM = "function", "program"
"""Kinds of objectives, as `alignsearch.workers.objectives.OBJECTIVES` names them."""

WITH_RECIPE = frozenset({TRAINING, REHEARSING})
"""The kinds of objectives that have a recipe: data sets and epochs of ours."""


def known_names() -> tuple[str, ...]:
    """Return the names of the definitions that ship with this program or are installed."""
    return (*SHIPPED, *installed_names())


def named_definition(address: str) -> Definition:
    """Return a definition by its name, for whoever asks over the network.

    Raises:
        ConfigurationError: it is an address of a module or a file. A server that imported those
            would run any code that its clients name.
        UnknownNameError: no definition has this name.
    """
    if ":" in address or "/" in address or address.endswith(".py"):
        raise ConfigurationError(
            f"--space {address!r} can't be submitted over the network, because a server imports no "
            "code by its place: submit it with `alignsearch submit`, or install a package on the "
            f"server that adds it by an entry point; known here: {', '.join(known_names())}"
        )
    return find_definition(address)


def refuse_own(address: str) -> tuple[Any, Source]:
    """Refuse a data set or a network of one's own that is asked for over the network.

    Raises:
        ConfigurationError: always; a server imports no code by its place.
    """
    raise ConfigurationError(
        "can't be submitted over the network, because a server imports no code by its place: "
        "submit the search with `alignsearch submit`"
    )


def check_shown(definition: Definition, address: str) -> None:
    """Check that a definition's table and labels name what its configurations have.

    Args:
        definition: the definition; its whole space counts, also what `--fix` leaves out.
        address: its address, for messages.

    Raises:
        ConfigurationError: a row or a label names neither a dimension nor a key.
    """
    space = definition.space
    named = [("its labels", name) for name in definition.labels]
    if definition.table is not None:
        named += [(f"row {row.name!r} of its table", row.field) for row in definition.table.rows]
    for what, name in named:
        if name not in space.field_names:
            unknown = UnknownNameError("dimension, and no key,", name, space.field_names)
            raise ConfigurationError(f"{address}: {what}: {unknown}")


def objective_of(
    definition: Definition,
    address: str,
    space: SearchSpace,
    *,
    dataset: str,
    program: Sequence[str] = (),
    own_process: bool = False,
) -> StoredObjective:
    """Return the objective of a new search as the store keeps it.

    Args:
        definition: the search's definition.
        address: its address, for messages.
        space: its space, or what is left of it after `--fix` and `--range`.
        dataset: the data set that was asked for; `rehearsal` takes the place of any objective.
        program: the command to run for each trial, with its arguments; empty for none.
        own_process: whether each trial runs in a process of its own.

    Raises:
        ConfigurationError: there is no objective, or there are two, or the program's arguments
            don't fit the space.
    """
    if program:
        given = shlex.join(program)
        if definition.objective is not None:
            raise ConfigurationError(
                f"{address} has an objective of its own: leave the program {given!r} out"
            )
        if dataset == REHEARSAL:
            raise ConfigurationError(
                f"--dataset {REHEARSAL} runs no program: leave one of both out"
            )
        if own_process:
            raise ConfigurationError(
                "--own-process has no use: a program is a process of its own already"
            )
        conditional = [each.name for each in space.sampled if each.conditional]
        command_template.check(program, space.sampled_names, conditional)
        folder = Path.cwd()
        return StoredObjective(
            kind=PROGRAM, address=given, folder=str(folder), files=own_files(program, folder)
        )
    if dataset == REHEARSAL:
        return StoredObjective(kind=REHEARSING, own_process=own_process)
    if definition.objective is None:
        raise ConfigurationError(
            f"{address} is a space without an objective: write a program after --, like `-- python "
            "train.py`, define an objective beside the space with alignsearch.Search, or try it "
            f"out with --dataset {REHEARSAL}"
        )
    if callable(definition.objective):
        kind, at = FUNCTION, _function_address(definition.objective, definition.source)
    elif definition.objective in (*WITH_RECIPE, ASKED, HYPEROPT):
        kind, at = definition.objective, ""
    else:
        raise ConfigurationError(
            f"no objective is named {definition.objective!r}: give the function itself, which is "
            "imported from its module"
        )
    in_session = kind == FUNCTION and definition.source and definition.source.kind == "session"
    code = code_hash(definition.objective) if in_session else None
    return StoredObjective(kind=kind, address=at, own_process=own_process, code=code)


def stored_definition(
    definition: Definition, space: SearchSpace, objective: StoredObjective
) -> StoredDefinition:
    """Return a definition as the store keeps it.

    space: the definition's, or what is left of it after `--fix` and `--range`.
    """
    table = definition.table
    return StoredDefinition(
        source=(
            StoredSource(kind="session", address=space.name)
            if definition.source is None
            else stored_source(definition.source)
        ),
        objective=objective,
        metric=_stored_metric(definition.metric, definition.direction),
        further=tuple(
            _stored_metric(name, role)
            for name, role in definition.further.items()
            if role != "report"
        ),
        reported=tuple(name for name, role in definition.further.items() if role == "report"),
        space=json.dumps(space.to_data()),
        table=tuple(StoredRow(name=row.name, field=row.field) for row in table.rows)
        if table
        else (),
        labels=dict(definition.labels),
        title=definition.heading,
        note=table.note if table else "",
    )


def _stored_metric(name: str, direction: Direction) -> StoredMetric:
    return StoredMetric(name=name, label=name.replace("_", " "), direction=direction)


def stored_source(source: Source) -> StoredSource:
    """Return a source as the store keeps it."""
    return StoredSource(
        kind=source.kind,
        address=source.address,
        path=None if source.path is None else str(source.path),
        sha256=source.sha256,
        packages=dict(source.packages),
        beside=source.beside,
    )


def _function_address(function: Callable[..., Any], source: Source | None) -> str:
    """Return `module:function`, or the class's name of an object that can be called."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if source is None or source.kind == "session":
        return f"{getattr(function, '__module__', '')}:{name}"
    return f"{source.address.rpartition(':')[0] or source.address}:{name}"
