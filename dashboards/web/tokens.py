"""The dashboard's token as its digest, and the limit on wrong ones.

A token is random, so nobody guesses it, and a fast digest of it tells nothing about it. Because
checking a wrong one costs nothing, the right one is let in at any time, however many wrong ones
come beside it.
"""

import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alignment_core.errors import ConfigurationError

FAILURES_A_MINUTE = 5
"""Wrong tokens of one address within a minute that are told so; enough for typing errors."""
MOST_ADDRESSES = 10_000
"""Addresses whose wrong tokens are remembered: some MB of memory, whoever comes."""
TOKEN_BYTES = 24
"""Random bytes of a new token: 192 bits can't be guessed."""
_KEY_BYTES = 32
_N, _R, _P = 2**14, 8, 1
"""Cost of scrypt in files that earlier versions wrote: a few hundredths of a second a guess."""


@dataclass(frozen=True)
class HashedToken:
    """A token's digest under a random key.

    Attributes:
        key: of HMAC-SHA256, or the salt of scrypt.
        digest: of the token.
        is_scrypt: whether an earlier version wrote it, with scrypt. The right token passes then as
            ever, but a wrong one costs computing time.
    """

    key: bytes
    digest: bytes
    is_scrypt: bool = False

    @classmethod
    def of(cls, token: str) -> "HashedToken":
        """Digest a token under a new random key."""
        key = secrets.token_bytes(_KEY_BYTES)
        return cls(key, _digest(token, key))

    @classmethod
    def read(cls, path: Path) -> "HashedToken":
        """Read what `write` wrote, in this version or in an earlier one.

        Raises:
            ConfigurationError: the file can't be read or holds something else.
        """
        try:
            fields = json.loads(path.read_text())
            if "scrypt" in fields:
                salt, digest = (bytes.fromhex(fields[name]) for name in ("salt", "scrypt"))
                return cls(salt, digest, is_scrypt=True)
            return cls(bytes.fromhex(fields["key"]), bytes.fromhex(fields["hmac_sha256"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{path} holds no dashboard token ({error}): make one with `alignsearch dashboard "
                f"--set-token --token-file {path}`"
            ) from error

    def write(self, path: Path) -> None:
        """Write the digest to a file that only its owner can read.

        Raises:
            ConfigurationError: the file can't be written.
        """
        text = json.dumps({"key": self.key.hex(), "hmac_sha256": self.digest.hex()})
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
        if self.is_scrypt:
            found = hashlib.scrypt(token.encode(), salt=self.key, n=_N, r=_R, p=_P)
        else:
            found = _digest(token, self.key)
        return hmac.compare_digest(found, self.digest)


def new_token() -> str:
    """Make a random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def _digest(token: str, key: bytes) -> bytes:
    return hmac.digest(key, token.encode(), "sha256")


class Throttle:
    """Counts wrong tokens by the address that they come from, and limits them to some a minute.

    A host has 2**64 addresses of IPv6 in its own network, so those of one /64 count as one.
    """

    def __init__(
        self,
        failures: int = FAILURES_A_MINUTE,
        seconds: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with no wrong token; `monotonic` is a clock in seconds that never goes back."""
        self._most = failures
        self._seconds = seconds
        self._monotonic = monotonic
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> float:
        """Count a wrong token; return the seconds until the address is told of one again.

        They are 0 for a wrong token within the limit.
        """
        now = self._monotonic()
        wait = self.wait(address)
        network = _network(address)
        if wait > 0:
            return wait
        known = self._failures.setdefault(network, deque(maxlen=self._most))
        known.append(now)
        self._failures.move_to_end(network)
        while len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        return 0.0

    def wait(self, address: str) -> float:
        """Return the seconds until the address may try a wrong token again; 0 for now."""
        known = self._failures.get(_network(address))
        if known is None or len(known) < self._most:
            return 0.0
        return max(0.0, known[0] + self._seconds - self._monotonic())


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)
