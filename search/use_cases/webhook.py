"""Sends a notice to a webhook: one HTTP request with a JSON body and its signature."""

import hashlib
import hmac
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from alignsearch.search.use_cases.loopback import is_loopback

SECRET_VARIABLE = "ALIGNSEARCH_NOTIFY_SECRET"
"""Environment variable of the driver's process with the key of signatures."""
TIMEOUT_SECONDS = 10.0
"""Longest wait for the receiver: it only has to take the notice down."""


class NotDeliveredError(Exception):
    """The receiver doesn't answer, or refuses the notice."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a notice goes to the address that was checked, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def signature_of(body: bytes, secret: str) -> str:
    """Return the value of the header `X-Alignsearch-Signature`: HMAC-SHA256 of the body."""
    return f"sha256={hmac.digest(secret.encode(), body, hashlib.sha256).hex()}"


def post(url: str, body: bytes, notice: str, secret: str | None) -> None:
    """Send a notice once.

    Args:
        url: address of the webhook.
        body: JSON.
        notice: the notice's id, by which a receiver knows it again.
        secret: key of the signature; None sends none.

    Raises:
        NotDeliveredError: the answer is none, or its status isn't 2xx.
    """
    request = urllib.request.Request(url, body, method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("User-Agent", "alignsearch")
    request.add_header("X-Alignsearch-Notice", notice)
    if secret:
        request.add_header("X-Alignsearch-Signature", signature_of(body, secret))
    handlers: list[Any] = [_NoRedirect()]
    if is_loopback(urlsplit(url).hostname or ""):
        # A proxy of the environment would look for the receiver on its own machine.
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_SECONDS):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise NotDeliveredError(f"it answers {error.code} {error.reason}") from None
    except (OSError, ValueError) as error:
        raise NotDeliveredError(str(error)) from error
