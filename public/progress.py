"""The progress of a search: a live panel on a terminal or in a notebook, else lines."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from alignsearch.notebook import CellDisplay, in_notebook
from alignsearch.notebook_view import NotebookView
from alignsearch.search.documents import Search, Trial, broken_by, measured, metrics_of
from alignsearch.search.documents.budget import Spending
from alignsearch.search.documents.constraint import in_words as constraints_in_words
from alignsearch.search.documents.digits import shown
from alignsearch.search.documents.durations import in_words
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.reports import confirmation
from alignsearch.search.reports.confirmation import Confirmed
from alignsearch.search.reports.took import in_words as cost_in_words
from alignsearch.search.reports.trial_table import seconds_of
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import Summary, servers_of, summarize

REFRESH_SECONDS = 1.0
BAR_WIDTH = 60


class ProgressDisplay(ExitStack):
    """Displays a search's progress, at most once a second.

    among: the search's name, if several are displayed at once: lines then begin with it, and there
    is no panel.
    """

    def __init__(self, console: Console, among: str | None = None) -> None:
        super().__init__()
        self._console = console
        self._prefix = "" if among is None else f"{among}: "
        self._live: Live | None = None
        self._cell: CellDisplay | None = None
        self._view = NotebookView()
        self._next = 0.0

    def __enter__(self) -> Self:
        if in_notebook() and not self._console.quiet:
            self._cell = CellDisplay()
        elif self._console.is_terminal and not self._prefix:
            live = Live(console=self._console, auto_refresh=False)
            self._live = self.enter_context(live)
        return self

    def update(
        self,
        summary: Callable[[], Summary],
        ended: Callable[[], list[Trial]],
        *,
        last: bool = False,
    ) -> None:
        """Display the search; does nothing within a second after the last time, except for `last`.

        summary: returns the search's summary. ended: returns the trials that have ended since its
        last call.
        """
        if not last and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + REFRESH_SECONDS
        new = ended()
        if self._cell is not None:
            now = summary()
            self._view.note(new)
            self._cell.show(self._view.html(now.search, panel(now)))
            return
        if self._live is not None:
            self._live.update(panel(summary()), refresh=True)
            return
        if not new:
            return
        now = summary()
        counted = [Spending().note(trial).counted(now.search) for trial in new]
        number = now.finished - sum(counted)
        for trial, more in zip(new, counted, strict=True):
            number += more
            text = self._prefix + line(trial, now, number)
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def watch(store: Store, name: str, console: Console, is_over: Callable[[], bool]) -> None:
    """Display a search that another process drives, until `is_over` returns True."""
    history = History(store, name)

    def summary() -> Summary:
        search = store.searches.get(name)
        return summarize(
            search, history.standing(), store.now(), store.ping(), servers_of(store, search)
        )

    with (
        store.news.waker("searches", search=name) as news,
        ProgressDisplay(console) as display,
    ):
        while True:
            over = is_over()
            if not console.quiet:
                history.sync()
                display.update(summary, history.take_ended, last=True)
            if over:
                return
            news.wait(REFRESH_SECONDS)


def panel(summary: Summary, diverged: Sequence[str] = ()) -> Panel:
    """Return a panel with slots, trials by state, best trial, time left, and what is waited for.

    diverged: why trials diverged, in lines; without them the panel says where to read it.
    """
    search, recipe = summary.search, summary.search.recipe
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("finished", f"{summary.finished} of {search.trials} trials")
    bar = ProgressBar(total=search.trials, completed=summary.finished, width=BAR_WIDTH)
    facts.add_row("", bar)
    facts.add_row("slots", f"{summary.busy} of {search.parallel} busy")
    facts.add_row(
        "trials",
        ", ".join(f"{count} {kind}" for kind, count in summary.kinds.items() if count) or "none",
    )
    if summary.diverged:
        told = diverged or [f"`alignsearch trials {search.name}` says when, and of what"]
        facts.add_row("diverged", Text("\n".join(told)))
    metrics = metrics_of(search)
    facts.add_row("metric" if len(metrics) == 1 else "metrics", "; ".join(map(str, metrics)))
    if search.constraints:
        facts.add_row("constraints", constraints_in_words(search.constraints))
    if search.prior is not None:
        facts.add_row("prior", str(search.prior))
    facts.add_row("best", best_of_summary(summary))
    if search.confirm is not None:
        facts.add_row("confirmed", _confirmed(summary))
    facts.add_row("time left", duration(summary.seconds_left))
    for name, text in summary.rules.items():
        # The bar shows how many trials are left.
        if name != "trials":
            facts.add_row(name.replace("_", " "), text)
    for name, text in [] if summary.took is None else cost_in_words(summary.took):
        facts.add_row(name, text)
    if summary.sampler_failure is not None:
        facts.add_row("sampler failed", summary.sampler_failure)
    facts.add_row("waits for", summary.waits_for)
    if search.tags:
        facts.add_row("tags", ", ".join(search.tags))
    if search.note:
        facts.add_row("note", search.note)
    searched = search.space if recipe is None else f"{search.space} on {recipe.dataset}"
    title = Text(f"{search.name}: {searched}, {search.status}")
    return Panel(facts, title=title, title_align="left", expand=False)


def line(trial: Trial, summary: Summary, number: int) -> str:
    """Return a line about a trial that has ended.

    number: how many trials have ended by then that count towards the search's budget.
    """
    metric = summary.metric
    best = summary.best
    beside = None if best is None or best.loss is None else metric.value(best.loss)
    ended = None if trial.result is None or trial.result.loss is None else trial.result.loss
    if trial.state is TrialState.PRUNED and trial.result is not None:
        outcome = f"pruned by {trial.result.reason}"
    elif trial.result is not None and trial.result.loss is not None:
        outcome = f"{metric.label} {shown(metric.value(trial.result.loss), beside)}"
        outcome += _further(summary.search, trial)
    elif trial.result is not None:
        outcome = f"diverged: {trial.result.reason}"
    else:
        why = last_line(trial.error)
        outcome = f"{trial.state}: {why}" if why else trial.state.value
    seconds = seconds_of(trial)
    took = f" in {seconds:.0f} s" if seconds is not None else ""
    known = summary.seconds_left is not None
    left = f"; left {duration(summary.seconds_left)}" if known else ""
    which = f"({number}/{summary.search.trials})"
    if trial.is_confirmation and trial.origin is not None:
        which = f"(repeats trial {trial.origin.of})"
    return (
        f"trial {trial.tid} {which}: {outcome}{took}; "
        f"best {best_of_summary(summary, beside=ended)}{left}"
    )


def _further(search: Search, trial: Trial) -> str:
    """Return a trial's further metrics in words, and the constraints that it breaks."""
    _, *others = measured(search, trial).items()
    broken = broken_by(search, trial)
    words = [f", {name.replace('_', ' ')} {value:.4g}" for name, value in others]
    return "".join(words) + (f", which breaks {broken}" if broken else "")


