"""A document that is damaged, lost or a newer version's takes only itself out of sight."""

import pytest
from experiment_output import in_this_process
from hostile_store import DAMAGES, HURT, SOUND, fill

from alignsearch.search.store import Store

EVERY = {"status", "trials", "show", "best", "export", "logs", "dump"}
TOTALS = {"status", "best", "export"}
REFUSED = {
    "an unreadable search": EVERY,
    "a search of a newer version": EVERY,
    "a search in a newer version's state": EVERY,
}
"""The commands that can't show the hurt search, and say why in a line; all others show it."""

LEFT_OUT = {
    # The first command has it go on from the trials.
    "a lost counter": {"status"},
    "an unreadable counter": {"status"},
    "an unreadable trial": {"trials", "dump"},
    "a trial in a newer version's state": {"trials", "dump"},
    "an unreadable best trial": {"status", "trials", "best", "export", "dump"},
    "a lost best trial": TOTALS,
    "an unreadable epoch": {"show", "logs", "dump"},
    "an epoch of a newer version": {"show", "logs", "dump"},
    "an unreadable event": {"events", "dump"},
    "an unreadable log": {"logs", "dump"},
    "an unreadable tally": TOTALS,
    "an unreadable point": {"dump"},
}
"""The commands that show the hurt search without a part of it, or dump what can't be loaded as it
is, and say so in a line."""

NAMED = {
    "status": (),
    "trials": ("--csv",),
    "show": ("0",),
    "best": ("--json",),
    "export": (),
    "events": (),
    "logs": ("0",),
    "dump": ("{}.jsonl",),
}
"""Commands that read one search, with what follows its name."""


@pytest.fixture
def hostile(store, make_search, request):
    """The damage's name; the store has a sound search and one that is damaged so."""
    fill(store, make_search)
    DAMAGES[request.param](store)
    return request.param


@pytest.fixture
def run(store_uri, tmp_path, caplog):
    """Run a command; return its code, its output and its lines for people, warnings among them."""

    def of(*words):
        caplog.clear()
        code, printed, said = in_this_process(tmp_path, *words, "--store", store_uri)
        assert "Traceback" not in said + caplog.text
        warned = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
        return code, printed, [*said.splitlines(), *warned]

    return of


def words(name, verb):
    return (verb, name, *(each.format(name) for each in NAMED[verb]))


@pytest.mark.parametrize("hostile", DAMAGES, indirect=True)
def test_each_damage_takes_only_itself_out_of_sight(hostile, run):
    for verb in NAMED:
        code, printed, said = run(*words(SOUND, verb))
        assert (code, said) == (0, []), verb
        code, printed, said = run(*words(HURT, verb))
        refused = verb in REFUSED.get(hostile, ())
        assert code == (2 if refused else 0), (verb, said)
        assert bool(printed) is not refused, verb
        if refused or verb in LEFT_OUT.get(hostile, ()):
            assert len(said) == 1, (verb, said)
            assert HURT in said[0] or "event" in said[0], (verb, said)
    code, printed, said = run("status", "--json")
    assert code == 0
    assert f'"{SOUND}"' in printed
    hidden = "status" in REFUSED.get(hostile, ())
    assert (f'"{HURT}"' in printed) is not hidden
    assert not hidden or [each for each in said if f"search {HURT} is left out" in each]
    code, printed, said = run("retain", "--days", "0", "--keep", "1", "--yes")
    assert code == 0
    assert f"{SOUND}: dropped 6 epochs of 3 trials" in printed


@pytest.mark.parametrize("hostile", DAMAGES, indirect=True)
def test_a_dump_that_says_nothing_can_be_loaded_and_no_other(hostile, run):
    code, _, said = run("dump", HURT, "hurt.jsonl")
    if code:
        return
    code, _, refused = run("load", "hurt.jsonl", "--as", "copy")
    assert code == (2 if said else 0), (said, refused)
    if said:
        assert "search hurt: " in said[0]
        assert "hurt.jsonl as they are stored: " in said[0]
        assert "can't be loaded: " in refused[0]
    else:
        assert run("status", "copy")[0] == 0
    assert hostile


@pytest.mark.parametrize("hostile", ["an unreadable trial"], indirect=True)
def test_what_is_mended_is_counted_again(hostile, store, store_uri):
    store._db.update("counters", {"_id": HURT}, {"$unset": {"tally": ""}})
    with Store.connect(store_uri) as reader:
        assert sum(reader.totals.update(HURT).counts.values()) == 3
        assert sum(reader.totals.counts(HURT).values()) == 3
    whole = store._db.find_one("trials", {"_id": f"{SOUND}/1"})
    store._db.update("trials", {"_id": f"{HURT}/1"}, {"$set": {"attempts": whole["attempts"]}})
    assert sum(store.totals.update(HURT).counts.values()) == 4
    assert hostile
