"""The report of an experiment: figures, tables and numbers, and the files that they become."""

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
"""The page with all of a report."""
TEXT = "report.md"
"""The same as Markdown, with the figures as pictures beside it."""
RUN = "experiment.json"
"""The report as data: how it was run, its numbers, captions and tables."""


@dataclass(frozen=True)
class Formula:
    """A formula in a table: as LaTeX mathematics, and as plain text for CSV and HTML."""

    latex: str
    plain: str


Cell = str | float | int | bool | Formula | None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: name of its files.
        head: heading of each column.
        rows: cells; None is a cell without a value.
        notes: paragraphs below the table.
    """

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def plain(self) -> list[list[str]]:
        """The rows as plain text, numbers with four digits."""
        return [[_text(cell) for cell in row] for row in self.rows]

    def markdown(self) -> str:
        """The table as Markdown, with formulas as mathematics between dollar signs."""
        return text_tables.markdown(self.head, self._with_mathematics(), self.notes)

    def latex(self) -> str:
        r"""The table as LaTeX for `\input`, with its caption and the label `tab:NAME`."""
        return text_tables.latex(
            self.head,
            self._with_mathematics(),
            self.notes,
            caption=self.title,
            label=f"tab:{self.name}",
        )

    def csv(self) -> str:
        """The table as CSV, with every digit and without the notes."""
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
    """Results of an experiment: figures, tables and numbers.

    Attributes:
        name: name of the experiment.
        title: title of its page.
        source: the sections, figures and tables of Kunin et al. 2020 that it reproduces.
        setting: sentences on the paper's own setting, this one, and what was shrunk.
        figures: its figures.
        tables: its tables.
        numbers: its results as plain data, for programs.
        seeds: the random seeds used; none if nothing was drawn at random.
    """

    name: str
    title: str
    source: str
    setting: Sequence[str]
    figures: Sequence[Figure]
    tables: Sequence[Table]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    seeds: Sequence[int] = ()


@dataclass(frozen=True)
class Run:
    """How a report was computed; `seconds` don't include the drawing."""

    command: str
    seeds: Sequence[int]
    started_at: str
    seconds: float
    versions: Mapping[str, str]


def write(report: Report, run: Run, folder: Path) -> list[Path]:
    """Write a report's files into `folder`, which exists, and return their paths.

    Each figure is written as PNG, SVG, HTML and Plotly's JSON, each table as Markdown, LaTeX and
    CSV, and all together as one page of HTML and one of Markdown. The pages of HTML work offline as
    long as Plotly's script stays beside them. `experiment.json` is written last: a folder that has
    it has all files.

    Raises:
        OSError: a file can't be written.
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
    written.append(_write(folder / TEXT, _markdown(report, run)))
    document["files"] = [path.name for path in written]
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=float)
    written.append(_write(folder / RUN, text + "\n"))
    return written


def _markdown(report: Report, run: Run) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    parts = [
        f"# {report.title}",
        *report.setting,
        f"Made by `{run.command}`, begun at {run.started_at}, in {run.seconds:,.0f} s; {versions}.",
    ]
    for figure in report.figures:
        parts += [
            f"## {figure.title}",
            f"![{figure.title}]({figure.name}.png)",
            text_tables.markdown_text(figure.caption),
        ]
    for table in report.tables:
        parts += [f"## {table.title}", table.markdown().rstrip()]
    return "\n\n".join(parts) + "\n"


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
