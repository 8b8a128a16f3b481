"""A process of a trial's own: read line by line, ended with all that it starts, never left over."""

import os
import signal
import subprocess
import sys
import time

import psutil

from alignsearch.workers.child import Child, Stopping, describe_exit

WAIT = 300.0
UP = "print('up', flush=True); time.sleep(600)"


def until(condition):
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def output(child):
    found = []
    code = None
    while code is None:
        code = child.exit_code()
        found.extend(child.lines())
    return code, [*found, *child.rest()]


def python(code, **options):
    return Child([sys.executable, "-c", code], **options)


def test_lines_of_both_streams_and_the_exit_code():
    code = "import sys; print('a'); print('b', file=sys.stderr); print('c', end=''); sys.exit(3)"
    with python(code) as child:
        ended, lines = output(child)
    assert ended == 3
    assert sorted(lines) == [("stderr", "b"), ("stdout", "a"), ("stdout", "c")]


def test_more_output_than_a_pipe_holds_is_read_to_the_end():
    with python("for n in range(50_000): print('line', n)") as child:
        _, lines = output(child)
    assert [text for _, text in lines] == [f"line {n}" for n in range(50_000)]


def test_letters_that_are_no_utf_8_are_replaced():
    with python("import os; os.write(1, b'\\xff\\n')") as child:
        assert output(child) == (0, [("stdout", "�")])


def test_a_program_that_does_not_exist_is_named():
    with Child(["no-such-program-anywhere"]) as child:
        code, ((stream, said),) = output(child)
    assert (code, stream) == (127, "stderr")
    assert said == "no-such-program-anywhere: No such file or directory"


def test_folder_and_environment(tmp_path):
    environment = {**os.environ, "GREETING": "hello"}
    with Child(
        ["sh", "-c", "echo $GREETING from $PWD"], folder=tmp_path, environment=environment
    ) as c:
        assert output(c)[1] == [("stdout", f"hello from {tmp_path}")]


def test_it_is_ended_with_what_it_has_started():
    started = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); "
    with python(f"{started} time.sleep(600)") as child:
        lines = []
        until(lambda: lines.extend(child.lines()) or lines)
        grandchild = int(lines[0][1])
        pid = child.pid
        assert psutil.pid_exists(grandchild)
    until(lambda: gone(pid) and gone(grandchild))


def test_its_end_is_noticed_while_its_own_children_keep_its_pipes():
    with python("import subprocess; subprocess.Popen(['sleep', '600']); print('x')") as child:
        assert output(child) == (0, [("stdout", "x")])


def test_sigterm_first_and_sigkill_after_the_grace(monkeypatch):
    polite = f"signal.signal(15, lambda *_: sys.exit(7)); {UP}"
    with python(f"import signal, sys, time; {polite}") as child:
        until(lambda: list(child.lines()))
        Stopping(child).insist()
        assert output(child)[0] == 7
    deaf = f"signal.signal(15, signal.SIG_IGN); {UP}"
    with python(f"import signal, time; {deaf}") as child:
        until(lambda: list(child.lines()))
        monkeypatch.setattr("alignsearch.workers.child.GRACE_SECONDS", 0.5)
        stopping = Stopping(child)
        until(lambda: stopping.insist() or child.exit_code() is not None)
        assert child.exit_code() == -signal.SIGKILL


def test_an_end_in_words():
    assert "exit code 2" in describe_exit(2)
    assert "out of memory" in describe_exit(-9)
    assert "SIGSEGV" in describe_exit(-11)


OWNER = """
import sys, threading, time
from alignsearch.workers.child import Child
child = Child(["sleep", "600"])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_it_dies_with_a_worker_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True
    ) as owner:
        pid = int(owner.stdout.readline())
        until(lambda: command(pid).startswith("sleep"))
        owner.kill()
    until(lambda: gone(pid))


def command(pid):
    return " ".join(psutil.Process(pid).cmdline())


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
