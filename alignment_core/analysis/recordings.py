"""Reader of neural recordings, whose responses models are fitted to (Kunin et al. 2020, App. B.5).

A netCDF (.nc) or NumPy (.npz) file holds these variables, with these dimensions:

    responses (stimulus, repetition, site, time)  spike counts or rates, any real numbers
    blank     (blank_repetition, site, time)      the same for a blank image
    time      (time,)     when each sample begins, ms after the image came on, evenly spaced
    category  (stimulus,) the object category of each image, text or whole numbers
    site      (site,)     names of the sites; optional

The responses are computed in these steps. The first three are linear and the same for each trial,
so their order relative to the last one doesn't matter.

1. Samples are averaged in bins of 10 ms.
2. Each bin of each trial is divided by the site's average response to the blank image in this bin.
   The paper normalizes "to the average response to a blank image" without details; division bin by
   bin is our reading.
3. Bins from 70 to 170 ms are averaged.
4. The trials of each image are averaged.
"""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import DataError

BIN_MS = 10
"""Width of a bin in ms (Kunin et al. 2020, App. B.5)."""

WINDOW_MS = (70, 170)
"""Start and end of the fitted window, ms after the image appears (Kunin et al. 2020, App. B.5)."""

DIMENSIONS = {
    "responses": ("stimulus", "repetition", "site", "time"),
    "blank": ("blank_repetition", "site", "time"),
    "time": ("time",),
    "category": ("stimulus",),
}
"""Dimensions of each variable that a file must have."""

CHUNK = 64
"""Stimuli of a netCDF file that are read at once, which limits the memory."""


@dataclass(frozen=True, eq=False)
class Recordings:
    """Neural responses to a set of images.

    Attributes:
        trials: (stimuli, repetitions, sites), response of each trial and site.
        categories: (stimuli,), object category of each image.
        sites: names of the sites.
    """

    trials: NDArray[np.float64]
    categories: NDArray[Any]
    sites: tuple[str, ...]

    @property
    def responses(self) -> NDArray[np.float64]:
        """Responses (stimuli, sites), averaged over trials."""
        average: NDArray[np.float64] = self.trials.mean(axis=1)
        return average


def read(path: Path) -> Recordings:
    """Read a file in the layout above and compute its responses.

    Args:
        path: a netCDF (.nc) or NumPy (.npz) file.

    Raises:
        DataError: the file can't be read, variables are missing or don't fit together, values are
            missing (NaN), or there are fewer than two repetitions.
    """
    with _open(path) as variables:
        _check(path, variables)
        window = _window(path, np.asarray(variables["time"][:], dtype=float))
        sites = _sites(variables)
        blank = _binned(np.asarray(variables["blank"][:], dtype=float), window)
        _refuse_missing(path, "blank", blank, sites)
        reference = blank.mean(axis=0)
        silent = [sites[at] for at in np.flatnonzero((reference == 0).any(axis=-1))]
        if silent:
            raise DataError(
                f"{path}: the average response to the blank image is 0 in a {BIN_MS} ms bin of "
                f"{_some(silent, 'site')}, and responses can't be divided by 0: leave them out"
            )
        responses = variables["responses"]
        trials = np.empty((*responses.shape[:2], len(sites)))
        for start in range(0, len(trials), CHUNK):
            chunk = np.asarray(responses[start : start + CHUNK], dtype=float)
            trials[start : start + CHUNK] = (_binned(chunk, window) / reference).mean(axis=-1)
        _refuse_missing(path, "responses", trials, sites)
        return Recordings(trials, _texts(variables["category"][:]), sites)


@contextmanager
def _open(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                yield {name: arrays[name] for name in arrays.files}
        else:
            with h5netcdf.File(path, "r") as file:
                yield file.variables
    except DataError:
        raise
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} can't be read as recordings ({str(error).splitlines()[0]}); give a netCDF-4 "
            "file, or a .npz"
        ) from error


