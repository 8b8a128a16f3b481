"""HyperOpt's own suggestions for a history that our samplers know as observations."""

import hyperopt
from hyperopt import rand
from hyperopt import tpe as hyperopt_tpe


def domain_of(expression):
    return hyperopt.base.Domain(None, expression)


def document(domain, tid, point, state, result, **misc):
    """A trial of `hyperopt.Trials`; labels that the point lacks are inactive."""
    return {
        "state": state,
        "tid": tid,
        "spec": None,
        "result": result,
        "misc": {
            "tid": tid,
            "cmd": domain.cmd,
            "workdir": None,
            "idxs": {label: [tid] if label in point else [] for label in domain.params},
            "vals": {label: [point[label]] if label in point else [] for label in domain.params},
            **misc,
        },
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }


def result_of(loss):
    if loss is None:
        return {"status": hyperopt.STATUS_FAIL}
    return {"status": hyperopt.STATUS_OK, "loss": loss}


def trials_of(domain, observations, pending):
    documents = [
        document(domain, seen.tid, seen.point, hyperopt.JOB_STATE_DONE, result_of(seen.loss))
        for seen in observations
    ]
    documents += [
        document(domain, live.tid, live.point, hyperopt.JOB_STATE_RUNNING, {"status": "new"})
        for live in pending
    ]
    trials = hyperopt.Trials()
    if documents:
        trials.insert_trial_docs(documents)
        trials.refresh()
    return trials


def hyperopt_point(domain, observations, pending, seed, startup=0):
    """The point that HyperOpt's TPE suggests: values of active labels."""
    trials = trials_of(domain, observations, pending)
    tid = 1 + max(trials.tids, default=-1)
    suggested = hyperopt_tpe.suggest(
        [tid], domain, trials, seed, n_startup_jobs=startup, verbose=False
    )
    return point_of(suggested[0])


def hyperopt_random_point(domain, seed):
    """The point that HyperOpt's random search suggests: values of active labels."""
    return point_of(rand.suggest([0], domain, hyperopt.Trials(), seed)[0])


def point_of(suggested):
    return {label: value[0] for label, value in suggested["misc"]["vals"].items() if value}
