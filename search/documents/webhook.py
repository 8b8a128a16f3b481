"""The address of a webhook: an HTTP server that is told what becomes of a search."""

import re
from urllib.parse import urlsplit

from alignment_core.errors import ConfigurationError

LONGEST_URL = 2000
"""Characters of a webhook's address, as browsers and proxies take them."""


def check_webhook(url: str) -> None:
    """Check that a text is the address of a webhook.

    Raises:
        ConfigurationError: it is none, or has a user and a password, which the store would keep.
    """
    form = "write it like https://HOST/PATH"
    if len(url) > LONGEST_URL or re.search(r"[^\x21-\x7e]", url):
        raise ConfigurationError(
            "no webhook has spaces, other letters than ASCII, or more than "
            f"{LONGEST_URL} characters in its address; {form}"
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{url!r} is no webhook's address ({error}); {form}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"{url!r} is no webhook's address; {form}")
    if parts.username is not None or parts.fragment:
        raise ConfigurationError(
            f"a webhook at {host} can't have a user, a password or a fragment in its address: its "
            "receiver checks the signature instead"
        )
