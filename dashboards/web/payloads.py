"""Payloads: makes the API's models from stored documents and the mirror."""

from datetime import datetime
from typing import Any

from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Mirror, MirroredSearch
from alignsearch.dashboards.live.mirrored_trials import Improvement, MirroredTrials, known_space
from alignsearch.dashboards.models.encoding import EncodedJson
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.states import (
    SEARCH_TRANSITIONS,
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
)
from alignsearch.search.reports.best import column_of
from alignsearch.search.use_cases.summary import Summary
from alignsearch.spaces.describe import describe, to_json
from alignsearch.spaces.space import SearchSpace, Value
from alignsearch.spaces.table5 import LABELS, TABLE, format_sampled


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


def summary_model(
    summary: Summary, now: datetime, diverged: int | None = None
) -> models.SearchSummary:
    """Make the payload of a search's progress."""
    search, recipe = summary.search, summary.search.recipe
    best = summary.best
    return models.SearchSummary(
        name=search.name,
        space=search.space,
        status=search.status,
        stop_requested=search.stop_requested,
        dataset=recipe.dataset if recipe else "",
        model=recipe.model if recipe else "",
        width=recipe.width if recipe else 0,
        epochs=search.epochs or 0,
        trials=search.trials,
        parallel=search.parallel,
        algo=search.algo,
        seed=search.seed,
        priority=search.priority,
        counts=summary.counts,
        finished=summary.finished,
        busy=summary.busy,
        slots={name: getattr(summary.slots, name) for name in ("total", "busy", "placing", "free")},
        best=models.BestTrial(tid=best.tid, loss=best.loss) if best else None,
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
        diverged=diverged,
        steps=steps_of(search),
    )


def summary_of(mirror: Mirror, name: str) -> models.SearchSummary:
    """Read a search's progress from the mirror, or from the store if it isn't in memory."""
    summary = mirror.summary(name)
    mirrored = mirror.cached(name)
    diverged = mirrored.trials.diverged if mirrored else None
    return summary_model(summary, mirror.now(), diverged)


def space_model(space: SearchSpace) -> models.Space:
    """Make the payload of a space of the catalog; its metaparameters are in Table 5's order."""
    data = to_json(space)
    by_name = {each["name"]: each for each in data["sampled"]}
    fixed = {each.name: each.value for each in space.fixed}
    parameters = []
    for row in describe(space, TABLE):
        sampled = by_name.get(row.name, {})
        parameters.append(
            models.Parameter(
                name=row.name,
                label=LABELS.get(row.name, row.name),
                kind=sampled["kind"] if row.kind == "sampled" else row.kind,
                low=sampled.get("low"),
                high=sampled.get("high"),
                options=sampled.get("options"),
                value=fixed.get(row.name),
                formula=row.distribution if row.kind == "derived" else None,
                text=row.distribution,
                source=row.source,
            )
        )
    return models.Space(
        name=space.name,
        title=space.title,
        learning_rule=space.learning_rule,
        source=space.source,
        space_hash=space.space_hash,
        known=True,
        parameters=parameters,
    )


def space_of(search: Search) -> models.Space:
    """Make the payload of a search's space; an unknown space has only its name and hash."""
    space = known_space(search)
    if space is not None:
        return space_model(space)
    return models.Space(
        name=search.space,
        title=search.space,
        learning_rule="",
        source="",
        space_hash=search.space_hash,
        known=False,
        parameters=[],
    )


