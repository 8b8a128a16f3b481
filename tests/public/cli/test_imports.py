"""The command line answers soon: libraries for searching and training wait for who needs them."""

import subprocess
import sys

import pytest

HEAVY = (
    *("hyperopt", "scipy", "networkx", "pandas", "sklearn", "matplotlib"),
    *("ray", "tensorflow", "keras", "fastapi", "uvicorn"),
)
PROGRAM = """
import sys
from alignsearch.cli.app import app
app(sys.argv[1:], standalone_mode=False)
print("imported:", *sorted({heavy} & set(sys.modules)))
"""


@pytest.mark.parametrize("command", ["status", "spaces", "submit --help"])
def test_a_command_that_reads_imports_no_library_for_searching(tmp_path, command):
    program = PROGRAM.format(heavy=set(HEAVY))
    ran = subprocess.run(
        [sys.executable, "-c", program, *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines()[-1] == "imported:", ran.stderr
