"""The documents of the protocol's model, and the program's own changes of them.

A document is known by a number: two documents that differ in nothing that a condition asks for have
one number. Times are kept as the time left by the store's clock, which so always shows `NOW`; a
document ages as a tick passes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from conditions import fulfils

from alignsearch.search.documents import Attempt, Result, Trial, transitions
from alignsearch.search.documents.lease import ATTEMPT_LEASE, DRIVER_LEASE, Lease, expiry
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.transitions import Transition
from alignsearch.search.store.leases import Leases
from alignsearch.search.store.trial_records import as_marked_set

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(seconds=10)
LEASE_TICKS = 3
LEASE_SECONDS = LEASE_TICKS * TICK.total_seconds()
MAX_ATTEMPTS = 2
SEARCH = "s"
ENDED = {state.value for state in TERMINAL_TRIAL_STATES}


class Request(NamedTuple):
    """One write on its way to the store.

    Attributes:
        sender: `worker 0`, `driver 1`, or a person.
        life: how often the sender had been killed when it was sent.
        kind: the transition's name, or the change's of a lease.
        trial: number of the trial among the model's; -1 for the search.
        read: number of the trial's document as the sender has read it; -1 without reading.
        attempt: number of the sender's attempt.
        token: the sender's token.
        ahead: ticks by which the sender's clock was ahead of the store's.
        age: ticks since it was sent.
        heard: whether its answer is waited for; a second copy's isn't.
    """

    sender: str
    life: int
    kind: str
    trial: int = -1
    read: int = -1
    attempt: int = 0
    token: str = ""
    ahead: int = 0
    age: int = 0
    heard: bool = True

    @property
    def clock(self):
        """Return the time that the sender has read, as seen from now."""
        return NOW + (self.ahead - self.age) * TICK


class Effect(NamedTuple):
    """The effect of a write: the document's number then, and what its sender is told."""

    after: int
    changed: bool
    told: bool


@dataclass
class _Captured:
    """Takes a connection's place in `Leases`, and keeps the update that it would send."""

    clock: datetime
    condition: dict = None
    changes: dict = None

    def now(self):
        return self.clock

    def update(self, collection, condition, changes, *, durable=True):
        self.condition, self.changes = condition, changes["$set"]
        return True


class Documents:
    """All documents that a model has come by, each once."""

    def __init__(self, change=lambda kind, transition: transition):
        """Keep none yet.

        change: makes another transition of each, to see whether the model would find the fault.
        """
        self._change = change
        self._stored = []
        self._numbers = {}
        self._aged = {}
        self._effects = {}
        self.search = self._number({"_id": SEARCH, "driver": None})
        self.absent = self._number({})

    def __getitem__(self, number):
        """Return a document as it is stored."""
        return self._stored[number]

    def aged(self, number):
        """Return the document's number once a tick has passed."""
        if number not in self._aged:
            self._aged[number] = self._number(_later(self._stored[number]))
        return self._aged[number]

    def queued(self, trial):
        """Return the number of a new trial's document."""
        return self._number(_new(trial).to_bson())

    def write(self, before, request):
        """Return what a request does to the document that is stored under its name."""
        key = (before, request._replace(sender="", life=0, heard=True))
        if key not in self._effects:
            self._effects[key] = self._written(before, request)
        return self._effects[key]

    def _written(self, before, request):
        stored = self._stored[before]
        if request.kind == "add":
            after = self._added(request) if before == self.absent else before
            return Effect(after, after != before, True)
        if request.trial < 0:
            sent = _lease_change(request)
            return self._sent(before, sent.condition, sent.changes, lambda found: False, request)
        if stored == {}:
            return Effect(before, False, False)
        transition = self._change(request.kind, self._transition(request))
        changes = as_marked_set(transition)["$set"]
        return self._sent(
            before,
            transition.condition,
            changes,
            lambda found: transition.applied(Trial.from_bson({**found, "seq": 0})),
            request,
        )

    def _sent(self, before, condition, changes, applied, request):
        if request.trial < 0:
            condition = self._change(request.kind, Transition(condition, {})).condition
        stored = self._stored[before]
        condition = {name: wanted for name, wanted in condition.items() if name != "_id"}
        if not fulfils(stored, condition):
            # As `TrialRecords.change` and `Searches.acquire_driver` do.
            known = (
                request.kind == "take" and (stored["driver"] or {}).get("token") == request.token
            )
            return Effect(before, False, known or applied(stored))
        after = self._number(_set(stored, changes))
        return Effect(after, True, True)

    def _added(self, request):
        if request.token == "":
            return self.queued(request.trial)
        worker = _attempt(request)
        begun = transitions.begun(
            _new(request.trial),
            worker,
            now=request.clock,
            ttl=LEASE_SECONDS,
            token=request.token,
            slot=0,
        )
        return self._number(begun.to_bson())

    def _transition(self, request):
        held = (request.attempt, request.token, request.clock)
        read = Trial.from_bson(self._stored[request.read]) if request.read >= 0 else None
        made = {
            "renew": lambda: _renewal(request),
            "complete": lambda: transitions.complete(*held, result_of(request.token), None),
            "hand_back": lambda: transitions.hand_back(*held, "stopped"),
            "begin": lambda: transitions.begin(read, _attempt(request), LEASE_SECONDS),
            "crash": lambda: transitions.crash(read, *held, "died", MAX_ATTEMPTS),
            "expire": lambda: transitions.expire(
                read, read.lease, request.clock, "expired", MAX_ATTEMPTS
            ),
            "release": lambda: transitions.release(read.lease, request.clock, "stuck"),
            "cancel": lambda: transitions.cancel(read, request.clock),
        }
        return made[request.kind]()

    def _number(self, document):
        plain = _without_times(document)
        key = repr(plain)
        if key not in self._numbers:
            self._numbers[key] = len(self._stored)
            self._stored.append(plain)
        return self._numbers[key]


