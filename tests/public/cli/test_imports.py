"""The command line answers soon: a command imports what it uses, and libraries for others wait."""

import subprocess
import sys
from pathlib import Path

import pytest

from alignsearch.cli.app import COMMANDS, LazyCommands

HEAVY = (
    *("hyperopt", "scipy", "networkx", "pandas", "sklearn", "matplotlib"),
    *("ray", "tensorflow", "keras", "fastapi", "uvicorn"),
)
MODULES = {
    "status": (750, (*HEAVY, "numpy")),
    "spaces": (750, (*HEAVY, "numpy")),
    "submit wm --dataset rehearsal --trials 1 --startup 1": (900, HEAVY),
}
"""Most modules that a command may import, and libraries that it leaves alone."""
PROGRAM = """
import sys
from alignsearch.cli.app import app
app(sys.argv[1:], standalone_mode=False)
print("imported:", len(sys.modules), *sorted({heavy} & set(sys.modules)))
"""


@pytest.mark.parametrize("command", MODULES)
def test_a_command_imports_little(tmp_path, command):
    most, heavy = MODULES[command]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=set(heavy)), *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        _, number, *imported = ran.stdout.splitlines()[-1].split()
        assert imported == [], ran.stderr
        assert int(number) < most
    finally:
        stop = [Path(sys.executable).with_name("alignsearch"), "store", "stop"]
        subprocess.run(stop, cwd=tmp_path, capture_output=True, check=False)


def test_each_command_of_the_table_is_there_under_its_name():
    commands = LazyCommands()
    assert list(commands) == list(COMMANDS)
    for name in COMMANDS:
        command = commands[name]
        assert command.name == name
        assert command.help, name
