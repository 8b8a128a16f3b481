"""Checks of the host that a process runs on, for `alignsearch doctor --cluster`; uses no Ray."""

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents.findings import Finding
from alignsearch.search.store import Store
from alignsearch.workers.versions import differences, versions

PINGS = 5
"""Pings of the store whose median is shown; the first one connects and is slower."""
MAX_CLOCK_OFFSET = timedelta(seconds=2)
"""Largest sound difference between a host's clock and the store's. Leases go by the store's clock
alone, so that a wrong clock misleads only people who compare logs."""
DISK_FULL = 0.95
"""Used part of a disk above which Ray places nothing more on a host (its setting
local_fs_capacity_threshold)."""


def check_host(
    wanted: Mapping[str, str], store: str | None, dataset: str, data_dir: str | None
) -> list[Finding]:
    """Check the versions, the data set, the disk, and the store with its clock.

    Args:
        wanted: versions of packages at the driver.
        store: URI of the store; None checks neither the store nor the clock.
        dataset: name of the data set that trials read.
        data_dir: folder of the data set; None for its usual folder.
    """
    host = socket.gethostname()
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _versions(host, wanted),
        lambda: _data(dataset, data_dir),
        lambda: _disk(tempfile.gettempdir()),
    ]
    if store is not None:
        checks.append(lambda: _store(store))
    return [replace(finding, host=host) for check in checks for finding in check()]


def check_devices(offered: Mapping[str, float]) -> list[Finding]:
    """Check that TensorFlow can be imported and finds the accelerators that Ray offers here.

    Args:
        offered: amounts that Ray offers on this host, by resource.
    """
    host = socket.gethostname()
    try:
        import tensorflow as tf
    except ImportError as error:
        remedy = "install the version of locks/run.lock on this host"
        return [Finding("tensorflow", False, f"can't be imported: {error}", remedy, host)]
    found: dict[str, int] = {}
    for device in tf.config.list_physical_devices():
        found[device.device_type] = found.get(device.device_type, 0) + 1
    shown = ", ".join(f"{count} {kind}" for kind, count in found.items())
    findings = [Finding("tensorflow", True, f"{tf.__version__} sees {shown}", host=host)]
    for kind, amount in offered.items():
        if kind in ("TPU", "GPU") and amount and not found.get(kind):
            remedy = _DEVICE_REMEDIES[kind]
            said = f"Ray offers {amount:g} {kind} here, TensorFlow sees none"
            findings.append(Finding("device", False, said, remedy, host))
    return findings


_DEVICE_REMEDIES = {
    "TPU": "install tensorflow-tpu with a libtpu that fits it (extra tpu), and see that "
    "/dev/accel* or /dev/vfio/* is open to this user",
    "GPU": "install the CUDA libraries (extra gpu), and see what `nvidia-smi` says",
}


def _versions(host: str, wanted: Mapping[str, str]) -> Iterator[Finding]:
    differing = differences(host, versions(), wanted)
    remedy = "install the driver's versions here (locks/run.lock), or take this host out"
    yield Finding(
        "versions",
        not differing,
        "; ".join(differing) or "equal to the driver's",
        remedy if differing else "",
    )


def _data(name: str, data_dir: str | None) -> Iterator[Finding]:
    # The import takes seconds.
    from alignment_core import data

    try:
        data.check(name, data_dir)
        facts = data.DATA_SETS[name]
        images = f"{facts.train_size} + {facts.validation_size} images"
        yield Finding(f"data set {name}", True, images)
    except AlignSearchError as error:
        remedy = "copy it to this host, or mount it there, under the same path; --data-dir names it"
        yield Finding(f"data set {name}", False, str(error), remedy)


def _disk(folder: str) -> Iterator[Finding]:
    usage = shutil.disk_usage(folder)
    full = 1 - usage.free / usage.total
    remedy = f"free space under {folder}: old Ray sessions, logs, checkpoints (--keep-checkpoints)"
    ok = full < DISK_FULL
    said = f"{usage.free / 1e9:.1f} GB free in {folder}, {full:.0%} full"
    yield Finding("disk", ok, said, "" if ok else remedy)


def _store(address: str) -> Iterator[Finding]:
    try:
        with Store.connect(address) as opened:
            seconds = median(opened.ping() for _ in range(PINGS))
            yield Finding("store", True, f"answers in {seconds * 1000:.1f} ms")
            offset = datetime.now(UTC) - opened.now()
    except AlignSearchError as error:
        remedy = (
            "open the way from this host to the store's port, and give its user the role `worker` "
            "(`alignsearch store roles`); file:/PATH must be there on this host too"
        )
        yield Finding("store", False, str(error), remedy)
        return
    ok = abs(offset) < MAX_CLOCK_OFFSET
    remedy = "start a time service (chrony, systemd-timesyncd); leases go by the store's clock"
    said = f"{offset.total_seconds():+.3f} s from the store's"
    yield Finding("clock", ok, said, "" if ok else remedy)
