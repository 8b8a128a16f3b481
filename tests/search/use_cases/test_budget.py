"""extend and set where the search can't take them, over HTTP, from Python and the command line."""

from datetime import UTC, datetime, timedelta

import other_searches
import pytest
from documents_made import a_search
from odd_search import odd_search

import alignsearch
from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.cli.app import app
from alignsearch.search.documents import Search, StoredSource, is_of_fmin
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases import budget
from alignsearch.search.use_cases.enqueueing import Wanted, enqueue
from alignsearch.search.use_cases.retrying import retry
from alignsearch.search.use_cases.rules import Changes
from alignsearch.spaces.source_files import source_hash


def refused(store, call, kind, *words):
    """Assert that a call raises an error with these words, and that nothing is written."""
    before = [(s, store.logs.events(s.name)) for s in store.searches.all()]
    with pytest.raises(kind) as raised:
        call()
    assert [(s, store.logs.events(s.name)) for s in store.searches.all()] == before
    for word in words:
        assert word in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.fixture
def run(store_uri, capsys):
    """Run a command in this process, and return what it prints."""

    def call(*arguments):
        app([*map(str, arguments), "--store", store_uri], standalone_mode=False)
        return capsys.readouterr().out

    return call


def test_a_list_of_runs_takes_slots_and_priority_alone(store):
    other_searches.seed_runs(store)
    name = "architectures-1"
    for verb in (budget.extend, budget.adjust):
        call = lambda verb=verb: verb(store, name, Changes(trials=9), "ann")  # noqa: E731
        refused(store, call, StateConflictError, "an experiment's list of runs")
    refused(
        store,
        lambda: budget.adjust(store, name, Changes(until="2099-01-01T00:00Z"), "ann"),
        ConfigurationError,
        "--until",
    )
    assert budget.adjust(store, name, Changes(parallel=7, priority=-1), "ann").parallel == 7


def test_a_search_of_fmin_is_left_to_fmin(store):
    search = a_search(fmin=True)
    assert is_of_fmin(search)
    store.searches.create(search)
    refused(
        store,
        lambda: budget.extend(store, "ia", Changes(trials=200), "ann"),
        StateConflictError,
        "fmin decides",
    )
    refused(
        store,
        lambda: budget.adjust(store, "ia", Changes(patience=3), "ann"),
        StateConflictError,
        "--patience",
        "fmin decides",
    )
    point = Wanted({"sigma": 0.5})
    for give in (lambda: enqueue(store, "ia", [point], "ann"), lambda: retry(store, "ia", "ann")):
        refused(store, give, StateConflictError, "fmin decides", "alignsearch.Search")


def test_a_cancelled_search_is_not_sent_to_a_verb_that_refuses_it(store, make_search):
    make_search()
    store.searches.change("a-search", SearchStatus.CANCELLED, "ann")
    with pytest.raises(StateConflictError, match="cancelled; that is final"):
        budget.adjust(store, "a-search", Changes(parallel=7), "ann")


@pytest.mark.parametrize("part", ["definition", "data set", "program"])
def test_a_search_whose_definition_has_changed_is_not_extended(store, make_search, tmp_path, part):
    file = tmp_path / "mine.py"
    file.write_text("SPACE = 1\n")
    source = StoredSource(
        kind="file", address="mine.py:SPACE", path=str(file), sha256=source_hash(file)
    )
    search = make_search(trials=3)
    if part == "data set":
        changes = {"recipe": {**search.recipe.model_dump(), "sources": (source,)}}
        search = Search.model_validate({**search.model_dump(), **changes})
    else:
        search = odd_search("odd")
        definition = search.definition.model_copy(update={"source": source})
        if part == "program":
            files = {"mine.py": source_hash(file)}
            objective = definition.objective.model_copy(
                update={"kind": "program", "folder": str(tmp_path), "files": files}
            )
            definition = search.definition.model_copy(update={"objective": objective})
        search = search.model_copy(update={"definition": definition})
    search = store.searches.create(search.model_copy(update={"name": "own", "trials": 3}))
    more = Changes(trials=9)
    budget.extend(store, "own", more, "ann")
    file.write_text("SPACE = 2\n")
    refused(
        store,
        lambda: budget.extend(store, "own", Changes(trials=12), "ann"),
        StateConflictError,
        "'own' can't go on",
        str(file),
        "as a new search",
    )
    # On another machine there is no such file: the workers compare it.
    file.unlink()
    assert budget.extend(store, "own", Changes(trials=12), "ann").trials == 12


def test_a_search_whose_file_imports_one_beside_it_is_extended_until_that_one_changes(
    store, tmp_path
):
    file, near = tmp_path / "mine.py", tmp_path / "near.py"
    file.write_text("import near\n")
    near.write_text("RATE = 1\n")
    source = StoredSource(
        kind="file",
        address="mine.py:SPACE",
        path=str(file),
        sha256=source_hash(file, ("near.py",)),
        beside=("near.py",),
    )
    search = odd_search("odd")
    definition = search.definition.model_copy(update={"source": source})
    changes = {"definition": definition, "name": "own", "trials": 3}
    store.searches.create(search.model_copy(update=changes))
    assert budget.extend(store, "own", Changes(trials=9), "ann").trials == 9
    near.write_text("RATE = 2\n")
    with pytest.raises(StateConflictError, match="not the version that was submitted"):
        budget.extend(store, "own", Changes(trials=12), "ann")


