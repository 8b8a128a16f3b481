"""PyTorch for tests: Debian's package `python3-torch`, which `make test-slow` installs.

PyPI's wheel takes more than 2 GB with CUDA, and its smaller one for the CPU lies elsewhere.
"""

import functools
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

DEBIANS = Path("/usr/lib/python3/dist-packages")
PACKAGES = ("torch", "torchgen", "functorch")
PYTHON = "/usr/bin/python3"
"""Debian's own Python, for programs."""


@functools.cache
def pytorch_python():
    """Path of a Python, of whatever version, that imports PyTorch; a test fails without one."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if Path(PYTHON).exists():
        tried = [PYTHON, "-c", "import torch"]
        if subprocess.run(tried, env=own, capture_output=True, check=False).returncode == 0:
            return PYTHON
    found = importlib.util.find_spec("torch") is not None
    assert found, "PyTorch is missing: install the Debian package python3-torch"
    return sys.executable


def put_pytorch_into(folder):
    """Make an empty folder one from which this Python imports PyTorch, if it needs one."""
    if other_python() is None and importlib.util.find_spec("torch") is None:
        # These alone: Debian's NumPy and others of the folder would stand in the way of ours.
        for name in PACKAGES:
            if (DEBIANS / name).exists():
                (folder / name).symlink_to(DEBIANS / name)


def other_python():
    """Say that the PyTorch there is was built for another Python; None if it is this one's."""
    python = pytorch_python()
    fits = (DEBIANS / f"torch/_C{sysconfig.get_config_var('EXT_SUFFIX')}").exists()
    if fits or importlib.util.find_spec("torch") is not None:
        return None
    said = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    return f"Debian's PyTorch is for {said.stdout.strip()}: here it is tested as a program alone"
