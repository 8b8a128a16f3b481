"""`alignsearch doctor`: what is installed, what is reachable, how many slots of what kind."""

import importlib.metadata
import platform
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from alignment_core.errors import AlignSearchError
from alignsearch.cli.drive import cluster
from alignsearch.cli.options import (
    EMBEDDED_FOLDER,
    JsonOption,
    RayOption,
    StoreOption,
    console,
    print_json,
)
from alignsearch.search.documents.findings import Finding
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

PACKAGES = ("alignsearch", "tensorflow", "keras", "hyperopt", "pymongo", "ray", "secantusdb")


def doctor(
    every_host: Annotated[
        bool,
        typer.Option("--cluster", help="Look at every host of the Ray cluster, from inside of it."),
    ] = False,
    dataset: Annotated[
        str, typer.Option(help="With --cluster: what the hosts should have to train on.")
    ] = "digits",
    data_dir: Annotated[
        str | None, typer.Option(help="Its folder or gs:// address, as the hosts see it.")
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Look at installation, data sets, store and cluster; exit 1 if one of them won't do.

    With --cluster: versions, TensorFlow, devices, data set, store, clock and disk of every host.
    """
    findings = [*_installed(), *_data_sets(), _store(store), *_slots(ray)]
    if every_host:
        findings += _hosts(store, ray, dataset, data_dir)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table()
        for heading in ("what", "", "found", "remedy"):
            table.add_column(heading, overflow="fold")
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[yellow]no[/]"
            what = f"{finding.host}: {finding.what}" if finding.host else finding.what
            table.add_row(escape(what), mark, escape(finding.found), escape(finding.remedy))
        console.print(table)
    # This machine may lack a data set that it doesn't train on.
    required = [f for f in findings if f.host is not None or not f.what.startswith("data set")]
    if not all(finding.ok for finding in required):
        raise typer.Exit(1)


def _installed() -> list[Finding]:
    findings = [Finding("python", ok=True, found=platform.python_version())]
    for package in PACKAGES:
        try:
            findings.append(Finding(package, ok=True, found=importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(
                Finding(package, ok=False, found="not installed", remedy="pip install .")
            )
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
            remedy = f"`alignsearch data {name} --data-dir DIR` says whether a folder has it"
            findings.append(Finding(f"data set {name}", False, str(error), remedy))
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
        remedy = "`alignsearch store status` for the embedded one; for a MongoDB, its log and users"
        return Finding("store", False, str(error), remedy)


def _slots(address: str | None) -> list[Finding]:
    from alignsearch.workers.cluster import ACCELERATORS, local_node

    if address is None:
        hosts = [local_node()]
        where = "ray (on this machine)"
    else:
        where = f"ray at {address}"
        try:
            with cluster(address) as found:
                hosts = found
        except AlignSearchError as error:
            remedy = "`ray status` on the head; `ray start --head --port=6379` starts one"
            return [Finding(where, False, str(error), remedy)]
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


def _hosts(
    uri: str | None, address: str | None, dataset: str, data_dir: str | None
) -> list[Finding]:
    if uri is None:
        uri = EmbeddedStore(EMBEDDED_FOLDER).status().uri
    try:
        with cluster(address):
            from alignsearch.workers.survey import survey

            return survey(uri, dataset, data_dir)
    except AlignSearchError:
        # Told already, where the hosts were counted.
        return []
