"""Checks of an installation: packages, data sets, the store, and the cluster's hosts.

Each function returns findings; none raises for what it finds, and none changes anything but the
scratch documents on which a store's server is tried out.
"""

import importlib.metadata
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents.findings import Finding
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from alignsearch.workers.hosts import Node

PACKAGES = ("alignsearch", "tensorflow", "keras", "hyperopt", "pymongo", "ray", "secantusdb")
DATA_SET = "data set"

Connect = Callable[[str | None], "AbstractContextManager[list[Node]]"]
"""Connects to the Ray cluster at an address while its context lasts, and gives the hosts."""


def check_packages() -> list[Finding]:
    """Find the versions of Python and of the packages that a search needs."""
    findings = [Finding("python", ok=True, found=platform.python_version())]
    for package in PACKAGES:
        try:
            findings.append(Finding(package, ok=True, found=importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(
                Finding(package, ok=False, found="not installed", remedy="pip install .")
            )
    return findings


def check_data_sets() -> list[Finding]:
    """Find which data sets are on this machine."""
    # Imports NumPy, which most commands do without.
    from alignment_core import data

    findings = []
    for name, facts in data.DATA_SETS.items():
        try:
            data.check(name)
            found = f"{facts.train_size} + {facts.validation_size} images"
            findings.append(Finding(f"{DATA_SET} {name}", ok=True, found=found))
        except AlignSearchError as error:
            remedy = f"`alignsearch data {name} --data-dir DIR` says whether a folder has it"
            findings.append(Finding(f"{DATA_SET} {name}", False, str(error), remedy))
    return findings


def check_store(uri: str | None, folder: Path) -> Finding:
    """Find whether the store answers; an embedded store in `folder` is not started for it."""
    try:
        if uri is None:
            uri = EmbeddedStore(folder).status().uri
            if uri is None:
                return Finding("store", ok=True, found="embedded; starts when it is needed")
        with Store.connect(uri) as opened:
            answer = f"{opened.uri_for_people} answers in {opened.ping() * 1000:.1f} ms"
            lacking, news = opened.lacking(), opened.news.kind()
        if lacking:
            found = f"{answer}, and fails at {', '.join(lacking)}"
            return Finding("store", False, found, "use a MongoDB, or leave --store out")
        return Finding("store", ok=True, found=f"{answer}; changes are noticed by {news}")
    except AlignSearchError as error:
        remedy = "`alignsearch store status` for the embedded one; for a MongoDB, its log and users"
        return Finding("store", False, str(error), remedy)


def check_slots(address: str | None, connect: Connect) -> list[Finding]:
    """Find the CPUs, GPUs and TPUs of each host of the cluster; of this machine without one."""
    from alignsearch.workers.hosts import ACCELERATORS, local_node

    if address is None:
        hosts = [local_node()]
        where = "ray (on this machine)"
    else:
        where = f"ray at {address}"
        try:
            with connect(address) as found:
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


def check_hosts(
    uri: str | None,
    folder: Path,
    address: str | None,
    connect: Connect,
    *,
    dataset: str,
    data_dir: str | None,
) -> list[Finding]:
    """Find versions, devices, data, store, clock and disk of every host, by a task on each."""
    if uri is None:
        uri = EmbeddedStore(folder).status().uri
    try:
        with connect(address):
            from alignsearch.workers.cluster_checks import check_cluster

            return check_cluster(uri, dataset, data_dir)
    except AlignSearchError:
        # `check_slots` has reported it.
        return []


def is_serious(finding: Finding) -> bool:
    """Return whether a problem makes a machine unfit; a data set that is missing here doesn't."""
    at_home = finding.host is None and finding.what.startswith(DATA_SET)
    return not finding.ok and not at_home
