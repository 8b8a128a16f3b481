"""`alignsearch doctor`: what is installed, what is reachable, how many slots of what kind."""

import importlib.metadata
import platform
from dataclasses import asdict, dataclass

import typer
from rich.table import Table

from alignment_core.errors import AlignSearchError
from search.cli.drive import cluster
from search.cli.options import (
    EMBEDDED_FOLDER,
    JsonOption,
    RayOption,
    StoreOption,
    console,
    print_json,
)
from search.embedded import EmbeddedStore
from search.store import Store

PACKAGES = ("alignsearch", "tensorflow", "keras", "hyperopt", "pymongo", "ray", "secantusdb")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is as it should be, and what was found."""

    what: str
    ok: bool
    found: str


def doctor(
    as_json: JsonOption = False,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Look at installation, data sets, store and cluster; exit 1 if one of them won't do."""
    findings = [*_installed(), *_data_sets(), _store(store), *_slots(ray)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table()
        for heading in ("what", "", "found"):
            table.add_column(heading, overflow="fold")
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[yellow]no[/]"
            table.add_row(finding.what, mark, finding.found)
        console.print(table)
    required = [f for f in findings if not f.what.startswith("data set")]
    if not all(finding.ok for finding in required):
        raise typer.Exit(1)


def _installed() -> list[Finding]:
    findings = [Finding("python", ok=True, found=platform.python_version())]
    for package in PACKAGES:
        try:
            findings.append(Finding(package, ok=True, found=importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(package, ok=False, found="not installed: pip install ."))
    return findings


def _data_sets() -> list[Finding]:
    # Brings NumPy, which most verbs do without.
    from alignment_core import data

    findings = []
    for name, facts in data.DATA_SETS.items():
        try:
            data.check(name)
            found = f"{facts.train_size} + {facts.validation_size} images"
            findings.append(Finding(f"data set {name}", ok=True, found=found))
        except AlignSearchError as error:
            findings.append(Finding(f"data set {name}", ok=False, found=str(error)))
    return findings


def _store(uri: str | None) -> Finding:
    """Look at the store without starting one: looking must leave no trace."""
    try:
        if uri is None:
            status = EmbeddedStore(EMBEDDED_FOLDER).status()
            if status.uri is None:
                return Finding("store", ok=True, found="embedded; starts when it is needed")
            uri = status.uri
        with Store.connect(uri) as opened:
            answer = f"{opened.uri_for_people} answers in {opened.ping() * 1000:.1f} ms"
        return Finding("store", ok=True, found=answer)
    except AlignSearchError as error:
        return Finding("store", ok=False, found=str(error))


def _slots(address: str | None) -> list[Finding]:
    from workers.cluster import ACCELERATORS, local_node

    if address is None:
        hosts = [local_node()]
        where = "ray (on this machine)"
    else:
        where = f"ray at {address}"
        try:
            with cluster(address) as found:
                hosts = found
        except AlignSearchError as error:
            return [Finding(where, ok=False, found=str(error))]
    return [
        Finding(
            f"{where}: {host.host}",
            ok=True,
            found=", ".join(
                f"{host.resources[kind]:g} {kind}"
                for kind in ACCELERATORS
                if kind in host.resources
            ),
        )
        for host in hosts
    ]
