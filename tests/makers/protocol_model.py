"""The leases of trials and drivers as a model: two drivers, two workers, two trials, one store.

A write travels: the store applies it at once, late, or twice, and its sender may be dead by then.
Clocks differ. Every change of a document is made by the program's own functions
(`protocol_documents`); here is only who sends what, and when.

Three things bound the model. A clock is ahead by one tick at most, and a write arrives within a
tick or never; a lease lasts three. Who holds one renews it at every tick, but for a silent one. And
faults are counted: a process that is killed or silent for a while; a write that is late, is sent
twice, or whose answer is lost; a clock that is ahead; a training that crashes or is handed back; a
trial that a person releases or cancels.
"""

from typing import NamedTuple

from protocol_documents import LEASE_TICKS, Documents, Request, has_ended, is_queued
from protocol_rules import broken_by_answer, broken_by_write

SKEW = 1
"""Ticks by which a clock may be ahead of the store's."""
DELAY = 1
"""Ticks within which a write arrives, or never: a command's time is shorter than a lease."""
SURE = LEASE_TICKS - SKEW - DELAY
"""Ticks after a write of its lease for which a holder can be sure of it."""


class Process(NamedTuple):
    """A worker or a driver.

    Attributes:
        life: how often it was killed.
        doing: `idle`, or of a worker `placed` and `runs`; a driver drives if it has a token.
        trial: number of the trial that a worker has.
        read: number of that trial's document as it was read when it was placed.
        attempt: number of the attempt that runs.
        token: of the lease that it believes to hold.
        sure: ticks for which it can be sure of its lease.
        waits: whether it waits for a write's answer.
        silent: whether it renews no lease, as one that is stopped or cut off.
    """

    life: int = 0
    doing: str = "idle"
    trial: int = -1
    read: int = -1
    attempt: int = 0
    token: str = ""
    sure: int = 0
    waits: bool = False
    silent: bool = False

    def afresh(self):
        """Return the process as it was when it was started."""
        return Process(life=self.life)


class State(NamedTuple):
    """All there is at one moment; documents by their numbers."""

    search: int
    trials: tuple[int, ...]
    processes: tuple[Process, Process, Process, Process]
    requests: tuple[Request, ...]
    faults: int


WORKERS, DRIVERS = (0, 1), (2, 3)
NAMES = ("worker 0", "worker 1", "driver 0", "driver 1")
UNUSED = Process()


