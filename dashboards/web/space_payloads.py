"""Payloads of search spaces: each dimension with its distribution, in words and as numbers."""

import math
from collections.abc import Mapping

from alignsearch.dashboards import models
from alignsearch.dashboards.live.dimensions import title_of
from alignsearch.search.documents import Search, known_space_of
from alignsearch.spaces.definition import Definition, Row, Table
from alignsearch.spaces.describe import Description, describe
from alignsearch.spaces.distributions import Distribution
from alignsearch.spaces.distributions.families import AroundMean
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import TABLE


def definition_model(name: str, definition: Definition) -> models.Space:
    """Make the payload of a definition's space; `name` is what it is submitted by."""
    space = definition.space
    labels = definition.labels
    titles = {row.name: labels.get(row.name, row.name) for row in describe(space)}
    made = _space_model(space, definition.table, titles, {})
    return made.model_copy(update={"name": name, "title": definition.heading})


def space_of(search: Search, columns: Mapping[str, str]) -> models.Space:
    """Make the payload of a search's space; an unknown space has only its name and hash.

    columns: names of the trials' columns by the dimensions' labels.
    """
    space = known_space_of(search)
    if space is None:
        return models.Space(
            name=search.space,
            title=search.space,
            learning_rule="",
            source="",
            space_hash=search.space_hash,
            known=False,
            parameters=[],
        )
    titles = {row.name: title_of(search, row.name) for row in describe(space)}
    return _space_model(space, _table_of(search), titles, columns)


def _table_of(search: Search) -> Table | None:
    if search.definition is None:
        return TABLE
    rows = tuple(Row(row.name, row.field) for row in search.definition.table)
    return Table("", rows) if rows else None


def _space_model(
    space: SearchSpace,
    table: Table | None,
    titles: Mapping[str, str],
    columns: Mapping[str, str],
) -> models.Space:
    sampled = {each.name: each for each in space.sampled}
    fixed = {each.name: each.value for each in space.fixed}
    parameters = []
    for row in describe(space, table):
        common = {"label": titles[row.name], "text": row.distribution, "source": row.source}
        if row.kind == "sampled":
            name = columns.get(row.name, row.name)
            parameters.append(_sampled(sampled[row.name], row, name, common))
        else:
            parameters.append(
                models.Parameter(
                    name=row.name,
                    kind=row.kind,
                    sampled=False,
                    value=fixed[row.name] if row.kind == "fixed" else None,
                    formula=row.distribution if row.kind == "derived" else None,
                    **common,
                )
            )
    return models.Space(
        name=space.name,
        title=space.title or space.name,
        learning_rule=space.learning_rule,
        source=space.source,
        space_hash=space.space_hash,
        known=True,
        parameters=parameters,
    )


_SIGMAS = 1.96
"""Standard deviations to each side of a normal distribution's mean that hold 95 % of its values."""


def _middle(distribution: Distribution) -> list[float] | None:
    """Return the middle 95 % of a distribution without ends; None for one with ends."""
    if not isinstance(distribution, AroundMean):
        return None
    ends = [distribution.mu + sign * _SIGMAS * distribution.sigma for sign in (-1, 1)]
    return [math.exp(end) for end in ends] if distribution.scale == "log" else ends


def _sampled(
    parameter: Metaparameter, row: Description, name: str, common: Mapping[str, str]
) -> models.Parameter:
    distribution = parameter.distribution
    low, high = distribution.ends or (None, None)
    options = getattr(distribution, "options", None)
    return models.Parameter(
        name=name,
        kind=distribution.kind,
        sampled=True,
        log=distribution.scale == "log",
        low=low,
        high=high,
        middle=_middle(distribution),
        options=None if options is None else list(options),
        when=row.condition or None,
        **common,
    )
