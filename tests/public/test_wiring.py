"""The store that a command finds: this folder's own one, which may have to be started again."""

import os
import signal
import socket

from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives, wait_until
from alignsearch.wiring import reviver, store_uri


def kill(server):
    """End the folder's server as a machine without memory does; return its port."""
    status = server.status()
    os.kill(status.pid, signal.SIGKILL)
    wait_until(lambda: not lives(status.pid), 300)
    return int(status.uri.rstrip("/").rpartition(":")[2])


def binds(taker, port):
    try:
        taker.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_a_store_that_has_moved_to_another_port_is_told_of(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    server = EmbeddedStore(tmp_path / ".alignsearch")
    before = store_uri(None)
    revive = reviver(None)
    try:
        kill(server)
        revive()
        assert server.status().uri == before
        assert caplog.text == ""
        with socket.socket() as other:
            # Bound before the server's last connections are over.
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = kill(server)
            assert wait_until(lambda: binds(other, port), 300)
            other.listen()
            revive()
        with Store.connect(server.status().uri) as moved:
            assert moved.searches.all() == []
        assert f"answers at {server.status().uri} now, and no longer at {before}" in caplog.text
        assert "start it again" in caplog.text
    finally:
        server.stop()
