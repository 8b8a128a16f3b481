"""A search as a study of Optuna's: its tools read it, and it comes back as it was."""

import optuna
import pytest
from driving import NEVER
from hyperopt import hp
from nested_search import SPACE, a_search, score
from several_metrics import seed_several

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.use_cases.export_optuna import NUMBER, export_optuna
from alignsearch.search.use_cases.importing import import_file
from alignsearch.spaces.hyperopt_space import from_hyperopt


@pytest.fixture
def url(tmp_path):
    """A file that Optuna's storage can make."""
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture
def search(store, make_driver):
    """A search over nested choices that has ended."""
    made = store.searches.create(a_search(trials=24, parallel=2))
    make_driver(name=made.name, objective=score).run(NEVER)
    return made.name


def test_optuna_reads_a_search_and_its_import_gives_the_same_results(
    store, search, url, tmp_path, capfd
):
    done = export_optuna(store, search, url)
    assert (done.study, done.new, done.before, list(done.left_out)) == ("nested", 24, 0, [])
    trials = store.trials.all(search)
    study = optuna.load_study(study_name="nested", storage=url)
    assert study.direction.name == "MAXIMIZE"
    assert [trial.value for trial in study.trials] == [-trial.loss for trial in trials]
    assert [trial.params for trial in study.trials] == [SPACE.values(t.point) for t in trials]
    assert study.best_trial.user_attrs[NUMBER] == min(trials, key=lambda each: each.loss).tid
    assert set(study.trials[0].intermediate_values) == {0, 100, 200}
    importance = optuna.importance.get_param_importances(study, params=["model", "scale %"])
    assert sum(importance.values()) == pytest.approx(1.0)
    store.searches.create(a_search("again"))
    import_file(store, "again", tmp_path / "study.db", "optuna", "ann")
    back = store.trials.all("again")
    assert [(t.point, t.loss) for t in back] == [(t.point, t.loss) for t in trials]
    assert [t.timings["finished"] for t in back] == [t.timings["finished"] for t in trials]
    assert capfd.readouterr().err == ""


def test_options_that_are_equal_stay_apart_there_and_back(store, url, tmp_path):
    options = [True, 1, 0, False, 0.5, "a"]
    space = from_hyperopt({"c": hp.choice("c", options)}, name="equal")
    for name in ("equal", "back"):
        store.searches.create(a_search(name, space=space, trials=len(options), startup=99))
    for tid in range(len(options)):
        at = len(options) - 1 - tid
        trial = Trial(id=f"equal/{tid}", search="equal", tid=tid, point={"c": at}, config={})
        lease = store.attempts.begin(
            store.trials.add(trial).id,
            "worker",
            **{"ttl": 60.0, "host": "n", "accelerator": "cpu", "versions": {}, "slot": 0},
        ).lease
        store.attempts.finish(trial.id, 1, lease.token, Result(status="ok", loss=0.1 * at))
    export_optuna(store, "equal", url)
    study = optuna.load_study(study_name="equal", storage=url)
    assert [trial.params["c"] for trial in study.trials] == ["a", "0.5", "False", "0", "1", "True"]
    import_file(store, "back", tmp_path / "study.db", "optuna", "ann")
    assert [trial.point["c"] for trial in store.trials.all("back")] == [5, 4, 3, 2, 1, 0]


def test_an_export_goes_on_where_the_one_before_ended(store, search, url):
    first, last = store.trials.get(search, 0), store.trials.get(search, 23)
    store._db.delete("trials", {"_id": last.id})
    assert export_optuna(store, search, url).new == 23
    store.trials.add(last)
    done = export_optuna(store, search, url)
    assert (done.new, done.before) == (1, 23)
    assert export_optuna(store, search, url).new == 0
    study = optuna.load_study(study_name=search, storage=url)
    assert [trial.user_attrs[NUMBER] for trial in study.trials] == list(range(24))
    assert study.trials[0].value == -first.loss


def test_what_has_no_value_is_a_failed_trial_and_what_has_not_ended_is_left_out(store, search, url):
    states = [
        {"state": TrialState.FAILED, "error": "no room", "result": None},
        {"result": {"status": "fail", "reason": "NaN in epoch 1"}},
        {"state": TrialState.PRUNED},
        {"state": TrialState.QUEUED, "result": None},
        {"origin": {"kind": "confirmation", "of": 0, "repeat": 1}},
    ]
    for tid, fields in enumerate(states):
        stored = {name: getattr(each, "value", each) for name, each in fields.items()}
        assert store._db.update("trials", {"_id": f"{search}/{tid}"}, {"$set": stored})
    done = export_optuna(store, search, url, "another name")
    assert (done.study, done.new) == ("another name", 22)
    assert list(done.left_out) == ["1 repetition of others", "1 queued"]
    found = {
        trial.user_attrs[NUMBER]: trial
        for trial in optuna.load_study(study_name="another name", storage=url).trials
    }
    assert [found[tid].state.name for tid in range(3)] == ["FAIL", "FAIL", "PRUNED"]
    assert found[0].user_attrs["why"] == "no room"
    assert found[1].user_attrs["why"] == "NaN in epoch 1"
    assert {3, 4}.isdisjoint(found)


def test_several_metrics_are_objectives_and_a_broken_constraint_is_one(store, url):
    name = seed_several(store).name
    export_optuna(store, name, url)
    study = optuna.load_study(study_name=name, storage=url)
    trials = [trial for trial in store.trials.all(name) if trial.loss is not None]
    assert len(study.directions) == len(study.trials[0].values) > 1
    broken = [trial.tid for trial in trials if trial.violation > 0]
    assert broken
    for trial in study.trials:
        if trial.values is not None:
            over = max(trial.constraints.values())
            assert (over > 0) is (trial.user_attrs[NUMBER] in broken)


def test_a_study_of_something_else_is_left_alone(store, search, url, tmp_path):
    optuna.create_study(storage=url, study_name="nested", direction="maximize").ask()
    with pytest.raises(ConfigurationError, match="has a study named 'nested' of something else"):
        export_optuna(store, search, url)
    store.searches.create(a_search("other"))
    export_optuna(store, search, url, "mine")
    with pytest.raises(ConfigurationError, match="choose another --study"):
        export_optuna(store, "other", url, "mine")
    for wrong in ("nowhere", f"sqlite:///{tmp_path}/no/such/study.db", "mysql://x@127.0.0.1:9/x"):
        with pytest.raises(ConfigurationError, match="a file is sqlite:///FILE"):
            export_optuna(store, search, wrong)


@pytest.mark.parametrize("nowhere", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_study_that_would_end_with_the_command_is_refused(store, search, nowhere):
    with pytest.raises(ConfigurationError, match="would end with this command"):
        export_optuna(store, search, nowhere)


def test_no_message_has_the_password_of_a_storage(store, search):
    for secret in ("hunter2", "a@b:c", "%2F"):
        with pytest.raises(ConfigurationError) as refused:
            export_optuna(store, search, f"postgresql://ann:{secret}@127.0.0.1:9/x")
        assert secret not in str(refused.value)
        assert "ann:…@127.0.0.1:9/x" in str(refused.value)