def test_a_search_over_a_space_of_another_version_is_not_extended(store, make_search):
    make_search(space_hash="of another version")
    refused(
        store,
        lambda: budget.extend(store, "a-search", Changes(trials=9), "ann"),
        StateConflictError,
        "another version of space 'wm'",
    )


def test_a_search_of_an_older_version_goes_on_by_the_rules_of_this_one(store, make_search):
    search = make_search(trials=3)
    new = ("max_failures", "until", "timeout", "driven_seconds", "stop_at", "patience", "ending")
    fields = dict.fromkeys((*new, "confirm", "enqueued", "note", "tags"), "")
    store._db._database["searches"].update_one({"_id": search.name}, {"$unset": fields})
    old, change = store.searches.decide(search.name)
    assert (old.max_failures, old.enqueued, old.driven_seconds) == (None, 0, 0.0)
    assert old.failures_allowed == 3
    ended = store.searches.end(old, change, SearchStatus.COMPLETED, "driver", detail="enough")
    assert ended.ending == "enough"
    assert budget.extend(store, search.name, Changes(trials=5), "ann").trials == 5


def test_the_command_line_says_what_it_did_with_the_time_zone(run, store, make_search):
    make_search(trials=3)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    said = run("set", "a-search", "--until", f"{until:%Y-%m-%dT%H:%M:%S}Z", "--timeout", "12h")
    assert said == (
        f"a-search goes on to 3 trials, until {until:%Y-%m-%d %H:%M:%S} UTC, driven for 12.0 h at "
        "most, 2 at once, where a driver runs (`alignsearch serve`)\n"
    )
    shown = run("status", "a-search")
    assert f"{until:%Y-%m-%d %H:%M:%S} UTC, in " in shown
    assert "driven for 0 s of 12.0 h" in shown
    said = run("extend", "a-search", "--trials", 9, "--without", "until", "--without", "timeout")
    assert said.startswith("a-search goes on to 9 trials, 2 at once")
    stored = store.searches.get("a-search")
    assert (stored.until, stored.timeout, stored.trials) == (None, None, 9)


NONSENSE = {
    "no slots": (["set", "--parallel", "0"], "--parallel must be at least 1, not 0"),
    "endless slots": (["set", "--parallel", "10001"], "--parallel must be at most 10000"),
    "nothing": (["set"], "nothing is to change: give one of --until"),
    "no unit": (["set", "--timeout", "12"], "--timeout must be a duration like 90s, 30m"),
    "negative time": (["set", "--timeout=-5m"], "--timeout must be a duration"),
    "past": (["set", "--until", "2020-01-01T00:00Z"], "--until is in the past"),
    "no time": (["set", "--until", "soon"], "--until must be a time like 08:00"),
    "no goal": (["set", "--stop-at", "nan"], "--stop-at must be a number"),
    "no patience": (["set", "--patience", "0"], "--patience must be at least 1, not 0"),
    "unknown rule": (["set", "--without", "pacience"], "did you mean patience"),
    "both": (["set", "--until", "23:59", "--without", "until"], "--without"),
    "no trials": (["extend"], "--trials is missing"),
    "fewer": (["extend", "--trials", "2"], "less than the 3 that search"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_refused_in_a_line(run, store, make_search, case):
    make_search(trials=3)
    (verb, *options), words = NONSENSE[case]
    refused(store, lambda: run(verb, "a-search", *options), AlignSearchError, words)


def test_a_submission_takes_the_rules_and_python_changes_them(store, store_uri):
    space = alignsearch.get_space("wm")
    options = {"name": "mine", "trials": 5, "patience": 3, "stop_at": 0.5, "max_failures": 0}
    with alignsearch.Search(space).submit(store=store_uri, **options) as mine:
        assert (mine.search.patience, mine.search.stop_at, mine.search.max_failures) == (3, 0.5, 0)
        asked = mine.ask()
        mine.tell(asked, 0.4)
        assert mine.status == "completed"
        assert "0.4, and 0.5 is enough" in mine.search.ending
        with pytest.raises(StateConflictError, match="--without stop-at"):
            mine.extend(8)
        assert mine.extend(8, without=["stop_at"]).status is SearchStatus.QUEUED
        assert mine.set(patience=1).patience == 1
        mine.tell(mine.ask(), 0.9)
        assert "1 trial after the best one" in mine.search.ending
        with pytest.raises(ConfigurationError, match="--timeout has no use"):
            mine.extend(8, timeout="1h", without=["patience"])
        with pytest.raises(ConfigurationError, match="trials must be at least 1"):
            mine.extend(0)


def test_a_new_search_is_refused_a_time_that_is_past(store_uri):
    with pytest.raises(ConfigurationError, match="--until is in the past"):
        alignsearch.Search(alignsearch.get_space("wm")).submit(
            store=store_uri, name="late", until="2020-01-01T00:00+01:00"
        )
