"""Hosts and what they can place; asking for it imports no Ray."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignsearch.search.attempts.allotment import room
from alignsearch.search.documents.errors import ClusterError

ACCELERATORS = ("TPU", "GPU", "CPU")
"""Resources that a trial takes by default, the fastest first."""


@dataclass(frozen=True)
class Node:
    """A host of the cluster with the resources that it offers, by Ray's names."""

    host: str
    resources: Mapping[str, float]


def local_node() -> Node:
    """Return this machine as a local Ray offers it: its CPUs."""
    return Node(socket.gethostname(), {"CPU": float(len(os.sched_getaffinity(0)))})


def default_resources(hosts: Sequence[Node]) -> dict[str, float]:
    """Return the resources of one trial: all chips of a TPU host, else one GPU, else one CPU.

    Raises:
        ClusterError: no host offers any of them.
    """
    for name in ACCELERATORS:
        offered = [host.resources[name] for host in hosts if host.resources.get(name)]
        if offered:
            return {name: min(offered) if name == "TPU" else 1.0}
    raise ClusterError("the cluster offers neither TPU, GPU nor CPU: add a node with resources")


def capacity(hosts: Sequence[Node], per_trial: Mapping[str, float]) -> int:
    """Return how many trials of these resources fit on the hosts at once, each on one host."""
    return room([host.resources for host in hosts], per_trial)
