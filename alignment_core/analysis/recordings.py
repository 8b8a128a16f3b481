"""Neural recordings, and the responses that models are fitted to (Kunin et al. 2020, App. B.5).

A file, netCDF (.nc) or NumPy (.npz), holds these variables by name, with these dimensions:

    responses (stimulus, repetition, site, time)  spike counts or rates, any real numbers
    blank     (blank_repetition, site, time)      the same for a blank image
    time      (time,)     when each sample begins, ms after the image came on, evenly spaced
    category  (stimulus,) the object category of each image, text or whole numbers
    site      (site,)     names of the sites; optional

The pipeline: samples are averaged in 10 ms bins; each bin of each trial is divided by the site's
average response to the blank image in that bin; bins from 70 to 170 ms are averaged. The
average over an image's trials comes last; all steps but it are the same for every trial and
linear, so their order makes no difference. How the paper normalizes "to the average response
to a blank image" it doesn't say; division bin by bin is this reading of it.
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
WINDOW_MS = (70, 170)
DIMENSIONS = {
    "responses": ("stimulus", "repetition", "site", "time"),
    "blank": ("blank_repetition", "site", "time"),
    "time": ("time",),
    "category": ("stimulus",),
}
CHUNK = 64
"""Stimuli that are in memory at once, of a netCDF file."""


@dataclass(frozen=True, eq=False)
class Recordings:
    """Responses to fit.

    Attributes:
        trials: (stimuli, repetitions, sites), one number a trial and site.
        categories: (stimuli,), the images' object categories.
        sites: the sites' names.
    """

    trials: NDArray[np.float64]
    categories: NDArray[Any]
    sites: tuple[str, ...]

    @property
    def responses(self) -> NDArray[np.float64]:
        """(stimuli, sites): the average over trials."""
        average: NDArray[np.float64] = self.trials.mean(axis=1)
        return average


def read(path: Path) -> Recordings:
    """Read a file in this module's layout and take it through the pipeline.

    Raises DataError for a file that can't be read, variables that are missing or don't fit
    together, values that are missing (NaN), or fewer than two repetitions.
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
                f"{_some(silent, 'site')}, and nothing can be divided by it: leave such sites out"
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
                raise DataError(f"{path}: {name} has nothing along {dimension}")
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
    """(bins, samples a bin): the samples in each bin of the window."""
    first, last = WINDOW_MS
    steps = np.diff(time)
    step = float(steps[0]) if len(steps) else float(BIN_MS)
    samples = round(BIN_MS / step) if step > 0 else 0
    if not np.allclose(steps, step) or not samples or not np.isclose(samples * step, BIN_MS):
        raise DataError(
            f"{path}: time must go on in even steps of which a whole number makes {BIN_MS} ms; its "
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
    """Say which sites, or which trials of them, have no finite value."""
    axis = 1 if name == "blank" else 2
    missing = ~np.isfinite(values)
    if not missing.any():
        return
    others = tuple(at for at in range(values.ndim) if at != axis)
    gone = [sites[at] for at in np.flatnonzero(missing.all(axis=others))]
    if gone:
        raise DataError(
            f"{path}: {name} of {_some(gone, 'site')} is missing altogether; leave them out"
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
