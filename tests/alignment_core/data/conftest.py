"""Data sets in small shards."""

import pytest
from imagenet_shards import records_by_shard, write

from alignment_core import data


@pytest.fixture(scope="session")
def payloads():
    """The records of each shard by the shard's name."""
    return records_by_shard()


@pytest.fixture
def folder(tmp_path, payloads):
    """A folder of shards, which a test may damage."""
    write(tmp_path, payloads)
    return tmp_path


@pytest.fixture(scope="session")
def sound(tmp_path_factory, payloads):
    """The undamaged data set with small images; tests must not change its folder."""
    folder = tmp_path_factory.mktemp("sound")
    write(folder, payloads)
    return data.load("imagenet", folder, data.InputOptions(image_size=16))
