"""Repetitions of a search's best trials as its driver knows them, and the trials made for them."""

from bisect import insort
from collections import Counter
from collections.abc import Hashable

from alignsearch.search.documents import Confirmation, Origin, Search, Trial
from alignsearch.search.documents.limits import MOST_REPEATED
from alignsearch.search.documents.ranking import is_ranked
from alignsearch.search.documents.repetition import Repetition
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import seconds_of
from alignsearch.search.driver.confirmations import Candidate, Plan, plan


class RepeatedTrials:
    """Trials of one search that are or may be repeated, updated with each trial that changes.

    It keeps loss, duration and a hash of the point of the best trials, and no more trials than can
    ever be repeated, so that memory doesn't grow with the search.
    """

    def __init__(self) -> None:
        """Start without a trial."""
        self.states: Counter[TrialState] = Counter()
        """Number of repetitions in each state."""
        self.ended: list[Repetition] = []
        """Repetitions that have ended."""
        self.cost = 0.0
        """Seconds that the search's own trials have taken so far."""
        self._own = 0
        self._begun: dict[int, int] = {}
        self._ranked: list[tuple[float, int]] = []
        self._known: dict[int, tuple[float, float, Hashable]] = {}

    def note(self, trial: Trial, known: TrialState | None) -> None:
        """Note a trial that has changed; `known` is its state before, None for a new one."""
        if trial.is_confirmation:
            self._note_repetition(trial, known)
        elif trial.state in TERMINAL_TRIAL_STATES:
            seconds = sum(seconds_of([trial]))
            if trial.is_suggested:
                self.cost += seconds
                self._own += 1
            if is_ranked(trial) and trial.loss is not None:
                insort(self._ranked, (trial.loss, trial.tid))
                self._known[trial.tid] = (trial.loss, seconds, _same_point(trial))
                # Now and then, so that a trial costs no walk through all of them.
                if len(self._ranked) > 2 * MOST_REPEATED:
                    self._forget_beaten()

    def forget(self, trial: Trial) -> None:
        """Count a live trial no more, which was noted in the state that it has."""
        if trial.is_confirmation:
            self.states[trial.state] -= 1

    def _note_repetition(self, trial: Trial, known: TrialState | None) -> None:
        self.states[trial.state] += 1
        if known is not None:
            self.states[known] -= 1
        origin = trial.origin
        if origin is not None and origin.of is not None:
            begun = self._begun.get(origin.of, 0)
            self._begun[origin.of] = max(begun, origin.repeat or 0)
        ended = Repetition.from_trial(trial)
        if ended is not None:
            self.ended.append(ended)

    def _forget_beaten(self) -> None:
        """Forget trials that can't be repeated: better ones are as many as are repeated at most."""
        points: set[Hashable] = set()
        kept = []
        for loss, tid in self._ranked:
            point = self._known[tid][2]
            best = point not in points and len(points) < MOST_REPEATED
            if best or tid in self._begun:
                points.add(point)
                kept.append((loss, tid))
        self._ranked = kept
        self._known = {tid: self._known[tid] for _, tid in kept}

    def candidates(self, top: int) -> list[Candidate]:
        """Return the `top` best trials, the best first, then others that have repetitions.

        Trials at one point count once, for repeating it for each of them would cost as often and
        tell no more.
        """
        chosen: dict[Hashable, Candidate] = {}
        for loss, tid in self._ranked:
            _, seconds, point = self._known[tid]
            if len(chosen) < top and point not in chosen:
                chosen[point] = Candidate(tid, loss, seconds)
            if len(chosen) == top:
                break
        taken = {each.tid for each in chosen.values()}
        others = [
            Candidate(tid, loss, seconds)
            for tid in self._begun.keys() & self._known.keys() - taken
            for loss, seconds, _ in [self._known[tid]]
        ]
        return [*chosen.values(), *sorted(others, key=lambda each: (each.loss, each.tid))]

    def plan(self, asked: Confirmation, *, running: bool) -> Plan:
        """Return the repetitions to begin next; `running`: whether own trials still run."""
        return plan(
            self.candidates(asked.top),
            self._begun,
            self.ended,
            asked,
            cost=self.cost,
            usual=self.cost / max(1, self._own),
            running=running,
        )


def repetition_of(search: Search, trial: Trial, *, tid: int, repeat: int) -> Trial:
    """Return the trial that repeats another one's point on a seed of its own.

    trial: the repeated trial. tid: the new trial's number. repeat: which repetition it is, from 1.
    """
    return Trial(
        id=Trial.key(search.name, tid),
        search=search.name,
        tid=tid,
        config=trial.config,
        point=trial.point,
        origin=Origin(kind="confirmation", of=trial.tid, repeat=repeat),
        resources=search.resources,
    )


def _same_point(trial: Trial) -> Hashable:
    """Return a value that trials at the same point share."""
    return hash(tuple(sorted(trial.point.items())))