class LeaseModel:
    """The model for `explorer.explore`."""

    def __init__(self, *, faults, trials=2, documents=None):
        """Allow so many faults on one way; `documents` may be changed ones."""
        self.documents = documents or Documents()
        absent = (self.documents.absent,) * trials
        self.initial = State(self.documents.search, absent, (UNUSED,) * 4, (), faults)

    def is_end(self, state):
        """Return whether all trials have ended."""
        return all(has_ended(self.documents[trial]) for trial in state.trials)

    def steps(self, state):
        """Yield the name of each step, the state after it, and the rule that it breaks, if any."""
        yield "tick", *self._tick(state)
        for request in dict.fromkeys(state.requests):
            yield self._arrives(state, request)
        for who in DRIVERS:
            yield from self._driver_steps(state, who)
        for who in WORKERS:
            yield from self._worker_steps(state, who)
        for who, process in enumerate(state.processes):
            if process.silent:
                heard = _with(state.processes, who, process._replace(silent=False))
                renewal = self._renewal(process, who)
                yield (
                    f"return of {NAMES[who]}",
                    *self._applied(state._replace(processes=heard), renewal),
                )
        if state.faults > 0:
            yield from self._faults_of(_fewer(state))

    # Time

    def _tick(self, state):
        aged = self.documents.aged
        processes = list(state.processes)
        for who, process in enumerate(processes):
            if process.sure:
                processes[who] = process._replace(sure=process.sure - 1)
        requests = []
        for request in state.requests:
            if request.age < DELAY:
                requests.append(request._replace(age=request.age + 1))
            elif request.heard:
                _answer_lost(processes, request)
        after = State(
            aged(state.search),
            tuple(aged(trial) for trial in state.trials),
            tuple(processes),
            _sorted(requests),
            state.faults,
        )
        broken = None
        for who, process in enumerate(processes):
            if process.token and not process.silent:
                after, broke = self._applied(after, self._renewal(process, who))
                broken = broken or broke
        return after, broken

    def _renewal(self, process, who):
        """Return the write that renews a holder's lease."""
        sent = Request(NAMES[who], process.life, "renew_driver", token=process.token)
        if who in WORKERS:
            sent = sent._replace(kind="renew", trial=process.trial, attempt=process.attempt)
        return sent

    # Writes

    def _send(self, state, who, request, *, reads_clock=False):
        """Yield the steps in which a process sends a write: all goes well, or one fault happens."""
        process = state.processes[who]
        sent = request._replace(sender=NAMES[who], life=process.life)
        name = f"{sent.kind} of {sent.sender}" + (
            f" at trial {sent.trial}" if sent.trial >= 0 else ""
        )
        waiting = state._replace(
            processes=_with(state.processes, who, process._replace(waits=True))
        )
        yield from self._sent(waiting, sent, name)
        if reads_clock and state.faults > 0:
            less = waiting._replace(faults=state.faults - 1)
            ahead = sent._replace(ahead=SKEW)
            yield from self._sent(less, ahead, f"{name}, whose clock is ahead")

    def _sent(self, state, request, name):
        done, broken = self._applied(state, request)
        yield name, done, broken
        if state.faults > 0:
            late = state._replace(faults=state.faults - 1)
            yield f"{name}, which is late", _travels(late, request), None
            unheard = request._replace(heard=False)
            yield f"{name}, sent twice", _travels(_fewer(done), unheard), broken
            applied, broken = self._applied(late, unheard)
            yield f"{name}, whose answer is lost", _travels(applied, request), broken

    def _arrives(self, state, request):
        requests = list(state.requests)
        requests.remove(request)
        name = f"{request.kind} of {request.sender} arrives"
        return name, *self._applied(state._replace(requests=tuple(requests)), request)

    def _applied(self, state, request):
        """Return the state with a write that has arrived, and the rule that it breaks."""
        documents, trial = self.documents, request.trial
        before = state.search if trial < 0 else state.trials[trial]
        effect = documents.write(before, request)
        was, now = documents[before], documents[effect.after]
        broken = broken_by_write(was, now, request, state.processes)
        if trial < 0:
            state = state._replace(search=effect.after)
        else:
            state = state._replace(trials=_with(state.trials, trial, effect.after))
        if request.heard:
            broken = broken or broken_by_answer(now, request, effect.told)
            processes = list(state.processes)
            goes_on = _answer(processes, request, effect)
            requests = state.requests if goes_on else _unheard(state.requests, request.sender)
            state = state._replace(processes=tuple(processes), requests=requests)
        return state, broken

    def _nonce(self, state, who):
        """Return a text that no token had yet which can still be anywhere."""
        return f"{who}.{state.processes[who].life}.{state.faults}"

    # Drivers

    def _driver_steps(self, state, who):
        driver = state.processes[who]
        if driver.waits:
            return
        if not driver.token:
            lease = self.documents[state.search]["driver"]
            take = Request("", 0, "take", token=f"d{self._nonce(state, who)}", ahead=SKEW)
            # Which of two new drivers is the first makes no difference: it is called 0.
            if (state == self.initial and who != DRIVERS[0]) or self.is_end(state):
                return
            if lease is None or lease["expires_at"] < take.clock:
                yield from self._send(state, who, take._replace(ahead=0), reads_clock=True)
            return
        if self.is_end(state):
            held = Request("", 0, "release_driver", token=driver.token)
            yield from self._send(state, who, held)
        for trial, number in enumerate(state.trials):
            yield from self._drive(state, who, trial, number)

    def _drive(self, state, who, trial, number):
        stored = self.documents[number]
        if number == self.documents.absent:
            yield from self._add(state, who, trial)
        elif is_queued(stored):
            for worker in self._free_workers(state):
                process = state.processes[worker]
                placed = process._replace(doing="placed", trial=trial, read=number)
                yield (
                    f"place trial {trial} on {NAMES[worker]}, by {NAMES[who]}",
                    state._replace(processes=_with(state.processes, worker, placed)),
                    None,
                )
        elif not has_ended(stored):
            lease = stored["lease"]
            read = Request("", 0, "expire", trial, number, lease["attempt"], lease["token"])
            # A driver looks at the lease first, by its own clock.
            if self.documents.write(number, read._replace(ahead=SKEW)).changed:
                yield from self._send(state, who, read, reads_clock=True)
            holders = {state.processes[worker].token for worker in WORKERS}
            if lease["token"] not in holders:
                yield from self._send(state, who, read._replace(kind="crash"))

    def _add(self, state, who, trial):
        # The first one that is added is called 0.
        if trial and state.trials[0] == self.documents.absent:
            return
        new = Request("", 0, "add", trial)
        yield from self._send(state, who, new)
        for worker in self._free_workers(state):
            token = f"a{self._nonce(state, who)}.{trial}.{worker}"
            begun = new._replace(attempt=1, token=token, read=worker)
            yield from self._send(state, who, begun, reads_clock=True)

    def _free_workers(self, state):
        """Return the workers that may get a trial; the first of two unused ones is called 0."""
        idle = [worker for worker in WORKERS if state.processes[worker].doing == "idle"]
        unused = not any(
            self.documents[trial].get("attempt") for trial in state.trials
        ) and not any(request.trial >= 0 and request.token for request in state.requests)
        if unused and all(state.processes[each] == UNUSED for each in WORKERS):
            return idle[:1]
        return idle

    # Workers

    def _worker_steps(self, state, who):
        worker = state.processes[who]
        if worker.waits or worker.doing == "idle":
            return
        if worker.doing == "placed":
            read = self.documents[worker.read]
            begin = Request("", 0, "begin", worker.trial, worker.read, read["attempt"] + 1)
            token = f"w{self._nonce(state, who)}.{begin.attempt}"
            yield from self._send(state, who, begin._replace(token=token), reads_clock=True)
            return
        held = Request("", 0, "renew", worker.trial, -1, worker.attempt, worker.token)
        yield from self._send(state, who, held._replace(kind="complete"))
        if state.faults > 0:
            less = state._replace(faults=state.faults - 1)
            read = held._replace(read=state.trials[worker.trial])
            yield from self._send(less, who, read._replace(kind="crash"))
            yield from self._send(less, who, held._replace(kind="hand_back"))

    # Faults

    def _renewal_faults(self, state, who, process):
        renewal = self._renewal(process, who)
        name = f"{renewal.kind} of {NAMES[who]}"
        less = _fewer(state)
        yield f"{name}, sent twice", _travels(less, renewal._replace(heard=False)), None
        ahead = renewal._replace(ahead=SKEW)
        yield f"{name}, whose clock is ahead", *self._applied(less, ahead)
        if not process.silent:
            silent = _with(state.processes, who, process._replace(silent=True))
            yield f"silence of {NAMES[who]}", less._replace(processes=silent), None

    def _faults_of(self, state):
        for who, process in enumerate(state.processes):
            if process.doing != "idle" or process.token or process.waits:
                killed = Process(life=process.life + 1)
                yield (
                    f"kill {NAMES[who]}",
                    state._replace(
                        processes=_with(state.processes, who, killed),
                        requests=_unheard(state.requests, NAMES[who]),
                    ),
                    None,
                )
            if process.token:
                more = state._replace(faults=state.faults + 1)
                yield from self._renewal_faults(more, who, process)
        for trial, number in enumerate(state.trials):
            stored = self.documents[number]
            if number == self.documents.absent or has_ended(stored):
                continue
            wanted = ["cancel"] if is_queued(stored) else ["cancel", "release"]
            for kind in wanted:
                asked = Request("a person", 0, kind, trial, number, heard=False)
                done, broken = self._applied(state, asked)
                yield f"{kind} of trial {trial} by a person", done, broken
                if state.faults > 0:
                    yield f"{kind} of a person, which is late", _travels(_fewer(state), asked), None


