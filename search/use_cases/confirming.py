"""Confirming a search: its best trials are repeated on fresh seeds before one of them is named."""

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Confirmation, Search, is_list_of_runs, is_of_fmin
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.limits import MOST_REPEATED
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store
from alignsearch.search.use_cases.goals import refuse_unconfirmable
from alignsearch.search.use_cases.next_steps import where_it_goes_on

USUAL = Confirmation(share=0.1)
"""The usual confirmation: the best 12, three seeds each at most, for a tenth of the search's cost.
On the five tables of trainings where luck misleads a search most, that brought the configuration
which is named from the 4th to 16th percentile to the first to fourth (`make bench-confirm`)."""


def confirmation(top: int | None, seeds: int | None) -> Confirmation:
    """Return how a search is confirmed for what a person asked; None stands for the usual number.

    The cost is limited only if neither number is given: whoever names one gets what was asked for.

    Raises:
        ConfigurationError: a number is out of range.
    """
    for option, number in (("--top", top), ("--seeds", seeds)):
        if number is not None and not 1 <= number <= MOST_REPEATED:
            raise ConfigurationError(f"{option} must be from 1 to {MOST_REPEATED}, not {number}")
    return Confirmation(
        top=USUAL.top if top is None else top,
        seeds=USUAL.seeds if seeds is None else seeds,
        share=USUAL.share if top is None and seeds is None else None,
    )


def confirm(
    store: Store, name: str, who: str, *, top: int | None = None, seeds: int | None = None
) -> Search:
    """Have the search's best trials repeated on fresh seeds; return the search as it is now.

    A search that goes on makes the repetitions once its own trials leave slots free. One that is
    over is queued again for them alone. Repetitions that there are already count, so asking twice
    makes nothing twice.

    Args:
        store: holds the search.
        name: the search's name.
        who: named in the event.
        top: how many of the best trials are repeated; 12 by default.
        seeds: repetitions of each at most; 3 by default.

    Raises:
        UnknownNameError: there is no such search.
        ConfigurationError: a number is out of range.
        StateConflictError: fewer trials than `top` have finished with a loss, the search was
            cancelled, or its trials can't be repeated. Nothing is written then.
    """
    asked = confirmation(top, seeds)
    search = store.searches.get(name)
    refuse_unrepeatable(search)
    if search.status is SearchStatus.CANCELLED:
        raise StateConflictError(f"search {name!r} can't be confirmed: it was cancelled")
    finished = len(store.trials.best(name, asked.top))
    if finished < asked.top:
        done = store.totals.counts(name)[TrialState.COMPLETED]
        raise StateConflictError(
            f"search {name!r} has {finished} trials with a result, fewer than the {asked.top} to "
            "confirm: "
            + (f"--top {finished} takes all of them" if finished else "wait for its first results")
            + (f" (of {done} completed ones the others have diverged)" if done > finished else "")
        )
    return store.searches.confirm(name, asked, who)


def outcome_in_words(search: Search) -> str:
    """Return what a search that is to be confirmed does next, as a line for people."""
    if search.status is SearchStatus.QUEUED:
        return f"{search.name} is queued for its repetitions; it goes on {where_it_goes_on(search)}"
    return f"{search.name} repeats its best trials once its slots have nothing else to do"


def refuse_unrepeatable(search: Search) -> None:
    """Refuse to confirm a search whose trials can't be repeated.

    Raises:
        StateConflictError: it is an experiment's list of runs, which have their own seeds,
            HyperOpt's `fmin` makes its trials, or it has several metrics or constraints.
    """
    if is_list_of_runs(search):
        raise StateConflictError(
            f"search {search.name!r} is an experiment's list of runs: its seeds are its own "
            "(`--seeds` of the experiment)"
        )
    if is_of_fmin(search):
        raise StateConflictError(
            f"search {search.name!r} is made by a call of fmin, whose trials have no seeds: "
            "confirm a search of alignsearch.Search over the same space"
        )
    refuse_unconfirmable(search)
