"""A search of one's own whose function says nothing until it returns its loss.

alignsearch submit silent.py:search

An attempt that has lost its trial learns nothing of that from a report: only the store refuses its
result.
"""

import threading

from nested_space import SPACE, final_loss

import alignsearch

SECONDS = 1.5


def objective(config: dict) -> float:
    """Return the loss of the configuration, after a while."""
    threading.Event().wait(SECONDS)
    return final_loss(config)


search = alignsearch.Search(SPACE, objective)
