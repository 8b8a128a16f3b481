"""Payloads: makes the API's models from stored documents and the mirror."""

from datetime import datetime
from typing import Any, Literal

from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.live.mirrored_search import MirroredSearch
from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.dashboards.live.reported import unit_of
from alignsearch.dashboards.models.encoding import EncodedJson
from alignsearch.search.documents import (
    REHEARSAL,
    Search,
    Trial,
    is_list_of_runs,
    known_space_of,
    metric_of,
    metrics_of,
)
from alignsearch.search.documents.budget import counts_every_trial
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.states import (
    SEARCH_TRANSITIONS,
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
)
from alignsearch.search.use_cases.next_steps import next_step
from alignsearch.search.use_cases.summary import Summary


def kind_of(search: Search) -> Literal["search", "runs", "unknown"]:
    """Tell an experiment's runs and unknown definitions from other searches."""
    if is_list_of_runs(search):
        return "runs"
    return "search" if search.definition or known_space_of(search) is not None else "unknown"


def is_rehearsal(search: Search) -> bool:
    """Return whether the search trains nothing: its numbers follow from a formula."""
    return search.recipe is not None and search.recipe.dataset == REHEARSAL


def steps_of(search: Search) -> list[models.Verb]:
    """Verbs that the search's status allows."""
    if search.status in TERMINAL_SEARCH_STATUSES:
        return []
    steps: list[models.Verb] = []
    if SearchStatus.PAUSED in SEARCH_TRANSITIONS[search.status]:
        steps.append("pause")
    if search.status is SearchStatus.PAUSED:
        steps.append("resume")
    if not search.stop_requested:
        steps.append("stop")
    return [*steps, "cancel"]


def changes_of(search: Search) -> list[models.Change]:
    """Return which changes of a search's settings are possible now."""
    if search.status not in TERMINAL_SEARCH_STATUSES:
        return ["set"] if counts_every_trial(search) else ["extend", "set"]
    again = SearchStatus.QUEUED in SEARCH_TRANSITIONS[search.status]
    return ["extend"] if again and not counts_every_trial(search) else []


def limits_of(summary: Summary) -> models.Limits:
    """Make the payload of the rules that end a search."""
    search = summary.search
    return models.Limits(
        until=search.until,
        timeout=search.timeout,
        driven_seconds=search.driven_seconds,
        stop_at=search.stop_at,
        patience=search.patience,
        max_failures=search.max_failures,
        failures_allowed=search.failures_allowed,
        progress=dict(summary.rules),
        ended_by=summary.ended_by.reason if summary.ended_by else None,
    )


def summary_model(summary: Summary, now: datetime, diverged: int) -> models.SearchSummary:
    """Make the payload of a search's progress."""
    search, recipe = summary.search, summary.search.recipe
    best = summary.best
    return models.SearchSummary(
        name=search.name,
        space=search.space,
        kind=kind_of(search),
        rehearsal=is_rehearsal(search),
        status=search.status,
        stop_requested=search.stop_requested,
        metric=metric_model(search),
        metrics=[_metric_model(each) for each in metrics_of(search)],
        constraints=[str(each) for each in search.constraints],
        prior=None if search.prior is None else str(search.prior),
        objective=objective_in_words(search),
        dataset=recipe.dataset if recipe else None,
        model=recipe.model if recipe else None,
        width=recipe.width if recipe else None,
        epochs=search.epochs,
        unit=unit_of(search),
        trials=search.trials,
        parallel=search.parallel,
        algo=search.algo,
        seed=search.seed,
        priority=search.priority,
        counts=summary.counts,
        finished=summary.finished,
        busy=summary.busy,
        slots={name: getattr(summary.slots, name) for name in ("total", "busy", "placing", "free")},
        best=None if best is None else _best_trial(summary, best),
        nearest=None if summary.nearest is None else _nearest_trial(summary, summary.nearest),
        chance=summary.chance,
        seconds_left=summary.seconds_left,
        waits_for=summary.waits_for,
        driver=search.driver.owner if search.driver else None,
        driven=summary.driven,
        owner=search.created_by,
        created_at=search.created_at,
        updated_at=search.updated_at,
        age=(now - search.created_at).total_seconds(),
        error=search.error,
        ending=search.ending,
        diverged=diverged,
        limits=limits_of(summary),
        note=search.note,
        tags=list(search.tags),
        next=next_step(search) if best is not None else None,
        steps=steps_of(search),
        changes=changes_of(search),
    )


