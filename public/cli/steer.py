"""`alignsearch pause|resume|stop|cancel|release|retry`: steer a search; each adds an event."""

from typing import Annotated

import typer

from alignsearch.cli.given import print_left_out
from alignsearch.cli.options import NameArgument, StoreOption, TidArgument, print_text
from alignsearch.names import whoami
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases import retrying, steering
from alignsearch.search.use_cases.giving import counted
from alignsearch.search.use_cases.next_steps import where_it_goes_on
from alignsearch.wiring import open_store


def pause(name: NameArgument, store: StoreOption = None) -> None:
    """Pause a search: no new trial begins, running trials finish."""
    with open_store(store) as opened:
        steering.pause(opened, name, whoami())
    print_text(f"{name} is paused; `alignsearch resume {name}` lets it go on")


def resume(name: NameArgument, store: StoreOption = None) -> None:
    """Resume a paused search."""
    with open_store(store) as opened:
        search = steering.resume(opened, name, whoami())
    print_text(f"{name} goes on {where_it_goes_on(search)}")


def stop(name: NameArgument, store: StoreOption = None) -> None:
    """Stop a search for good: no new trial begins, running trials finish."""
    with open_store(store) as opened:
        search = steering.stop(opened, name, whoami())
    if search.status is SearchStatus.COMPLETED:
        print_text(f"{name} is completed: none of its trials ran")
    else:
        print_text(f"{name} begins no more trials and completes with those that run")


def cancel(
    name: NameArgument,
    tid: Annotated[
        int | None,
        typer.Argument(help="Number of one trial, which alone is cancelled; the search goes on."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Cancel a search: it and its running trials end now. With TID, cancel that trial alone."""
    with open_store(store) as opened:
        if tid is not None:
            retrying.cancel_trial(opened, name, tid, whoami())
            print_text(f"trial {tid} of {name} is cancelled; it spends nothing of the budget")
            return
        ended = steering.cancel(opened, name, whoami())
    print_text(f"{name} is cancelled; running and queued trials that ended with it: {ended}")


def release(name: NameArgument, tid: TidArgument, store: StoreOption = None) -> None:
    """Take a stuck trial from its worker and queue it again, without counting an attempt."""
    with open_store(store) as opened:
        trial = steering.release(opened, name, tid, whoami())
    print_text(f"trial {tid} of {name} is {trial.state}: attempt {trial.attempt} writes no more")


def retry(
    name: NameArgument,
    tids: Annotated[
        list[int] | None,
        typer.Argument(help="Numbers of failed or cancelled trials. Default: all failed ones."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Try failed trials again, each as a new trial; a search that is over goes on by it.

    A failed trial has spent nothing of the budget, so that it is tried again whatever is left.
    """
    with open_store(store) as opened:
        done = retrying.retry(opened, name, whoami(), tids or None)
    print_left_out(done)
    said = f"{counted(len(done.points), 'trial')} of {name} to try again"
    if done.reopened:
        said += f"; it goes on {where_it_goes_on(done.search)}"
    print_text(said)
