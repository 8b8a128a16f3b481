"""What tests of every folder share: one real store server, and a database of its own each."""

import os
import uuid

import pytest

# Two test processes share two cores; TensorFlow reads this when it is imported.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from search.embedded import EmbeddedStore
from search.store import Store


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
