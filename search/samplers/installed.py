"""Samplers that installed packages add by entry points.

An entry point names an object that is called as `SamplerFactory` says: mostly the sampler's class.

    [project.entry-points."alignsearch.samplers"]
    neighbours = "mypackage.samplers:Neighbours"
"""

from importlib import metadata
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.space import SearchSpace

ENTRY_POINTS = "alignsearch.samplers"
"""Group of the entry points by which packages add samplers."""


def installed_samplers() -> list[str]:
    """Return the names of the samplers that installed packages add."""
    return sorted({point.name for point in metadata.entry_points(group=ENTRY_POINTS)})


def make_installed(name: str, space: SearchSpace, **options: Any) -> Any:
    """Return a new sampler of this name over `space`; None if no package adds one.

    options: as `alignsearch.search.samplers.sampler.make_sampler`.

    Raises:
        ConfigurationError: its module can't be imported or has no such object, it can't be made
            for this space, or it is no sampler; the message is one line and names the package.
    """
    point = _point(name)
    if point is None:
        return None
    package = "unknown" if point.dist is None else point.dist.name
    where = f"the sampler {name}, {point.value} of the package {package},"
    try:
        factory = point.load()
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{where} can't be imported: {_line(error)}") from error
    try:
        made = factory(space, **options)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{where} can't be made here: {_line(error)}") from error
    lacking = [each for each in ("seen", "tell", "suggest") if not hasattr(made, each)]
    if lacking:
        raise ConfigurationError(
            f"{where} is no sampler: it makes {type(made).__name__}, without {', '.join(lacking)}"
        )
    return made


def installed_package(name: str) -> dict[str, str]:
    """Return the package that adds a sampler, with its version; nothing if that isn't known."""
    point = _point(name)
    if point is None or point.dist is None:
        return {}
    return {point.dist.name: point.dist.version}


def _point(name: str) -> metadata.EntryPoint | None:
    found = metadata.entry_points(group=ENTRY_POINTS, name=name)
    return next(iter(found), None)


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
