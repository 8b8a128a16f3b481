"""What can go wrong in a search's store and cluster, said to people.

PyMongo's errors become these in `alignsearch.search.store.refusals`, Ray's at the dispatcher, and
nowhere else. A search or a trial that doesn't exist is `alignment_core`'s UnknownNameError.
"""

from alignment_core.errors import AlignSearchError


class StoreUnavailableError(AlignSearchError, ConnectionError):
    """The store doesn't answer, or refuses us; trying again later can help."""


class StoreRefusedError(StoreUnavailableError):
    """The store wants a user, doesn't know this one, or allows it something else only."""


class StoreCorruptedError(AlignSearchError, RuntimeError):
    """The store answers with what we can't read, or its files can't be opened."""


class NameTakenError(AlignSearchError, ValueError):
    """A search of this name exists already."""


class StateConflictError(AlignSearchError, RuntimeError):
    """A search or trial isn't in a state that allows this change."""


class AlreadyDrivenError(StateConflictError):
    """Another driver holds the search's lease."""


class StaleAttemptError(AlignSearchError, RuntimeError):
    """The attempt that writes no longer holds its trial: its work must stop."""


class ClusterError(AlignSearchError, ConnectionError):
    """The cluster can't be reached, or can't run what was asked of it."""
