"""`alignsearch experiment reproduce`: everything that the appendix reports, in one report.

Each experiment is a command of its own in a process of its own: what ends one leaves the others
alone, and what the report says was run is what was run. Its folder holds what it has left;
an experiment whose folder tells of the same command is not run again.
"""

import base64
import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.cli.drive import EXIT_INTERRUPTED, cluster
from alignsearch.cli.options import RayOption, StoreOption, print_text
from alignsearch.experiments.perform import PACKAGES
from alignsearch.experiments.training_options import Scale, names

PAGE, SUMMARY = "index.html", "reproduce.json"
TAIL = 40
"""Lines of what a failed experiment said that the report repeats."""

NETWORK = "network"
"""The folder, in neural-fit's own, of the network whose layers are fitted."""

BLOCKS = tuple(f"stage{stage}_block2_relu" for stage in (1, 2, 3, 4))
FIRST: dict[Scale, str] = {"minutes": "stem_relu", "hours": "stem_relu", "paper": "stem_pool"}
"""The first of the fitted layers. ImageNet's stem has 16 GB of features before its pooling."""
READ_OUT = "stage3_block2_relu"
"""Stands in for IT: neither the first layer nor the last."""

NETWORKS: dict[Scale, tuple[str, ...]] = {
    "minutes": ("--dataset", "digits", "--width", "8", "--epochs", "8"),
    "hours": ("--dataset", "digits", "--width", "16", "--epochs", "45"),
    "paper": ("--dataset", "imagenet"),
}


@dataclass(frozen=True)
class Part:
    """One experiment of the report.

    Attributes:
        name: of the experiment, and of its folder.
        source: its place in the paper.
        options: what its command is asked for.
        trains: whether it runs searches, and so needs a store and a cluster.
        first: a command that has to be done before it.
    """

    name: str
    source: str
    options: tuple[str, ...] = ()
    trains: bool = False
    first: tuple[str, ...] = ()


def parts(scale: Scale, folder: Path, data_dir: str | None) -> list[Part]:
    """What there is to reproduce, in the order of the report."""
    data = () if data_dir is None else ("--data-dir", data_dir)
    at_scale = ("--scale", scale, *data)
    network = str(folder / "neural-fit" / NETWORK)
    train = ("train", "--rule", "bp", "--model", "resnet18", *NETWORKS[scale], *data)
    layers = ",".join((FIRST[scale], *BLOCKS))
    fit = ("--checkpoint", network, "--simulate", READ_OUT, "--layers", layers)
    return [
        Part("stability", "App. D.1"),
        Part("scalar-network", "App. D.2"),
        Part("transfer", "Table 3, Table 4, Fig. 3", at_scale, trains=True),
        Part("noise", "App. B.3, Fig. 5a, Fig. S1", at_scale, trains=True),
        Part("importance", "App. B.4, Fig. S2", at_scale, trains=True),
        Part("symmetry", "App. C, Fig. S3", at_scale, trains=True),
        Part("weight-metrics", "App. C, Fig. S4", at_scale, trains=True),
        Part("kolen-pollack", "App. D.3, Fig. S5", at_scale, trains=True),
        Part("neural-fit", "App. B.5", fit, first=(*train, "--out", network)),
    ]


