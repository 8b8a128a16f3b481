"""Processes and ports of this machine, with real processes."""

import os
import socket
import subprocess
import sys

from alignsearch.search.store.processes import (
    HOST,
    command_line,
    connected_to,
    free_port,
    listens,
    lives,
    wait_until,
)

PATIENCE = 300.0
NEGLECT = """
import os, time
child = os.fork()
if child == 0:
    os._exit(0)
print(child, flush=True)
time.sleep(600)
"""
"""A process that never waits for its child."""


def test_a_process_lives_until_it_has_ended():
    with subprocess.Popen(["sleep", "600"]) as process:
        assert lives(process.pid)
        process.kill()
        assert wait_until(lambda: not lives(process.pid), PATIENCE)


def test_a_zombie_whose_parent_does_not_wait_for_it_does_not_live():
    neglects = [sys.executable, "-c", NEGLECT]
    with subprocess.Popen(neglects, stdout=subprocess.PIPE, text=True) as parent:
        try:
            zombie = int(parent.stdout.readline())
            assert wait_until(lambda: not lives(zombie), PATIENCE)
            # It is there all the same.
            os.kill(zombie, 0)
            assert command_line(zombie) == ""
        finally:
            parent.kill()


def test_the_first_process_lives_whoever_owns_it():
    assert lives(1)


def test_a_pid_that_no_process_has_does_not_live():
    assert not lives(2**22 - 1)
    assert command_line(2**22 - 1) == ""


def test_a_command_line_has_a_space_after_each_argument():
    code = "import sys; print(flush=True); sys.stdin.read()"
    arguments = [sys.executable, "-c", code, "my project"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # A process that has just begun has no arguments yet.
        process.stdout.readline()
        assert command_line(process.pid) == "".join(f"{each} " for each in arguments)
        process.stdin.close()


CONNECT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))):
    print("connected", flush=True)
    sys.stdin.read()
"""


def test_other_processes_are_connected_to_a_port_until_they_end():
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        assert listens(port)
        assert connected_to(port) == []
        with (
            socket.create_connection((HOST, port)),
            subprocess.Popen(
                [sys.executable, "-c", CONNECT, str(port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as other,
        ):
            assert other.stdout.readline() == "connected\n"
            assert connected_to(port) == [other.pid]
            other.kill()
            other.wait()
            assert connected_to(port) == []


def test_nobody_listens_at_a_free_port():
    assert not listens(free_port())
