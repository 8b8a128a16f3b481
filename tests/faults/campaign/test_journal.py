"""The campaign's log: a run goes on from it, and faults count once their round was judged."""

from campaign import rounds
from campaign.journal import Journal
from campaign.kinds import KINDS
from campaign.mutations import MUTATIONS, copied
from campaign.stores import STORES
from campaign.summary import report
from campaign.targets import TARGETS

WHERE = {"store": "mongod", "search": "function", "mode": "serve"}


def a_journal(file):
    """A journal with a judged round of two faults, and one that was broken off after a fault."""
    journal = Journal(file)
    for number, kinds in ((0, ("worker kill", "serve kill")), (1, ("worker kill",))):
        journal.note("begun", round=number, **WHERE)
        for kind in kinds:
            journal.note("fault", round=number, **WHERE, fault=kind, victim="1", seconds=0.1)
    journal.note(
        *("round",),
        **{"round": 0, **WHERE, "seconds": 60.0, "faults": 2},
        attempts={"completed": 90, "crashed": 2},
        findings=[{"kind": "lost", "what": "one of 90"}],
    )
    return journal


def test_a_run_goes_on_from_a_log_whose_last_line_was_cut_off(tmp_path):
    a_journal(tmp_path / "log")
    with (tmp_path / "log").open("a") as file:
        file.write('{"what": "fau')
    again = Journal(tmp_path / "log")
    assert again.next_round == 2
    assert again.counts() == {("worker kill", "mongod"): 1, ("serve kill", "mongod"): 1}
    assert rounds.lacking(again, "mongod")["worker kill"] == TARGETS["worker kill", "mongod"] - 1
    again.note("begun", round=2, **WHERE)
    assert Journal(tmp_path / "log").next_round == 3


def test_the_report_counts_faults_and_says_what_was_wrong(tmp_path):
    said = report(a_journal(tmp_path / "log"))
    assert "| worker kill | 0 | 1 | 0 |" in said
    assert "| primary kill |  |  | 0 |" in said
    assert "| lost | 0 | 1 | 0 |" in said
    assert "round 0 on mongod: lost: one of 90" in said
    assert "cost 2 attempts" in said


def test_a_plan_follows_from_its_seed_and_has_what_fits_and_is_lacking(tmp_path):
    missing = rounds.lacking(Journal(tmp_path / "log"), "members")
    missing["worker kill"] = 0
    known = {"missing": missing, "store": "members", "searched": "rehearsal", "mode": "wait"}
    first = rounds.plan(**known, separate=False, seed="1")
    assert [each.name for each in first] == [
        each.name for each in rounds.plan(**known, separate=False, seed="1")
    ]
    assert first != rounds.plan(**known, separate=False, seed="2")
    for kind in first:
        assert "members" in kind.stores
        assert kind.mode != "serve"
        assert not kind.searched
        assert not kind.separate
        assert kind.name != "worker kill"
    assert rounds.plan(**{**known, "missing": missing - missing}, separate=True, seed="1") == []


def test_targets_are_a_thousand_faults_of_kinds_and_stores_that_exist():
    assert sum(TARGETS.values()) >= 1000
    assert {kind for kind, _ in TARGETS} == set(KINDS)
    assert {store for _, store in TARGETS} == set(STORES)


def test_each_mutation_edits_the_code_as_it_is(tmp_path):
    for name, mutation in MUTATIONS.items():
        tree = copied(tmp_path / name, mutation)
        for edit in mutation.edits:
            assert edit.new in (tree / edit.file).read_text()