def _answer(processes, request, effect):
    """Have the sender do what it does after the answer; return whether it goes on.

    One that is told that its lease is lost, or whose attempt has ended, begins afresh.
    """
    who = NAMES.index(request.sender)
    process = processes[who]
    sure = max(0, SURE - request.age)
    if request.kind in ("renew", "renew_driver"):
        processes[who] = process._replace(sure=sure) if effect.told else process.afresh()
        return effect.told
    goes_on = True
    if request.kind in ("take", "begin") and effect.told:
        process = process._replace(token=request.token, sure=sure)
        if request.kind == "begin":
            process = process._replace(doing="runs", read=-1, attempt=request.attempt)
    elif request.kind not in ("add", "expire") and (request.kind != "crash" or who in WORKERS):
        goes_on = False
        process = process.afresh()
    processes[who] = process._replace(waits=False)
    if request.kind == "add" and request.token and effect.changed:
        worker = processes[request.read]
        if worker.doing == "idle":
            processes[request.read] = worker._replace(
                doing="runs",
                trial=request.trial,
                attempt=request.attempt,
                token=request.token,
                sure=sure,
            )
    return goes_on


def _answer_lost(processes, request):
    """Have the sender do what it does if no answer comes: it sends again, or gives up."""
    who = NAMES.index(request.sender)
    if request.kind == "begin":
        processes[who] = processes[who].afresh()
    else:
        processes[who] = processes[who]._replace(waits=False)


def _travels(state, request):
    return state._replace(requests=_sorted([*state.requests, request]))


def _unheard(requests, sender):
    """Return the requests without anybody who waits for an answer to the sender's."""
    return _sorted(
        each._replace(heard=False) if each.sender == sender else each for each in requests
    )


def _fewer(state):
    return state._replace(faults=state.faults - 1)


def _with(values, index, value):
    return (*values[:index], value, *values[index + 1 :])


def _sorted(requests):
    return tuple(sorted(requests))
