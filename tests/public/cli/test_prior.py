"""`--prior` from the command line to the first trial, `status`, and a dump that is loaded."""

from command_line import REHEARSAL

from alignsearch.spaces.table5 import PUBLISHED

OPTIONS = ("--trials", "3", "--epochs", "1", "--parallel", "1", "--resources", "CPU=0.1")


def test_a_search_begins_with_table_5_and_keeps_its_prior(shell):
    shell.ok("submit", "ia", *REHEARSAL, *OPTIONS, "--name", "a", "--prior", "table5", "--wait")
    first = shell.json("trials", "a")[0]
    assert first["config"] == PUBLISHED["ia"].model_dump()
    assert "table5: Kunin et al. 2020, Table 5, ia" in shell.ok("status", "a")
    prior = shell.json("status", "a")["prior"]
    assert (prior["source"], prior["points"], prior["width"]) == ("table5", 1, 0.1)
    for words in (
        ("dump", "a", "a.jsonl"),
        ("delete", "a", "--yes"),
        ("load", "a.jsonl", "--as", "b"),
        ("rename", "b", "c"),
        ("extend", "c", "--trials", "4"),
    ):
        done = shell.run(*words)
        assert done.returncode == 0, done.stderr
    assert shell.json("status", "c")["prior"] == prior
