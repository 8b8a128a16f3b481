"""A search on a cluster that loses a host; `make test-cluster` runs it whole, on one machine.

The cluster is set up as in production. It has a store with users and rights, a Ray head and two
hosts that declare accelerators, `alignsearch serve`, and a dashboard with a token. All connections
use TLS, and each part has the rights of its role only. A laptop without Ray submits a search, with
the store's URI and the token. While the search runs, one host is cut off. Each host is a network
namespace, or a process where namespaces are refused.
"""

import argparse
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pymongo
from campaign.oracle import Expected, Stored, judge
from campaign.processes import kill_tree
from campaign.searches import rehearsal_loss
from namespaces import Network, OneHost
from secured_server import SecuredServer, answers

from alignsearch.dashboards.client import Client
from alignsearch.search.documents.errors import StateConflictError, StoreUnavailableError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.processes import free_port, wait_until
from alignsearch.search.store.roles import apply_roles, apply_users

BIN = Path(sys.executable).parent
CHIPS = 4
LEASE = 4.0


class Cluster:
    """Store, Ray head, two hosts, driver and dashboard, each as its own process."""

    def __init__(self, folder, network, size):
        self.folder = folder
        self.network = network
        self.size = size
        self.running = []
        self.hosts = {}
        self.head = network.addresses["head"]
        self.ray_port = free_port()
        self.dashboard_port = free_port()
        # Each secret by its owner; none may be seen anywhere else.
        self.secrets = {}
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ALIGNSEARCH_")},
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder / "ray-token"),
            # A lost host is noticed after 3 s, not after half a minute.
            "RAY_health_check_initial_delay_ms": "1000",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_timeout_ms": "1000",
            "RAY_health_check_failure_threshold": "3",
        }

    def start(self):
        """Start the store, the cluster, the driver and the dashboard."""
        (self.folder / "store").mkdir()
        self.server = SecuredServer(self.folder / "store", set(self.network.addresses.values()))
        self.running.append(self.server)
        self.server.start(self.head, self.network.inside("head"))
        self.root = self.server.uri(host=self.head)
        apply_roles(self.root)
        self.uris = apply_users(self.root)
        self.secrets = {
            part: pymongo.uri_parser.parse_uri(uri)["password"] for part, uri in self.uris.items()
        }
        self.secrets["ray"] = "the-token-of-ray-0123456789abcdef-0123456789"
        for name, text in (*self.uris.items(), ("ray-token", self.secrets["ray"])):
            (self.folder / name).touch(0o600)
            (self.folder / name).write_text(text)
        self.store = Store.connect(self.root)
        self.environment |= {
            "RAY_USE_TLS": "1",
            "RAY_TLS_SERVER_CERT": str(self.server.folder / "server.pem"),
            "RAY_TLS_SERVER_KEY": str(self.server.folder / "server.key"),
            "RAY_TLS_CA_CERT": str(self.server.authority),
        }
        self._ray(
            "head",
            0,
            "--head",
            "--include-dashboard=false",
            f"--port={self.ray_port}",
            f"--temp-dir={self.folder}/ray",
        )
        assert wait_until(lambda: answers(self.head, self.ray_port), 300), self.log("head")
        chips = {"TPU": CHIPS * self.size.slots // 2}
        for host in ("host-1", "host-2"):
            self._ray(
                # As many processes as these are kept ready for the slots.
                *(host, min(4, self.size.slots // 2), f"--address={self.head}:{self.ray_port}"),
                f"--resources={json.dumps(chips)}",
            )
        assert wait_until(self._hosts_joined, 300), self.log("host-1") + self.log("host-2")
        self._alignsearch("serve", "driver", "--ray", f"{self.head}:{self.ray_port}")
        self._start_dashboard()

    def _ray(self, host, cpus, *arguments):
        command = [
            *(str(BIN / "ray"), "start", *arguments, "--block"),
            f"--num-cpus={cpus}",
            f"--node-ip-address={self.network.addresses[host]}",
            *("--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats"),
            f"--object-store-memory={80 * 2**20}",
        ]
        if host != "head":
            # Every host reads the store's URI from the same path. Here it is the workers' URI.
            own = 'mount --bind "$0" "$1"; ' if self.network.separate else ""
            # Start again as a supervisor would: on a busy machine the head may give a host up.
            again = 'shift; until "$@"; do sleep 1; done'
            secret = (str(self.folder / "worker"), str(self.folder / "driver"))
            command = ["sh", "-c", own + again, *secret, *command]
        self._start(host, host, command)

    def _hosts_joined(self):
        return all("Ray runtime started" in self.log(host) for host in ("host-1", "host-2"))

    def _alignsearch(self, verb, role, *arguments):
        command = [str(BIN / "alignsearch"), verb, "--store", f"file:{self.folder / role}"]
        self._start("head", verb, [*command, *arguments])

    def _start_dashboard(self):
        made = subprocess.run(
            [BIN / "alignsearch", "dashboard", "--set-token", "--token-file", self.token_file],
            check=True,
            capture_output=True,
            text=True,
        )
        self.secrets["dashboard"] = made.stdout.split()[0]
        self._alignsearch(
            *("dashboard", "submitter", "--host", self.head, "--port", str(self.dashboard_port)),
            *("--token-file", str(self.token_file)),
        )

    @property
    def token_file(self):
        return self.folder / "token.json"

    def _start(self, host, name, command):
        with (self.folder / f"{name}.log").open("w") as log:
            started = subprocess.Popen(
                [*self.network.inside(host), *command],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(started)
        self.hosts[host] = started

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()[-3000:]

    def stop(self):
        """End everything at once; a driver's workers outlive it otherwise."""
        for started in reversed(self.running):
            if isinstance(started, SecuredServer):
                started.stop(signal.SIGKILL)
            else:
                kill_tree(started.pid)
                started.wait()
        self.network.remove()


class Laptop:
    """A person's machine with the store's URI, the dashboard's token, and no Ray."""

    def __init__(self, cluster):
        self.uri = cluster.uris["submitter"]
        self.said = []
        self.folder = cluster.folder / "laptop"
        (self.folder / "ray").mkdir(parents=True)
        (self.folder / "ray" / "__init__.py").write_text("raise ImportError('no Ray here')\n")
        path = os.pathsep.join([str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = {**os.environ, "PYTHONPATH": path}
        self.dashboard = Client(
            f"http://{cluster.head}:{cluster.dashboard_port}", token=cluster.secrets["dashboard"]
        )

    def run(self, *arguments):
        done = subprocess.run(
            [BIN / "alignsearch", *arguments, "--store", self.uri],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said.append(done.stdout + done.stderr)
        assert done.returncode == 0, self.said[-1]
        return done.stdout


def processes():
    """Yield pid, command line and environment of this machine's processes, where readable."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "cmdline").read_bytes(), b""
            yield int(folder.name), b"", (folder / "environ").read_bytes()


def exposed(cluster, laptop, *, ray=False):
    """Return the places, other than its owner's file, where a secret can be read."""
    places = {
        f"{name} of process {pid}": text
        for pid, line, environ in processes()
        for name, text in (("command line", line), ("environment", environ))
    }
    known = {cluster.folder / name for name in (*cluster.uris, "ray-token")}
    for path in cluster.folder.rglob("*"):
        # The server keeps hashes, in files of its own form.
        if path.is_file() and path not in known and path.stat().st_size < 2**26:
            with contextlib.suppress(OSError):
                places[str(path)] = path.read_bytes()
    places["the laptop's output"] = "".join(laptop.said).encode()
    with pymongo.MongoClient(cluster.root) as client:
        for collection in client.alignsearch.list_collection_names():
            found = str(list(client.alignsearch[collection].find())).encode()
            places[f"collection {collection}"] = found
    if ray:
        places["Ray's list of jobs"] = jobs(cluster)
    assert len(places) > 50
    return [
        f"{secret} in {place}"
        for place, text in places.items()
        for secret, value in cluster.secrets.items()
        if value.encode() in text
    ]


def jobs(cluster):
    """Return Ray's list of jobs as text: every process that joins the cluster can read it."""
    ask = (
        "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='ERROR');"
        "from ray._private.state import state; print(state.job_table())"
    )
    done = subprocess.run(
        [
            *cluster.network.inside("head"),
            *(sys.executable, "-c", ask, f"{cluster.head}:{cluster.ray_port}"),
        ],
        env={**cluster.environment, "RAY_DISABLE_IMPORT_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert b"alignsearch" in done.stdout.encode(), done.stderr
    return done.stdout.encode()


@dataclass(frozen=True)
class Size:
    """Size of the search: of `make test-cluster`, or shorter for the tests."""

    trials: int
    slots: int
    epochs: int
    seconds: float


WHOLE = Size(trials=180, slots=60, epochs=40, seconds=540.0)
SHORT = Size(trials=6, slots=4, epochs=300, seconds=900.0)
"""Each trial takes half a minute: the ones that were counted still run as their host goes."""


def run(cluster):
    """Run one search from the laptop to its end, and cut a host off while it runs."""
    size = cluster.size
    laptop = Laptop(cluster)
    assert wait_until(lambda: answers(cluster.head, cluster.dashboard_port), 300)
    began = time.monotonic()

    def tell(what):
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    said = laptop.run(
        *("submit", "ia", "--dataset", "rehearsal", "--name", "shared", "--lease", str(LEASE)),
        # A busy machine may be silent for longer than a lease.
        *("--max-attempts", "20"),
        *("--trials", str(size.trials), "--epochs", str(size.epochs)),
        *("--parallel", str(size.slots), "--resources", f"TPU={CHIPS}"),
    )
    assert said == "shared\n", said
    tell("submitted from the laptop, which has no Ray")
    store = cluster.store

    for steer in (laptop.dashboard.pause, laptop.dashboard.resume):
        assert wait_until(lambda steer=steer: done(steer, "shared"), 300)

    def all_busy():
        return store.totals.counts("shared")[TrialState.RUNNING] == size.slots

    assert wait_until(all_busy, size.seconds), (store.totals.counts("shared"), cluster.log("serve"))
    tell(f"{size.slots} trials run at once")
    held = {trial.id: trial.attempt for trial in store.trials.all("shared", [TrialState.RUNNING])}
    cut_off(cluster)
    tell("one host is cut off")
    found = exposed(cluster, laptop, ray=True)
    assert not found, found

    def over():
        return store.searches.get("shared").status in TERMINAL_SEARCH_STATUSES

    assert wait_until(over, size.seconds), (store.totals.counts("shared"), cluster.log("serve"))
    tell("the search is over")
    with pymongo.MongoClient(cluster.root, tz_aware=True) as client:
        stored = Stored.read(client.alignsearch)
    wrong = judge(stored, "shared", Expected(rehearsal_loss, range(1, size.epochs + 1)))
    assert not wrong, wrong
    known = store.trials.all("shared")
    if cluster.network.separate:
        cluster.network.mend("host-2")
        time.sleep(2 * LEASE / 3)
        changed = [
            (before, after)
            for before, after in zip(known, store.trials.all("shared"), strict=True)
            # A process that reads changes gives them their numbers.
            if before != after.model_copy(update={"seq": before.seq})
        ]
        assert not changed, f"a host that came back has changed a result: {changed[:3]}"
    retried = [t for t in known if t.attempt > held.get(t.id, t.attempt)]
    assert retried, "no trial was on the host that was lost"
    told = laptop.dashboard.trials("shared")
    assert len(told) == size.trials
    assert told["loss"].notna().all()
    assert (
        json.loads(laptop.run("status", "shared", "--json"))["counts"]["completed"] == size.trials
    )
    found = exposed(cluster, laptop)
    assert not found, found
    outcomes = [a.outcome for trial in known for a in trial.attempts.values()]
    counted = ", ".join(
        f"{len(list(each))} {name}" for name, each in itertools.groupby(sorted(outcomes))
    )
    tell(f"{len(known)} trials, each with its one result; attempts: {counted}")
    tell("no secret in any output, log, document, environment, command line or list of jobs")


def done(steer, name):
    """Steer, and return whether it was done now or before; a busy store may not answer in time."""
    try:
        steer(name)
    except StoreUnavailableError:
        return False
    except StateConflictError:
        pass
    return True


def cut_off(cluster):
    if cluster.network.separate:
        cluster.network.cut("host-2")
    else:
        kill_tree(cluster.hosts["host-2"].pid)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--short", action="store_true")
    options.add_argument("--inside", metavar="TAG", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.inside is None:
        tag = f"as{os.getpid()}"
        network = Network.make(tag)
        if network is not None:
            # From here on, this process is on the laptop.
            command = [sys.executable, *sys.argv, "--inside", tag]
            os.execvp("ip", [*network.inside("laptop"), *command])
        print("network namespaces are refused here: each host is a process only")
        network = OneHost()
    else:
        network = Network(asked.inside)
        print("each host is a network namespace of its own")
    with tempfile.TemporaryDirectory(prefix="cl-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder), network, SHORT if asked.short else WHOLE)
        try:
            cluster.start()
            run(cluster)
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
