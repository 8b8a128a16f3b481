"""The page and the JSON document in which `reproduce` shows the results of all experiments."""

import base64
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alignsearch.experiments.figures.interactive import script, to_html
from alignsearch.experiments.options import Scale
from alignsearch.experiments.report_page import Entry, Section, page_of_all
from alignsearch.experiments.reproduce import Result, read_result
from alignsearch.experiments.run_experiment import versions

PAGE, OUTCOMES = "index.html", "reproduce.json"


@dataclass(frozen=True)
class Whole:
    """The run of `reproduce` as a whole: its command line, and when and how long it ran."""

    scale: Scale
    command: str
    started_at: datetime
    seconds: float


def write_page(folder: Path, whole: Whole, results: Sequence[Result]) -> Path:
    """Write the page of all results, and beside it their outcomes as JSON; returns the page."""
    text = page_of_all(
        f"Kunin et al. 2020: the appendix's experiments at the scale of {whole.scale}",
        _lines(whole.scale, results),
        [_entry(each) for each in results],
        script=script(),
        command=whole.command,
        started_at=whole.started_at.isoformat(timespec="seconds"),
        seconds=whole.seconds,
        versions=versions(),
    )
    page = folder / PAGE
    page.write_text(text, encoding="utf-8")
    outcomes = {
        "scale": whole.scale,
        "seconds": whole.seconds,
        "experiments": [
            {
                "name": each.part.entry.name,
                "command": each.part.text,
                "outcome": each.outcome,
                "seconds": each.seconds,
                "error": each.error or None,
            }
            for each in results
        ],
    }
    (folder / OUTCOMES).write_text(json.dumps(outcomes, indent=1) + "\n", encoding="utf-8")
    return page


def _entry(result: Result) -> Entry:
    name, source = result.part.entry.name, result.part.entry.source
    section = None if result.error else _section(name, result.part.folder)
    return Entry(
        name, source, result.part.text, result.outcome, result.seconds, section, result.error
    )


def _section(name: str, folder: Path) -> Section | None:
    document = read_result(folder)
    if document is None:
        return None
    names = [figure["name"] for figure in document["figures"]]
    drawn = {
        each: to_html((folder / f"{each}.json").read_text(encoding="utf-8"), f"{name}-{each}")
        for each in names
    }
    pictures = {each: _data_address(folder / f"{each}.png") for each in names}
    return Section(document, drawn, pictures, f"{name}/")


def _data_address(picture: Path) -> str:
    """A PNG as a `data:` URL, so that the page needs no file beside it."""
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _lines(scale: Scale, results: Sequence[Result]) -> list[str]:
    failed = sum(bool(each.error) for each in results)
    reused = sum(each.reused for each in results)
    lines = [
        f"{len(results)} experiments on {os.cpu_count()} processors ({platform.machine()}): "
        f"{len(results) - failed} done"
        + (f", {reused} of them before this run" if reused else "")
        + f", {failed} failed. Seconds include the drawing, except for an experiment that was done "
        "before: its seconds are those of its computation."
    ]
    if scale != "paper":
        lines.append(
            "Small networks and a small data set stand in for the paper's ResNets on ImageNet; "
            "each experiment says what was shrunk. Accuracies show how the rules compare there, "
            "not what they reach on ImageNet."
        )
    return lines
