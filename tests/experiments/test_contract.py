"""The contract of experiments, tested on every entry of the table at its smallest size.

Store, driver and attempts are real; the workers are threads, whose objective makes up results
without TensorFlow.
"""

import uuid
from contextlib import nullcontext
from dataclasses import fields
from typing import get_args

import numpy as np
import pytest
from experiment_output import Output
from thread_workers import ThreadWorkers

from alignment_core.analysis.simulated_recordings import read_out, simulate
from alignment_core.errors import AlignSearchError, ConfigurationError, DataError
from alignsearch.cli.app import app
from alignsearch.experiments.options import Scale
from alignsearch.experiments.run_experiment import check_folder, default_folder, run_experiment
from alignsearch.experiments.store_place import REPORTED, StorePlace
from alignsearch.experiments.table import EXPERIMENTS, get_experiment
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store

NAMES = [entry.name for entry in EXPERIMENTS]
TRAINING = {"models": "dense", "width": 4, "epochs": 2, "seeds": "2"}
SMALLEST = {
    "stability": {"ratios": "2", "width": 8, "images": 32, "steps": 10},
    "scalar-network": {"grid": 3},
    "transfer": {**TRAINING, "rules": "bp,sa"},
    "noise": {**TRAINING, "rules": "bp,sa", "variances": "0,0.1"},
    "importance": {},
    "symmetry": {**TRAINING, "rules": "sa"},
    "weight-metrics": {**TRAINING, "rules": "sa"},
    "kolen-pollack": {**TRAINING, "rules": "bp,kp"},
    "neural-fit": {"components": 3, "splits": 2},
    "biotorch": {**TRAINING, "rules": "bp,dfa"},
    "rules": {"rules": "bp,fa,wm", "trials": 3, "epochs": 2, "seeds": 2, "model": "dense"},
}
"""Options of the smallest run of each."""


@pytest.fixture(scope="module")
def workers(server_uri, make_driver_in):
    uri = f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}"
    with Store.connect(uri) as store:
        yield ThreadWorkers(store, uri, make_driver_in)


@pytest.fixture(scope="module")
def make_experiment(tmp_path_factory):
    """An experiment by its name, at its smallest."""
    files = tmp_path_factory.mktemp("files")
    features = np.random.default_rng(0).normal(size=(80, 8))
    signal = read_out(features, 5, 0.8, seed=0)
    variables = simulate(signal, np.arange(80) % 4, repetitions=4, noise=1.0, seed=0)
    np.savez(files / "recordings.npz", **variables)
    np.savez(files / "features.npz", layer=features)
    needed = {each: files / f"{each}.npz" for each in ("recordings", "features")}

    def make(name, **options):
        given = needed if name == "neural-fit" else {}
        return get_experiment(name).load()(**{**SMALLEST[name], **given, **options})

    return make


def run(experiment, workers, folder):
    experiment.check()
    return run_experiment(
        experiment,
        StorePlace(workers),
        folder,
        command="alignsearch experiment",
        computing=nullcontext(),
        drawing=nullcontext(),
    )


@pytest.fixture(scope="module", params=NAMES)
def ran(request, workers, make_experiment, tmp_path_factory):
    """An experiment of the table that was run once: its name, itself and its folder."""
    folder = tmp_path_factory.mktemp("ran") / "runs" / request.param
    experiment = make_experiment(request.param)
    run(experiment, workers, folder)
    return request.param, experiment, folder


def test_every_experiment_has_its_smallest_run_here():
    assert list(SMALLEST) == NAMES
    assert len(set(NAMES)) == len(NAMES)


def test_its_smallest_run_leaves_a_report_with_figures_and_tables(ran):
    name, _, folder = ran
    output = Output(folder)
    output.check_files()
    entry = get_experiment(name)
    assert output.run["experiment"] == name
    ours = "BioTorch" if name in ("biotorch", "rules") else "Kunin et al. 2020, "
    assert output.run["source"].startswith(ours)
    # "Table 3" of the list may be in "Tables 3 and 4" of the report.
    named = entry.source.partition(",")[0].removesuffix("'s table").split()[-1]
    assert named in output.run["source"]
    assert output.run["setting"]
    assert output.run["numbers"]
    assert all(output.run["captions"].values())
    assert {"alignsearch", "tensorflow", "python"} <= output.run["versions"].keys()


