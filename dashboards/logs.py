"""An attempt's log, made of what its worker has written to the store.

The store has each epoch, warning and error, and log lines where something keeps them there; the
rest of a worker's log stays on its host.
"""

from dashboards.models import Log, LogLine
from search.documents import Trial
from search.store import Store

LINES = 200


def log_of(store: Store, trial: Trial, number: int) -> Log:
    """The last lines about one attempt at the trial."""
    attempt = trial.attempts.get(str(number))
    if attempt is None:
        note = f"there is no attempt {number}" if trial.attempts else "no attempt has begun yet"
        return Log(attempt=number, available=False, lines=[], note=note)
    begun = f"begun on {attempt.host} ({attempt.accelerator}) by {attempt.owner}"
    lines = [LogLine(at=attempt.started_at, level="INFO", text=begun)]
    for record in store.epoch_records(trial.id):
        if record["attempt"] == number:
            text = (
                f"epoch {record['epoch']} of {record['epochs']}: validation error "
                f"{1 - record['validation_accuracy']:.4f} in {record['seconds']:.1f} s"
            )
            lines.append(LogLine(at=None, level="INFO", text=text))
    about = f"trial {trial.tid}, attempt {number}: "
    lines += [
        LogLine(at=event.at, level="WARNING", text=event.detail.removeprefix(about))
        for event in store.events_since(trial.search, attempt.started_at)
        if event.detail.startswith(about)
    ]
    lines += [LogLine(**line.model_dump()) for line in store.log(trial.id, number)]
    if attempt.ended_at is not None:
        lines += [
            LogLine(at=attempt.ended_at, level="ERROR", text=text)
            for text in (attempt.error or "").splitlines()
        ]
        ended = (attempt.outcome or "ended").replace("_", " ")
        lines.append(LogLine(at=attempt.ended_at, level="INFO", text=ended))
    return Log(attempt=number, available=True, lines=lines[-LINES:], note="")
