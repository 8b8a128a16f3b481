"""Addresses of stores: a MongoDB URI, or `file:` with the path of a file that holds one."""

import errno
import re
import stat
from pathlib import Path
from urllib.parse import quote_plus

from alignment_core.errors import ConfigurationError

FILE = "file:"
"""Begins an address that names a file."""

_SECRET_OPTIONS = re.compile(
    r"(?i)\b(tlsCertificateKeyFilePassword|authMechanismProperties|proxyPassword)=[^&]*"
)

_OF_A_USER = re.compile(r"(?i)(authSource|authMechanism|authMechanismProperties)=")

_SCHEME = re.compile(r"mongo(db(\+srv)?)?://")
"""Beginnings of MongoDB's URIs; HyperOpt's begin with mongo://."""


def mask(uri: str) -> str:
    """Return the URI with its passwords replaced by asterisks, for logs and displays."""
    # Up to the last @, because people leave reserved characters in passwords unescaped.
    masked = re.sub(r"^(\w[\w+]*://)?([^:@/]*):(?!//).*@", r"\1\2:***@", uri)
    return _SECRET_OPTIONS.sub(r"\1=***", masked)


def read_uri(address: str) -> str:
    """Return the URI at an address: the address itself, or the content of `file:/PATH`.

    A file keeps the password out of the environment, the list of processes and Ray, through which
    the address goes to the workers. Each process reads the file of its own host.

    Raises:
        ConfigurationError: the path is relative, or the file can't be read or has no such URI.
    """
    if not address.startswith(FILE):
        return address
    path = Path(address.removeprefix(FILE))
    if not path.is_absolute():
        raise ConfigurationError(
            f"{address!r} must name a file by its whole path, like file:/run/secrets/store: "
            "workers on other hosts read it too"
        )
    try:
        check_file(path)
        uri = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ConfigurationError(
            f"the store's URI can't be read from {path} ({why}): every host that drives, trains "
            "or shows searches needs this file"
        ) from error
    if not _SCHEME.match(uri):
        # Its content isn't shown: it may be a password alone.
        what = "doesn't begin with mongodb:// or mongodb+srv://" if uri else "is empty"
        raise ConfigurationError(f"{path} {what}; it should hold a MongoDB URI")
    return uri


def check_file(path: Path) -> None:
    """Raise an OSError if there is no file: a pipe or a device can have no end, or never begin."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file")


def with_user(uri: str, user: str, password: str, database: str) -> str:
    """Return the URI of the same servers for a user whom this database authenticates."""
    scheme, _, rest = uri.partition("://")
    place, _, options = rest.partition("?")
    hosts = place.rpartition("@")[2].partition("/")[0]
    kept = [each for each in options.split("&") if each and not _OF_A_USER.match(each)]
    known = f"{quote_plus(user)}:{quote_plus(password)}"
    return f"{scheme}://{known}@{hosts}/{database}?{'&'.join([*kept, f'authSource={database}'])}"