def _best_trial(summary: Summary, best: Trial) -> models.BestTrial:
    winner = None if summary.confirmed is None else summary.confirmed.winner
    ends: list[float | None] = [None, None]
    if winner is not None and winner.low is not None and winner.high is not None:
        ends = [*sorted(map(summary.metric.value, (winner.low, winner.high)))]
    return models.BestTrial(
        tid=best.tid,
        loss=summary.best_loss,
        value=summary.best_value,
        seeds=None if winner is None else len(winner.losses),
        low=ends[0],
        high=ends[1],
    )


def _nearest_trial(summary: Summary, nearest: Trial) -> models.BestTrial:
    value = None if nearest.loss is None else summary.metric.value(nearest.loss)
    return models.BestTrial(tid=nearest.tid, loss=nearest.loss, value=value)


def summary_of(mirror: Mirror, name: str) -> models.SearchSummary:
    """Read a search's progress from the mirror, or from the store if it isn't in memory."""
    return summary_model(mirror.summary(name), mirror.now(), mirror.diverged(name))


def metric_model(search: Search) -> models.Metric:
    """Make the payload of the number that a search's trials are compared by."""
    return _metric_model(metric_of(search))


def _metric_model(metric: ObjectiveMetric) -> models.Metric:
    return models.Metric(name=metric.name, label=metric.label, direction=metric.direction)


def objective_in_words(search: Search) -> str:
    """Return what each trial of a search does, in words."""
    recipe = search.recipe
    if recipe is not None:
        what = f"{recipe.model}, width {recipe.width}"
        if recipe.dataset == REHEARSAL:
            return f"rehearses {what}, {recipe.epochs} epochs: nothing is trained"
        return f"trains {what}, {recipe.dataset}, {recipe.epochs} epochs"
    if search.definition is None:
        return "not known"
    objective = search.definition.objective
    verb = "runs" if objective.kind == "program" else "calls"
    return f"{verb} {objective.address}" if objective.address else objective.kind


def trial_columns(
    mirrored: MirroredSearch, now: datetime, since: int | None = None, *, exact: bool = False
) -> dict[str, Any]:
    """Fields of `models.TrialColumns`: all trials, or those that changed after `since`.

    exact: whether numbers and times have all their digits.
    """
    with mirrored.lock:
        trials = mirrored.trials
        # The page shows another store's search of this name, or columns of another kind.
        reset = since is None or since > trials.rev or since < trials.recoded
        rows = None if reset else trials.changed_since(since or 0)
        count = trials.table.rows if rows is None else len(rows)
        values = trials.table.to_wire(rows, exact=exact) if count else {}
        summary = mirrored.summary
        assert summary is not None, "a mirrored search is synchronized before it is given out"
        return {
            "rev": trials.rev,
            "count": count,
            "reset": reset,
            "epoch0": trials.begun.timestamp(),
            "columns": [column.to_json() for column in trials.table.columns.values()],
            "values": values,
            "best": best_so_far(trials, exact=exact),
            "front": trials.front(),
            "summary": summary_model(summary, now, trials.diverged),
            "now": now.timestamp(),
        }


def encoded_trials(mirror: Mirror, mirrored: MirroredSearch) -> EncodedJson:
    """All trials of a search as encoded JSON, cached until the search changes."""
    version, cached = mirrored.version, mirrored.encoded
    if cached is None or cached[0] != version:
        cached = (version, EncodedJson.of(trial_columns(mirrored, mirror.now())))
        mirrored.encoded = cached
    return cached[1]


def best_so_far(trials: MirroredTrials, *, exact: bool = False) -> models.BestSoFar:
    """Make the payload of the improvements, in columns."""
    improvements = trials.improvements
    return models.BestSoFar(
        tid=[each.tid for each in improvements],
        finished=[each.at if exact else round(each.at, 1) for each in improvements],
        number=[each.number for each in improvements],
        loss=[each.loss for each in improvements],
        value=[trials.metric.value(each.loss) for each in improvements],
    )