def result_of(token):
    """Return the result of the attempt with this token: no two have one loss."""
    return Result(status="ok", loss=float(int.from_bytes(token.encode())))


def _new(trial):
    return Trial(id=Trial.key(SEARCH, trial), search=SEARCH, tid=trial)


def _attempt(request):
    return Attempt(
        number=request.attempt,
        owner="w",
        token=request.token,
        host="h",
        accelerator="cpu",
        slot=0,
        started_at=request.clock,
    )


def _renewal(request):
    """Return what `Attempts.renew` does, as a transition."""
    sent = _Captured(request.clock)
    Leases(sent, "trials", ATTEMPT_LEASE).renew(SEARCH, request.token, LEASE_SECONDS)
    return Transition(sent.condition, sent.changes)


def _lease_change(request):
    """Return what `Leases` sends for a driver."""
    sent = _Captured(request.clock)
    leases = Leases(sent, "searches", DRIVER_LEASE)
    if request.kind == "take":
        expires_at = expiry(request.clock, LEASE_SECONDS)
        taken = Lease(owner="d", token=request.token, expires_at=expires_at, seconds=LEASE_SECONDS)
        leases.take(SEARCH, taken)
    elif request.kind == "renew_driver":
        leases.renew(SEARCH, request.token, LEASE_SECONDS)
    elif request.kind == "release_driver":
        leases.release(SEARCH, request.token)
    else:
        raise NotImplementedError(request.kind)
    return sent


def _set(document, changes):
    """Return the document after a `$set`."""
    for path, value in changes.items():
        document = _set_at(document, path.split("."), value)
    return document


def _set_at(document, path, value):
    name, *rest = path
    return {**document, name: _set_at(document.get(name) or {}, rest, value) if rest else value}


def _later(document):
    for field in (DRIVER_LEASE.name, ATTEMPT_LEASE.name):
        lease = document.get(field)
        if lease is not None:
            document = {**document, field: {**lease, "expires_at": lease["expires_at"] - TICK}}
    return document


def _without_times(document):
    """Return the document without what no condition asks for; all that has passed is as old."""
    for field in (DRIVER_LEASE.name, ATTEMPT_LEASE.name):
        lease = document.get(field)
        if lease is not None:
            expires_at = max(lease["expires_at"], NOW - 2 * TICK)
            document = {**document, field: {**lease, "expires_at": expires_at}}
    if "attempts" not in document:
        return document
    attempts = {
        number: {**attempt, "started_at": NOW, "ended_at": None}
        for number, attempt in document["attempts"].items()
    }
    return {**document, "attempts": attempts, "timings": {}, "seq": 0}


def has_ended(document):
    """Return whether a trial's document says that it has ended."""
    return document.get("state") in ENDED


def is_queued(document):
    """Return whether a trial's document says that it waits."""
    return document.get("state") == TrialState.QUEUED.value
