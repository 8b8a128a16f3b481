"""A store and workers for experiments: real but for trainings, whose results are made up."""

from functools import partial
from threading import Event

from epoch_maker import an_epoch

from alignsearch.experiments.store_place import Room
from alignsearch.search.documents import LayerRecord, Result, WeightSample
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.use_cases.new_search import Surroundings, prepare
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.definitions import find_definition
from alignsearch.submitting import submission
from alignsearch.workers.attempt_runner import Finished
from alignsearch.workers.objectives.rehearsal import rehearse

COSTS = {
    f"{name}_{rule}": 1.0 + rule
    for name in ("seconds", "ratio", "ratio_low", "ratio_high", "variable_bytes")
    for rule in range(3)
}
"""Made-up costs of three rules' steps."""


def made_up(search, trial, link):
    """An objective without training: epochs with the measurements asked for, then a result."""
    if search.space != RUNS.name:
        if search.recipe is None:
            return Finished(Result(status="ok", loss=0.0, metrics=COSTS), 0)
        return rehearse(search, trial, link)
    samples = search.recipe.weight_samples
    names = ("dense1",) if samples is None else ("dense1", "dense2", *samples.layers)
    for number in range(1, search.recipe.epochs + 1):
        pairs = ()
        if samples is not None and number in samples.epochs:
            weights = {"forward": (0.1, -0.2), "backward": (0.2, -0.1)}
            pairs = tuple(WeightSample(layer=each, **weights) for each in samples.layers)
        link.on_epoch(
            an_epoch(
                trial.id,
                number,
                attempt=trial.attempt,
                epochs=search.recipe.epochs,
                layers=[LayerRecord(name=each, angle=40.0, norm_ratio=1.0) for each in names],
                weight_samples=pairs,
            )
        )
    return Finished(Result(status="ok", loss=0.1, metrics={"chance_error": 0.9}), number)


AROUND = Surroundings(
    capacity=lambda resources: ({"CPU": 1.0}, 2),
    check_data=lambda name, data_dir, options: None,
    own_checkpoints=None,
)


class ThreadWorkers:
    """A real store, and a driver whose workers are threads."""

    has_store = True
    owner = "a test"

    def __init__(self, store, uri, make_driver, objective=made_up):
        self.store = store
        self.objective = objective
        self.make_driver = partial(make_driver, store, uri)
        self.driven = []
        self.interrupt = Event()

    def open_store(self):
        return self.store

    make_store = open_store

    def room(self):
        return Room({"CPU": 1.0}, 2)

    def checkpoints(self):
        return None

    def prepare(self, name, space, options):
        own = isinstance(space, Definition)
        definition = space if own else find_definition(space)
        address = definition.space.name if own else space
        asked = submission(definition, {**options, "name": name}, space=address)
        return prepare(asked, self.owner, AROUND, definition=definition)

    def drive(self, search, unit):
        self.driven.append(search.name)
        driver = self.make_driver(search.name, objective=self.objective)
        ended = driver.run(self.interrupt)
        assert ended is (Outcome.INTERRUPTED if self.interrupt.is_set() else Outcome.FINISHED)
