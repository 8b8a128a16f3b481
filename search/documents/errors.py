"""Errors of a search's store and cluster; their messages say what to do next.

PyMongo's errors are translated into these in `alignsearch.search.store.connection`, Ray's at the
dispatcher, and nowhere else. A search or a trial that doesn't exist is `alignment_core`'s
UnknownNameError.
"""

from alignment_core.errors import AlignSearchError


class StoreUnavailableError(AlignSearchError, ConnectionError):
    """The store doesn't answer or refuses a command; a later retry can succeed."""


class StoreRefusedError(StoreUnavailableError):
    """The store needs a user, doesn't know this one, or doesn't allow it this command."""


class StoreFailedError(StoreUnavailableError):
    """The store's server failed inside: its disk may be full, or its data may be damaged."""


class StoreCorruptedError(AlignSearchError, RuntimeError):
    """The store has a document that can't be read, or its files can't be opened."""


class NameTakenError(AlignSearchError, ValueError):
    """A search of this name exists already."""


class StateConflictError(AlignSearchError, RuntimeError):
    """A search or trial isn't in a state that allows this change."""


class AlreadyDrivenError(StateConflictError):
    """Another driver holds the search's lease."""


class StaleAttemptError(AlignSearchError, RuntimeError):
    """The attempt that writes no longer holds its trial: its work must stop."""


class ForeignSearchError(StateConflictError):
    """A worker, or a store, belongs to another search of the same name, or to its copy."""


class SourceError(AlignSearchError, ImportError):
    """A worker can't import a search's objective, or finds another source than was submitted."""


class NoRoomError(AlignSearchError, OSError):
    """A worker lacks the memory, the disk or the open files to import a search's objective now."""


class ObjectiveError(AlignSearchError, RuntimeError):
    """A search's objective has raised an error that isn't tried again."""


class ClusterError(AlignSearchError, ConnectionError):
    """The cluster can't be reached, or can't run a worker."""