def best_of_summary(summary: Summary, *, beside: float | None = None) -> str:
    """Return the best trial of a search in words, as `best_so_far` does.

    Where no trial keeps the search's constraints, it is the one that breaks them least.
    """
    search, nearest = summary.search, summary.nearest
    if summary.best is None and nearest is not None:
        return (
            f"none that keeps the constraints; trial {nearest.tid} comes nearest, with "
            f"{summary.metric.label} {shown(summary.metric.value(nearest.loss or 0.0))}"
            f"{_further(search, nearest)}"
        )
    words = best_so_far(summary.best, summary.metric, summary.confirmed, beside=beside)
    several = len(metrics_of(search)) > 1 and summary.best is not None
    return f"{words} by {summary.metric.label}" if several else words


def _confirmed(summary: Summary) -> str:
    ended, live = summary.repetitions
    if summary.confirmed is None:
        made = f"{ended} repetitions of the best so far" if ended else "not yet"
        return f"{made}, {live} under way" if live else made
    said = confirmation.in_words(summary.confirmed, summary.metric)
    return "\n".join([*said, f"{ended} repetitions, {live} under way"])


def best_so_far(
    best: Trial | None,
    metric: ObjectiveMetric,
    confirmed: Confirmed | None = None,
    *,
    beside: float | None = None,
) -> str:
    """Return the best trial's metric and number, and the error of guessing if it is known.

    confirmed: what repetitions of the trial say; the metric is their mean then. beside: the loss
    of the trial that is shown beside it.
    """
    if best is None or best.loss is None:
        return "none yet"
    chance = "" if best.chance is None else f", chance {shown(best.chance)}"
    if confirmed is None:
        other = None if beside is None else metric.value(beside)
        return f"{shown(metric.value(best.loss), other)} (trial {best.tid}{chance})"
    seeds = len(confirmed.winner.losses)
    over = "a fresh seed" if seeds == 1 else f"mean of {seeds} fresh seeds"
    return f"{shown(metric.value(confirmed.loss))} (trial {best.tid}, {over}{chance})"


def against_chance(summary: Summary) -> str:
    """Return by how many percentage points of error the best trial beats guessing."""
    if summary.best_loss is None or summary.chance is None:
        return ""
    points = 100 * (summary.chance - summary.best_loss)
    if points <= 0:
        return "no better than guessing"
    return f"{points:.1f} percentage points better than guessing the largest class"


def duration(seconds: float | None) -> str:
    """Return seconds in a fitting unit: 40 s, 12 min, 3.5 h, 2.1 days."""
    return "not known" if seconds is None else in_words(seconds)
