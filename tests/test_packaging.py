"""The wheel holds all that runs and runs from any folder; the locks hold what it needs."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from alignsearch.search.trackers.table import TRACKERS

ROOT = Path(__file__).parents[1]
FOLDERS = ("alignment_core", "dashboards", "experiments", "public", "search", "spaces", "workers")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel from a copy of the sources alone."""
    source = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "screenshots")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    built = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", built, "."],
        cwd=source,
        check=True,
    )
    (found,) = built.iterdir()
    return found


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    """Unpack the wheel, as an installation does."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def installed(path):
    """Return where an installation has a file of our folders."""
    top, *rest = path.parts
    if top == "alignment_core":
        return path
    return Path("alignsearch", *([] if top == "public" else [top]), *rest)


def test_the_wheel_has_what_runs_and_nothing_else(wheel, unpacked):
    assert wheel.name.endswith("-py3-none-any.whl")
    packed = {path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file()}
    assets = [*(ROOT / "dashboards/static").rglob("*"), *(ROOT / "dashboards/templates").iterdir()]
    assert len(assets) > 30
    sources = [path for name in FOLDERS for path in (ROOT / name).rglob("*.py")]
    files = [path for path in (*assets, *sources) if path.is_file()]
    assert packed >= {installed(path.relative_to(ROOT)) for path in files}
    tops = {path.parts[0] for path in packed}
    (information,) = tops - {"alignment_core", "alignsearch"}
    described = unpacked / information
    assert "alignsearch = alignsearch.cli:main" in (described / "entry_points.txt").read_text()
    assert (described / "licenses" / "LICENSE").exists()
    metadata = (described / "METADATA").read_text()
    for extra in ("gpu", "tpu", "optuna"):
        assert f"Provides-Extra: {extra}\n" in metadata


def test_what_is_in_it_runs_from_any_folder(unpacked, tmp_path):
    program = (
        "import sys; sys.argv = ['alignsearch', '--help']; import alignsearch.cli;"
        "from alignsearch.dashboards.web import assets;"
        "print(alignsearch.cli.__file__, len(list(assets.FOLDER.iterdir())));"
        "alignsearch.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(unpacked / "alignsearch"))
    assert "submit" in done.stdout
    assert done.stderr == ""


def test_optunas_samplers_are_locked_at_the_versions_that_the_tests_run_over():
    run, optuna, tested = (_pinned(name) for name in ("run", "optuna", "test"))
    assert run <= optuna <= tested
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[^\w-]", each)[0] for each in extra["optional-dependencies"]["optuna"]}
    assert wanted <= {package for package, _ in optuna - run}


def test_the_tracking_tools_are_locked_beside_what_runs_and_tests():
    run, tools, tested = (_pinned(name) for name in ("run", "trackers", "test"))
    assert run <= tools
    # The tests install both locks into one environment.
    shared = {package for package, _ in tested}
    assert {each for each in tools if each[0] in shared} <= tested
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for tool in TRACKERS:
        named = extras["optional-dependencies"][tool]
        wanted = {re.split(r"[^\w-]", each)[0] for each in named}
        assert wanted <= {package for package, _ in tools}


def _pinned(name):
    """(package, version) of each line of a lock file that has them."""
    lines = (ROOT / "locks" / f"{name}.lock").read_text().splitlines()
    return {tuple(line.split()[0].split("==")) for line in lines if "==" in line.split(" ")[0]}


def test_the_mongodb_of_the_tests_is_shipped_and_needed_nowhere():
    """It is under the SSPL and past its end of life: its lock and the tests alone name it."""
    lock = ROOT / "locks" / "mongod.lock"
    (package,) = {
        line.split("==")[0] for line in lock.read_text().splitlines() if "==" in line[:40]
    }
    assert "--hash=sha256:" in lock.read_text()
    files = [ROOT / "pyproject.toml", *ROOT.glob("docker/**/*"), *ROOT.glob("locks/*")]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    named = [
        str(path)
        for path in files
        if path.is_file()
        and path != lock
        and any(word in path.read_text(errors="replace") for word in (package, lock.name))
    ]
    assert named == []
