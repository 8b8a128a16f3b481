"""A search in a notebook: its panel, a chart of the best so far, and a table of the best trials.

It is plain HTML with an SVG, without a script and without anything from the network, so that a
saved notebook shows it, too. All text of the search is escaped.
"""

import heapq
import math
from collections.abc import Iterable
from html import escape

from rich.console import RenderableType

from alignsearch.notebook import as_html
from alignsearch.search.documents import Search, Trial, label_of, metric_of, values_of
from alignsearch.search.documents.digits import shown
from alignsearch.search.documents.divergence import is_diverged
from alignsearch.search.documents.objective_metric import Direction
from alignsearch.search.documents.ranking import is_ranked

WIDTH, HEIGHT, LEFT, EDGE = 640, 180, 70, 12
"""Pixels of the chart, of its axis of values, and of its other margins."""
MOST_DOTS = 2000
"""Trials that are drawn one by one; of more, every second, third and so on."""
TOP = 5
LONGEST_VALUE = 40
"""Characters of a value in the table."""
MOST_COLUMNS = 8
"""Dimensions in the table: a notebook's cell has no room for more."""


class NotebookView:
    """A search's HTML, from the trials that have ended so far."""

    def __init__(self) -> None:
        """Show no trial yet."""
        self._losses: dict[int, float] = {}
        self._diverged: list[int] = []
        self._top: list[Trial] = []

    def note(self, trials: Iterable[Trial]) -> None:
        """Take in trials that have ended; each is given once."""
        for trial in trials:
            if is_ranked(trial) and trial.loss is not None and trial.violation == 0:
                self._losses[trial.tid] = trial.loss
                ranked = heapq.nsmallest(TOP, [*self._top, trial], key=lambda it: (it.loss, it.tid))
                self._top = ranked
            elif is_diverged(trial):
                self._diverged.append(trial.tid)

    def html(self, search: Search, panel: RenderableType) -> str:
        """Return the search as HTML, below its panel."""
        parts = [as_html(panel)]
        if self._losses:
            parts += [self._chart(search), self._table(search)]
        return f'<div class="alignsearch">{"".join(parts)}</div>'

    def _chart(self, search: Search) -> str:
        metric = metric_of(search)
        tids = sorted(self._losses)
        values = [metric.value(self._losses[tid]) for tid in tids]
        last = max(*tids, *self._diverged, 1)
        low, high = _range(values, metric.direction)

        def x(tid: float) -> float:
            return LEFT + (WIDTH - LEFT - EDGE) * tid / last

        def y(value: float) -> float:
            part = min(1.0, max(0.0, (value - low) / (high - low)))
            return HEIGHT - 2 * EDGE - (HEIGHT - 4 * EDGE) * part

        every = math.ceil(len(tids) / MOST_DOTS)
        dots = "".join(
            f'<circle cx="{x(tid):.1f}" cy="{y(value):.1f}" r="2"/>'
            for tid, value in zip(tids[::every], values[::every], strict=True)
        )
        marks = "".join(
            f'<path d="M{x(tid) - 3:.1f} {EDGE - 3}l6 6m0 -6l-6 6"/>'
            for tid in self._diverged[:MOST_DOTS]
        )
        path, best = "", math.inf
        for tid in tids:
            if self._losses[tid] < best:
                best = self._losses[tid]
                to = f"{x(tid):.1f} {y(metric.value(best)):.1f}"
                path += f"H{x(tid):.1f}V{to.split()[1]}" if path else f"M{to}"
        path += f"H{x(last):.1f}"
        said = f"{metric.label} of each trial, and the best so far"
        label = (
            f'<text x="{LEFT - 6}" y="{{at:.0f}}" text-anchor="end" font-size="11">{{text}}</text>'
        )
        return (
            f'<svg role="img" aria-label="{escape(said)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" style="max-width:100%" fill="currentColor">'
            f"<title>{escape(said)}</title>"
            + label.format(at=y(high) + 4, text=escape(shown(high, low)))
            + label.format(at=y(low) + 4, text=escape(shown(low, high)))
            + f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 4}" text-anchor="end" font-size="11">'
            f"trial {last}; {escape(said)}</text>"
            f'<g fill="#4477aa" fill-opacity="0.55">{dots}</g>'
            f'<g stroke="#cc3311" stroke-width="1.5">{marks}</g>'
            f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
        )

    def _table(self, search: Search) -> str:
        metric = metric_of(search)
        rows = [(trial, values_of(search, trial)) for trial in self._top]
        names = list(dict.fromkeys(name for _, values in rows for name in values))[:MOST_COLUMNS]
        heads = ["trial", metric.label, *(label_of(search, name) for name in names)]
        cells = [
            [
                str(trial.tid),
                shown(metric.value(trial.loss or 0.0)),
                *(_text(values[name]) if name in values else "" for name in names),
            ]
            for trial, values in rows
        ]
        head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>" for row in cells
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _range(values: list[float], direction: Direction) -> tuple[float, float]:
    """Return the chart's range: trials far worse than nine tenths of all lie at its edge."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    tenth = len(ordered) // 10
    if tenth and direction == "minimize":
        high = min(high, low + 3 * (ordered[-1 - tenth] - low))
    elif tenth:
        low = max(low, high - 3 * (high - ordered[tenth]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _text(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
