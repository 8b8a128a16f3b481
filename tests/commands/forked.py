"""`alignsearch` from a process that has imported its libraries already.

Each command is a process of its own, with its arguments, folder, environment and pipes: what is
spared is the seconds that NumPy, Ray, TensorFlow and the like take to be imported each time.
`forked.py SOCKET` is the process that the commands are forked from; `ask.py` beside it stands on
the command line in `alignsearch`'s place.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path

from alignsearch.cli.app import COMMANDS

COMMAND = Path(sys.executable).with_name("alignsearch")
ASK = Path(__file__).with_name("ask.py")
IMPORTED = (
    *(f"alignsearch.cli.{place.partition(':')[0]}" for place in COMMANDS.values()),
    "pandas",
    "alignsearch.search.samplers.tpe",
    "alignsearch.spaces.presets",
    "alignsearch.workers.dispatchers.ray_actors",
)
"""Modules that verbs import when they need them."""
TRAINING = ("train", "data", "experiment")
IMPORTED_TO_TRAIN = (
    "tensorflow",
    "alignsearch.workers.train",
    "alignsearch.experiments.report",
)
"""Modules that these verbs import besides, loaded when one of the verbs is first run."""


class Commands:
    """The process that commands are forked from, started when the first one is run."""

    def __init__(self, folder, environment):
        self.address = str(folder / "socket")
        self.environment = environment
        self._process = None

    def line(self, *arguments):
        """The command line that has `alignsearch` run with these arguments, one at a time."""
        if self._process is None:
            command = [sys.executable, __file__, self.address]
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert self._process.stdout.readline() == b"ready\n"
        return [sys.executable, "-I", "-S", str(ASK), self.address, *map(str, arguments)]

    @property
    def pid(self):
        """The process of the command that was asked for last."""
        return int(Path(self.address).with_name("pid").read_text())

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def serve(address):
    """Fork a command whenever one is asked for; returns in each of them, ready to be run."""
    before = set(os.environ)
    import_all(IMPORTED)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    os.write(1, b"ready\n")
    while True:
        asking, _ = listening.accept()
        _, descriptors, *_ = socket.recv_fds(asking, 1, 3)
        line = ""
        with contextlib.suppress(OSError):
            line = asking.makefile().readline()
        if not line.endswith("\n"):
            # The caller was killed before it had asked.
            for descriptor in (*descriptors, asking.detach()):
                os.close(descriptor)
            continue
        asked = json.loads(line)
        if asked["arguments"] and asked["arguments"][0] in TRAINING:
            import_all(IMPORTED_TO_TRAIN)
        pid = os.fork()
        if pid == 0:
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            for left in (*descriptors, asking.detach(), listening.detach()):
                os.close(left)
            become(asked, {k: v for k, v in os.environ.items() if k not in before})
            return
        Path(address).with_name("pid").write_text(str(pid))
        for descriptor in descriptors:
            os.close(descriptor)
        code = end_of(pid, asking)
        # A caller that was killed hears no more.
        with contextlib.suppress(OSError):
            asking.sendall(f"{code}\n".encode())
        asking.close()


def import_all(modules):
    for module in modules:
        importlib.import_module(module)
    # A fork has the thread that forks, and locks as they are.
    assert threading.active_count() == 1
    gc.freeze()


def become(asked, set_by_imports):
    """Be in the state in which Python begins with the command."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(set_by_imports | asked["environment"])
    sys.argv = [str(COMMAND), *asked["arguments"]]
    # With which it may begin again.
    sys.orig_argv = [sys.executable, *sys.argv]
    sys.path[0] = str(COMMAND.parent)


def end_of(pid, asking):
    """Wait for the end of a command, and end it if nobody waits for it any more; its exit code."""
    ended = os.pidfd_open(pid)
    readable, _, _ = select.select([ended, asking], [], [])
    if ended not in readable:
        os.kill(pid, signal.SIGKILL)
    os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run():
    """Run the command to its end, but for taking apart all that was imported."""
    from alignsearch.cli import main

    code = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])
    run()
