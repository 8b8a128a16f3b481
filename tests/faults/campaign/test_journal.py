"""The campaign's log: a run goes on from it, and faults count once their round was judged."""

from collections import Counter

from campaign import lanes, rounds
from campaign.journal import Journal
from campaign.kinds import KINDS
from campaign.kinds.kind import LANES
from campaign.mutations import MUTATIONS, copied
from campaign.stores import STORES
from campaign.summary import report
from campaign.targets import TARGETS

WHERE = {"store": "mongod", "search": "function", "mode": "serve"}


def a_journal(file):
    """A journal with a judged round of three faults, and one that was broken off."""
    journal = Journal(file)
    journal.note(
        *("round",),
        **{"round": 0, **WHERE, "seconds": [10, 60, 5]},
        struck={"worker kill": 2, "serve kill": 1},
        attempts={"completed": 90, "crashed": 2},
        findings=[{"kind": "lost", "what": "one of 90"}],
    )
    journal.note("broken", round=1, store="mongod", why="no room")
    return journal


def test_a_run_goes_on_from_a_log_whose_last_line_was_cut_off(tmp_path):
    a_journal(tmp_path / "log")
    with (tmp_path / "log").open("a") as file:
        file.write('{"what": "fau')
    again = Journal(tmp_path / "log")
    assert again.next_round == 2
    assert again.counts() == {("worker kill", "mongod"): 2, ("serve kill", "mongod"): 1}
    assert rounds.lacking(again, "mongod")["worker kill"] == TARGETS["worker kill", "mongod"] - 2
    again.note("broken", round=2, store="mongod", why="no room")
    assert Journal(tmp_path / "log").next_round == 3


def test_the_report_counts_faults_and_says_what_was_wrong(tmp_path):
    said = report(a_journal(tmp_path / "log"))
    assert "| worker kill | 0 | 2 | 0 |" in said
    assert "| primary kill |  |  | 0 |" in said
    assert "| lost | 0 | 1 | 0 |" in said
    assert "round 0 on mongod: lost: one of 90" in said
    assert "cost 2 attempts" in said


def drawn(kinds, missing, seed):
    return {lane: [*planned] for lane, planned in lanes.plans(kinds, missing, seed).items()}


def test_faults_of_a_lane_follow_from_a_seed_and_are_those_that_fit_and_are_lacking(tmp_path):
    missing = rounds.lacking(Journal(tmp_path / "log"), "members")
    missing["worker kill"] = 0
    fit = lanes.fitting("members", "rehearsal", "wait", separate=False)
    first, other = (drawn(fit, missing, seed) for seed in ("1", "2"))
    assert first == drawn(fit, missing, "1")
    assert first != other
    assert list(first) == list(LANES)
    for lane, kinds in first.items():
        assert kinds
        for kind in kinds:
            assert kind.lane == lane
            assert "members" in kind.stores
            assert kind.mode != "serve"
            assert not kind.searched
            assert not kind.separate
            assert kind.name != "worker kill"
    counts = Counter(kind.name for kinds in first.values() for kind in kinds)
    assert counts["driver stop"] == missing["driver stop"]
    assert not any(drawn(fit, missing - missing, "1").values())


def test_each_kind_has_a_lane():
    assert {kind.lane for kind in KINDS.values()} == set(LANES)


def test_targets_are_a_thousand_faults_of_kinds_and_stores_that_exist():
    assert sum(TARGETS.values()) >= 1000
    assert {kind for kind, _ in TARGETS} == set(KINDS)
    assert {store for _, store in TARGETS} == set(STORES)


def test_each_mutation_edits_the_code_as_it_is(tmp_path):
    for name, mutation in MUTATIONS.items():
        tree = copied(tmp_path / name, mutation)
        for edit in mutation.edits:
            assert edit.new in (tree / edit.file).read_text()
