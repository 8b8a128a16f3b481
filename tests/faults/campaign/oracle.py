"""The judge of searches that went through faults: it reads documents as they are stored.

Nothing of the program under test is imported here, so that an error in it can't hide itself. A
document is a dictionary as PyMongo returns it; field names are those of `search/documents/`.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Document = Mapping[str, Any]

SLACK = timedelta(seconds=0.5)
"""Times in documents are the server's as processes estimate them: two of them differ by as much
as an answer takes, on a machine where processes wait for a processor."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: lost, doubled, stuck, foreign, or wrong for another number than was computed here.
        what: where and what, in words.
    """

    kind: str
    what: str


@dataclass(frozen=True)
class Expected:
    """Results that a search must have come to.

    Attributes:
        loss: the loss that a trial must have, from the search's document, the trial's, and the
            epochs of its last attempt, in order.
        epochs: the numbers of all epochs, or steps, that a trial reports.
    """

    loss: Callable[[Document, Document, Sequence[Document]], float]
    epochs: range


@dataclass(frozen=True)
class Stored:
    """All documents of one database that searches are made of."""

    searches: Sequence[Document]
    trials: Sequence[Document]
    epochs: Sequence[Document]
    events: Sequence[Document] = ()

    @classmethod
    def read(cls, database: Any) -> "Stored":
        """Read them from a PyMongo database."""
        names = ("searches", "trials", "epochs", "events")
        return cls(*(list(database[name].find()) for name in names))


def judge(
    stored: Stored, name: str, expected: Expected, *, clock_moved: bool = False
) -> list[Finding]:
    """Return all that is wrong with a search that is said to be over.

    clock_moved: whether the server's clock was set meanwhile, so that times can't be compared.
    """
    search = next((each for each in stored.searches if each["_id"] == name), None)
    if search is None:
        return [Finding("lost", f"search {name}")]
    trials = [trial for trial in stored.trials if trial["search"] == name]
    epochs = _by_attempt(stored.epochs)
    found = [*_of_search(search, trials), *_foreign(stored)]
    for trial in trials:
        found += _of_trial(trial)
        found += _of_epochs(search, trial, epochs, expected)
        found += [] if clock_moved else _of_times(search, trial)
    if not clock_moved:
        found += _of_slots(search, trials)
    return found


def attempts_spent(trials: Sequence[Document]) -> Counter[str]:
    """Return how many attempts ended in which way."""
    return Counter(
        each["outcome"] or "none" for trial in trials for each in trial["attempts"].values()
    )


def _of_search(search: Document, trials: Sequence[Document]) -> Iterator[Finding]:
    name, budget = search["_id"], search["trials"]
    if search["status"] != "completed":
        yield Finding("stuck", f"search {name} is {search['status']}: {search.get('error')}")
    completed = [trial for trial in trials if trial["state"] == "completed"]
    if len(completed) < budget:
        yield Finding("lost", f"{budget - len(completed)} of {budget} results of {name}")
    if len(completed) > budget:
        yield Finding("doubled", f"{len(completed)} results of {name}, whose budget is {budget}")
    numbers = Counter(trial["tid"] for trial in trials)
    for tid, times in numbers.items():
        if times > 1:
            yield Finding("doubled", f"trial {tid} of {name} is there {times} times")


def _of_trial(trial: Document) -> Iterator[Finding]:
    key, attempts = trial["_id"], trial["attempts"]
    if key != f"{trial['search']}/{trial['tid']}":
        yield Finding("foreign", f"trial {key} says that it is {trial['tid']} of {trial['search']}")
    if trial["state"] in {"queued", "running"}:
        yield Finding("stuck", f"trial {key} is {trial['state']}")
    elif trial.get("lease") is not None:
        yield Finding("stuck", f"trial {key} is {trial['state']}, and an attempt holds it")
    if trial["state"] in {"failed", "cancelled", "pruned"}:
        yield Finding("lost", f"trial {key} is {trial['state']}: {trial.get('error')}")
    for number, attempt in attempts.items():
        if attempt["outcome"] is None:
            yield Finding("stuck", f"attempt {number} at {key} has no outcome")
    done = [number for number, each in attempts.items() if each["outcome"] == "completed"]
    if trial["state"] != "completed":
        return
    if not done:
        yield Finding("lost", f"trial {key} is completed by no attempt")
    elif len(done) > 1:
        yield Finding("doubled", f"trial {key} is completed by attempts {', '.join(done)}")
    elif done != [str(trial["attempt"])]:
        last = trial["attempt"]
        yield Finding("doubled", f"trial {key}: attempt {done[0]} completed it, then came {last}")
    tokens = Counter(each["token"] for each in attempts.values())
    if max(tokens.values(), default=0) > 1:
        yield Finding("doubled", f"trial {key} has two attempts of one token")


def _of_epochs(
    search: Document,
    trial: Document,
    epochs: Mapping[tuple[str, int], list[Document]],
    expected: Expected,
) -> Iterator[Finding]:
    key = trial["_id"]
    for number in map(int, trial["attempts"]):
        of_attempt = epochs.get((key, number), [])
        told = [each["epoch"] for each in of_attempt]
        whole = trial["state"] == "completed" and number == trial["attempt"]
        # A training whose loss is no number any more ends before its last epoch.
        whole = whole and not _diverged(trial)
        wanted = list(expected.epochs) if whole else list(expected.epochs)[: len(told)]
        missing = set(wanted) - set(told)
        twice = [epoch for epoch, times in Counter(told).items() if times > 1]
        if twice:
            yield Finding("doubled", f"epochs {twice} of attempt {number} at {key}")
        elif missing:
            yield Finding("lost", f"epochs {sorted(missing)} of attempt {number} at {key}")
        elif told != wanted:
            yield Finding("wrong", f"attempt {number} at {key} has epochs {told}")
    of_last = epochs.get((key, trial["attempt"]), [])
    if trial["state"] != "completed" or _diverged(trial):
        return
    if len(of_last) < len(expected.epochs):
        # It was said already which are missing; a loss may follow from them.
        return
    loss = (trial.get("result") or {}).get("loss")
    wanted_loss = expected.loss(search, trial, of_last)
    if loss != wanted_loss:
        yield Finding(
            "wrong", f"trial {key} has the loss {loss}, and its configuration gives {wanted_loss}"
        )
    progress = (trial.get("progress") or {}).get("epoch")
    last = of_last[-1]["epoch"] if of_last else None
    if progress != last:
        yield Finding("wrong", f"trial {key} ended at epoch {last}, and its progress is {progress}")


def _diverged(trial: Document) -> bool:
    return (trial.get("result") or {}).get("status") == "fail"


def _of_times(search: Document, trial: Document) -> Iterator[Finding]:
    """Yield attempts beside one another, and leases taken before they had passed."""
    key = trial["_id"]
    ordered = [trial["attempts"][each] for each in sorted(trial["attempts"], key=int)]
    for before, after in itertools.pairwise(ordered):
        ended: datetime | None = before["ended_at"]
        if ended is not None and after["started_at"] < ended - SLACK:
            yield Finding(
                "doubled", f"attempts {before['number']} and {after['number']} at {key} ran at once"
            )
    # A lease holds for so long from its attempt's start at least, renewed or not.
    least = timedelta(seconds=search["lease_seconds"])
    for attempt in ordered:
        ended = attempt["ended_at"]
        if attempt["outcome"] == "expired" and ended - attempt["started_at"] < least - SLACK:
            seconds = (ended - attempt["started_at"]).total_seconds()
            yield Finding(
                "doubled",
                f"attempt {attempt['number']} at {key} was taken over after "
                f"{seconds:.1f} s, within its lease",
            )


def _of_slots(search: Document, trials: Sequence[Document]) -> Iterator[Finding]:
    """Yield the moment at which most attempts ran, if those were more than there are slots."""
    moments = []
    for trial in trials:
        for attempt in trial["attempts"].values():
            if attempt["ended_at"] is not None:
                # Where a slot changes hands, times are estimates.
                start, end = attempt["started_at"] + SLACK / 2, attempt["ended_at"] - SLACK / 2
                if start < end:
                    moments += [(start, 1), (end, -1)]
    running = most = 0
    for _, step in sorted(moments):
        running += step
        most = max(most, running)
    if most > search["parallel"]:
        yield Finding(
            "doubled",
            f"{most} attempts of {search['_id']} ran at once, on {search['parallel']} slots",
        )


def _foreign(stored: Stored) -> Iterator[Finding]:
    """Yield documents that belong to no search or trial of their database."""
    names = {search["_id"] for search in stored.searches}
    attempts = {trial["_id"]: set(map(int, trial["attempts"])) for trial in stored.trials}
    for trial in stored.trials:
        if trial["search"] not in names:
            yield Finding("foreign", f"trial {trial['_id']} of no search")
    for epoch in stored.epochs:
        if epoch["attempt"] not in attempts.get(epoch["trial"], ()):
            yield Finding("foreign", f"epoch {epoch['_id']} of no attempt")
    for event in stored.events:
        if event["search"] not in names:
            yield Finding("foreign", f"event {event['what']!r} of no search: {event['search']}")


def shared_workers(one: Stored, other: Stored) -> list[Finding]:
    """Return a finding for each worker that made attempts for two databases' searches at once."""
    spans = [_spans(each) for each in (one, other)]
    found = []
    for owner in spans[0].keys() & spans[1].keys():
        (start, end), (begun, ended) = spans[0][owner], spans[1][owner]
        if start < ended and begun < end:
            found.append(Finding("foreign", f"worker {owner} served two searches"))
    return found


