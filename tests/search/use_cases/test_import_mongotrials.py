"""Results of HyperOpt's `MongoTrials`, read from its jobs without unpickling anything."""

import math
import pickle
from datetime import UTC

import hyperopt
import numpy as np
import pymongo
import pytest
from hyperopt import hp
from nested_search import a_search

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.use_cases.importing import import_mongotrials
from alignsearch.spaces.hyperopt_space import from_hyperopt

EXPRESSION = {
    "lr": hp.loguniform("lr", -5, 0),
    "kernel": hp.choice(
        "kernel", ["linear", {"kind": "rbf", "gamma": hp.lognormal("gamma", 0, 1)}]
    ),
    "layers": hp.quniform("layers", 1, 4, 1),
}
SPACE = from_hyperopt(EXPRESSION, name="plain")


class Bomb:
    """Unpickled, it leaves a mark."""

    def __reduce__(self):
        return (setattr, (Bomb, "went_off", True))


Bomb.went_off = False


def jobs_of_hyperopt(exp_key="exp1", evaluations=8):
    """Jobs as `MongoTrials` keeps them: HyperOpt's own documents, and pickles beside them."""
    trials = hyperopt.Trials()
    hyperopt.fmin(
        lambda config: config["lr"],
        EXPRESSION,
        algo=hyperopt.rand.suggest,
        max_evals=evaluations,
        trials=trials,
        rstate=np.random.default_rng(0),
        verbose=False,
    )
    jobs = [
        {
            **hyperopt.base.SONify(document),
            "exp_key": exp_key,
            "owner": ["a-host", "7"],
            "attachments": pickle.dumps(Bomb()),
        }
        for document in trials._dynamic_trials
    ]
    jobs[-1]["result"] = {"status": "fail", "failure": "no luck"}
    jobs[-2]["result"]["loss"] = math.nan
    jobs[-3]["state"] = hyperopt.JOB_STATE_ERROR
    return jobs


@pytest.fixture
def jobs(store_uri):
    """Write jobs into a database of their own; return HyperOpt's URI of them."""
    database = store_uri.rpartition("/")[2] + "_jobs"

    def write(documents, collection="jobs"):
        with pymongo.MongoClient(store_uri) as client:
            client[database][collection].insert_many(documents)
            client[database]["fs.chunks"].insert_one({"data": pickle.dumps(Bomb())})
        place = store_uri.removeprefix("mongodb://").partition("/")[0]
        return f"mongo://{place}/{database}/{collection}"

    return write


@pytest.fixture
def plain(store):
    return store.searches.create(a_search("plain", space=SPACE))


def flat(job):
    return {label: vals[0] for label, vals in job["misc"]["vals"].items() if len(vals)}


def test_done_jobs_are_finished_trials(store, jobs, plain):
    made = jobs_of_hyperopt()
    uri = jobs([dict(job) for job in made])
    done = import_mongotrials(store, "plain", uri, "ann")
    found = store.trials.all("plain")
    finished = [job for job in made if job["state"] == hyperopt.JOB_STATE_DONE]
    assert len(finished) == 7
    assert [trial.point for trial in found] == [flat(job) for job in finished]
    assert [trial.loss for trial in found] == [job["result"]["loss"] for job in finished[:5]] + [
        None,
        None,
    ]
    assert [t.result.reason for t in found[5:]] == ["its loss is nan", "no luck"]
    for trial, job in zip(found, finished, strict=True):
        assert trial.config == SPACE.resolve(trial.point)
        assert trial.timings["started"] == job["book_time"].replace(tzinfo=UTC)
        assert trial.timings["finished"] == job["refresh_time"].replace(tzinfo=UTC)
        assert trial.origin.note == f"HyperOpt's job {job['tid']}"
    assert done.left_out == ("1 without a result (failed)",)
    assert not Bomb.went_off
    # Doing it again adds nothing; nor does MongoDB's own way to write the address.
    again = import_mongotrials(store, "plain", uri.replace("mongo:", "mongodb:"), "ann")
    assert again.points == []
    assert len(store.trials.all("plain")) == 7


def test_jobs_of_several_experiments_are_chosen_from(store, jobs, plain):
    uri = jobs([*jobs_of_hyperopt("one"), *jobs_of_hyperopt("two", 6)], collection="others")
    with pytest.raises(ConfigurationError, match=r"of 2 experiments: .*--study: one, two"):
        import_mongotrials(store, "plain", uri, "ann")
    with pytest.raises(UnknownNameError, match="'tow'; did you mean two"):
        import_mongotrials(store, "plain", uri, "ann", "tow")
    assert store.points.all("plain") == []
    assert len(import_mongotrials(store, "plain", uri, "ann", "two").points) == 5


def test_jobs_of_another_space_are_refused_by_number(store, jobs):
    store.searches.create(a_search())
    uri = jobs(jobs_of_hyperopt())
    with pytest.raises(ConfigurationError, match="job 0: not a point of space 'nested'"):
        import_mongotrials(store, "nested", uri, "ann")
    assert store.trials.all("nested") == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"result": {"status": "ok", "loss": True}}, "job 3: its loss is True"),
        ({"misc": {"cmd": None}}, "job 3 is none of HyperOpt's: it has no misc.vals"),
        ({"result": {"status": "ok", "loss": "low"}}, "job 3: its loss is 'low'"),
        ({"misc": {"vals": {"lr": [0.1, 0.2]}}}, "job 3: a point needs exactly one value of lr"),
        ({"misc": {"vals": {"lr": ["x"]}}}, "job 3: a point needs a number for lr"),
    ],
)
def test_a_job_that_is_none_is_named(store, jobs, plain, broken, said):
    made = jobs_of_hyperopt()
    made[3].update(broken)
    uri = jobs(made)
    with pytest.raises(ConfigurationError, match=said):
        import_mongotrials(store, "plain", uri, "ann")
    assert store.points.all("plain") == []


def test_addresses_without_jobs_are_refused(store, store_uri, plain):
    for uri in ("http://db/x/jobs", "mongo://db", "mongo://u:secret@db/a/b/c"):
        with pytest.raises(ConfigurationError, match="names no jobs of HyperOpt's") as refused:
            import_mongotrials(store, "plain", uri, "ann")
        assert "secret" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="there are no jobs"):
        import_mongotrials(store, "plain", f"{store_uri}_nowhere", "ann")
    with pytest.raises(StoreUnavailableError):
        import_mongotrials(store, "plain", "mongo://127.0.0.1:1/db/jobs", "ann")


def test_a_job_in_an_odd_state_has_no_result(store, jobs, plain):
    made = jobs_of_hyperopt()
    made[0]["state"], made[1]["state"] = [2], "done"
    done = import_mongotrials(store, "plain", jobs(made), "ann")
    assert "2 without a result (odd)" in done.left_out


@pytest.mark.parametrize("address", ["mongo://[::1/a/jobs", "mongo:///a/jobs", "/a/jobs", ""])
def test_an_address_that_is_none_is_refused(store, plain, address):
    with pytest.raises(ConfigurationError, match="names no jobs of HyperOpt's"):
        import_mongotrials(store, "plain", address, "ann")


def test_what_stands_in_a_file_that_is_no_address_is_not_shown(store, plain, tmp_path):
    (tmp_path / "secret").write_text("correct horse battery staple\n")
    with pytest.raises(ConfigurationError, match="it should hold a MongoDB URI") as refused:
        import_mongotrials(store, "plain", f"file:{tmp_path}/secret", "ann")
    assert "horse" not in str(refused.value)
