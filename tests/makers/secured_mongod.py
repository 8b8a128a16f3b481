"""A real MongoDB set up as in production: a replica set with users, a key file and TLS."""

import signal
from contextlib import closing

import pymongo
from mongod import NAME, ReplicaSet
from secured_server import SecuredServer


class SecuredMongod(SecuredServer):
    """A MongoDB with users, rights and TLS, as `SecuredServer` is the embedded store's server.

    mutual: ask clients for a certificate of the same authority, too.
    """

    def __init__(self, folder, *, mutual=False):
        super().__init__(folder)
        signed = ("-CA", "authority.pem", "-CAkey", "authority.key")
        self._openssl("client", *signed)
        for name in ("server", "client"):
            parts = [(folder / f"{name}.{kind}").read_text() for kind in ("key", "pem")]
            (folder / f"{name}-both.pem").write_text("".join(parts))
        self.client_certificate = folder / "client-both.pem"
        self._mutual = mutual
        self._set = None

    def start(self):
        """Make the set and its first user while it asks for neither, then ask for both."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        key = self.folder / "members.key"
        key.write_text("0123456789abcdef" * 4)
        key.chmod(0o400)
        self._set = ReplicaSet(self.folder / "members")
        self._set.start()
        (member,) = self._set.members
        self.port = member.port
        member.command("createUser", "root", pwd=self.password, roles=["root"])
        member.kill(signal.SIGTERM)
        tls = (
            *("--tlsMode", "requireTLS", "--tlsCAFile", self.authority),
            *("--tlsCertificateKeyFile", self.folder / "server-both.pem"),
            *(() if self._mutual else ("--tlsAllowConnectionsWithoutCertificates",)),
        )
        member.start("--auth", "--keyFile", key, *tls)
        options = {"tlsCertificateKeyFile": self.client_certificate} if self._mutual else {}
        with closing(pymongo.MongoClient(self.uri(replicaSet=NAME, **options))) as client:
            # It is primary again.
            client.admin.command("ping", read_preference=pymongo.ReadPreference.PRIMARY)

    def stop(self, number=signal.SIGKILL):
        """End the server."""
        self._set.stop()
