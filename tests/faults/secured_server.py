"""The embedded store's server, set up as a MongoDB is in production."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote_plus

import pymongo

from alignsearch.search.store.processes import free_port, wait_until


class SecuredServer:
    """A server with users, rights and TLS.

    addresses: the certificate is for these and 127.0.0.1.
    """

    password = "p@ss/w:rd of the root"

    def __init__(self, folder, addresses=()):
        self.folder = folder
        self.port = free_port()
        self.authority = folder / "authority.pem"
        names = ",".join(f"IP:{address}" for address in ("127.0.0.1", *addresses))
        self._openssl("authority", "-addext", "keyUsage=critical,keyCertSign")
        signed = ("-CA", "authority.pem", "-CAkey", "authority.key")
        self._openssl("server", *signed, "-addext", f"subjectAltName={names}")
        self._process = None

    def _openssl(self, name, *options):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-keyout", f"{name}.key", "-out", f"{name}.pem", *options),
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    def start(self, host="127.0.0.1", inside=()):
        """Make the first user while nobody can reach the server, then ask for one and for TLS.

        inside: the command that runs another one in the network where it is to listen at `host`.
        """
        self._run((), "127.0.0.1")
        with pymongo.MongoClient(f"mongodb://127.0.0.1:{self.port}") as client:
            client.admin.command("createUser", "root", pwd=self.password, roles=["root"])
        self.stop()
        tls = ("--tls-cert-file", "server.pem", "--tls-key-file", "server.key")
        self._run(inside, host, "--auth", *tls)

    def _run(self, inside, host, *options):
        (self.folder / "empty.toml").touch()
        with (self.folder / "store.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *inside,
                    *(Path(sys.executable).with_name("secantusd-py"), "--standalone"),
                    *("--host", host, "--port", str(self.port), "--storage-path", "data"),
                    *("--config", "empty.toml", "--log-level", "WARNING", *options),
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert wait_until(lambda: answers(host, self.port), 300)

    def stop(self, number=signal.SIGINT):
        """Send the server a signal and wait until it has ended."""
        self._process.send_signal(number)
        self._process.wait(300.0)

    def uri(self, user="root", password=password, host="127.0.0.1", database="alignsearch", **more):
        """Return the URI of a user, with TLS; `more` are URI options, None to leave one out."""
        known = f"{user}:{quote_plus(password)}@" if user else ""
        asked = {"authSource": "admin", "tls": "true", "tlsCAFile": self.authority, **more}
        options = "&".join(f"{key}={value}" for key, value in asked.items() if value is not None)
        return f"mongodb://{known}{host}:{self.port}/{database}?{options}"


def answers(host, port):
    """Return whether a server accepts connections at an address, as seen from this process."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True
