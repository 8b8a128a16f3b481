"""Differences of two spaces in words, for whoever hands over another space than is stored."""

from alignsearch.spaces.describe import condition_text
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.space import SearchSpace


def difference(stored: SearchSpace, given: SearchSpace) -> str:
    """Return in words how a stored space differs from one that is given.

    Names every dimension that differs by its label, its range or its condition. Spaces of the same
    dimensions differ by their constants, by the order of options, or by what is computed.

    Example:
        >>> difference(from_hyperopt({"x": hp.uniform("x", 0, 1)}, name="a"),
        ...            from_hyperopt({"x": hp.uniform("x", 0, 2)}, name="a"))
        'x is uniform in [0, 1] there, uniform in [0, 2] here'
    """
    theirs = {each.name: each for each in stored.sampled}
    ours = {each.name: each for each in given.sampled}
    found = []
    for where, names in (
        ("there", theirs.keys() - ours.keys()),
        ("here", ours.keys() - theirs.keys()),
    ):
        if names:
            found.append(f"only {where}: {', '.join(sorted(names))}")
    for name in sorted(theirs.keys() & ours.keys()):
        there, here = _texts(stored, theirs[name]), _texts(given, ours[name])
        if there != here:
            at = 0 if there[0] != here[0] else 1
            found.append(f"{name} is {there[at]} there, {here[at]} here")
    fixed = [
        name
        for name, value in {e.name: e.value for e in stored.fixed}.items()
        if name in (held := {e.name: e.value for e in given.fixed}) and held[name] != value
    ]
    if fixed:
        found.append(f"other values of {', '.join(sorted(fixed))}")
    return "; ".join(found) or (
        "the same dimensions, but other constants, other options, or another form"
    )


def _texts(space: SearchSpace, parameter: Metaparameter) -> tuple[str, str]:
    condition = condition_text(space, parameter)
    active = f"active where {condition}" if condition else "always active"
    return str(parameter.distribution), active
