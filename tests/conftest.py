"""What tests of every folder share: one real store server, and a database of its own each."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import quote_plus

import pymongo
import pytest

# Two test processes share two cores; TensorFlow reads this when it is imported.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from search.embedded import EmbeddedStore
from search.processes import free_port, listens, wait_until
from search.store import Store

TESTS = Path(__file__).parent
LONGEST = (
    "faults/test_chaos.py",
    "search/cli/test_steering.py",
    "test_main_job.py",
    "alignment_core/test_training.py",
    "search/cli/test_train.py",
    "browser/test_pages.py",
    "alignment_core/test_accelerators.py",
    "search/cli/test_experiment.py",
    "browser/test_live.py",
    "workers/test_dispatcher.py",
    "search/cli/test_bad_input.py",
    "search/cli/test_data.py",
)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no test process works alone at the end."""
    ranks = {str(TESTS / name): rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(str(item.path), len(ranks)))


@pytest.fixture(scope="session")
def server_uri(tmp_path_factory):
    """The URI of a real MongoDB-wire server that this run has to itself."""
    server = EmbeddedStore(tmp_path_factory.mktemp("server") / ".alignsearch")
    yield server.ensure()
    server.stop()


@pytest.fixture
def store_uri(server_uri):
    """The URI of an empty database."""
    return f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}"


@pytest.fixture
def store(store_uri):
    """A connection to an empty database."""
    with Store.connect(store_uri) as opened:
        yield opened


class SecuredServer:
    """The embedded store's server as a MongoDB would be set up: users, rights and TLS.

    Its certificate is for 127.0.0.1 and the addresses that are named.
    """

    password = "p@ss/w:rd of the root"

    def __init__(self, folder, addresses=()):
        self.folder = folder
        self.port = free_port()
        self.authority = folder / "authority.pem"
        names = ",".join(f"IP:{address}" for address in ("127.0.0.1", *addresses))
        self._openssl("authority", "-addext", "keyUsage=critical,keyCertSign")
        signed = ("-CA", "authority.pem", "-CAkey", "authority.key")
        self._openssl("server", *signed, "-addext", f"subjectAltName={names}")
        self._process = None

    def _openssl(self, name, *options):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-keyout", f"{name}.key", "-out", f"{name}.pem", *options),
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    def start(self, host="127.0.0.1", inside=()):
        """Make the first user while nobody can reach the server, then ask for one and for TLS.

        inside: the command that runs another one in the server's network.
        """
        self._run(inside, "127.0.0.1")
        with pymongo.MongoClient(f"mongodb://127.0.0.1:{self.port}") as client:
            client.admin.command("createUser", "root", pwd=self.password, roles=["root"])
        self.stop()
        tls = ("--tls-cert-file", "server.pem", "--tls-key-file", "server.key")
        self._run(inside, host, "--auth", *tls)

    def _run(self, inside, host, *options):
        (self.folder / "empty.toml").touch()
        with (self.folder / "store.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *inside,
                    *(Path(sys.executable).with_name("secantusd-py"), "--standalone"),
                    *("--host", host, "--port", str(self.port), "--storage-path", "data"),
                    *("--config", "empty.toml", "--log-level", "WARNING", *options),
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if not inside:
            assert wait_until(lambda: listens(self.port), 60)

    def stop(self, number=signal.SIGINT):
        """End the server."""
        self._process.send_signal(number)
        self._process.wait(20)

    def uri(self, user="root", password=password, host="127.0.0.1", database="alignsearch", **more):
        """The URI of a user, with TLS; `more` are its options, None to leave one out."""
        known = f"{user}:{quote_plus(password)}@" if user else ""
        asked = {"authSource": "admin", "tls": "true", "tlsCAFile": self.authority, **more}
        options = "&".join(f"{key}={value}" for key, value in asked.items() if value is not None)
        return f"mongodb://{known}{host}:{self.port}/{database}?{options}"


@pytest.fixture(scope="session")
def secured(tmp_path_factory):
    """A server that wants users and TLS."""
    server = SecuredServer(tmp_path_factory.mktemp("secured"))
    server.start()
    yield server
    server.stop(signal.SIGKILL)
