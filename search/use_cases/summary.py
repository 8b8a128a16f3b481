"""The summary of a search: counts, best trial, time left, and what the search waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from statistics import fmean

from alignsearch.search.documents import (
    Search,
    Trial,
    is_driven,
    measured,
    metric_of,
    metrics_of,
)
from alignsearch.search.documents.errors import StoreRefusedError
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.states import (
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
    TrialState,
)
from alignsearch.search.documents.tally import Standing
from alignsearch.search.driver.endings import Ended, ending_of, progress_of, reached_of
from alignsearch.search.reports.confirmation import Confirmed, confirmation_json, confirmed_in
from alignsearch.search.reports.took import Took, took
from alignsearch.search.store import Store
from alignsearch.search.use_cases.budget import standing_of
from alignsearch.search.use_cases.sampler_failures import last_sampler_failure
from alignsearch.search.use_cases.waits_for import Slots, is_placed, trouble_of, waits_for_in_words

SLOW_STORE_SECONDS = 0.5
"""Limits the store's answer time: a slower store is named as a cause of waiting."""


@dataclass(frozen=True)
class Summary:
    """The state of a search at one moment.

    Attributes:
        counts: trials by state, every state named, without repetitions of others.
        diverged: how many of the completed ones have no finite loss.
        best: the trial that is named as the best: by its mean where the search is confirmed. None
            where no trial keeps the search's constraints.
        nearest: where none keeps them, the trial that breaks them least.
        confirmed: the best one's mean over fresh seeds, and how sure it is; None without.
        repetitions: how many repetitions have ended and how many are queued or running.
        took: slots, hours of each accelerator, and the duration with other numbers of slots.
        finished: trials that have ended and count towards the budget: those with a result.
        rules: what ends the search, by its options: a line on how far it is from each.
        ended_by: the rule by which no further trial begins, with the reason; None if none holds.
        chance: error of guessing the largest class; None if no trial has reported it.
        seconds_left: estimate from recent trials; 0 if the search is over, None if no trial has
            finished, no driver is alive, or the search is paused.
        lease_seconds: seconds until the first lease of a running trial expires; negative if one
            has expired.
        driven: whether a driver holds the search's lease.
        store_seconds: seconds that the store took to answer; None if not measured.
        waits_for: the next thing that has to happen, and why it hasn't, in words.
        servers: living processes that drive all searches of the store, where nobody drives this
            one; None where it wasn't asked, or may not be known.
        sampler_failure: the last failure of its sampler that was noted, in words; None without
            one, or where events were not read.
    """

    search: Search
    counts: dict[TrialState, int]
    finished: int
    rules: Mapping[str, str]
    ended_by: Ended | None
    best: Trial | None
    chance: float | None
    seconds_left: float | None
    slots: Slots
    lease_seconds: float | None
    driven: bool
    store_seconds: float | None
    waits_for: str
    confirmed: Confirmed | None = None
    repetitions: tuple[int, int] = (0, 0)
    took: Took | None = None
    nearest: Trial | None = None
    sampler_failure: str | None = None
    diverged: int = 0
    servers: tuple[str, ...] | None = None

    @property
    def kinds(self) -> dict[str, int]:
        """Trials by kind as people count them: diverged ones apart from completed ones."""
        kinds = {state.value: count for state, count in self.counts.items()}
        kinds[TrialState.COMPLETED.value] -= self.diverged
        return {**kinds, "diverged": self.diverged}

    @property
    def busy(self) -> int:
        """Number of slots with a running trial."""
        return self.slots.busy

    @property
    def metric(self) -> ObjectiveMetric:
        """The metric that the search minimizes or maximizes."""
        return metric_of(self.search)

    @property
    def best_value(self) -> float | None:
        """The best trial's metric; None without one."""
        loss = self.best_loss
        return None if loss is None else self.metric.value(loss)

    @property
    def best_loss(self) -> float | None:
        """The best trial's loss, the mean of its repetitions if there are any; None without one."""
        if self.confirmed is not None:
            return self.confirmed.loss
        return self.best.loss if self.best else None

    def to_json(self) -> dict[str, object]:
        """Return the summary as JSON types, for programs."""
        driver = self.search.driver
        start, recipe, best = self.search.warm_start, self.search.recipe, self.best
        return {
            "name": self.search.name,
            "space": self.search.space,
            "status": self.search.status.value,
            "dataset": recipe.dataset if recipe else None,
            "metric": self.metric.name,
            "direction": self.metric.direction,
            "trials": self.search.trials,
            "parallel": self.search.parallel,
            "counts": {state.value: count for state, count in self.counts.items()},
            "diverged": self.diverged,
            "finished": self.finished,
            "rules": dict(self.rules),
            "driven_seconds": self.search.driven_seconds,
            "ending": self.search.ending,
            "slots": asdict(self.slots),
            "best": None
            if best is None
            else {"tid": best.tid, "loss": self.best_loss, "value": self.best_value},
            **self._goals(),
            "took": None if self.took is None else self.took.to_json(),
            "confirmation": None
            if self.confirmed is None
            else confirmation_json(self.confirmed, self.metric),
            "chance": self.chance,
            "seconds_left": self.seconds_left,
            "waits_for": self.waits_for,
            "sampler_failure": self.sampler_failure,
            "lease_seconds": self.lease_seconds,
            "driver": driver.owner if driver else None,
            "driven": self.driven,
            "servers": None if self.servers is None else list(self.servers),
            "store_seconds": self.store_seconds,
            "created_at": self.search.created_at.isoformat(),
            "warm_start": start.model_dump() if start else None,
            "prior": self.search.prior.to_json() if self.search.prior else None,
            "error": self.search.error,
            "tags": list(self.search.tags),
            "note": self.search.note,
        }

    def _goals(self) -> dict[str, object]:
        """Return metrics and constraints as JSON types; nothing for one metric without any."""
        search, best, nearest = self.search, self.best, self.nearest
        metrics = metrics_of(search)
        if len(metrics) == 1 and not search.constraints:
            return {}
        return {
            "metrics": {each.name: each.direction for each in metrics},
            "constraints": [str(each) for each in search.constraints],
            "best_metrics": None if best is None else measured(search, best),
            "nearest": None
            if nearest is None
            else {"tid": nearest.tid, "metrics": measured(search, nearest)},
        }


