"""The definition of a search as the store keeps it: space, objective, metric and table.

A stored definition is data: it never holds code, and reading a search needs none. The objective,
which only a worker needs, is kept as an address and a hash of its source.
"""

from typing import Annotated, Literal

from pydantic import Field

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.objective_metric import Direction
from alignsearch.search.documents.plain_data import UserData

SourceKind = Literal["shipped", "module", "file", "session"]

ASKED = "asked"
"""Kind of objective of a search whose trials programs ask for and evaluate by themselves."""
HYPEROPT = "hyperopt"
"""Kind of objective of a search that HyperOpt's `fmin` drives."""


class StoredSource(Document):
    """The place where a search's definition came from.

    Attributes:
        kind: "shipped" with this program, an installed "module", a "file", or the Python "session"
            that drives the search.
        address: the definition's address, as it is submitted: `ia`, `package.module:name`,
            `file.py:name`; of a session, USER@HOST:PID of its process.
        path: the module's file where the search was submitted; None if it has none.
        sha256: hash of the module's file, with those `beside` it, or of all Python files of its
            package; None if it has none.
        packages: versions of the packages that the source imports, by name.
        beside: files of the module's own folder that it imports, relative to the folder; empty in
            searches that were submitted before such files counted.
    """

    kind: SourceKind
    address: str
    path: str | None = None
    sha256: str | None = None
    packages: Annotated[dict[str, str], UserData()] = Field(default_factory=dict)
    beside: tuple[str, ...] = ()


class StoredObjective(Document):
    """The objective that workers evaluate.

    Attributes:
        kind: a row of `alignsearch.workers.objectives.OBJECTIVES`, or `ASKED`.
        address: `module:function` of the user's function or class; a program's command line as a
            shell would split it, with `{label}` for a value; empty where the kind says all.
        own_process: whether each trial runs in a process of its own.
        folder: the folder in which a program was submitted; empty for other kinds.
        files: hashes of the program's own files, by their paths below the folder.
        code: hash of a Python session's function (`spaces.function_code`); None for other kinds,
            and in searches that were submitted before it was kept.
    """

    kind: str
    address: str = ""
    own_process: bool = False
    folder: str = ""
    files: Annotated[dict[str, str], UserData()] = Field(default_factory=dict)
    code: str | None = None


class StoredMetric(Document):
    """The objective metric by its name, its name for people, and its direction."""

    name: str
    label: str
    direction: Direction


class StoredRow(Document):
    """A row of a definition's table: its name, and the value that it shows.

    field: label of a dimension, or a key of the configuration.
    """

    name: str
    field: str


class StoredDefinition(Document):
    """A definition as the store keeps it.

    Attributes:
        source: where the definition came from.
        objective: what workers evaluate.
        metric: the number that is minimized or maximized; of several, the first.
        further: the other numbers that are minimized or maximized; empty for one metric.
        reported: names of metrics without a direction that each trial reports, for constraints.
        space: the space, as the JSON text of `SearchSpace.to_data()`. As one text it can be
            nested to any depth, and it is read only once, however often the search is read.
        table: rows of the definition's own table; empty for one row a dimension.
        labels: names of dimensions for people, by label; a dimension without one has its label.
        title: heading of the definition's column in its table.
        note: a line below its table.
    """

    source: StoredSource
    objective: StoredObjective
    metric: StoredMetric
    further: tuple[StoredMetric, ...] = ()
    reported: tuple[str, ...] = ()
    space: str
    table: tuple[StoredRow, ...] = ()
    labels: Annotated[dict[str, str], UserData()] = Field(default_factory=dict)
    title: str = ""
    note: str = ""
