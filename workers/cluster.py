"""The Ray cluster: reaching it, what it can place, and one of its own where none is given."""

import math
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ray

from alignment_core.errors import ConfigurationError
from search.errors import ClusterError

NAMESPACE = "alignsearch"
ACCELERATORS = ("TPU", "GPU", "CPU")
OBJECT_STORE_BYTES = 80 * 2**20
"""Of a local Ray: trials travel by their ids, so the object store stays empty."""


@dataclass(frozen=True)
class Node:
    """A host of the cluster and the resources it offers, by Ray's names."""

    host: str
    resources: Mapping[str, float]


def local_node() -> Node:
    """This machine as a local Ray would offer it: its CPUs."""
    return Node(socket.gethostname(), {"CPU": float(len(os.sched_getaffinity(0)))})


def connect(address: str | None) -> list[Node]:
    """Join the Ray cluster at `address`, or start one on this machine; return its hosts.

    Raises:
        ClusterError: nothing answers at `address`.
    """
    if address is None:
        ray.init(
            num_cpus=int(local_node().resources["CPU"]),
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level="ERROR",
            namespace=NAMESPACE,
        )
    else:
        _check_reachable(address)
        try:
            ray.init(
                address=address, log_to_driver=False, logging_level="ERROR", namespace=NAMESPACE
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterError(f"Ray at {address} does not let us in: {_reason(error)}") from error
    return nodes()


def disconnect() -> None:
    """Leave the cluster; end it if `connect` started it."""
    ray.shutdown()


def nodes() -> list[Node]:
    """The living hosts of the cluster that this process is connected to."""
    return [
        Node(node["NodeManagerHostname"], node["Resources"])
        for node in ray.nodes()
        if node["Alive"]
    ]


def default_resources(hosts: Sequence[Node]) -> dict[str, float]:
    """What one trial takes: all chips of a TPU host, else one GPU, else one CPU."""
    for name in ACCELERATORS:
        offered = [host.resources[name] for host in hosts if host.resources.get(name)]
        if offered:
            return {name: min(offered) if name == "TPU" else 1.0}
    raise ClusterError("the cluster offers neither TPU, GPU nor CPU: add a node with resources")


def capacity(hosts: Sequence[Node], per_trial: Mapping[str, float]) -> int:
    """How many trials of these resources fit on the hosts at once, each on one host."""
    return sum(
        min(
            math.floor(host.resources.get(name, 0.0) / amount + 1e-9)
            for name, amount in per_trial.items()
        )
        for host in hosts
    )


def parse_resources(text: str) -> dict[str, float]:
    """Read `TPU=8` or `CPU=0.5,GPU=1`.

    Raises:
        ConfigurationError: it isn't of that form, or an amount isn't positive.
    """
    resources = {}
    for part in text.split(","):
        name, _, amount = part.partition("=")
        try:
            resources[name.strip()] = float(amount)
        except ValueError:
            amount = ""
        if not name.strip() or not amount or not 0 < resources[name.strip()] < math.inf:
            raise ConfigurationError(
                f"--resources {text!r} is not of the form NAME=AMOUNT[,NAME=AMOUNT], "
                "like TPU=8 or CPU=0.5"
            )
    return resources


def _check_reachable(address: str) -> None:
    """Ask the address itself first: Ray would wait for it for minutes."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            return
    except (OSError, ValueError, OverflowError) as error:
        raise ClusterError(
            f"no Ray at {address} ({error}); give the head's HOST:PORT, or leave --ray out "
            "to run on this machine"
        ) from error


def _reason(error: BaseException) -> str:
    if _caused_by_authentication(error):
        return (
            "it asks for a token. Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or "
            "RAY_AUTH_TOKEN_PATH unless ~/.ray/auth_token is the cluster's"
        )
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _caused_by_authentication(error: BaseException | None) -> bool:
    # Ray wraps its AuthenticationError in others that only quote it.
    while error is not None:
        if "AuthenticationError" in f"{type(error).__name__} {error}":
            return True
        error = error.__cause__ or error.__context__
    return False