def trial_columns(
    mirrored: MirroredSearch, now: datetime, since: int | None = None
) -> dict[str, Any]:
    """Fields of `models.TrialColumns`: all trials, or those that changed after `since`."""
    with mirrored.lock:
        trials = mirrored.trials
        # The page shows another store's search of this name, so it begins anew.
        reset = since is None or since > trials.rev
        rows = None if reset else trials.changed_since(since or 0)
        count = trials.table.rows if rows is None else len(rows)
        values = trials.table.to_wire(rows) if count else {}
        summary = mirrored.summary
        assert summary is not None, "a mirrored search is synchronized before it is given out"
        return {
            "rev": trials.rev,
            "count": count,
            "reset": reset,
            "epoch0": trials.begun.timestamp(),
            "columns": [column.to_json() for column in trials.table.columns.values()],
            "values": values,
            "best": best_so_far(trials.improvements),
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


def best_so_far(improvements: list[Improvement]) -> models.BestSoFar:
    """Make the payload of the improvements, in columns."""
    return models.BestSoFar(
        tid=[each.tid for each in improvements],
        finished=[round(each.at, 1) for each in improvements],
        number=[each.number for each in improvements],
        loss=[each.loss for each in improvements],
    )


def cell_of(value: Value) -> str:
    """Format a sampled value as Table 5 does."""
    if value is None:
        return "N/A"
    return format_sampled(value) if isinstance(value, float) else str(value)


def trial_row(trials: MirroredTrials, row: int) -> models.TrialRow:
    """Make a row of the table of trials."""

    def of(name: str) -> Any:
        return trials.table.columns[name].value(float(trials.table[name][row]))

    config = trials.config_of(row)
    names = ("tid", "state", "loss", "current", "epoch", "attempt", "seconds", "started")
    return models.TrialRow(
        **{name: of(name) for name in (*names, "finished", "host", "outcome")},
        note=trials.notes[row],
        config=config,
        cells={name: cell_of(value) for name, value in config.items()},
    )


def table_rows(search: Search, trial: Trial) -> list[models.TableRow]:
    """Make a trial's rows of its search's table; a run has a row for each stored value."""
    if known_space(search) is None and isinstance(trial.config, dict):
        return [
            models.TableRow(name=name, field=name, cell=str(value), value=value, sampled=True)
            for name, value in trial.config.items()
        ]
    column = column_of(search, trial, title="")
    return [
        models.TableRow(
            name=row.name,
            field=row.field,
            cell=column.cell(row),
            value=column.values.get(row.field),
            sampled=row.field in trial.point,
        )
        for row in column.rows
    ]


def trial_model(mirrored: MirroredSearch, trial: Trial) -> models.TrialDetail:
    """Make the payload of a trial."""
    trials = mirrored.trials
    with mirrored.lock:
        tids = trials.table["tid"]
        scored = trials.scored
        rank = None if trial.loss is None else trials.rank(trial.tid, trial.loss)
        before, after = tids[tids < trial.tid], tids[tids > trial.tid]
        row = trials.row_of.get(trial.tid)
        note = None if row is None else trials.notes[row]
    result, progress = trial.result, trial.progress
    return models.TrialDetail(
        tid=trial.tid,
        search=trial.search,
        state=trial.state,
        rev=trial.seq,
        loss=trial.loss,
        current=progress.value if progress else None,
        outcome=result.status if result else None,
        reason=result.reason if result else None,
        note=note,
        metrics=dict(result.metrics) if result else {},
        best_epoch=trial.best_epoch,
        epoch=progress.epoch if progress else None,
        epochs=mirrored.search.epochs or 0,
        error=trial.error,
        rank=rank,
        of=scored,
        rows=table_rows(mirrored.search, trial),
        config=dict(trial.config),
        attempts=[
            models.AttemptDetail(
                **attempt.model_dump(include=set(models.AttemptDetail.model_fields)),
                seconds=None
                if attempt.ended_at is None
                else (attempt.ended_at - attempt.started_at).total_seconds(),
            )
            for _, attempt in sorted(trial.attempts.items(), key=lambda item: int(item[0]))
        ],
        timings={str(what): at for what, at in trial.timings.items()},
        resources=trial.resources,
        previous=int(before.max()) if len(before) else None,
        next=int(after.min()) if len(after) else None,
    )
