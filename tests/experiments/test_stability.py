"""`alignsearch experiment stability`: eigenvalues, and both fates of a network."""

from experiment_output import Output, done


def test_stability_shows_both_fates_of_a_network(tmp_path):
    options = ("--ratios", "0.5,2", "--width", "32", "--images", "128", "--steps", "200")
    done(tmp_path, "experiment", "stability", *options)
    left = Output(tmp_path / "runs" / "experiments" / "stability")
    left.check_files(
        ["phase-portraits", "mirror-instability", "starting-rates"], ["eigenvalues", "network"]
    )
    assert left.run["seeds"] == [0]
    assert left.run["numbers"]["outcomes"] == {"0.5": "explodes", "2": "collapses"}
    holds = [row["printed holds"] for row in left.table("eigenvalues")]
    assert holds == ["yes", "no (1)"] * 2 + ["yes"] * 4