def _check(path: Path, variables: Mapping[str, Any]) -> None:
    missing = [name for name in DIMENSIONS if name not in variables]
    if missing:
        needed = [f"{name} ({', '.join(of)})" for name, of in DIMENSIONS.items()]
        raise DataError(
            f"{path} has no variable {' and no '.join(missing)}; recordings need "
            f"{', '.join(needed)}"
        )
    lengths: dict[str, tuple[str, int]] = {}
    for name, dimensions in DIMENSIONS.items():
        variable = variables[name]
        found = getattr(variable, "dimensions", None)
        if found is not None and tuple(found) != dimensions:
            raise DataError(
                f"{path}: {name} has the dimensions ({', '.join(found)}); they must be "
                f"({', '.join(dimensions)}), in this order"
            )
        if len(variable.shape) != len(dimensions):
            raise DataError(
                f"{path}: {name} has {len(variable.shape)} dimensions; it needs "
                f"{len(dimensions)}: ({', '.join(dimensions)})"
            )
        for dimension, length in zip(dimensions, variable.shape, strict=True):
            known, expected = lengths.setdefault(dimension, (name, length))
            if length != expected:
                raise DataError(
                    f"{path}: {name} has {length} along {dimension}, but {known} has {expected}; "
                    f"every {dimension} must be in both"
                )
            if not length:
                raise DataError(f"{path}: {name} has length 0 along {dimension}")
    if lengths["repetition"][1] < 2:
        raise DataError(
            f"{path}: responses has one repetition of each stimulus; their reliability needs at "
            "least two"
        )
    if "site" in variables and tuple(variables["site"].shape) != (lengths["site"][1],):
        raise DataError(
            f"{path}: site names {len(variables['site'])} sites, but responses has "
            f"{lengths['site'][1]}"
        )


def _window(path: Path, time: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return the indices (bins, samples per bin) of the samples in the window."""
    first, last = WINDOW_MS
    steps = np.diff(time)
    step = float(steps[0]) if len(steps) else float(BIN_MS)
    samples = round(BIN_MS / step) if step > 0 else 0
    if not np.allclose(steps, step) or not samples or not np.isclose(samples * step, BIN_MS):
        raise DataError(
            f"{path}: time must have equal steps, a whole number of which makes {BIN_MS} ms; its "
            f"first steps are {', '.join(f'{each:g}' for each in steps[:3])} ms"
        )
    starts = np.flatnonzero(np.isclose(time, first))
    count = (last - first) // BIN_MS * samples
    if not len(starts) or starts[0] + count > len(time):
        raise DataError(
            f"{path}: time runs from {time[0]:g} to {time[-1] + step:g} ms; the samples must cover "
            f"{first} to {last} ms, and one must begin at {first} ms"
        )
    indices: NDArray[np.int_] = starts[0] + np.arange(count).reshape(-1, samples)
    return indices


def _binned(values: NDArray[np.float64], window: NDArray[np.int_]) -> NDArray[np.float64]:
    binned: NDArray[np.float64] = values[..., window].mean(axis=-1)
    return binned


def _sites(variables: Mapping[str, Any]) -> tuple[str, ...]:
    if "site" in variables:
        return tuple(str(each) for each in _texts(variables["site"][:]))
    return tuple(str(at) for at in range(variables["responses"].shape[2]))


def _texts(values: Any) -> NDArray[Any]:
    return np.array([v.decode() if isinstance(v, bytes) else v for v in np.asarray(values)])


def _refuse_missing(
    path: Path, name: str, values: NDArray[np.float64], sites: tuple[str, ...]
) -> None:
    """Raise DataError that names the sites, or the first trial, with a missing value."""
    axis = 1 if name == "blank" else 2
    missing = ~np.isfinite(values)
    if not missing.any():
        return
    others = tuple(at for at in range(values.ndim) if at != axis)
    gone = [sites[at] for at in np.flatnonzero(missing.all(axis=others))]
    if gone:
        raise DataError(
            f"{path}: {name} without a finite value at {_some(gone, 'site')}; leave such sites out"
        )
    where = np.argwhere(missing)
    trials = {tuple(int(each) for each in row[:axis]) for row in where}
    first = ", ".join(
        f"{dimension} {at}"
        for dimension, at in zip(DIMENSIONS[name], where[0][:axis], strict=False)
    )
    raise DataError(
        f"{path}: {name} is missing in {len(trials)} trials, first in {first} at site "
        f"{sites[where[0][axis]]}; keep only the repetitions that every stimulus and site has"
    )


def _some(names: list[str], what: str) -> str:
    shown = ", ".join(names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{what}{'s' if len(names) > 1 else ''} {shown}{more}"
