"""docker/slurm: one search over two jobs of a real Slurm, which are preempted, and killed."""

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest
from deployment_files import run
from slurm import BIN, SCRIPT, slurm

MANY = 10_000
"""Trials that take hours."""
SECONDS = 900.0
"""Longest wait: a killed job's Ray takes a minute to be missed, and a busy machine is slow."""


def soon(condition):
    """Wait for something that commands tell, which take a part of a second each."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Return a Slurm whose jobs work in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("slurm") / "two words"
    folder.mkdir()
    with slurm(folder) as running:
        yield running


def outcomes(trial):
    return [each["outcome"] for each in trial["attempts"].values()]


def running(cluster, search):
    """Count the trials that run and have an epoch, which their checkpoint then has."""
    trials = cluster.trials(search)
    return sum(each["state"] == "running" and bool(each["progress"]) for each in trials)


@pytest.mark.timeout(3600)
def test_a_search_over_two_jobs_outlives_the_preemption_of_each(cluster):
    # More trials than can end before it is told how many are enough.
    asked = ("--trials", f"{MANY}", "--epochs", "60", "--resources", "CPU=1")
    first = cluster.submit("ia", "--dataset", "rehearsal", *asked)
    search = f"slurm-{first}"
    soon(lambda: "trial 0" in cluster.log(first))
    second = cluster.submit()
    soon(lambda: "adds its hosts" in cluster.log(second))
    cluster.run(BIN / "alignsearch", "set", search, "--parallel", "4")
    soon(lambda: running(cluster, search) == 4)

    # A job with workers alone goes, and comes again.
    cluster.run("scontrol", "requeue", second)
    soon(lambda: cluster.state(second) == "PENDING")
    cluster.start_now(second)
    soon(lambda: cluster.log(second).count("adds its hosts") == 2)

    # The one that leads comes near to its time limit: the other one leads from then on.
    cluster.run("scancel", "--batch", "--signal=USR1", first)
    soon(lambda: "is queued again" in cluster.log(first))
    soon(lambda: "leads the cluster" in cluster.log(second))
    soon(lambda: cluster.state(first) == "PENDING")
    cluster.start_now(first)
    soon(lambda: running(cluster, search))
    found = []

    def is_enough():
        # It is refused where more have a result by then: trials end between the two commands.
        enough = len(cluster.trials(search)) + 2
        found[:] = [enough]
        return cluster.does(BIN / "alignsearch", "set", search, "--trials", enough)

    soon(is_enough)
    (enough,) = found
    soon(lambda: cluster.state(first) == cluster.state(second) == "COMPLETED")

    trials = cluster.trials(search)
    # Some more may have begun between the count and the driver's reading of it.
    assert enough <= len(trials) < MANY
    assert {each["state"] for each in trials} == {"completed"}
    ended = [outcome for each in trials for outcome in outcomes(each)]
    assert ended.count("completed") == len(trials)
    # No attempt was spent: none has ended by itself but with a result.
    assert set(ended) == {"completed", "handed_back"}
    assert any(each["attempts"][str(each["attempt"])]["resumed"] for each in trials)
    assert "no search is left to drive" in cluster.log(first) + cluster.log(second)


@pytest.mark.timeout(3600)
def test_a_job_whose_slurm_processes_are_killed_hands_back_and_leaves_nothing_behind(cluster):
    asked = ("--trials", f"{MANY}", "--epochs", "60", "--resources", "CPU=1")
    job = cluster.submit("wm", "--dataset", "rehearsal", *asked)
    search = f"slurm-{job}"
    soon(lambda: os.path.exists(cluster.work / f"alignsearch-{job}.log"))
    soon(lambda: search in cluster.log(job) and running(cluster, search) == 2)
    for step in cluster.steps(job):
        with suppress(ProcessLookupError):
            os.kill(step, signal.SIGKILL)
    soon(lambda: not left(cluster))
    trials = cluster.trials(search)
    assert {each["state"] for each in trials} <= {"completed", "queued"}
    assert {outcome for each in trials for outcome in outcomes(each)} <= {
        "completed",
        "handed_back",
    }


def left(cluster):
    """Return what still runs of the jobs: Ray, drivers, keepers, all with the folder's token."""
    found = []
    token = f"RAY_AUTH_TOKEN_PATH={cluster.work}".encode()
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                with open(f"/proc/{process}/environ", "rb") as environment:
                    if token in environment.read():
                        found.append(process)
            except OSError:
                continue
    return found


@pytest.mark.parametrize(
    ("given", "words", "said"),
    [
        ({"SLURM_JOB_NUM_NODES": "2"}, (), "the embedded store serves one host"),
        ({}, ("ia", "--name", "mine"), "--name can't be given here"),
        ({"PATH": "/usr/bin:/bin"}, (), "not in the PATH"),
    ],
)
def test_a_job_that_can_do_nothing_says_why(given, words, said, tmp_path):
    slurm_says = {"SLURM_JOB_ID": "1", "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NAME": "alignsearch"}
    path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = run(SCRIPT, *words, at=tmp_path, env={**path, **slurm_says, **given})
    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_job_script_can_be_read_by_bash():
    assert subprocess.run(["bash", "-n", SCRIPT], check=False).returncode == 0
