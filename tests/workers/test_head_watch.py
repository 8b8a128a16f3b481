"""A cluster's head that goes away is noticed and named."""

import socket
import threading

from alignsearch.workers.head_watch import HeadWatch

PATIENCE = 300.0


def test_a_head_that_is_gone_is_told_once_and_one_that_listens_is_not():
    told, rang = [], threading.Event()

    def gone(message):
        told.append(message)
        rang.set()

    with socket.create_server(("127.0.0.1", 0)) as head:
        port = head.getsockname()[1]
        watch = HeadWatch(f"127.0.0.1:{port}", gone, check_seconds=0.05, patience_seconds=0.2)
        with watch:
            # It is looked at several times.
            for _ in range(5):
                head.accept()[0].close()
            assert told == []
            head.close()
            assert rang.wait(PATIENCE)
    assert len(told) == 1
    assert f"Ray's head at 127.0.0.1:{port} is gone" in told[0]
    assert "\n" not in told[0]


def test_a_watch_that_has_ended_tells_nothing():
    told = []
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with HeadWatch(address, told.append, check_seconds=0.01, patience_seconds=0.05) as watch:
            head.accept()[0].close()
        watch._thread.join(PATIENCE)
    assert not watch._thread.is_alive()
    assert told == []
