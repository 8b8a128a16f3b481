"""Checks of every host of the connected cluster, run on the hosts themselves."""

import logging
from collections.abc import Iterator

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from alignsearch.search.documents.findings import Finding
from alignsearch.workers.host_checks import check_devices, check_host
from alignsearch.workers.hosts import ACCELERATORS
from alignsearch.workers.versions import versions

PATIENCE_SECONDS = 60.0
"""Longest wait for all hosts; importing TensorFlow takes up to half a minute on a busy host."""

logger = logging.getLogger(__name__)


def check_cluster(
    store: str | None,
    dataset: str,
    data_dir: str | None,
    *,
    patience: float = PATIENCE_SECONDS,
) -> list[Finding]:
    """Check all living hosts at once; a host that doesn't answer is a finding too.

    Devices are checked by a task that holds all accelerators of the host, because two processes
    can't share a TPU. They are not checked on a host whose accelerators are in use.

    Args:
        store: URI of the store; None checks neither the store nor the clocks.
        dataset: name of the data set that trials read.
        data_dir: folder of the data set; None for its usual folder.
        patience: longest wait in seconds.
    """
    asked: list[tuple[str, str, ray.ObjectRef]] = []
    for node in ray.nodes():
        if not node["Alive"]:
            continue
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        host = node["NodeManagerHostname"]
        on_host = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)
        look = on_host(check_host).remote(versions(), store, dataset, data_dir)
        asked.append((host, "host", look))
        offered = {name: node["Resources"].get(name, 0.0) for name in ACCELERATORS}
        devices = on_host(check_devices).options(
            num_gpus=offered["GPU"], resources={"TPU": offered["TPU"]} if offered["TPU"] else {}
        )
        asked.append((host, "device", devices.remote(offered)))
    done, _ = ray.wait([ref for *_, ref in asked], num_returns=len(asked), timeout=patience)
    answered = set(done)
    return [finding for each in asked for finding in _answer(*each, answered)]


def _answer(
    host: str, what: str, ref: "ray.ObjectRef", answered: "set[ray.ObjectRef]"
) -> Iterator[Finding]:
    if ref not in answered:
        ray.cancel(ref, force=True)
        if what == "device":
            said = "not looked at: trials hold this host's accelerators"
            yield Finding(what, True, said, "ask again when they are free", host)
        else:
            remedy = "see `ray status` and the raylet's log on that host; end it if it hangs"
            yield Finding(what, False, "it doesn't answer", remedy, host)
        return
    try:
        yield from ray.get(ref)
    except RayError as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        remedy = "install alignsearch there as it is here, and see the raylet's log on that host"
        yield Finding(what, False, words[-1], remedy, host)
