"""The Ray cluster: reaching it, what it can place, and one of its own where none is given."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.autoscaler.sdk import request_resources

from alignsearch.search.attempts.allotment import room
from alignsearch.search.documents.errors import ClusterError

NAMESPACE = "alignsearch"
ACCELERATORS = ("TPU", "GPU", "CPU")
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""What a gRPC client says first: HTTP/2's preface and an empty SETTINGS frame (RFC 9113, 3.4)."""
HTTP2_SETTINGS = 4
ANSWER_SECONDS = 5.0
LOCAL_RAY: Mapping[str, Any] = {
    "include_dashboard": False,
    # Trials travel as arguments, so the object store stays empty.
    "object_store_memory": 80 * 2**20,
    # Nobody reads them without Ray's dashboard, and each of sixty processes would collect them.
    "_system_config": {
        "event_stats": False,
        "metrics_report_interval_ms": 600_000,
        "task_events_report_interval_ms": 0,
    },
}
"""Of a Ray that is started on this machine."""


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
            # Not the first one that runs here, whoever's it is.
            address="local",
            num_cpus=int(local_node().resources["CPU"]),
            log_to_driver=False,
            logging_level="ERROR",
            namespace=NAMESPACE,
            **LOCAL_RAY,
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


def address() -> str:
    """HOST:PORT of the cluster that this process is connected to, for other processes."""
    found: str = ray.get_runtime_context().gcs_address
    return found


def nodes() -> list[Node]:
    """The living hosts of the cluster that this process is connected to."""
    return [
        Node(node["NodeManagerHostname"], node["Resources"])
        for node in ray.nodes()
        if node["Alive"]
    ]


def ask_for(trials: Sequence[Mapping[str, float]]) -> None:
    """Ask an autoscaling cluster for room for trials of these resources, all at once.

    The autoscaler keeps hosts for them, busy or not, until it is asked for something else; a
    cluster without one takes no notice.
    """
    request_resources(bundles=[dict(each) for each in trials])


def default_resources(hosts: Sequence[Node]) -> dict[str, float]:
    """What one trial takes: all chips of a TPU host, else one GPU, else one CPU."""
    for name in ACCELERATORS:
        offered = [host.resources[name] for host in hosts if host.resources.get(name)]
        if offered:
            return {name: min(offered) if name == "TPU" else 1.0}
    raise ClusterError("the cluster offers neither TPU, GPU nor CPU: add a node with resources")


def capacity(hosts: Sequence[Node], per_trial: Mapping[str, float]) -> int:
    """How many trials of these resources fit on the hosts at once, each on one host."""
    return room([host.resources for host in hosts], per_trial)


def _check_reachable(address: str) -> None:
    """Ask the address itself first: Ray would wait for minutes for what isn't Ray."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    why = "what listens there is another program"
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "0" or _speaks_http2(connection):
                return
    except (OSError, ValueError, OverflowError) as error:
        why = str(error)
    raise ClusterError(
        f"no Ray at {address} ({why}); give the head's HOST:PORT, or leave --ray out "
        "to run on this machine"
    )


def _speaks_http2(connection: socket.socket) -> bool:
    connection.sendall(HTTP2_HELLO)
    answer = connection.recv(4)
    return len(answer) == 4 and answer[3] == HTTP2_SETTINGS


def _reason(error: BaseException) -> str:
    if _caused_by_authentication(error):
        return (
            "it asks for a token. Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or "
            "RAY_AUTH_TOKEN_PATH unless ~/.ray/auth_token is the cluster's"
        )
    words = str(error).strip()
    if "ersion mismatch" in words:
        return f"{' '.join(words.split())}. Install the cluster's versions here"
    return (words.splitlines() or [type(error).__name__])[0]


def _caused_by_authentication(error: BaseException | None) -> bool:
    # Ray wraps its AuthenticationError in others that only quote it.
    while error is not None:
        if "AuthenticationError" in f"{type(error).__name__} {error}":
            return True
        error = error.__cause__ or error.__context__
    return False