def test_the_search_of_its_runs_says_where_the_report_is(ran, workers):
    name, _, folder = ran
    told = [
        event.detail
        for search in workers.store.searches.all()
        for event in workers.store.logs.events(search.name)
        if event.what == REPORTED
    ]
    where = f"a test:{folder / 'index.html'}"
    assert (where in told) == (get_experiment(name).needs in ("training", "searches"))


def test_what_it_draws_at_random_it_gives_the_seeds_of(ran):
    name, experiment, folder = ran
    seeds = Output(folder).run["seeds"]
    random = {each.name for each in fields(experiment)} & {"seed", "seeds"} or name == "importance"
    assert bool(seeds) == bool(random)


def test_run_again_it_trains_nothing_anew_and_has_the_same_numbers(ran, workers):
    name, experiment, folder = ran
    before = len(workers.driven)
    again = folder.with_name("again")
    run(experiment, workers, again)
    assert len(workers.driven) == before
    first, second = Output(folder).run, Output(again).run
    assert first["numbers"].keys() == second["numbers"].keys()
    if get_experiment(name).needs != "nothing":
        assert first["numbers"] == second["numbers"]


@pytest.mark.parametrize("name", [e.name for e in EXPERIMENTS if e.needs == "training"])
def test_interrupted_it_is_continued_in_the_same_search(name, workers, make_experiment, tmp_path):
    # Seeds that no other run of these tests has, and so a search of its own.
    experiment = make_experiment(name, seeds=f"{30 + NAMES.index(name)},50")
    workers.interrupt.set()
    with pytest.raises(StateConflictError, match="run the command again"):
        run(experiment, workers, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    workers.interrupt.clear()
    run(experiment, workers, tmp_path / "out")
    assert workers.driven[-1] == workers.driven[-2]
    found = workers.store.trials.all(workers.driven[-1])
    assert {trial.state for trial in found} == {TrialState.COMPLETED}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", get_args(Scale))
def test_reproduce_can_ask_for_it_at_every_scale(name, scale, tmp_path):
    """Its command takes the options, and refuses none but those of data that isn't here."""
    kind = get_experiment(name).load()
    asked = kind.reproduction(scale, tmp_path, None).options
    given = {
        option.removeprefix("--").replace("-", "_"): text
        for option, text in zip(asked[::2], asked[1::2], strict=True)
    }
    assert given.keys() <= {each.name for each in fields(kind)}
    try:
        kind(**given).check()
    except DataError:
        assert scale == "paper"


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_cannot_be_written_to_is_refused_before_any_computing(
    name, make_experiment, tmp_path
):
    experiment = make_experiment(name)
    (tmp_path / "mine").write_text("mine")
    before = sorted(tmp_path.rglob("*"))

    class NoPlace:
        """A place that fails the test when an experiment uses it."""

        def __getattr__(self, asked):
            raise AssertionError(f"{name} asked for {asked}")

    for folder in (tmp_path / "mine", tmp_path / "mine" / "below", tmp_path / ("n" * 300)):
        with pytest.raises(ConfigurationError, match=r"can't hold an experiment.*--out"):
            run_experiment(
                experiment,
                NoPlace(),
                folder,
                command="",
                computing=pytest.fail,
                drawing=pytest.fail,
            )
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_can_be_written_to_is_not_left_behind_by_the_check(tmp_path):
    check_folder(tmp_path / "runs" / "experiments" / "noise")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    check_folder(tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_its_default_folder_is_among_those_of_trainings(name, make_experiment):
    entry = get_experiment(name)
    assert default_folder(entry, make_experiment(name)).parts == ("runs", "experiments", name)


def test_an_experiment_that_failed_leaves_no_folder(workers, make_experiment, tmp_path):
    wrong = make_experiment("symmetry", layer="dens9")
    with pytest.raises(AlignSearchError, match="'dens9'"):
        run(wrong, workers, tmp_path / "never")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_has_a_command_for_each():
    import typer.main

    group = typer.main.get_command(app)
    commands = group.commands["experiment"].commands
    assert list(commands) == [*NAMES, "reproduce"]
    for entry in EXPERIMENTS:
        offered = {each.name for each in commands[entry.name].params}
        assert {each.name for each in fields(entry.load())} | {"out"} <= offered
        assert entry.source in commands[entry.name].help
