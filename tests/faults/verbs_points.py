"""Verbs that give points to a search and steer single trials, for `verbs.py`."""

import pymongo
from driving import wait_until
from verb_cases import Verb, driven, finished_search, new_search

from alignsearch.search.documents import Trial
from alignsearch.search.documents.states import SearchStatus, TrialState

POINTS = [{"sigma": 0.1 * at, "alpha_over_beta": 10.0 * at, "beta": 1.0} for at in range(1, 6)]
LOSSES = [0.5, 0.25, None, 0.75, 0.125]
CSV = "points.csv"
JOBS = 5


def said(case, what):
    return [event.detail for event in case.store.logs.events("a") if event.what == what]


def trials_of(case):
    return case.store.trials.all("a")


def as_csv(case):
    head = "sigma,alpha_over_beta,beta,loss"
    rows = [
        ",".join(map(str, [*point.values(), "" if loss is None else loss]))
        for point, loss in zip(POINTS, LOSSES, strict=True)
    ]
    (case.folder / CSV).write_text("\n".join([head, *rows]) + "\n")


def prepare_points(case):
    new_search(case, trials=8)
    as_csv(case)


def prepare_long_search(case):
    # Longer than any command takes: the points come while it runs.
    new_search(case, trials=5000, checkpoints=None)
    as_csv(case)


def enqueue(case):
    return ["enqueue", "a", "--from", CSV]


def points_are_there_once(case):
    assert [point.point for point in case.store.points.all("a")] == POINTS
    assert case.store.searches.get("a").enqueued == len(POINTS)
    assert said(case, "enqueued") == ["5 points to be tried first"]


def none_of_them_or_all(case):
    """A driver may read all of the points or none."""
    assert case.store.searches.get("a").enqueued in (0, len(POINTS))


def each_point_is_tried_once(case):
    wait_until(lambda: len([t for t in trials_of(case) if t.origin is not None]) >= len(POINTS))
    given = [trial for trial in trials_of(case) if trial.origin is not None]
    assert [trial.point for trial in given] == POINTS
    assert [trial.origin.number for trial in given] == list(range(len(POINTS)))
    points_are_there_once(case)


def prepare_from_search(case):
    finished_search(case, "other")
    for at, point in enumerate(POINTS[:3]):
        case.store._db.update("trials", {"_id": f"other/{at}"}, {"$set": {"point": point}})
    new_search(case)


def best_points_are_there_once(case):
    assert [point.point for point in case.store.points.all("a")] == POINTS[:2]
    assert [p.note for p in case.store.points.all("a")] == ["trial 0 of other", "trial 1 of other"]
    assert said(case, "enqueued") == ["2 points to be tried first"]


def prepare_failures(case):
    new_search(case)
    for tid, state in enumerate(("failed", "completed", "failed", "cancelled")):
        case.store.trials.add(
            Trial(id=f"a/{tid}", search="a", tid=tid, state=state, point=POINTS[tid])
        )
    case.store.searches.change("a", SearchStatus.RUNNING, "a driver")
    case.store.searches.change("a", SearchStatus.FAILED, "a driver", detail="too many failed")


def retries_wait_once(case):
    points = case.store.points.all("a")
    assert [(point.kind, point.of) for point in points] == [("retry", 0), ("retry", 2)]
    assert case.store.searches.get("a").enqueued == 2
    assert case.store.searches.get("a").status is SearchStatus.QUEUED
    assert said(case, "retried") == ["trials 0, 2"]
    assert said(case, "queued again") in ([], ["to try trials 0, 2 again"])


def prepare_queued(case):
    new_search(case)
    for tid in range(2):
        case.store.trials.add(Trial(id=f"a/{tid}", search="a", tid=tid, point=POINTS[tid]))


def one_trial_is_cancelled(case):
    assert [trial.state for trial in trials_of(case)] == [TrialState.CANCELLED, TrialState.QUEUED]
    assert said(case, "trial cancelled") == ["trial 0"]
    assert case.store.searches.get("a").status is SearchStatus.QUEUED


def results_are_there_once(case):
    # A killed import holds the driver's lease until that has passed.
    assert [trial.point for trial in trials_of(case)] == POINTS
    assert [trial.loss for trial in trials_of(case)] == LOSSES
    assert {trial.origin.kind for trial in trials_of(case)} == {"imported"}
    assert not any(trial.spends for trial in trials_of(case))
    assert said(case, "imported") == [f"5 results of {CSV}"]


def results_are_stored_once(case):
    """The points are there; those that aren't trials yet wait for whoever drives next."""
    points = case.store.points.all("a")
    assert [(point.kind, point.point) for point in points] == [("imported", p) for p in POINTS]
    assert said(case, "imported") == [f"5 results of {CSV}"]
    numbers = [trial.origin.number for trial in trials_of(case)]
    assert len(numbers) == len(set(numbers))
    if case.ended:
        results_are_there_once(case)


def results_are_told_once(case):
    wait_until(lambda: len([t for t in trials_of(case) if not t.is_suggested]) >= len(POINTS))
    found = [trial for trial in trials_of(case) if not trial.is_suggested]
    assert [(trial.point, trial.loss) for trial in found] == list(zip(POINTS, LOSSES, strict=True))
    assert said(case, "imported") == [f"5 results of {CSV}"]


def jobs_address(case):
    place, _, database = case.uri.removeprefix("mongodb://").partition("/")
    return f"mongo://{place}/{database}_jobs/jobs"


def prepare_jobs(case):
    new_search(case)
    database = case.uri.rpartition("/")[2] + "_jobs"
    with pymongo.MongoClient(case.uri) as client:
        client[database]["jobs"].insert_many(
            {
                "tid": tid,
                "state": 2,
                "exp_key": "e",
                "misc": {"vals": {label: [value] for label, value in point.items()}},
                "result": {"status": "ok", "loss": 0.5},
            }
            for tid, point in enumerate(POINTS)
        )


def jobs_are_stored_once(case):
    points = case.store.points.all("a")
    assert [(point.kind, point.point) for point in points] == [("imported", p) for p in POINTS]
    assert said(case, "imported") == ["5 results of HyperOpt's MongoTrials"]


ROWS = (
    Verb("enqueue", prepare_points, enqueue, points_are_there_once, between=none_of_them_or_all),
    Verb(
        "enqueue-driven",
        prepare_long_search,
        enqueue,
        each_point_is_tried_once,
        beside=driven,
    ),
    Verb(
        "enqueue-best",
        prepare_from_search,
        lambda case: ["enqueue", "a", "--from-search", "other", "--top", "2"],
        best_points_are_there_once,
    ),
    Verb("retry", prepare_failures, lambda case: ["retry", "a"], retries_wait_once),
    Verb(
        "cancel-trial",
        prepare_queued,
        lambda case: ["cancel", "a", "0"],
        one_trial_is_cancelled,
    ),
    Verb("import", prepare_points, lambda case: ["import", "a", CSV], results_are_stored_once),
    Verb(
        "import-driven",
        prepare_long_search,
        lambda case: ["import", "a", CSV],
        results_are_told_once,
        beside=driven,
    ),
    Verb(
        "import-jobs",
        prepare_jobs,
        lambda case: ["import", "a", "--from-mongotrials", jobs_address(case)],
        jobs_are_stored_once,
    ),
)
