"""A trial to use again: its configuration as code and commands, and lines that load its weights."""

import json
import shlex
import subprocess
import sys
import threading

import numpy as np
import pytest

from alignsearch.dashboards.web.reuse import reuse_of
from alignsearch.search.documents import Recipe, Search, Trial
from alignsearch.search.documents.checkpoint_names import of_attempt
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.table5 import PUBLISHED
from alignsearch.workers.attempt_runner import Outcome, Worker, run_attempt


def kept_by(store, folder):
    """A search that keeps checkpoints there, and its one trial, which trains on digits."""
    search = store.searches.create(
        Search(
            name="kept",
            space="ia",
            space_hash=get_space("ia").space_hash,
            recipe=Recipe(
                **{"dataset": "digits", "width": 2, "stem": "small", "epochs": 2},
                schedule_epochs=2.0,
                batch_divisor=32,
            ),
            trials=1,
            parallel=1,
            seed=0,
            startup=0,
            checkpoints=None if folder is None else str(folder),
            created_by="a test",
        )
    )
    config = PUBLISHED["ia"].model_dump() | {"train_batch_size": 4096}
    trial = Trial(id="kept/0", search="kept", tid=0, config=config)
    return search, store.trials.add(trial)


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("small_resnet")
def test_four_lines_load_the_weights_of_a_real_training(store, tmp_path):
    from alignment_core.training import checkpoints
    from alignsearch.workers.objectives.training import train

    search, trial = kept_by(store, tmp_path)
    worker = Worker(owner="a test", host="here", accelerator="CPU")
    ended = run_attempt(store, search, trial, train, worker, threading.Event())
    assert ended.outcome == Outcome.COMPLETED
    trial = store.trials.get("kept", 0)
    weights = reuse_of(search, trial).weights
    assert weights.state == "kept"
    assert weights.folder == f"{of_attempt(search, trial, 1)}/epoch-2"
    assert len(weights.code.splitlines()) == 4
    shapes = eval(run(weights.code))
    saved = checkpoints.read(weights.folder)
    known = {name: value.shape for name, value in saved.items() if name.startswith("model/")}
    assert shapes == known
    assert sum(np.prod(shape) for shape in shapes.values()) > 100


def test_a_configuration_is_code_that_says_the_same(lab):
    search, trial = lab.store.searches.get("done"), lab.store.trials.get("done", 3)
    told = reuse_of(search, trial)
    given = {}
    exec(told.python, given)
    assert given["config"] == trial.config
    assert json.loads(told.json_text) == trial.config
    train, enqueue, show = map(shlex.split, told.command.splitlines())
    assert train == ["alignsearch", "train", "--from", "done:3"]
    assert show == ["alignsearch", "show", "done", "3"]
    assert enqueue[:4] == ["alignsearch", "enqueue", "done", "--point"]
    values = dict(value.split("=") for value in enqueue[4:])
    assert float(values["sigma"]) == trial.config["sigma"]
    assert told.weights.state == "none"
    assert told.weights.code is None


def test_weights_that_are_gone_or_elsewhere_are_said_to_be(store, tmp_path):
    search, trial = kept_by(store, tmp_path / "there")
    begun = store.attempts.begin(trial, "w", ttl=60.0, host="h", accelerator="cpu", versions={})
    assert reuse_of(search, begun).weights.state == "elsewhere"
    (tmp_path / "there").mkdir()
    told = reuse_of(search, begun).weights
    assert (told.state, told.code) == ("removed", None)
    assert "best trial" in told.text


def test_files_of_an_objective_of_ones_own_are_listed(store, tmp_path):
    search, trial = kept_by(store, tmp_path)
    begun = store.attempts.begin(trial, "w", ttl=60.0, host="h", accelerator="cpu", versions={})
    folder = f"{of_attempt(search, begun, 1)}"
    for number in (1, 2):
        made = tmp_path / folder / f"checkpoint-{number}"
        made.mkdir(parents=True)
        (made / "weights.npz").write_bytes(b"")
    told = reuse_of(search, begun).weights
    assert told.folder.endswith("/checkpoint-2")
    assert run(told.code).split() == [f"{told.folder}/weights.npz"]
