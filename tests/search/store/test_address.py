"""A store's URI in a file, which keeps its password out of sight."""

import os

import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.search.store import Store
from alignsearch.search.store.address import read_uri


@pytest.fixture
def secret(tmp_path):
    """A file that holds a text, and its address."""

    def keep(text):
        path = tmp_path / "store"
        path.write_bytes(text)
        return f"file:{path}"

    return keep


def test_a_store_is_opened_by_the_file_that_holds_its_uri(secret, store_uri):
    with Store.connect(secret(f"{store_uri}\n".encode())) as opened:
        assert opened.ping() > 0
        assert opened.uri_for_people == store_uri


def test_an_address_is_its_own_uri(store_uri):
    assert read_uri(store_uri) == store_uri


def test_a_password_in_a_file_is_not_shown(secret):
    with pytest.raises(ConfigurationError, match="can't be parsed") as refused:
        Store.connect(secret(b"mongodb://driver:hun/ter2@db:27017/alignsearch"))
    assert "ter2" not in str(refused.value)


@pytest.mark.parametrize(("text", "why"), [(b"\n", "is empty"), (b"\xff\xfe", "it is no text")])
def test_a_file_without_a_uri_is_refused(secret, text, why):
    with pytest.raises(ConfigurationError, match=why):
        read_uri(secret(text))


def test_a_pipe_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="it is no file"):
        read_uri(f"file:{pipe}")


@pytest.mark.parametrize(
    ("address", "why"),
    [("file:/nowhere/store", "No such file"), ("file:secrets/store", "whole path")],
)
def test_a_file_that_a_host_does_not_have_is_named(address, why):
    with pytest.raises(ConfigurationError, match=why):
        read_uri(address)
