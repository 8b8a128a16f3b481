"""A real Ray cluster that the tests of this folder share."""

import pytest
from ray_cluster import ray_head


@pytest.fixture(scope="session")
def ray_address(tmp_path_factory):
    """HOST:PORT of a cluster with 2 CPUs and a slice's 8 TPU chips that aren't there."""
    with ray_head(tmp_path_factory.mktemp("log") / "ray.log") as address:
        yield address
