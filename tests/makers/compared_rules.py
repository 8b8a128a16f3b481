"""The experiment `rules` on three rules in a real store, whose trainings have made-up results."""

from contextlib import nullcontext

from thread_workers import ThreadWorkers, made_up

from alignsearch.experiments.rules import Rules
from alignsearch.experiments.run_experiment import run_experiment
from alignsearch.experiments.store_place import StorePlace
from alignsearch.search.documents import Result
from alignsearch.workers.attempt_runner import Finished

GUESSING, DISTURBED = 0.9, 0.3
SMALL = {"trials": 4, "epochs": 2, "seeds": 3, "model": "dense", "width": 4}


def some_diverge(search, trial, link):
    """FA diverges with every configuration; WM diverges on its second fresh seed."""
    diverged = Finished(
        Result(status="fail", metrics={"chance_error": GUESSING}, reason="the loss became nan"), 1
    )
    if search.name.startswith("rules-fa-"):
        return diverged
    found = made_up(search, trial, link)
    if "-final-" not in search.name:
        return found
    if search.name.startswith("rules-wm-") and trial.tid == 1:
        return diverged
    metrics = {**found.result.metrics, "error_fgsm_0.1": DISTURBED}
    return Finished(found.result.model_copy(update={"metrics": metrics}), found.best_epoch)


def compare_three(store, uri, make_driver_in, folder, objective=some_diverge):
    """Run the experiment on BP, FA and WM to its end, and return its workers."""
    workers = ThreadWorkers(store, uri, make_driver_in, objective)
    run_experiment(
        Rules(rules="bp,fa,wm", **SMALL),
        StorePlace(workers),
        folder,
        command="",
        computing=nullcontext(),
        drawing=nullcontext(),
    )
    return workers
