"""Where a store is: a MongoDB URI, or the file that holds one."""

from pathlib import Path

from alignment_core.errors import ConfigurationError

FILE = "file:"


def read_uri(address: str) -> str:
    """The URI itself: `address`, or what the file holds that `file:/PATH` names.

    A file keeps a password out of the environment, of the list of processes and of Ray, which
    carries the address to the workers: each process reads the file of its own host.

    Raises:
        ConfigurationError: the path is relative, or the file can't be read or is empty.
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
        uri = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ConfigurationError(
            f"the store's URI can't be read from {path} ({why}): every host that drives, trains "
            "or shows searches needs this file"
        ) from error
    if not uri:
        raise ConfigurationError(f"{path} is empty; it should hold a MongoDB URI")
    return uri
