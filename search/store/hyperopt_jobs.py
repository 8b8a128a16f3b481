"""The jobs of HyperOpt's `MongoTrials`, read as plain BSON.

HyperOpt keeps pickles in GridFS, beside the jobs: those are never read. A job itself is a plain
document, whose point stands in `misc.vals` and whose loss in `result.loss`.
"""

import re
from urllib.parse import urlsplit, urlunsplit

from alignment_core.errors import ConfigurationError
from alignsearch.search.store.address import mask, read_uri
from alignsearch.search.store.connection import Record, StoreConnection

JOBS = "jobs"
"""The collection that HyperOpt's documentation and its worker use."""
FIELDS = (
    *("_id", "tid", "state", "exp_key", "book_time", "refresh_time"),
    *("misc.vals", "result.loss", "result.status", "result.failure"),
)
"""Fields of a job that are read; results and `misc` may hold much more."""

_PATH = re.compile(r"/(?P<database>[^/]+)(?:/(?P<collection>[^/]+))?/?")


def read_jobs(uri: str, timeout: float = 5.0) -> list[Record]:
    """Return all jobs of a `MongoTrials`, by tid, with the fields `FIELDS`.

    Args:
        uri: as HyperOpt has it, `mongo://HOST:PORT/DATABASE/jobs`, or a MongoDB's URI, whose
            collection is `jobs` unless a second part of its path names another.
        timeout: seconds within which the server must be found.

    Raises:
        ConfigurationError: the URI names no database.
        StoreUnavailableError: no server answers, or it refuses us.
    """
    given = read_uri(uri)
    try:
        scheme, place, path, query, _ = urlsplit(given)
    except ValueError as error:
        raise _no_jobs(uri) from error
    named = _PATH.fullmatch(path)
    if not (scheme.startswith("mongo") and place) or named is None:
        raise _no_jobs(uri)
    whole = "mongodb" if scheme == "mongo" else scheme
    address = urlunsplit((whole, place, f"/{named['database']}", query, ""))
    with StoreConnection(address, timeout) as connection:
        found = connection.find(named["collection"] or JOBS, {}, fields=FIELDS)
    return sorted(found, key=lambda job: (str(job.get("exp_key")), str(job.get("tid")).zfill(20)))


def _no_jobs(uri: str) -> ConfigurationError:
    # Whatever stands in a file that was named is not shown: it may be a password.
    return ConfigurationError(
        f"{mask(uri)!r} names no jobs of HyperOpt's: it needs mongo://HOST:PORT/DATABASE/jobs, as "
        "MongoTrials has it"
    )
