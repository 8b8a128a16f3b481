"""Who may steer: tokens, sessions, and protection against other sites and guessing.

A token is kept as scrypt's hash of it. A session is a cookie that the server has signed with a key
of its own, which dies with the process; its CSRF token is signed with the same key.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignment_core.errors import ConfigurationError

COOKIE = "alignsearch"
SESSION_SECONDS = 12 * 3600.0
FAILURES_A_MINUTE = 5
TOKEN_BYTES = 24
LONGEST_TOKEN = 256
_N, _R, _P = 2**14, 8, 1
"""scrypt's cost: 16 MiB and a few hundredths of a second for each guess."""

Login = Literal["none", "needed", "done", "impossible"]


@dataclass(frozen=True)
class HashedToken:
    """A token as it is kept: scrypt's hash and its salt."""

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, token: str) -> "HashedToken":
        """Hash a token with a salt of its own."""
        salt = secrets.token_bytes(16)
        return cls(salt, _scrypt(token, salt))

    @classmethod
    def read(cls, path: Path) -> "HashedToken":
        """Read the hash that `write` left.

        Raises:
            ConfigurationError: the file can't be read or holds something else.
        """
        try:
            fields = json.loads(path.read_text())
            return cls(bytes.fromhex(fields["salt"]), bytes.fromhex(fields["scrypt"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{path} holds no dashboard token ({error}): make one with `alignsearch dashboard "
                f"--set-token --token-file {path}`"
            ) from error

    def write(self, path: Path) -> None:
        """Write the hash for its owner's eyes only.

        Raises:
            ConfigurationError: the file can't be written.
        """
        text = json.dumps({"salt": self.salt.hex(), "scrypt": self.digest.hex()})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w") as opened:
                opened.write(text + "\n")
        except OSError as error:
            raise ConfigurationError(
                f"the token can't be kept in {path} ({error.strerror}): name another --token-file"
            ) from error

    def fits(self, token: str) -> bool:
        """Whether this is the token, told in constant time."""
        return hmac.compare_digest(_scrypt(token, self.salt), self.digest)


def new_token() -> str:
    """A token that can't be guessed."""
    return secrets.token_urlsafe(TOKEN_BYTES)


@dataclass(frozen=True)
class Session:
    """Who talks to the server: a person that has logged in, or somebody (`user` is None)."""

    id: str
    user: str | None
    expires_at: float


class Throttle:
    """At most so many failures a minute, of everybody together: a token is guessed or it isn't."""

    def __init__(self, failures: int = FAILURES_A_MINUTE, seconds: float = 60.0) -> None:
        self._failures: deque[float] = deque(maxlen=failures)
        self._seconds = seconds
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Seconds until the next try is heard; 0 if now."""
        with self._lock:
            if len(self._failures) < (self._failures.maxlen or 0):
                return 0.0
            return max(0.0, self._failures[0] + self._seconds - time.monotonic())

    def failed(self) -> None:
        """Count a failure."""
        with self._lock:
            self._failures.append(time.monotonic())


class Gate:
    """Decides who may steer.

    token: without one everybody may on the loopback interface, and nobody elsewhere.
    """

    def __init__(self, token: HashedToken | None, *, loopback: bool, person: str) -> None:
        """`person` is the author of what is done without a login."""
        self.token = token
        self._loopback = loopback
        self._person = person
        self._key = secrets.token_bytes(32)
        self._known = b""
        self.throttle = Throttle()

    def login_of(self, session: Session) -> Login:
        """What stands between the session and steering."""
        if self.token is None:
            return "none" if self._loopback else "impossible"
        return "done" if session.user is not None else "needed"

    def author(self, session: Session) -> str | None:
        """Whom an event names; None if the session may not steer."""
        login = self.login_of(session)
        if login == "none":
            return f"{self._person} (dashboard)"
        return f"{session.user} (dashboard)" if login == "done" else None

    def fits(self, token: str) -> bool:
        """Whether this is the token; slow, unless it was the right one before."""
        if self.token is None or len(token) > LONGEST_TOKEN:
            return False
        # Of a right token its plain hash is remembered, for programs that send it each time.
        digest = hmac.digest(self._key, token.encode(), "sha256")
        if self._known and hmac.compare_digest(digest, self._known):
            return True
        if self.token.fits(token):
            self._known = digest
            return True
        return False

    def new_session(self, user: str | None = None) -> Session:
        """A session that begins now."""
        return Session(secrets.token_urlsafe(16), user, time.time() + SESSION_SECONDS)

    def cookie(self, session: Session) -> str:
        """The session as a cookie's value."""
        fields = json.dumps([session.id, session.user, session.expires_at]).encode()
        payload = base64.urlsafe_b64encode(fields).decode()
        return f"{payload}.{self._sign('session', payload)}"

    def session(self, cookie: str | None) -> Session | None:
        """The session of a cookie that this server has signed and that hasn't expired."""
        payload, _, signature = (cookie or "").rpartition(".")
        if not hmac.compare_digest(self._sign("session", payload).encode(), signature.encode()):
            return None
        id_, user, expires_at = json.loads(base64.urlsafe_b64decode(payload))
        return Session(id_, user, expires_at) if expires_at > time.time() else None

    def csrf(self, session: Session) -> str:
        """What a page of ours sends with each change, and another site can't know."""
        return self._sign("csrf", session.id)

    def is_csrf(self, session: Session, token: str) -> bool:
        """Whether `token` is the session's, told in constant time."""
        return hmac.compare_digest(self.csrf(session).encode(), token.encode())

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}:{text}".encode(), "sha256").hex()


def _scrypt(token: str, salt: bytes) -> bytes:
    return hashlib.scrypt(token.encode(), salt=salt, n=_N, r=_R, p=_P)
