"""Connection to a Ray cluster, or to one started on this machine."""

import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import ray
from ray._private import ray_constants
from ray.autoscaler.sdk import request_resources
from ray.job_config import JobConfig

from alignsearch.search.documents.errors import ClusterError
from alignsearch.search.documents.identity import Identity
from alignsearch.workers.hosts import Node, local_node

START_ATTEMPTS = 2
"""Attempts to start Ray where its own time limit has passed; two last a minute."""

logger = logging.getLogger(__name__)

NAMESPACE = "alignsearch"
"""Ray namespace of our processes. Actors are in a namespace of their store: `namespace_of`."""
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""First bytes of a gRPC client: HTTP/2's preface and an empty SETTINGS frame (RFC 9113, 3.4)."""
HTTP2_SETTINGS = 4
"""Type of a SETTINGS frame, with which every HTTP/2 server responds (RFC 9113, 6.5)."""
ANSWER_SECONDS = 5.0
"""Longest wait for that response; a head responds at once, unless its host is overloaded."""
LOCAL_RAY: Mapping[str, Any] = {
    "include_dashboard": False,
    # Trials travel as arguments of calls, so the object store stays empty. Ray accepts no
    # less than 75 MiB.
    "object_store_memory": 80 * 2**20,
    # Nobody reads these statistics without Ray's dashboard, and every process would collect them.
    "_system_config": {
        "event_stats": False,
        "metrics_report_interval_ms": 600_000,
        "task_events_report_interval_ms": 0,
    },
}
"""Settings of a Ray cluster that is started on this machine."""


class _InstalledModulesFirst(JobConfig):
    """A Ray job whose workers don't search the driver's folders before all others for modules.

    Ray would have each worker insert the folder of the driver's script and the current folder at
    the beginning of `sys.path` (`py_driver_sys_path`, read by `maybe_initialize_job_config` in
    `_raylet.pyx`). A file `queue.py` or `numpy.py` of the user would then hide the real module.
    Workers append those folders themselves: see `user_folders`.
    """

    def _get_proto_job_config(self) -> Any:
        self._py_driver_sys_path: list[str] = []
        return super()._get_proto_job_config()


def namespace_of(identity: Identity) -> str:
    """Return the Ray namespace of the actors of all searches of one store."""
    return f"{NAMESPACE}@{identity.database}-{identity.store}"


def user_folders() -> list[str]:
    """Return the folders where users keep modules of their own, for workers to search last.

    These are the folder of the script that runs, if it is searched here, and the current folder.
    """
    script = str(Path(sys.argv[0]).resolve().parent)
    folders = [script] if sys.argv[0] and script in sys.path else []
    return list(dict.fromkeys([*folders, str(Path.cwd())]))


def connect(address: str | None) -> list[Node]:
    """Connect to the Ray cluster at `address`, or to one started on this machine.

    Args:
        address: HOST:PORT of the cluster's head; "auto" for the cluster that runs on this host;
            None to start one.

    Returns:
        The living hosts of the cluster.

    Raises:
        ClusterError: no Ray answers at `address`, or it refuses the connection; or none can be
            started here.
    """
    if address is None:
        _start_here()
    else:
        _check_reachable(address)
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level="ERROR",
                namespace=NAMESPACE,
                job_config=_InstalledModulesFirst(),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterError(f"Ray at {address} does not let us in: {_reason(error)}") from error
    return nodes()


def _start_here() -> None:
    """Start a cluster on this machine that only this machine, and this user, can reach.

    Raises:
        ClusterError: Ray can't be started.
    """
    private_token()
    for attempt in range(1, START_ATTEMPTS + 1):
        before = _rays_processes()
        try:
            _init_here()
        except Exception as error:
            # Ray raises whatever went wrong, with a page of its processes' logs.
            ray.shutdown()
            # A start that has failed leaves its processes until this program ends.
            for process in _rays_processes() - before:
                with suppress(psutil.Error):
                    process.kill()
            if is_slow_start(error) and attempt < START_ATTEMPTS:
                logger.info("Ray has not started in time: trying it once more")
                continue
            raise ClusterError(why_not_started(error)) from error
        return


def _init_here() -> None:
    with _on_loopback():
        ray.init(
            # Without it Ray would connect to a cluster that somebody else has started here.
            address="local",
            num_cpus=int(local_node().resources["CPU"]),
            log_to_driver=False,
            logging_level="ERROR",
            namespace=NAMESPACE,
            job_config=_InstalledModulesFirst(),
            **LOCAL_RAY,
        )


def _rays_processes() -> set[psutil.Process]:
    """Return the processes of Ray that this program has started."""
    found, home = set(), str(Path(ray.__file__).parent)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(part.startswith(home) for part in process.cmdline()):
                found.add(process)
    return found


def is_slow_start(error: Exception) -> bool:
    """Return whether a process of Ray was not ready within Ray's own time limit, 30 s."""
    return "timed out" in str(error).lower()


def why_not_started(error: Exception) -> str:
    """Return why Ray can't be started on this machine, and what to do."""
    if is_slow_start(error):
        return (
            "Ray has not started in time on this machine, which is likely busy or short of memory: "
            f"try again in a moment ({_reason(error)}; /tmp/ray/session_latest/logs says more)"
        )
    return (
        f"Ray can't be started on this machine: {_reason(error)}; what it most often lacks is "
        "memory, disk or processes (`ulimit -u`), and /tmp/ray/session_latest/logs says more"
    )


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Have Ray listen on the loopback interface, as it does by itself on macOS and Windows.

    There is no option for it: `ray.init` takes the loopback address for one that others can't
    reach, and replaces it by this machine's.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def private_token() -> None:
    """Make Ray's token if this user has none, and keep its file from other users.

    Ray makes the file by itself, readable by everybody of this machine.
    """
    named = any(name in os.environ for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if named or os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return
    path = Path.home() / ".ray" / "auth_token"
    try:
        if path.exists():
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except OSError as error:
        # Ray goes on without a token, as a home that can't be written to has it.
        logger.warning("Ray's token in %s can't be kept from others: %s", path, error.strerror)


def is_connected() -> bool:
    """Return whether this process is connected to a cluster already, whoever connected it."""
    found: bool = ray.is_initialized()
    return found


def started_here() -> bool:
    """Return whether the connected cluster is this machine alone, started by this process."""
    node = ray._private.worker.global_worker.node
    return node is not None and bool(node.head)


def disconnect() -> None:
    """Disconnect from the cluster, and end the cluster if `connect` started it."""
    ray.shutdown()


def address() -> str:
    """Return HOST:PORT of the connected cluster's head, for other processes to connect to."""
    found: str = ray.get_runtime_context().gcs_address
    return found


def nodes() -> list[Node]:
    """Return the living hosts of the connected cluster."""
    return [
        Node(node["NodeManagerHostname"], node["Resources"])
        for node in ray.nodes()
        if node["Alive"]
    ]


def ask_for(trials: Sequence[Mapping[str, float]]) -> None:
    """Ask the cluster's autoscaler for hosts on which trials of these resources fit all at once.

    The autoscaler keeps such hosts, busy or idle, until the next call. A cluster without an
    autoscaler ignores the call.
    """
    request_resources(bundles=[dict(each) for each in trials])


def _check_reachable(address: str) -> None:
    """Check that a gRPC server listens at the address: Ray would wait minutes for anything else.

    Raises:
        ClusterError: nothing listens there, or another program does.
    """
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
