"""`--fix` and `--range` on a space of the paper, from the command line to the export."""

import json

from command_line import REHEARSAL

from alignsearch.search.reports.export import read_csv
from alignsearch.spaces.catalog import get_space

NARROWED = ("--fix", "bo_relu=False", "--fix", "train_batch_size=4096", "--range", "gamma=1e-8:1")


def test_a_narrowed_space_is_searched_and_exported_as_table_5(shell):
    options = ("--name", "part", "--trials", "25", "--epochs", "1", "--parallel", "2")
    done = shell.run("submit", "ia", *REHEARSAL, *options, *NARROWED, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["completed"] == 25
    trials = shell.json("trials", "part")
    for trial in trials:
        config = trial["config"]
        assert (config["bo_relu"], config["train_batch_size"]) == (False, 4096)
        # Derived from a fixed value.
        assert config["sgdm_learning_rate"] == 2.0
        assert 1e-8 <= config["gamma"] <= 1
        assert trial["point"].keys() == get_space("ia").sampled_names - {
            "bo_relu",
            "train_batch_size",
        }
    # The whole range is searched: half of it, in logarithms, is below 1e-4.
    gammas = [each["config"]["gamma"] for each in trials]
    assert min(gammas) < 1e-4 < max(gammas)
    column = read_csv(shell.ok("export", "part", "--format", "csv"))["part"]
    assert (column.bo_relu, column.train_batch_size) == (False, 4096)
    best = min(trials, key=lambda each: each["result"]["loss"])
    assert column.gamma == best["config"]["gamma"]
    # Another search over the same part of the space may start from it, the whole space not.
    warm = ("--warm-start", "part", "--trials", "2", "--epochs", "1")
    shell.ok("submit", "ia", *REHEARSAL, *warm, *NARROWED)
    said = shell.refused("submit", "ia", *REHEARSAL, *warm)
    assert "only here: bo_relu, train_batch_size" in said


def test_a_range_that_cannot_be_is_refused_in_one_line(shell):
    for option, value, said in (
        ("--fix", "bo_relu=maybe", "bo_relu can't be fixed at maybe: it is one of False, True"),
        ("--fix", "bo_rel=True", "no dimension of space 'ia' is named 'bo_rel'; did you mean"),
        ("--range", "gamma=1e-12:1", "--range gamma=1e-12:1 is no part of its own range"),
        ("--range", "gamma=1", "--range gamma=1 needs two numbers"),
        ("--range", "bo_relu=0:1", "bo_relu has no range that could be narrowed"),
    ):
        assert said in shell.refused("submit", "ia", *REHEARSAL, option, value)
