"""Access control: tokens, sessions, CSRF tokens and a limit on guesses.

Only the scrypt hash of a token is stored. A session is a cookie that the server signs with a random
key, which ends with the process. The session's CSRF token is signed with the same key.
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

from alignment_core.errors import ConfigurationError
from alignsearch.dashboards.models import LONGEST_TOKEN, Login

COOKIE = "alignsearch"
SESSION_SECONDS = 12 * 3600.0
"""A login lasts a working day."""
FAILURES_A_MINUTE = 5
"""Wrong tokens that are checked within a minute; enough for typing errors, useless for guessing."""
TOKEN_BYTES = 24
"""Random bytes of a new token: 192 bits can't be guessed."""
_N, _R, _P = 2**14, 8, 1
"""Cost of scrypt: 16 MiB of memory and a few hundredths of a second for each guess."""


@dataclass(frozen=True)
class HashedToken:
    """The scrypt hash of a token, and its salt."""

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, token: str) -> "HashedToken":
        """Hash a token with a random salt."""
        salt = secrets.token_bytes(16)
        return cls(salt, _scrypt(token, salt))

    @classmethod
    def read(cls, path: Path) -> "HashedToken":
        """Read the hash that `write` wrote.

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
        """Write the hash to a file that only its owner can read.

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
        """Return whether this is the token, compared in constant time."""
        return hmac.compare_digest(_scrypt(token, self.salt), self.digest)


def new_token() -> str:
    """Make a random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


@dataclass(frozen=True)
class Session:
    """A browser's session. `user` is the name of the person logged in, or None."""

    id: str
    user: str | None
    expires_at: float


class Throttle:
    """Limits wrong tokens to a number a minute, counted over all clients together."""

    def __init__(self, failures: int = FAILURES_A_MINUTE, seconds: float = 60.0) -> None:
        self._failures: deque[float] = deque(maxlen=failures)
        self._seconds = seconds
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Seconds until the next token is checked; 0 for now."""
        with self._lock:
            if len(self._failures) < (self._failures.maxlen or 0):
                return 0.0
            return max(0.0, self._failures[0] + self._seconds - time.monotonic())

    def failed(self) -> None:
        """Count a wrong token."""
        with self._lock:
            self._failures.append(time.monotonic())


class Gate:
    """Decides who may steer.

    With a token, whoever logs in with it may. Without one, everybody may on the loopback interface,
    and nobody elsewhere.
    """

    def __init__(self, token: HashedToken | None, *, loopback: bool, person: str) -> None:
        """Make a random key. `person` is the author of changes made without a login."""
        self.token = token
        self._loopback = loopback
        self._person = person
        self._key = secrets.token_bytes(32)
        self._known = b""
        self.throttle = Throttle()

    def login_of(self, session: Session) -> Login:
        """Return whether the session must log in to steer."""
        if self.token is None:
            return "none" if self._loopback else "impossible"
        return "done" if session.user is not None else "needed"

    def author(self, session: Session) -> str | None:
        """The author that events name; None if the session may not steer."""
        login = self.login_of(session)
        if login == "none":
            return f"{self._person} (dashboard)"
        return f"{session.user} (dashboard)" if login == "done" else None

    def fits(self, token: str) -> bool:
        """Return whether this is the token. The right one is fast to check after the first time."""
        if self.token is None or len(token) > LONGEST_TOKEN:
            return False
        # Programs send the token with each request, so a fast hash of the right one is kept.
        digest = hmac.digest(self._key, token.encode(), "sha256")
        if self._known and hmac.compare_digest(digest, self._known):
            return True
        if self.token.fits(token):
            self._known = digest
            return True
        return False

    def new_session(self, user: str | None = None) -> Session:
        """Begin a session."""
        return Session(secrets.token_urlsafe(16), user, time.time() + SESSION_SECONDS)

    def cookie(self, session: Session) -> str:
        """The signed value of the session's cookie."""
        fields = json.dumps([session.id, session.user, session.expires_at]).encode()
        payload = base64.urlsafe_b64encode(fields).decode()
        return f"{payload}.{self._sign('session', payload)}"

    def session(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None if this server didn't sign it or it has expired."""
        payload, _, signature = (cookie or "").rpartition(".")
        if not hmac.compare_digest(self._sign("session", payload).encode(), signature.encode()):
            return None
        id_, user, expires_at = json.loads(base64.urlsafe_b64decode(payload))
        return Session(id_, user, expires_at) if expires_at > time.time() else None

    def csrf(self, session: Session) -> str:
        """The session's CSRF token: our pages send it with each change, other sites can't."""
        return self._sign("csrf", session.id)

    def is_csrf(self, session: Session, token: str) -> bool:
        """Return whether `token` is the session's CSRF token, compared in constant time."""
        return hmac.compare_digest(self.csrf(session).encode(), token.encode())

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}:{text}".encode(), "sha256").hex()


def _scrypt(token: str, salt: bytes) -> bytes:
    return hashlib.scrypt(token.encode(), salt=salt, n=_N, r=_R, p=_P)
