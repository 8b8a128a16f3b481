"""The next steps of a search: who lets it go on, and its best trial, trained for longer."""

from alignsearch.search.documents import (
    REHEARSAL,
    Search,
    is_asked,
    is_list_of_runs,
    lives_in_session,
)
from alignsearch.spaces.definition import TRAINING

EPOCHS = 100
"""Epochs of the trainings behind Kunin et al. 2020, Table 5: more than twice their searches' 45."""
SEEDS = 5
"""Seeds by default: enough for a standard error."""
MOST_SEEDS = 1000
"""Limits the runs of one training: more come from a number in the wrong place."""


def where_it_goes_on(search: Search) -> str:
    """Return where a search that waits goes on, as the end of a sentence."""
    if is_asked(search):
        return "once a program asks for its trials"
    if lives_in_session(search):
        return "by `run` in the Python program that has its objective"
    return "where a driver runs (`alignsearch serve`)"


def is_trained(search: Search) -> bool:
    """Return whether the search trains networks of ours, so that one can be trained for longer."""
    if search.recipe is None or search.recipe.dataset == REHEARSAL or is_list_of_runs(search):
        return False
    definition = search.definition
    return definition is None or definition.objective.kind == TRAINING


def next_step(search: Search) -> str | None:
    """Return the command that trains the search's best for longer; None if it trains nothing."""
    if not is_trained(search):
        return None
    return f"alignsearch train --from {search.name} --epochs {EPOCHS} --seeds {SEEDS}"
