"""`alignsearch experiment importance`: means and shares of a search's trials, and refusals."""

import csv
import statistics
import threading
import uuid

import pytest
from experiment_output import Output, done, in_this_process

from alignsearch.search.documents import Result
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.attempt_runner import Finished
from alignsearch.workers.objectives.rehearsal import rehearse


@pytest.fixture(scope="module")
def tried(moved):
    folder, _, uri = moved
    printed = done(folder, "experiment", "importance", "tried", "--store", uri)
    return printed, Output(folder / "runs" / "experiments" / "importance-tried")


def test_the_categorical_means_are_those_of_the_trials(moved, tried):
    _, trials, _ = moved
    printed, found = tried
    found.check_files(["importance"], ["categorical", "fanova"])
    rows = list(csv.reader((found.folder / "categorical.csv").read_text().splitlines()))[1:]
    differences = []
    for row in rows:
        label, cells = row[0], row[2:]
        field = {"A": "bo_fwl2n", "B": "sigma", "C": "delay_epochs", "D": "bo_relu"}.get(label)
        if field is None:
            continue
        for at, answer in ((0, False), (3, True)):
            scores = [1 - t.loss for t in trials if bool(t.config[field]) == answer]
            assert int(cells[at]) == len(scores)
            if len(scores) > 1:
                sem = statistics.stdev(scores) / len(scores) ** 0.5
                assert float(cells[at + 1]) == pytest.approx(statistics.mean(scores))
                assert float(cells[at + 2]) == pytest.approx(sem)
        differences.append(abs(float(cells[6] or 0)))
    assert differences == sorted(differences, reverse=True)
    assert f"{len(trials)} trials with a loss" in printed
    assert "B: one answer in all trials" in printed


def test_all_sampled_metaparameters_have_a_share_and_the_setting_is_told(tried):
    _, found = tried
    shares = found.run["numbers"]["share"]
    assert shares.keys() == get_space("ia").sampled_names
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert len(found.table("fanova")) == len(shares)
    assert "search 'tried' over ia" in found.run["setting"][0]
    assert found.run["seeds"] == [0]


def test_a_search_with_too_few_losses_is_refused_with_their_number(
    moved, server_uri, make_search_in, make_driver_in
):
    folder, _, _ = moved
    uri = f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}"

    def diverge_at_times(search, trial, link):
        if trial.tid % 4:
            return rehearse(search, trial, link)
        return Finished(Result(status="fail", reason="the loss is NaN in epoch 1"))

    with Store.connect(uri) as store:
        make_search_in(store, "few", "ia", trials=12)
        make_driver_in(store, uri, "few", objective=diverge_at_times).run(threading.Event())
    code, printed, said = in_this_process(
        folder, "experiment", "importance", "few", "--store", uri, "--out", "never"
    )
    assert (code, printed, said.count("\n")) == (2, "", 1)
    assert "needs at least 10 trials" in said
    assert "there are 9" in said
    assert not (folder / "never").exists()


def test_an_unknown_search_is_refused_with_the_nearest(moved):
    folder, _, uri = moved
    code, _, said = in_this_process(folder, "experiment", "importance", "tired", "--store", uri)
    assert (code, "did you mean tried" in said) == (2, True), said
