"""A real Slurm of two nodes on this machine, in processes of its own."""

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from driving import wait_until

from alignsearch.search.store.processes import free_port

BIN = Path(sys.executable).parent
SCRIPT = Path(__file__).parents[2] / "docker" / "slurm" / "alignsearch.sbatch"
NODES = ("n1", "n2")
SECONDS = 300.0

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
PropagateResourceLimits=NONE
KillWait=120
MinJobAge=3600
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 State=UNKNOWN
PartitionName=test Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """Commands of a Slurm, and of a folder whose searches its jobs drive."""

    def __init__(self, folder, work):
        """Take Slurm's own folder, and the folder of the searches."""
        self.folder = folder
        self.work = work
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ALIGNSEARCH_CHECK_SECONDS": "15",
        }
        for name in ("ALIGNSEARCH_STORE", "ALIGNSEARCH_RAY"):
            self.environment.pop(name, None)

    def does(self, *command):
        """Run a command in the folder of the searches, and return whether it succeeds."""
        return self._run(command).returncode == 0

    def _run(self, command):
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *command):
        """Run a command in the folder of the searches and return its standard output."""
        done = self._run(command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def submit(self, *words):
        """Submit the job script and return the job's id."""
        return self.run("sbatch", "--parsable", "--cpus-per-task=2", SCRIPT, *words).strip()

    def state(self, job):
        """Return a job's state; None if there was none of this id."""
        listed = self.run("squeue", "--noheader", "--states=all", "--format=%i %T").split("\n")
        states = dict(line.split() for line in listed if line)
        return states.get(job)

    def start_now(self, job):
        """Start a job that is queued again, for which Slurm would wait two minutes."""
        self.run("scontrol", "update", f"JobId={job}", "StartTime=now")

    def log(self, job):
        """Return what a job has said."""
        path = self.work / f"alignsearch-{job}.log"
        return path.read_text() if path.exists() else ""

    def trials(self, search):
        """Return the documents of a search's trials."""
        return json.loads(self.run(BIN / "alignsearch", "trials", search, "--json"))

    def steps(self, job):
        """Return the ids of the processes in which Slurm watches a job's tasks and its script."""
        found = subprocess.run(
            ["pgrep", "--full", rf"slurmstepd: \[{job}\."],
            capture_output=True,
            text=True,
            check=False,
        )
        # Another Slurm of this machine may have a job of the same id.
        own = f"SLURM_CONF={self.folder}/".encode()
        return [pid for pid in map(int, found.stdout.split()) if own in _environment(pid)]


@contextmanager
def slurm(work):
    """Start munge, slurmctld and a slurmd for each node; yield them for the folder `work`."""
    # A short name: sockets lie below it.
    folder = Path(tempfile.mkdtemp(prefix="sl-"))
    own = Slurm(folder, work)
    daemons = []
    try:
        (folder / "munge").mkdir(mode=0o700)
        (folder / "state").mkdir()
        key = folder / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=folder,
                host=socket.gethostname().partition(".")[0],
                user=getpass.getuser(),
                ports=[free_port() for _ in range(3)],
            )
        )
        commands = [
            [
                *("munged", "--foreground", "--force", f"--key-file={key}"),
                *(f"--{name}={folder}/munge/{name[:-5]}" for name in ("pid-file", "log-file")),
                *(f"--socket={folder}/munge/socket", f"--seed-file={folder}/munge/seed"),
            ],
            ["slurmctld", "-D"],
            *(["slurmd", "-D", "-N", node] for node in NODES),
        ]
        for command in commands:
            with (folder / f"{command[0]}-{command[-1]}.log".replace("/", "_")).open("w") as log:
                daemons.append(
                    subprocess.Popen(
                        command, env=own.environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
            if command[0] == "munged":
                wait_until((folder / "munge" / "socket").exists, SECONDS)
        idle = ("sinfo", "--noheader", "--Node", "--format=%N %T")
        wanted = [f"{node} idle" for node in NODES]
        wait_until(lambda: _said(own, idle) == wanted, SECONDS)
        yield own
    finally:
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], env=own.environment, check=False)
        wait_until(lambda: _said(own, ("squeue", "--noheader")) in ([], None), SECONDS)
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _environment(pid):
    """Return a process's environment; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _said(own, command):
    """Return the lines that a command prints; None as long as Slurm doesn't answer it."""
    done = subprocess.run(command, env=own.environment, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.splitlines()