def command(
    scale: Annotated[
        Scale, typer.Option(help="How much is trained: the paper's own setting, or less.")
    ] = "minutes",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the report and of each experiment's own folder."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Names of experiments, with commas; all without it.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the images, as the workers see it.")
    ] = None,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """All experiments at one scale into one report; the same command goes on where it ended.

    Exit code 1: an experiment failed; the report has its error, and all the others.
    """
    folder = out or Path("experiments") / f"reproduce-{scale}"
    chosen = _chosen(parts(scale, folder, data_dir), only)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} can't hold a report ({error.strerror}); name another folder with --out"
        ) from error
    started, clock = datetime.now(UTC), time.perf_counter()
    with ExitStack() as stack:
        shared = _Shared(stack, store, ray)
        done = [_perform(part, folder, shared) for part in chosen]
    seconds = time.perf_counter() - clock
    page = _write(folder, scale, done, started, seconds)
    failed = [each.part.name for each in done if each.error]
    print_text(
        f"{len(done)} experiments in {seconds:.0f} s, in {page}"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    if failed:
        raise typer.Exit(1)


def _chosen(known: list[Part], only: str | None) -> list[Part]:
    if only is None:
        return known
    wanted = names("--only", only)
    for name in wanted:
        if name not in {part.name for part in known}:
            raise UnknownNameError("experiment", name, (part.name for part in known))
    return [part for part in known if part.name in wanted]


class _Shared:
    """Store and cluster, as the experiments' environment names them.

    A cluster of this machine is started for the first experiment that trains, and serves all.
    """

    def __init__(self, stack: ExitStack, store: str | None, ray: str | None) -> None:
        self._stack = stack
        self._ray = ray
        self._given = {} if store is None else {"ALIGNSEARCH_STORE": store}

    def environment(self, part: Part) -> dict[str, str]:
        """Of the part's process."""
        if part.trains and self._ray is None:
            from alignsearch.workers.cluster import address

            self._stack.enter_context(cluster(None))
            self._ray = address()
        given = self._given if self._ray is None else {**self._given, "ALIGNSEARCH_RAY": self._ray}
        return {**os.environ, **given}


@dataclass(frozen=True)
class _Done:
    """What became of a part; `error` is empty if it has left its folder."""

    part: Part
    command: str
    seconds: float
    reused: bool = False
    error: str = ""


def _perform(part: Part, folder: Path, shared: _Shared) -> _Done:
    own = folder / part.name
    arguments = ("experiment", part.name, *part.options, "--out", str(own))
    text = shlex.join(["alignsearch", *arguments])
    before = f"{shlex.join(['alignsearch', *part.first])} && " if part.first else ""
    known = _document(own)
    if known is not None and (known["command"], _version(known)) == (text, _version(None)):
        print_text(f"{part.name}: done before, in {known['seconds']:.0f} s")
        return _Done(part, before + text, known["seconds"], reused=True)
    print_text(f"{part.name}: {before}{text}")
    clock = time.perf_counter()
    error = ""
    for each in (part.first, arguments):
        if each:
            error = _run(each, shared.environment(part))
            if error:
                break
    seconds = time.perf_counter() - clock
    print_text(f"{part.name}: {'failed' if error else 'done'} after {seconds:.0f} s")
    return _Done(part, before + text, seconds, error=error)


def _run(arguments: Sequence[str], environment: dict[str, str]) -> str:
    """Run `alignsearch` to its end; what it complained of, if it failed."""
    own = [sys.executable, "-c", "from alignsearch.cli import main; main()", *arguments]
    said: deque[str] = deque(maxlen=TAIL)
    with subprocess.Popen(own, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            sys.stderr.write(line)
            said.append(line)
    if process.returncode == EXIT_INTERRUPTED:
        raise typer.Exit(EXIT_INTERRUPTED)
    if process.returncode == 0:
        return ""
    return "".join(said).strip() or f"it ended with code {process.returncode} and said nothing"


def _document(folder: Path) -> dict[str, Any] | None:
    """What the experiment in this folder left; None if there is none that is whole."""
    from alignsearch.experiments.report import RUN

    try:
        found: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
        drawn = [
            folder / f"{each['name']}.{suffix}"
            for each in found["figures"]
            for suffix in ("json", "png")
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = {"command", "seconds", "versions", "tables"} <= found.keys()
    return found if whole and all(path.exists() for path in drawn) else None


def _version(document: dict[str, Any] | None) -> str:
    """Of alignsearch, which made the document; of this one without."""
    if document is None:
        return importlib.metadata.version("alignsearch")
    return str(document["versions"].get("alignsearch"))


def _write(
    folder: Path, scale: Scale, done: Sequence[_Done], started: datetime, seconds: float
) -> Path:
    from alignsearch.experiments.figures.interactive import script, to_html
    from alignsearch.experiments.report_page import Entry, Section, page_of_all

    entries = []
    for each in done:
        name = each.part.name
        found = None if each.error else _document(folder / name)
        section = None
        if found is not None:
            drawn = {
                figure["name"]: to_html(
                    (folder / name / f"{figure['name']}.json").read_text(encoding="utf-8"),
                    f"{name}-{figure['name']}",
                )
                for figure in found["figures"]
            }
            pictures = {each: _inside(folder / name / f"{each}.png") for each in drawn}
            section = Section(found, drawn, pictures, f"{name}/")
        outcome = "failed" if each.error else "done before" if each.reused else "done"
        entries.append(
            Entry(name, each.part.source, each.command, outcome, each.seconds, section, each.error)
        )
    versions = {each: importlib.metadata.version(each) for each in PACKAGES}
    text = page_of_all(
        f"Kunin et al. 2020: the appendix's experiments at the scale of {scale}",
        _lines(scale, done),
        entries,
        script=script(),
        command=shlex.join(["alignsearch", *sys.argv[1:]]),
        started_at=started.isoformat(timespec="seconds"),
        seconds=seconds,
        versions={"python": platform.python_version(), **versions},
    )
    page = folder / PAGE
    page.write_text(text, encoding="utf-8")
    summary = {
        "scale": scale,
        "seconds": seconds,
        "experiments": [
            {
                "name": each.part.name,
                "command": each.command,
                "outcome": entry.outcome,
                "seconds": each.seconds,
                "error": each.error or None,
            }
            for each, entry in zip(done, entries, strict=True)
        ],
    }
    (folder / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return page


def _inside(picture: Path) -> str:
    """A PNG as an address that holds all of it."""
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _lines(scale: Scale, done: Sequence[_Done]) -> list[str]:
    failed = sum(bool(each.error) for each in done)
    reused = sum(each.reused for each in done)
    lines = [
        f"{len(done)} experiments on {os.cpu_count()} processors ({platform.machine()}): "
        f"{len(done) - failed} done"
        + (f", {reused} of them before this run" if reused else "")
        + f", {failed} failed. Seconds are each one's whole run, drawing included; of one that was "
        "done before, its computation's."
    ]
    if scale != "paper":
        lines.append(
            "Small networks and a small data set stand in for the paper's ResNets on ImageNet; "
            "each experiment says what was shrunk. Accuracies say how the rules compare there, not "
            "what they reach on ImageNet."
        )
    return lines
