"""This machine's own addresses, which no other machine can reach."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is the loopback interface."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
