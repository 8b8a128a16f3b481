"""`alignsearch experiment neural-fit`: fits of a trained network's layers, and refusals."""

import numpy as np
import pytest
from experiment_output import Output, done, in_this_process

from alignment_core.analysis.simulated_recordings import read_out, simulate


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which a network has been trained, and its recordings and features lie."""
    folder = tmp_path_factory.mktemp("trained")
    network = ("--model", "dense", "--width", "24", "--batch-size", "64", "--epochs", "2")
    done(folder, "train", "--rule", "bp", *network, "--out", "net")
    generator = np.random.default_rng(0)
    features = generator.normal(size=(80, 30))
    np.savez(folder / "features.npz", conv1=features, conv2=features[:, :5])
    variables = simulate(
        read_out(features, 5, 0.8, seed=0), np.arange(80) % 4, repetitions=4, noise=1.0, seed=0
    )
    np.savez(folder / "good.npz", **variables)
    np.savez(folder / "few.npz", **{**variables, "category": np.r_[np.zeros(77), 1, 1, 1]})
    variables["responses"][3, 2] = np.nan
    np.savez(folder / "holes.npz", **variables)
    return folder


def test_a_trained_networks_layers_are_fitted_to_simulated_recordings(trained):
    """The layer that the responses were read from comes near sqrt(0.8); it is the best."""
    options = ("--layers", "flatten,dense2,logits", "--components", "10", "--splits", "4")
    source = ("--checkpoint", "net", "--simulate", "dense2")
    printed = done(trained, "experiment", "neural-fit", *source, *options, "--out", "fit")
    left = Output(trained / "fit")
    left.check_files(["layers", "sites"], ["layers"])
    assert "The best layer is dense2" in printed
    rows = {row["layer"]: row for row in left.table("layers")}
    assert list(rows) == ["flatten", "dense2", "logits"]
    assert abs(float(rows["dense2"]["corrected"]) - 0.8**0.5) < 0.06
    assert [row["features"] for row in rows.values()] == ["64", "24", "10"]
    assert "5,120 images" in left.run["setting"][1]


def test_recordings_and_features_come_from_files(trained):
    files = ("--recordings", "good.npz", "--features", "features.npz", "--layers", "conv1")
    done(trained, "experiment", "neural-fit", *files, "--components", "10", "--out", "files")
    assert list(Output(trained / "files").run["numbers"]) == ["conv1"]


FILES = ("neural-fit", "--features", "features.npz", "--layers")
NET = ("neural-fit", "--checkpoint", "net", "--simulate")
UNFITTED = {
    "no responses": (["neural-fit", "--features", "features.npz"], ["--recordings or --simulate"]),
    "no features": (["neural-fit", "--recordings", "good.npz"], ["--features or --checkpoint"]),
    "no layers": ([*NET, "dense2"], ["--layers"]),
    "no images": (
        ["neural-fit", "--checkpoint", "net", "--recordings", "good.npz", "--layers", "a"],
        ["--images"],
    ),
    "no network": (
        ["neural-fit", "--checkpoint", "nets", "--simulate", "a", "--layers", "a"],
        ["nets holds no trained network", "alignsearch train"],
    ),
    "no such layer": ([*NET, "dense2", "--layers", "dense3"], ["'dense3'", "did you mean dense"]),
    "no such array": ([*FILES, "conv3", "--recordings", "good.npz"], ["'conv3'", "conv1"]),
    "missing trials": (
        [*FILES, "conv1", "--recordings", "holes.npz"],
        ["responses is missing", "stimulus 3, repetition 2"],
    ),
    "few images": ([*FILES, "conv1", "--recordings", "few.npz"], ["category 1.0 has 3 images"]),
    "few features": (
        [*FILES, "conv2", "--recordings", "good.npz"],
        ["conv2 has 5", "--components"],
    ),
    "no file": ([*FILES, "conv1", "--recordings", "bad.npz"], ["bad.npz can't be read"]),
}


@pytest.mark.parametrize("case", UNFITTED)
def test_what_cannot_be_fitted_is_refused_in_a_line(trained, case):
    asked, named = UNFITTED[case]
    before = sorted(trained.iterdir())
    code, printed, said = in_this_process(trained, "experiment", *asked, "--out", "never")
    assert (code, printed, said.count("\n")) == (2, "", 1), said
    assert said.startswith("alignsearch: ")
    assert [word for word in named if word not in said] == [], said
    assert sorted(trained.iterdir()) == before
