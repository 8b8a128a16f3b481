"""Experiments that several modules look at: a small one, and a search with its trials."""

import threading
import uuid

import pytest
from experiment_output import Output, done

from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store


@pytest.fixture(scope="package")
def scalar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scalar")
    printed = done(folder, "experiment", "scalar-network", "--grid", "7", "--out", "sc")
    return printed, Output(folder / "sc")


TRIALS = 24


@pytest.fixture(scope="package")
def moved(tmp_path_factory, server_uri, make_search_in, make_driver_in):
    """A rehearsed search over `ia`, what its trials came to, and its copy in another store."""
    folder = tmp_path_factory.mktemp("moved")
    uri, other = (f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}" for _ in range(2))
    with Store.connect(uri) as store:
        make_search_in(store, "tried", "ia", trials=TRIALS, parallel=8)
        make_driver_in(store, uri, "tried").run(threading.Event())
        trials = store.trials.all("tried", [TrialState.COMPLETED])
    done(folder, "dump", "tried", "tried.jsonl", "--store", uri)
    done(folder, "load", "tried.jsonl", "--store", other)
    return folder, trials, other
