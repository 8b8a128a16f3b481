"""Hosts on one machine: a network namespace each, or only a process each."""

import contextlib
import os
import signal
import subprocess

HOSTS = ("head", "host-1", "host-2", "laptop")


class Network:
    """One network namespace for each host, all on one switch in that of the host `head`."""

    def __init__(self, tag, hosts=HOSTS):
        self.names = {host: f"{tag}-{host}" for host in hosts}
        self.addresses = {host: f"10.77.0.{n}" for n, host in enumerate(hosts, 1)}
        self.separate = True

    @classmethod
    def make(cls, tag, hosts=HOSTS):
        """Make the namespaces and return the network, or None where this machine refuses."""
        network = cls(tag, hosts)
        try:
            for name in network.names.values():
                ip("netns", "add", name)
            head = network.names["head"]
            ip("-n", head, "link", "add", "switch", "type", "bridge")
            ip("-n", head, "addr", "add", f"{network.addresses['head']}/24", "dev", "switch")
            ip("-n", head, "link", "set", "switch", "up")
            for host, name in network.names.items():
                ip("-n", name, "link", "set", "lo", "up")
                if host != "head":
                    port = f"to-{host}"
                    peer = ("peer", "name", "net", "netns", name)
                    ip("-n", head, "link", "add", port, "type", "veth", *peer)
                    ip("-n", head, "link", "set", port, "master", "switch", "up")
                    address = f"{network.addresses[host]}/24"
                    ip("-n", name, "addr", "add", address, "dev", "net")
                    ip("-n", name, "link", "set", "net", "up")
        except (OSError, subprocess.CalledProcessError):
            network.remove()
            return None
        return network

    def inside(self, host):
        """Return the command that runs another one on the host."""
        return ("ip", "netns", "exec", self.names[host])

    def cut(self, host):
        """Take the host off the switch."""
        ip("-n", self.names["head"], "link", "set", f"to-{host}", "down")

    def mend(self, host):
        """Put the host back on the switch."""
        ip("-n", self.names["head"], "link", "set", f"to-{host}", "up")

    def add_address(self, address):
        """Give the head one more address, which it may have already."""
        ip("-n", self.names["head"], "addr", "replace", f"{address}/24", "dev", "switch")

    def hide(self, host, address):
        """Drop all that the host sends to an address; connections there get no answer."""
        ip("-n", self.names[host], "route", "add", "blackhole", f"{address}/32")

    def show(self, host, address):
        """Let the host reach the address again."""
        ip("-n", self.names[host], "route", "del", "blackhole", f"{address}/32")

    def remove(self):
        """Kill all processes on the hosts, and remove the namespaces."""
        for name in self.names.values():
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                for pid in map(int, ip("netns", "pids", name).split()):
                    if pid != os.getpid():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                ip("netns", "del", name)


class OneHost:
    """Hosts that are only processes in this machine's own network."""

    separate = False

    def __init__(self, hosts=HOSTS):
        self.addresses = dict.fromkeys(hosts, "127.0.0.1")

    def inside(self, host):
        return ()

    def remove(self):
        pass


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    return done.stdout
