"""Payloads of single trials: rows of the table of trials, and one trial in detail."""

from typing import Any

from alignsearch.dashboards import models
from alignsearch.dashboards.live.dimensions import title_of
from alignsearch.dashboards.live.divergences import divergence_in
from alignsearch.dashboards.live.mirrored_search import MirroredSearch
from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.dashboards.live.reported import measured_of, unit_of
from alignsearch.dashboards.web.payloads import is_rehearsal, kind_of, metric_model
from alignsearch.search.documents import Search, Trial, is_list_of_runs, values_of
from alignsearch.search.documents.divergence import has_diverged, shown_state
from alignsearch.search.reports import cells
from alignsearch.search.reports.best import column_of


def trial_row(trials: MirroredTrials, row: int) -> models.TrialRow:
    """Make a row of the table of trials."""

    def of(name: str) -> Any:
        return trials.table.columns[name].value(float(trials.table[name][row]))

    config = trials.config_of(row)
    stepped = frozenset() if trials.space is None else trials.space.stepped_names
    names = ("tid", "state", "loss", "current", "epoch", "attempt", "seconds", "started")
    return models.TrialRow(
        **{name: of(name) for name in (*names, "finished", "host", "outcome")},
        value=of(trials.score),
        note=trials.notes[row],
        metrics={name: of(name) for name in trials.goals.further.values()},
        config=config,
        cells={
            name: cells.readable(value, sampled=True, stepped=name in stepped)
            for name, value in config.items()
        },
    )


def table_rows(search: Search, trial: Trial) -> list[models.TableRow]:
    """Make a trial's rows of its search's table, and of each dimension that the table leaves out.

    A list of runs has no table: each of a run's settings is a row.
    """
    values = values_of(search, trial)
    column = None if is_list_of_runs(search) else column_of(search, trial, title="")
    rows = (
        []
        if column is None
        else [
            models.TableRow(
                name=row.name,
                field=row.field,
                cell=column.cell(row),
                value=column.values.get(row.field),
                sampled=row.field in column.sampled,
            )
            for row in column.rows
        ]
    )
    shown = {row.field for row in rows}
    return rows + [
        models.TableRow(
            name=title_of(search, label),
            field=label,
            cell=cells.readable(
                value, sampled=True, stepped=column is not None and label in column.stepped
            ),
            value=value,
            sampled=column is not None,
        )
        for label, value in values.items()
        if label not in shown
    ]


def trial_model(mirrored: MirroredSearch, trial: Trial) -> models.TrialDetail:
    """Make the payload of a trial."""
    search, trials = mirrored.search, mirrored.trials
    with mirrored.lock:
        tids = trials.table["tid"]
        scored = trials.scored
        rank = None if trial.loss is None else trials.rank(trial.tid, trial.loss)
        before, after = tids[tids < trial.tid], tids[tids > trial.tid]
        row = trials.row_of.get(trial.tid)
        note = None if row is None else trials.notes[row]
        cause = divergence_in(search, trials).cause if has_diverged(trial) else None
    result, progress = trial.result, trial.progress
    return models.TrialDetail(
        tid=trial.tid,
        search=trial.search,
        kind=kind_of(search),
        rehearsal=is_rehearsal(search),
        state=shown_state(trial),
        rev=trial.seq,
        metric=metric_model(search),
        loss=trial.loss,
        value=None if trial.loss is None else trials.metric.value(trial.loss),
        current=progress.value if progress else None,
        outcome=result.status if result else None,
        reason=result.reason if result else None,
        cause=cause,
        note=note,
        metrics=dict(result.metrics) if result else {},
        measured=measured_of(search, result.metrics) if result else [],
        best_epoch=trial.best_epoch,
        unit=unit_of(search),
        epoch=progress.epoch if progress else None,
        epochs=progress.epochs if progress and progress.epochs else search.epochs,
        error=trial.error,
        rank=rank,
        of=scored,
        rows=table_rows(search, trial),
        config=trial.config,
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