def disturbed(stored: Stored, name: str) -> list[Finding]:
    """Return a finding for each attempt that was lost in a search that no fault has struck."""
    return [
        Finding("foreign", f"attempt {number} at {trial['_id']}, which nothing struck: {outcome}")
        for trial in stored.trials
        if trial["search"] == name
        for number, attempt in trial["attempts"].items()
        if (outcome := attempt["outcome"]) != "completed"
    ]


def _spans(stored: Stored) -> dict[str, tuple[datetime, datetime]]:
    """Return the time from each worker's first attempt to the end of its last, by its name."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for trial in stored.trials:
        for attempt in trial["attempts"].values():
            if attempt["ended_at"] is None:
                continue
            start, end = spans.get(attempt["owner"], (attempt["started_at"], attempt["ended_at"]))
            spans[attempt["owner"]] = (
                min(start, attempt["started_at"]),
                max(end, attempt["ended_at"]),
            )
    return spans


def _by_attempt(epochs: Sequence[Document]) -> dict[tuple[str, int], list[Document]]:
    """Return the epochs by trial and attempt, in order."""
    found: dict[tuple[str, int], list[Document]] = {}
    for epoch in sorted(epochs, key=lambda each: each["epoch"]):
        found.setdefault((epoch["trial"], epoch["attempt"]), []).append(epoch)
    return found
