"""App. B.5's responses against numbers computed by hand, and files that are refused."""

import h5netcdf
import h5py
import numpy as np
import pytest

from alignment_core.analysis.recordings import DIMENSIONS, read
from alignment_core.errors import DataError


def recordings():
    """Counts a 5 ms sample: two stimuli, three repetitions, two sites, from -10 to 190 ms."""
    time = np.arange(-10.0, 190.0, 5.0)
    generator = np.random.default_rng(0)
    return {
        "responses": generator.poisson(4, (2, 3, 2, len(time))).astype(float),
        "blank": generator.poisson(5, (4, 2, len(time))) + 1.0,
        "time": time,
        "category": np.array(["face", "car"]),
        "site": np.array(["it7", "v4-2"]),
    }


def write_npz(path, variables):
    np.savez(path, **variables)


def write_netcdf(path, variables):
    with h5netcdf.File(path, "w") as file:
        for name, values in variables.items():
            dimensions = DIMENSIONS.get(name, ("site",))
            for dimension, length in zip(dimensions, values.shape, strict=True):
                if dimension not in file.dimensions:
                    file.dimensions[dimension] = length
            text = values.dtype.kind == "U"
            kind = h5py.string_dtype() if text else values.dtype
            written = values.astype(object) if text else values
            file.create_variable(name, dimensions, dtype=kind, data=written)


WRITERS = {"npz": write_npz, "nc": write_netcdf}


@pytest.mark.parametrize("suffix", WRITERS)
def test_trials_are_binned_divided_by_the_blanks_and_averaged(tmp_path, suffix):
    variables = recordings()
    path = tmp_path / f"recordings.{suffix}"
    WRITERS[suffix](path, variables)
    found = read(path)
    expected = np.zeros((2, 3, 2))
    for stimulus, repetition, site in np.ndindex(2, 3, 2):
        ratios = []
        for begin in range(70, 170, 10):
            inside = (variables["time"] >= begin) & (variables["time"] < begin + 10)
            count = variables["responses"][stimulus, repetition, site, inside].mean()
            ratios.append(count / variables["blank"][:, site, inside].mean())
        expected[stimulus, repetition, site] = np.mean(ratios)
    np.testing.assert_allclose(found.trials, expected)
    np.testing.assert_allclose(found.responses, expected.mean(axis=1))
    assert found.sites == ("it7", "v4-2")
    assert list(found.categories) == ["face", "car"]


def without(name):
    return lambda variables: variables.pop(name)


def set_to(name, place, value):
    def change(variables):
        variables[name][place] = value

    return change


def replaced(name, make):
    return lambda variables: variables.update({name: make(variables[name])})


UNUSABLE = {
    "no blank": (without("blank"), "no variable blank; recordings need responses .stimulus, rep"),
    "a site is missing": (
        set_to("responses", np.s_[:, :, 1], np.nan),
        "without a finite value at site v4-2",
    ),
    "a repetition is missing": (
        set_to("responses", np.s_[1, 2], np.nan),
        "missing in 1 trials, first in stimulus 1, repetition 2 at site it7; keep only",
    ),
    "a blank is missing": (set_to("blank", np.s_[3, 0], np.nan), "blank is missing in 1 trials"),
    "a silent blank": (set_to("blank", np.s_[:, 0, 20], 0.0), None),
    "one repetition": (replaced("responses", lambda r: r[:, :1]), "at least two"),
    "fewer sites of the blank": (replaced("blank", lambda b: b[:, :1]), "blank has 1 along site"),
    "fewer categories": (replaced("category", lambda c: c[:1]), "category has 1 along stimulus"),
    "averaged trials": (replaced("responses", lambda r: r.mean(axis=1)), "has 3 dimensions"),
    "coarse time": (replaced("time", lambda t: t * 3), "whole number of which makes 10 ms"),
    "short time": (replaced("time", lambda t: t - 100), "must cover 70 to 170 ms"),
    "names of fewer sites": (replaced("site", lambda s: s[:1]), "site names 1 sites"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_missing_or_does_not_fit_is_named(tmp_path, case):
    change, said = UNUSABLE[case]
    variables = recordings()
    change(variables)
    path = tmp_path / "recordings.npz"
    np.savez(path, **variables)
    if said is None:
        # With one silent sample the bin's average is positive; with two it is 0.
        read(path)
        variables["blank"][:, 0, 16:18] = 0
        np.savez(path, **variables)
        said = "0 in a 10 ms bin of site it7"
    with pytest.raises(DataError, match=said):
        read(path)


@pytest.mark.parametrize("name", ["none.nc", "text.nc", "text.npz"])
def test_a_file_that_is_none_is_named(tmp_path, name):
    path = tmp_path / name
    if name.startswith("text"):
        path.write_text("not recordings")
    with pytest.raises(DataError, match=f"{name} can't be read as recordings"):
        read(path)
