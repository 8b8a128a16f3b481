"""Checks of every host of the connected cluster, run on the hosts themselves."""

from collections.abc import Iterator, Mapping
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from alignsearch.search.documents.findings import Finding
from alignsearch.workers.host_checks import check_devices, check_host
from alignsearch.workers.hosts import ACCELERATORS
from alignsearch.workers.versions import versions

PATIENCE_SECONDS = 60.0
"""Longest wait for accelerators that are in use."""
ANSWER_SECONDS = 240.0
"""Longest wait for the rest: TensorFlow is imported slowly on a busy host, or from a busy disk."""


def check_cluster(
    store: str | None,
    dataset: str,
    data_dir: str | None,
    *,
    patience: float = PATIENCE_SECONDS,
) -> list[Finding]:
    """Check all living hosts at once; a host that doesn't answer is a finding too.

    Devices are checked by an actor that holds all accelerators of the host, because two processes
    can't share a TPU. They are not checked on a host whose accelerators are in use.

    Args:
        store: URI of the store; None checks neither the store nor the clocks.
        dataset: name of the data set that trials read.
        data_dir: folder of the data set; None for its usual folder.
        patience: longest wait for accelerators in seconds.
    """
    hosts = []
    for node in ray.nodes():
        if not node["Alive"]:
            continue
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        look = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(check_host)
        offered = {name: node["Resources"].get(name, 0.0) for name in ACCELERATORS}
        holder = ray.remote(num_cpus=0, scheduling_strategy=there)(_Holder).options(
            num_gpus=offered["GPU"], resources={"TPU": offered["TPU"]} if offered["TPU"] else {}
        )
        hosts.append(
            _Asked(
                node["NodeManagerHostname"],
                look.remote(versions(), store, dataset, data_dir),
                holder.remote(offered),
            )
        )
    begun = _answered([each.begun for each in hosts], patience)
    looks = [each.devices for each in hosts if each.begun in begun]
    answered = _answered([*(each.look for each in hosts), *looks], ANSWER_SECONDS)
    try:
        return [finding for each in hosts for finding in each.findings(begun, answered)]
    finally:
        for each in hosts:
            ray.kill(each.holder)
            if each.look not in answered:
                ray.cancel(each.look, force=True)


class _Holder:
    """Holds a host's accelerators while it looks at them."""

    def __init__(self, offered: Mapping[str, float]) -> None:
        self._offered = offered

    def has_begun(self) -> None:
        """Return at once: the accelerators are held."""

    def look(self) -> list[Finding]:
        """Return what `check_devices` finds."""
        return check_devices(self._offered)


class _Asked:
    """A host, and what it was asked for."""

    def __init__(self, host: str, look: "ray.ObjectRef", holder: Any) -> None:
        self.host = host
        self.look = look
        self.holder = holder
        self.begun = holder.has_begun.remote()
        self.devices = holder.look.remote()

    def findings(
        self, begun: "set[ray.ObjectRef]", answered: "set[ray.ObjectRef]"
    ) -> Iterator[Finding]:
        """Yield what was found, of the references that have been answered."""
        yield from self._answer("host", self.look, answered)
        if self.begun in begun:
            yield from self._answer("device", self.devices, answered)
        else:
            said = "not looked at: trials hold this host's accelerators"
            yield Finding("device", True, said, "ask again when they are free", self.host)

    def _answer(
        self, what: str, ref: "ray.ObjectRef", answered: "set[ray.ObjectRef]"
    ) -> Iterator[Finding]:
        if ref not in answered:
            remedy = "see `ray status` and the raylet's log on that host; end it if it hangs"
            yield Finding(what, False, "it doesn't answer", remedy, self.host)
            return
        try:
            yield from ray.get(ref)
        except RayError as error:
            words = str(error).strip().splitlines() or [type(error).__name__]
            remedy = (
                "install alignsearch there as it is here, and see the raylet's log on that host"
            )
            yield Finding(what, False, words[-1], remedy, self.host)


def _answered(asked: "list[ray.ObjectRef]", patience: float) -> "set[ray.ObjectRef]":
    """Return those that are answered within so many seconds."""
    return set(ray.wait(asked, num_returns=len(asked), timeout=patience)[0]) if asked else set()
