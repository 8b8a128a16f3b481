"""The versions that can change a result, and which of them two processes don't share."""

import importlib.metadata
import platform
from collections.abc import Mapping

PACKAGES = ("alignsearch", "tensorflow", "keras", "numpy", "ray", "pymongo")
INSTEAD = {"tensorflow": "tensorflow-tpu"}
"""What another distribution installs in a package's place."""


def versions() -> dict[str, str]:
    """Those of this process."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def differences(host: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Each package whose version on `host` isn't the driver's, said with both versions."""
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
