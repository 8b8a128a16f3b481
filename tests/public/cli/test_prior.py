"""`--prior` from the command line to the first trial, `status`, and a dump that is loaded."""

from command_line import REHEARSAL

from alignsearch.spaces.table5 import PUBLISHED

OPTIONS = ("--trials", "3", "--epochs", "1", "--parallel", "1", "--resources", "CPU=0.1")


def test_a_search_begins_with_table_5_and_keeps_its_prior(shell, tmp_path):
    shell.ok("submit", "ia", *REHEARSAL, *OPTIONS, "--name", "a", "--prior", "table5", "--wait")
    first = shell.json("trials", "a")[0]
    assert first["config"] == PUBLISHED["ia"].model_dump()
    assert "table5: Kunin et al. 2020, Table 5, ia" in shell.ok("status", "a")
    prior = shell.json("status", "a")["prior"]
    assert (prior["source"], prior["points"], prior["width"]) == ("table5", 1, 0.1)
    shell.ok("dump", "a", "--output", str(tmp_path / "a.jsonl"))
    shell.ok("delete", "a", "--yes")
    shell.ok("load", str(tmp_path / "a.jsonl"), "--as", "b")
    assert shell.json("status", "b")["prior"] == prior
    shell.ok("extend", "b", "--trials", "4")
    assert shell.json("status", "b")["prior"] == prior
