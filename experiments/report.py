"""What an experiment leaves: figures, tables, a page with all of them, and what was run."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alignsearch.experiments.figures.figure import Figure
from alignsearch.experiments.figures.interactive import SCRIPT, save_script, to_html, to_json
from alignsearch.experiments.figures.static import save_static
from alignsearch.experiments.report_page import Section, page
from alignsearch.search.reports import text_tables

PAGE = "index.html"
RUN = "experiment.json"


@dataclass(frozen=True)
class Formula:
    """An expression in a table: as LaTeX mathematics, and in plain text for CSV and HTML."""

    latex: str
    plain: str


Cell = str | float | int | bool | Formula | None


@dataclass(frozen=True)
class Table:
    """A table; `name` becomes the files' name. None is a cell without a value."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def plain(self) -> list[list[str]]:
        """The rows as short plain text."""
        return [[_text(cell) for cell in row] for row in self.rows]

    def markdown(self) -> str:
        """With formulas as mathematics, which most renderers know."""
        return text_tables.markdown(self.head, self._with_mathematics(), self.notes)

    def latex(self) -> str:
        """A document that compiles as it is."""
        return text_tables.latex(self.head, self._with_mathematics(), self.notes)

    def csv(self) -> str:
        """With every digit, and without the notes."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.head)
        for row in self.rows:
            writer.writerow([cell.plain if isinstance(cell, Formula) else cell for cell in row])
        return out.getvalue()

    def _with_mathematics(self) -> list[list[str]]:
        return [
            [f"${cell.latex}$" if isinstance(cell, Formula) else _text(cell) for cell in row]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Report:
    """One experiment's outcome.

    Attributes:
        name: as it is asked for.
        title: what it shows.
        source: the place in the paper.
        setting: how it was run, with the paper's own setting and what was shrunk.
        figures, tables: what is seen.
        numbers: the results, for programs.
    """

    name: str
    title: str
    source: str
    setting: Sequence[str]
    figures: Sequence[Figure]
    tables: Sequence[Table]
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """How a report came about; `seconds` are the computation's, without the drawing."""

    command: str
    seeds: Sequence[int]
    started_at: str
    seconds: float
    versions: Mapping[str, str]


def write(report: Report, run: Run, folder: Path) -> list[Path]:
    """Write everything into `folder`, which exists; the page and what was run come last.

    A figure as PNG, SVG, HTML and Plotly's JSON, a table as Markdown, LaTeX and CSV. The pages work
    offline as long as Plotly's script stays beside them.
    """
    written = [save_script(folder)]
    specifications = {figure.name: to_json(figure) for figure in report.figures}
    for figure in report.figures:
        written += save_static(figure, folder)
        written.append(_write(folder / f"{figure.name}.json", specifications[figure.name]))
    for table in report.tables:
        for suffix, text in (
            ("md", table.markdown()),
            ("tex", table.latex()),
            ("csv", table.csv()),
        ):
            written.append(_write(folder / f"{table.name}.{suffix}", text))
    document = _document(report, run)
    drawn = {name: to_html(each, name) for name, each in specifications.items()}
    section = Section(document, drawn, {name: f"{name}.png" for name in drawn})
    for figure in report.figures:
        alone = page(section, SCRIPT, only=figure.name)
        written.append(_write(folder / f"{figure.name}.html", alone))
    written.append(_write(folder / PAGE, page(section, SCRIPT)))
    document["files"] = [path.name for path in written]
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=float)
    written.append(_write(folder / RUN, text + "\n"))
    return written


def _document(report: Report, run: Run) -> dict[str, Any]:
    return {
        "experiment": report.name,
        "title": report.title,
        "source": report.source,
        "setting": list(report.setting),
        **asdict(run),
        "numbers": report.numbers,
        "captions": {figure.name: figure.caption for figure in report.figures},
        "figures": [{"name": each.name, "title": each.title} for each in report.figures],
        "tables": [
            {
                "name": each.name,
                "title": each.title,
                "head": list(each.head),
                "rows": each.plain(),
                "notes": list(each.notes),
            }
            for each in report.tables
        ],
    }


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _text(cell: Cell) -> str:
    if isinstance(cell, Formula):
        return cell.plain
    if isinstance(cell, float):
        return f"{cell:.4g}" if math.isfinite(cell) else "-"
    return "-" if cell is None else str(cell)
