"""Names by which this process is known: in events, and in the leases that it holds."""

import getpass
import os
import socket


def whoami() -> str:
    """Return the user and the host that events name."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def driver_owner() -> str:
    """Return the user, host and process that a driver's lease names."""
    return f"{whoami()}:{os.getpid()}"