def read_summary(store: Store, name: str) -> Summary:
    """Read a search and summarize it; trials that the store has summed up are not read again.

    Raises:
        UnknownNameError: there is no such search.
    """
    search = store.searches.get(name)
    summary = summarize(
        search, standing_of(store, search), store.now(), store.ping(), servers_of(store, search)
    )
    return replace(summary, sampler_failure=last_sampler_failure(store, name))


def servers_of(store: Store, search: Search) -> tuple[str, ...] | None:
    """Return the living processes that could drive the search.

    None if a driver holds it, if it is over, or if the store's roles are those of an earlier
    version, which don't allow the question.
    """
    if search.status in TERMINAL_SEARCH_STATUSES or is_driven(search, store.now()):
        return None
    try:
        return tuple(each.owner for each in store.services.living())
    except StoreRefusedError:
        return None


def summarize(
    search: Search,
    standing: Standing,
    now: datetime,
    store_seconds: float | None = None,
    servers: tuple[str, ...] | None = None,
) -> Summary:
    """Return the summary of `search`.

    standing: what is known of its trials. now: the store's time. store_seconds: seconds that the
    store took to answer. servers: living processes that could drive it; None if not known.
    """
    finished = standing.spending.counted(search)
    left = search.trials - finished
    reached = reached_of(standing, search.driven_seconds)
    ended = None if search.status in TERMINAL_SEARCH_STATUSES else ending_of(search, reached, now)
    running = [trial for trial in standing.live if trial.state is TrialState.RUNNING]
    placing = sum(is_placed(trial) for trial in standing.live)
    used = max(0, min(search.parallel, left))
    slots = Slots(
        total=search.parallel,
        busy=len(running),
        placing=placing,
        free=max(0, used - len(running) - placing),
    )
    expiries = [trial.lease.expires_at for trial in running if trial.lease is not None]
    lease_seconds = (min(expiries) - now).total_seconds() if expiries else None
    waits_for = waits_for_in_words(
        search, slots, lease_seconds, now, trouble_of(standing.live), ended, servers
    )
    if store_seconds is not None and store_seconds > SLOW_STORE_SECONDS:
        waits_for += f"; the store is slow: it answers in {store_seconds:.1f} s"
    named = standing.named or standing.best
    return Summary(
        search=search,
        counts=standing.counts,
        diverged=standing.diverged,
        finished=finished,
        rules={rule.field: text for rule, text in progress_of(search, reached, now)},
        ended_by=ended,
        best=named,
        nearest=standing.nearest,
        confirmed=confirmed_in(standing),
        took=took(search, standing),
        repetitions=(
            len(standing.repetitions),
            sum(trial.is_confirmation for trial in standing.live),
        ),
        chance=named.chance if named else None,
        seconds_left=_seconds_left(
            search, standing.seconds, len(running) if ended else left, now, ended
        ),
        slots=slots,
        lease_seconds=lease_seconds,
        driven=is_driven(search, now),
        store_seconds=store_seconds,
        waits_for=waits_for,
        servers=servers,
    )


def _seconds_left(
    search: Search, seconds: Sequence[float], left: int, now: datetime, ended: Ended | None
) -> float | None:
    """Return the seconds that so many trials take, at most until no further one may begin."""
    if search.status in TERMINAL_SEARCH_STATUSES:
        return 0.0
    if ended is None and search.status is SearchStatus.PAUSED:
        return None
    if not is_driven(search, now):
        return None
    if left <= 0:
        return 0.0
    if not seconds:
        return None
    each = fmean(seconds)
    whole = each * left / min(search.parallel, left)
    limits = [] if ended else _seconds_to_limits(search, now)
    # Trials that run at the limit finish.
    return min([whole, *(limit + each for limit in limits)])


def _seconds_to_limits(search: Search, now: datetime) -> list[float]:
    """Return the seconds until each limit of time; there may be none."""
    limits = []
    if search.until is not None:
        limits.append((search.until - now).total_seconds())
    if search.timeout is not None:
        limits.append(search.timeout - search.driven_seconds)
    return [max(0.0, limit) for limit in limits]
