"""Where a command's output goes: into a file, to a full disk, to a terminal with few letters."""

import os
import stat
import subprocess
import sys

import pytest

from alignsearch.cli.output import output

ALIGNSEARCH = os.path.join(os.path.dirname(sys.executable), "alignsearch")


def run(*command, **options):
    return subprocess.run(
        [ALIGNSEARCH, *command], text=True, stderr=subprocess.PIPE, check=False, **options
    )


@pytest.mark.parametrize("command", [["spaces"], ["export", "--published"], ["--help"]], ids=str)
def test_an_output_that_is_full_is_told_in_a_line(command):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = run(*command, stdout=full)
    assert done.returncode == 2
    assert done.stderr == (
        "alignsearch: the output can't be written to standard output: No space left on device\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_no_letter_ends_a_command(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = run("export", "--published", stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u03c3 " in done.stdout
    assert done.stdout.count("\n") == 27


def test_a_reader_that_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = run("export", "--published", stdout=write)
    os.close(write)
    assert done.stderr == ""


def test_a_file_gets_what_would_be_printed(shell):
    file = shell.folder / "table.txt"
    file.write_text("of yesterday")
    printed = shell.ok("export", "--published")
    assert shell.ok("export", "--published", "--output", str(file)) == ""
    assert file.read_text() == printed
    assert shell.ok("spaces", "ia", "-o", str(file)) == ""
    assert file.read_text().startswith("ia (Kunin et al. 2020, App. B.1.4)")


def test_a_command_that_fails_leaves_the_file_as_it_was(shell):
    file = shell.folder / "kept.txt"
    file.write_text("of yesterday")
    assert "'nope'" in shell.refused("spaces", "nope", "-o", str(file))
    assert file.read_text() == "of yesterday"
    assert [each.name for each in shell.folder.iterdir() if each.suffix == ".part"] == []


@pytest.mark.parametrize(
    ("path", "problem"), [("/nope/x", "No such file or directory"), ("/tmp", "Is a directory")]
)
def test_a_file_that_cannot_be_written_is_named(shell, path, problem):
    said = shell.refused("export", "--published", "-o", path)
    assert said == f"--output {path}: {problem}"


def test_a_device_is_written_to_and_not_replaced(shell):
    assert "R_WM^TPE" in shell.ok("export", "--published", "-o", "/dev/stdout")
    assert shell.ok("export", "--published", "-o", "/dev/null") == ""
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_only_a_latex_table_becomes_a_document(shell):
    assert "--format latex" in shell.refused("export", "--published", "--document")


def test_a_library_that_closes_its_logs_stream_leaves_the_processs_open():
    """absl's logging does so at the end of a process that has imported TensorFlow."""
    output.begin()
    seen = sys.stderr
    output.end()
    seen.close()
    assert not sys.stderr.closed
