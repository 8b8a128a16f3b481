"""PyTorch as a contender of the benchmarks, in a process of whichever Python has it.

Debian's is enough: `apt install python3-torch` (1.13), for /usr/bin/python3. A newer one is had
apart from this project by `python -m venv /tmp/torch` and `/tmp/torch/bin/pip install torch`, 2 GB.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

STEPS = Path(__file__).with_name("torch_steps.py")


class Taken(NamedTuple):
    """The last loss of some steps and the seconds that they took together."""

    loss: float
    wall: float
    processor: float


def find_python(given=None):
    """Return a Python that can import PyTorch: the given one, this one or Debian's; or None.

    Raises:
        SystemExit: the given one can't.
    """
    for python in [given] if given else [sys.executable, "/usr/bin/python3"]:
        path = shutil.which(python)
        code = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"
        if path and subprocess.run([path, "-c", code], check=False).returncode == 0:
            return path
    if given:
        sys.exit(
            f"{given} can't import torch; see tests/benchmarks/torch_peer.py for how to get it"
        )
    return None


class TorchPeer:
    """A network that PyTorch trains on one batch in a process of its own.

    Attributes:
        said: PyTorch's version and its number of threads.
        parameters: number of the network's parameters.
    """

    def __init__(
        self, python, network, images, labels, *, threads, classes, rate, stem="", width=64
    ):
        """Start the process; images are (batch, height, width, channels)."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("images", "labels")]
            channels_first = np.asarray(images, np.float32).transpose(0, 3, 1, 2)
            files[0].write_bytes(np.ascontiguousarray(channels_first).tobytes())
            files[1].write_bytes(np.asarray(labels, np.int64).tobytes())
            numbers = images.shape[0], images.shape[1], stem or "none", width, classes, rate
            command = [python, STEPS, network, threads, *files, *numbers]
            inherited = {name: os.environ[name] for name in os.environ if "PYTHON" not in name}
            self._process = subprocess.Popen(
                [str(each) for each in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                # Threads that wait for work must not take the cores from the next contender.
                env=inherited | {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)},
            )
            *said, parameters = self._line().split(", ")
        self.said, self.parameters = ", ".join(said), int(parameters)

    def run(self, steps):
        """Make steps and return what they took (`Taken`)."""
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        return Taken(*map(float, self._line().split()))

    def end(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _line(self):
        line = self._process.stdout.readline()
        if not line:
            sys.exit("PyTorch's process ended; its error is above")
        return line
