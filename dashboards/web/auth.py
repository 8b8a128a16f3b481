"""Access control: who may steer, sessions and CSRF tokens.

A session is a cookie that the server signs with a random key, which ends with the process. The
session's CSRF token is signed with the same key.
"""

import base64
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from alignsearch.dashboards.models import LONGEST_TOKEN, Login
from alignsearch.dashboards.web.tokens import HashedToken, Throttle

COOKIE = "alignsearch"
SESSION_SECONDS = 12 * 3600.0
"""A login lasts a working day."""


@dataclass(frozen=True)
class Session:
    """A browser's session. `user` is the name of the person logged in, or None."""

    id: str
    user: str | None
    expires_at: float


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

    def fits(self, token: str, address: str) -> bool:
        """Return whether this is the token, which comes from this address."""
        if self.token is None or len(token) > LONGEST_TOKEN:
            return False
        # A token that an earlier version hashed with scrypt is fast to check after the first time.
        digest = hmac.digest(self._key, token.encode(), "sha256")
        if self._known and hmac.compare_digest(digest, self._known):
            return True
        if self.token.is_scrypt and self.throttle.wait(address):
            # Guesses must not cost computing time without limit.
            return False
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
