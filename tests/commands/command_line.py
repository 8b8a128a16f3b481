"""The command itself, as people run it, in a folder of its own."""

import json
import os
import signal
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import pytest
from forked import COMMAND, Commands

from alignsearch.search.store.embedded import EmbeddedStore

REHEARSAL = ("--dataset", "rehearsal")
UNSET = ("ALIGNSEARCH_STORE", "ALIGNSEARCH_RAY", "COLUMNS")
"""Variables that a test process may have in its environment and a person's pipe has not."""


class Shell:
    """Runs `alignsearch` in one folder."""

    def __init__(self, commands, folder):
        self.commands = commands
        self.folder = folder
        self.environment = environment_of_a_person()

    def run(self, *arguments):
        """The finished process, whatever came of it; one that had its libraries imported before."""
        return self._run(self.commands.line(*arguments))

    def run_anew(self, *arguments):
        """The same from nothing, as it is installed: with all that its imports take and say."""
        return self._run([COMMAND, *arguments])

    def _run(self, command):
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def ok(self, *arguments):
        """Run a command that must succeed without a word on standard error; return its output."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def json(self, *arguments):
        """The one document that `--json` prints."""
        return json.loads(self.ok(*arguments, "--json"))

    def refused(self, *arguments):
        """Run a command that must fail with exit code 2; return its error, a line or two."""
        done = self.run(*arguments)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        said = done.stderr
        assert said.startswith("alignsearch: ")
        assert said.count("alignsearch: ") == 1
        assert len(said.splitlines()) <= 5, said
        assert not any(sign in said for sign in ("Traceback", "Usage:", "─")), said
        return said.removeprefix("alignsearch: ").strip()

    def start(self, *arguments, log):
        """The command as a terminal's foreground job, which Ctrl-C reaches as a group."""
        return self._start([COMMAND, *arguments], log)

    def start_forked(self, *arguments, log):
        """Like `run`, in the background; `commands.pid` is what runs the command."""
        return self._start(self.commands.line(*arguments), log)

    def _start(self, command, log):
        with log.open("w") as file:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end_store(self):
        """End the folder's store, whoever still uses it."""
        if (self.folder / ".alignsearch").is_dir():
            EmbeddedStore(self.folder / ".alignsearch").stop()

    def submit(self, name, *options, space="wm"):
        """Submit a rehearsal and return its name."""
        printed = self.ok("submit", space, *REHEARSAL, "--name", name, *options)
        assert printed == f"{name}\n"
        return name


def environment_of_a_person():
    """This process's environment, as far as a person's shell has it too."""
    return {key: text for key, text in os.environ.items() if key not in UNSET}


@pytest.fixture(scope="session")
def commands():
    """The process that the shells' commands are forked from."""
    # A short name: a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="cmd-") as folder:
        made = Commands(Path(folder), environment_of_a_person())
        yield made
        made.close()


@pytest.fixture(scope="session")
def shell_in(commands):
    """Make a shell in a folder."""
    return partial(Shell, commands)


@pytest.fixture
def shell(shell_in, tmp_path):
    """A shell in an empty folder; the store that a test starts there is stopped after it."""
    here = shell_in(tmp_path)
    yield here
    here.end_store()


@pytest.fixture
def imagenet(tmp_path):
    """A folder with one shard of eight photographs for each of ImageNet's splits."""
    import tensorflow as tf

    folder = tmp_path / "imagenet"
    folder.mkdir()
    for name in ("train-00000-of-00001", "validation-00000-of-00001"):
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for label in range(1, 9):
                image = tf.io.encode_jpeg(tf.fill([30, 40, 3], tf.constant(label, tf.uint8)))
                features = {
                    "image/encoded": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[image.numpy()])
                    ),
                    "image/class/label": tf.train.Feature(
                        int64_list=tf.train.Int64List(value=[label])
                    ),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    return folder


@pytest.fixture(scope="session")
def finished(shell_in, tmp_path_factory):
    """A shell in a folder with a store, where the search `done` of six trials has finished."""
    here = shell_in(tmp_path_factory.mktemp("finished"))
    arguments = ("--trials", "6", "--epochs", "2", "--name", "done", "--wait", "--json")
    logs = ("--log-format", "json", "--log-level", "info")
    ran = here.run_anew("submit", "ia", *REHEARSAL, *arguments, *logs)
    assert ran.returncode == 0, ran.stderr
    here.outcome = json.loads(ran.stdout)
    here.logged = ran.stderr
    yield here
    here.end_store()


def end_command(process):
    """End a command, whatever state it is in: as Ctrl-C does, or by SIGKILL after a minute."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(300.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
