"""Start every container's own command in a bare environment; `make test-wheel` runs this.

Each service of `compose.yaml` is run as its container would run it: entrypoint, arguments,
environment, health check, pre-stop hook. Only paths, ports and addresses differ, since one machine
has them all. MongoDB, its shell and tools, and Caddy are left out, as their programs are not here;
a MongoDB-wire store with users and TLS takes MongoDB's place.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from campaign.processes import kill_tree
from deployment_files import COMPOSE, DOCKER
from secured_server import SecuredServer

from alignsearch.search.store.processes import free_port, wait_until
from alignsearch.workers.hand_back import raylets

SERVICES = COMPOSE["services"]
PATIENCE = 300.0


class Containers:
    """The services of compose.yaml, as processes of one machine."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.bin = environment / "bin"
        self.secrets = folder / "secrets"
        self.ports = {name: str(free_port()) for name in ("6379", "8080", "9100")}
        self.running = {}
        programs = folder / "programs"
        programs.mkdir()
        # Every container reads its own role's URI from the same path, by a mount of its own. Where
        # mounts are refused, all share the operator's URI.
        self.separate = not subprocess.run(
            ["unshare", "--mount", "true"], capture_output=True, check=False
        ).returncode
        # The image has the script under this name in its path.
        (programs / "join-ray").symlink_to(DOCKER / "join.sh")
        self.path = f"{self.bin}:{programs}:/usr/bin:/bin"

    def own(self, text):
        """Replace a container's ports, secrets and hosts in a text by those of this machine."""
        text = re.sub(r"\b(head|127\.0\.0\.1|0\.0\.0\.0)(?=:\d)", "127.0.0.1", text)
        text = re.sub(r"\b(6379|8080|9100)\b", lambda found: self.ports[found[0]], text)
        return text.replace("/run/secrets", str(self.secrets)).replace("0.0.0.0", "127.0.0.1")

    def environment(self, name):
        given = SERVICES[name].get("environment", {})
        return {
            "PATH": self.path,
            "HOME": str(self.folder),
            "RAY_USAGE_STATS_ENABLED": "0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **{variable: self.own(str(value)) for variable, value in given.items()},
        }

    def inside(self, name):
        """Return the command that runs another one with the container's own secret mounted."""
        known = [each for each in SERVICES[name].get("secrets", []) if isinstance(each, dict)]
        mounted = [each["source"] for each in known if each["target"] == "store"]
        if not mounted or not self.separate:
            return []
        mount = ("sh", "-c", 'mount --bind "$0" "$1"; shift; exec "$@"')
        return ["unshare", "--mount", *mount, self.secrets / mounted[0], self.secrets / "store"]

    def command(self, name, *more):
        service = SERVICES[name]
        entry = service.get("entrypoint", ["alignsearch"])
        words = (self.own(str(word)) for word in (*service.get("command", ()), *more))
        return [*self.inside(name), *entry, *words]

    def run(self, name, *more):
        """Run a container to its end and return its standard output."""
        done = subprocess.run(
            self.command(name, *more),
            cwd=self.folder,
            env=self.environment(name),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (name, more, done.stdout, done.stderr)
        return done.stdout

    def start(self, name):
        """Start a container and wait until its health check passes."""
        began = time.monotonic()
        with (self.folder / f"{name}.log").open("w") as log:
            self.running[name] = subprocess.Popen(
                self.command(name),
                cwd=self.folder,
                env=self.environment(name),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _, *check = SERVICES[name]["healthcheck"]["test"]
        check = [self.own(word) for word in check]

        def healthy():
            asked = subprocess.run(
                check, env=self.environment(name), capture_output=True, check=False
            )
            return asked.returncode == 0

        assert wait_until(healthy, PATIENCE), (name, (self.folder / f"{name}.log").read_text())
        if name == "worker":
            # This machine has other raylets than a container sees.
            assert wait_until(lambda: list(self.nodes(name)), PATIENCE)
        print(f"{name}: healthy after {time.monotonic() - began:.1f} s")

    def stop(self, name):
        """Run a container's pre-stop hook, then end it as `docker stop` does."""
        for hook in SERVICES[name].get("pre_stop", []):
            said = subprocess.run(
                [*hook["command"], "--node", *self.nodes(name)],
                env=self.environment(name),
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            print(f"{name}, before its end: {said.strip()}")
        began = time.monotonic()
        process = self.running[name]
        process.send_signal(signal.SIGTERM)
        grace = SERVICES[name].get("stop_grace_period", "10s")
        process.wait(float(grace.removesuffix("s")))
        print(f"{name}: ended by SIGTERM in {time.monotonic() - began:.1f} s, its grace is {grace}")

    def nodes(self, name):
        """Yield the Ray node of a container, which inside of it would be the only visible one."""
        for raylet in raylets():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{raylet.pid}/stat").read_text()
                if int(status.rpartition(")")[2].split()[1]) == self.running[name].pid:
                    yield raylet.node

    def end(self):
        for process in self.running.values():
            kill_tree(process.pid)
            process.wait()
        # `join-ray` leaves its part of Ray to the container's end.
        ours = re.compile(rb"\0--gcs-address=[^\0]*:%s\0" % self.ports["6379"].encode())
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if ours.search((process / "cmdline").read_bytes()):
                    os.kill(int(process.name), signal.SIGKILL)


def main():
    environment = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory(prefix="co-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        containers = Containers(folder, environment)
        subprocess.run([DOCKER / "secrets.sh", containers.secrets], check=True)
        (folder / "store").mkdir()
        server = SecuredServer(folder / "store")
        server.start()
        try:
            (containers.secrets / "admin").write_text(server.uri())
            run(containers)
        finally:
            containers.end()
            server.stop(signal.SIGKILL)


def run(containers):
    (containers.secrets / "store").touch(0o600)
    # These two write into ./secrets, which is mounted at /secrets.
    SERVICES["users"]["command"][-1] = str(containers.secrets)
    SERVICES["token"]["command"][-1] = str(containers.secrets / "dashboard-token")
    print(containers.run("users").replace(str(containers.folder), ""), end="")
    assert len(containers.run("token").split()[0]) > 20
    if not containers.separate:
        (containers.secrets / "store").write_text((containers.secrets / "operator").read_text())
    for name in ("head", "worker", "serve", "dashboard"):
        containers.start(name)
    ask = ("submit", "ia", "--dataset", "rehearsal", "--epochs", "2", "--trials", "6")
    search = containers.run("submit", *ask, "--parallel", "2").split()[-1]

    def counts():
        told = json.loads(containers.run("submit", "status", search, "--json"))
        return told["counts"]

    assert wait_until(lambda: counts()["completed"] == 6, PATIENCE), counts()
    print(f"submitted, and driven to its end: {counts()}")
    for name in ("worker", "serve", "dashboard", "head"):
        containers.stop(name)


if __name__ == "__main__":
    main()
