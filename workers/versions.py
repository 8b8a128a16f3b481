"""Versions of the packages that can change a result, and how two hosts' versions differ."""

import importlib.metadata
import platform
from collections.abc import Mapping

PACKAGES = ("alignsearch", "tensorflow", "keras", "numpy", "ray", "pymongo")
INSTEAD = {"tensorflow": "tensorflow-tpu"}
"""Distributions that install a package under another name."""


def versions() -> dict[str, str]:
    """Return the versions in this process by package, "absent" for one that isn't installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def differences(host: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return a sentence for each package whose version on `host` isn't the driver's.

    Args:
        host: name of the host, for the sentences.
        found: versions on the host by package.
        wanted: versions at the driver by package.
    """
    return [
        f"{name} is {found.get(name, 'absent')} on {host} and {version} at the driver"
        for name, version in wanted.items()
        if found.get(name) != version
    ]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        try:
            return importlib.metadata.version(INSTEAD[name])
        except (KeyError, importlib.metadata.PackageNotFoundError):
            return "absent"
