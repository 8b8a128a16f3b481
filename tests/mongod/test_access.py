"""Certificates of clients, and roles by the command line, on a real MongoDB."""

import os
import signal
import stat

import mongod
import pytest
from experiment_output import done, in_this_process
from mongod import NAME
from secured_mongod import SecuredMongod

from alignsearch.search.documents.errors import StoreRefusedError, StoreUnavailableError
from alignsearch.search.store import Store
from alignsearch.search.store.roles import ROLES


@pytest.fixture(scope="module")
def mutual(tmp_path_factory):
    """A MongoDB with users that asks clients for certificates."""
    why = mongod.missing()
    if why is not None:
        pytest.skip(why)
    server = SecuredMongod(tmp_path_factory.mktemp("mutual"), mutual=True)
    server.start()
    yield server
    server.stop(signal.SIGKILL)


def test_a_client_without_a_certificate_does_not_get_in(mutual):
    known = {"tlsCertificateKeyFile": mutual.client_certificate, "replicaSet": NAME}
    with Store.connect(mutual.uri(**known), timeout=300.0) as store:
        assert store.searches.all() == []
    for missing in ({}, {"tlsCertificateKeyFile": mutual.folder / "stranger.pem"}):
        if missing:
            stranger(mutual.folder)
        with pytest.raises(StoreUnavailableError, match="doesn't answer") as refused:
            Store.connect(mutual.uri(**missing), timeout=2.0)
        assert "p@ss" not in str(refused.value)
        assert "p%40ss" not in str(refused.value)


def stranger(folder):
    """Write a certificate that no authority of the server's has signed."""
    maker = SecuredMongod.__new__(SecuredMongod)
    maker.folder = folder
    maker._openssl("stranger")
    parts = [(folder / f"stranger.{kind}").read_text() for kind in ("key", "pem")]
    (folder / "stranger.pem").write_text("".join(parts))


def test_roles_are_made_by_one_command_and_a_whole_search_needs_no_more(mutual, tmp_path):
    root = tmp_path / "root"
    root.write_text(
        mutual.uri(tlsCertificateKeyFile=mutual.client_certificate, replicaSet=NAME) + "\n"
    )
    users = tmp_path / "users"
    for _ in range(2):
        # Twice: roles that exist are updated, and users get new passwords.
        command = ("store", "roles", "--apply", "--users", str(users), "--store", f"file:{root}")
        printed = done(tmp_path, *command)
        assert f"driver: --store file:{users}/driver" in printed
    assert {path.name for path in users.iterdir()} == set(ROLES)
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in users.iterdir()} == {0o600}
    submitter, dashboard = (f"file:{users}/{part}" for part in ("submitter", "dashboard"))
    asked = ("submit", "wm", "--dataset", "rehearsal", "--trials", "2", "--name", "by-role")
    assert done(tmp_path, *asked, "--store", submitter).strip() == "by-role"
    assert "by-role" in done(tmp_path, "status", "--store", dashboard)
    code, _, said = in_this_process(tmp_path, "cancel", "by-role", "--store", dashboard)
    assert code == 2
    assert "doesn't allow this user to do that" in said
    with (
        Store.connect(f"file:{users}/worker") as store,
        pytest.raises(StoreRefusedError, match="store roles"),
    ):
        store.searches.request_stop("by-role", "a worker")
