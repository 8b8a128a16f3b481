"""The command itself, as people run it, in a folder of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from search.embedded import EmbeddedStore

COMMAND = Path(sys.executable).with_name("alignsearch")
REHEARSAL = ("--dataset", "rehearsal")
UNSET = ("ALIGNSEARCH_STORE", "ALIGNSEARCH_RAY", "COLUMNS")
"""What a test process may have in its environment and a person's pipe has not."""


class Shell:
    """Runs `alignsearch` in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {key: text for key, text in os.environ.items() if key not in UNSET}

    def run(self, *arguments):
        """The finished process, whatever came of it."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def ok(self, *arguments):
        """What a command that succeeds prints; it has nothing to complain of."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def json(self, *arguments):
        """The one document that `--json` prints."""
        return json.loads(self.ok(*arguments, "--json"))

    def refused(self, *arguments):
        """What is said to a command that can't be done: a line or two, and code 2."""
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
        with log.open("w") as file:
            return subprocess.Popen(
                [COMMAND, *arguments],
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


@pytest.fixture(scope="session")
def shell_in():
    """Make a shell in a folder."""
    return Shell


@pytest.fixture
def shell(tmp_path):
    """A shell in an empty folder; the store that a test starts there is stopped after it."""
    here = Shell(tmp_path)
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
def finished(tmp_path_factory):
    """A shell in a folder with a store, where the search `done` of six trials has finished."""
    here = Shell(tmp_path_factory.mktemp("finished"))
    arguments = ("--trials", "6", "--epochs", "2", "--name", "done", "--wait", "--json")
    logs = ("--log-format", "json", "--log-level", "info")
    ran = here.run("submit", "ia", *REHEARSAL, *arguments, *logs)
    assert ran.returncode == 0, ran.stderr
    here.outcome = json.loads(ran.stdout)
    here.logged = ran.stderr
    yield here
    here.end_store()
