"""docs/your-own-search.md's PyTorch examples killed, resumed and pruned: a function, a program.

On a Ray cluster of their own, whose workers have PyTorch on their path.
"""

import os
import sys

import pytest
from example_trials import Example, is_killed_and_resumes, is_pruned
from pytorch import other_python, put_pytorch_into, pytorch_python
from ray_cluster import connect_patiently, ray_head

from alignsearch.workers import cluster


@pytest.fixture(scope="module")
def _workers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pytorch")
    put_pytorch_into(folder)
    paths = (str(folder), os.environ.get("PYTHONPATH", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        # The examples' spaces are imported here, too.
        patch.setattr(sys, "path", [*sys.path, str(folder)])
        with ray_head(tmp_path_factory.mktemp("log") / "ray.log") as address:
            connect_patiently(address)
            yield
            cluster.disconnect()


@pytest.fixture
def network(store, store_uri, tmp_path, _workers):
    """The example that is a function, for which this Python needs PyTorch."""
    why = other_python()
    if why is not None:
        pytest.skip(why)
    return Example(store, store_uri, tmp_path, "pytorch_network.py")


@pytest.fixture
def program(store, store_uri, tmp_path, _workers):
    """The example that is a program of a Python with PyTorch, of whatever version."""
    command = (pytorch_python(), "spirals.py")
    return Example(store, store_uri, tmp_path, "spirals_space.py", command)


def test_pytorch_is_killed_and_resumes(network):
    is_killed_and_resumes(network)


def test_pytorch_is_pruned(network):
    is_pruned(network)


def test_pytorch_in_a_process_of_its_own_is_pruned(network):
    is_pruned(network, own_process=True)


def test_a_pytorch_program_is_killed_and_resumes(program):
    is_killed_and_resumes(program)


def test_a_pytorch_program_is_pruned(program):
    is_pruned(program)
