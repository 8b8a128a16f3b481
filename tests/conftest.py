"""Fixtures and order of all tests: one real store server, and an empty database for each test."""

import logging
import os
import sys
import uuid
from collections import OrderedDict
from pathlib import Path

import mongod
import pytest
import tiers

# Five test processes share two cores. TensorFlow reads this when it is imported.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# A token, as on a production cluster. Ray reads it when it is imported.
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = "a-token-of-the-tests-alone-0123456789abcdef"

from alignsearch.search.attempts.logs import StandardError
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

pytest_plugins = ["command_line", "driver_maker", "sampler_package"]

LONGEST_SECTION = 100_000
"""Characters of what one test has logged or printed that are kept."""

TESTS = Path(__file__).parent
LONGEST = (
    # Files that mostly wait alternate with files that mostly compute: five processes, two cores.
    "test_main_job.py",
    "contracts/dispatcher/test_dispatchers.py",
    "docker/test_slurm.py",
    "faults/test_rules_killed.py",
    "browser/test_accessible.py",
    "faults/test_cluster.py",
    "browser/test_pages.py",
    "public/cli/test_steering.py",
    "alignment_core/training/test_trainer.py",
    "faults/campaign/test_campaign.py",
    "search/use_cases/test_tracking.py",
    "docker/test_monitoring.py",
    "public/cli/test_train.py",
    "workers/test_dispatcher.py",
    "workers/test_import_root.py",
    "alignment_core/training/test_accelerators.py",
    "browser/test_live.py",
    "experiments/test_training_experiment.py",
    "experiments/test_contract.py",
    "browser/test_steering.py",
    "dashboards/web/test_openapi.py",
    "public/cli/test_finished.py",
    "public/cli/test_bad_input.py",
    "search/driver/test_driver.py",
    "search/driver/test_lost_answers.py",
    "public/cli/test_data.py",
    "public/cli/test_reading.py",
    "workers/objectives/test_training.py",
    "search/store/test_embedded.py",
    "faults/test_store_kill.py",
    "alignment_core/models/test_resnet.py",
    "workers/test_cluster.py",
)


def pytest_itemcollected(item):
    """Mark a test as slow, or as one that needs a process, by the table of tiers."""
    place = item.path.relative_to(TESTS).as_posix()
    name = getattr(item, "originalname", None) or item.name
    on_mongod = hasattr(item, "callspec") and any(
        isinstance(value, str) and value == "mongod" for value in item.callspec.params.values()
    )
    if tiers.is_slow(place, name, on_mongod=on_mongod):
        item.add_marker("slow")
    if tiers.is_process(place, name, item.fixturenames, item.module):
        item.add_marker("process")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """Shorten what a test has logged and printed, and escape what is no Unicode.

    A process that runs tests can't send a report with such text to the one that prints it.
    """
    report = (yield).get_result()
    report.sections = [
        (title, text[-LONGEST_SECTION:].encode(errors="backslashreplace").decode())
        for title, text in report.sections
    ]


def pytest_report_header():
    """Say which servers the store's tests have."""
    why = mongod.missing()
    if why is None:
        return f"store: embedded, and MongoDB in {mongod.MONGOD.relative_to(sys.prefix)}"
    return f"store: embedded alone, for MongoDB can't run here ({why})"


def pytest_collection_modifyitems(items):
    """Begin with the longest files, so that no test process works alone at the end."""
    ranks = {str(TESTS / name): rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(str(item.path), len(ranks)))


@pytest.fixture(scope="session")
def server_uri(tmp_path_factory):
    """Return the URI of a real MongoDB-wire server that this run has to itself."""
    server = EmbeddedStore(tmp_path_factory.mktemp("server") / ".alignsearch")
    yield server.ensure()
    server.stop()


@pytest.fixture(scope="session")
def mongo(tmp_path_factory):
    """Return a real MongoDB that this run has to itself, a replica set of one."""
    why = mongod.missing()
    if why is not None:
        pytest.skip(why)
    with mongod.replica_set(tmp_path_factory.mktemp("mongod")) as running:
        yield running


@pytest.fixture
def store_uri(server_uri):
    """Return the URI of an empty database."""
    return f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}"


@pytest.fixture
def store(store_uri):
    """Return a store with an empty database."""
    # Five test processes and two cores: a server that lives may be silent for many seconds.
    with Store.connect(store_uri, timeout=60.0) as opened:
        yield opened


@pytest.fixture(scope="module")
def small_resnet():
    """Replace ResNet-18 by a network with the same kinds of blocks, a third of it to compile."""
    from alignment_core.models import MODELS
    from alignment_core.models.resnet import Architecture, resnet
    from alignment_core.training import trainer_cache

    blocks = Architecture("resnet18", (1, 1), bottleneck=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "resnet18", resnet(blocks))
        # A cache of their own: trainers of the whole network must not serve these tests.
        patch.setattr(trainer_cache, "_trainers", OrderedDict())
        yield


@pytest.fixture
def whole_resnet(monkeypatch):
    """Undo `small_resnet` for one test of a module that uses it."""
    from alignment_core.models import MODELS
    from alignment_core.models.resnet import ARCHITECTURES, resnet

    monkeypatch.setitem(MODELS, "resnet18", resnet(ARCHITECTURES["resnet18"]))


@pytest.fixture(autouse=True)
def _no_log_is_left():
    """Take back the log of a command that ran in this process: other tests would read its lines."""
    yield
    for handler in logging.getLogger().handlers[:]:
        if isinstance(handler, StandardError):
            logging.getLogger().removeHandler(handler)
