"""Payloads of confirmations: the repetitions of a search's best trials, and what they say."""

from alignsearch.dashboards import models
from alignsearch.search.documents import Search, metric_of
from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.tally import Standing
from alignsearch.search.reports.confirmation import confirmation_json, confirmed_in, in_words


def confirmation_state(search: Search, standing: Standing) -> models.ConfirmationState:
    """Make the payload of a search's confirmation."""
    metric, asked = metric_of(search), search.confirm
    found = confirmed_in(standing)
    ended = [
        models.RepetitionRow(
            tid=each.tid,
            of=each.of,
            repeat=each.repeat,
            state="diverged" if each.diverged else "failed" if each.loss is None else "completed",
            value=None if each.loss is None else metric.value(each.loss),
        )
        for each in standing.repetitions
    ]
    live = [
        models.RepetitionRow(
            tid=trial.tid,
            of=trial.origin.of,
            repeat=trial.origin.repeat or 1,
            state="running" if trial.state is TrialState.RUNNING else "queued",
            value=trial.progress.value if trial.progress else None,
        )
        for trial in standing.live
        if trial.is_confirmation and trial.origin is not None and trial.origin.of is not None
    ]
    return models.ConfirmationState(
        asked=asked is not None,
        top=asked and asked.top,
        seeds=asked and asked.seeds,
        share=asked and asked.share,
        ended=ended,
        live=live,
        result=found and models.ConfirmedBest.model_validate(confirmation_json(found, metric)),
        words=[] if found is None else in_words(found, metric),
    )
