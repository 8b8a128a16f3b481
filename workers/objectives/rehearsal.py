"""The objective `rehearsal`: a smooth function of the metaparameters in place of a training.

It tries out a cluster, a store or a driver without images or TensorFlow, by
`alignsearch submit SPACE --dataset rehearsal`. An epoch takes the recipe's `epoch_seconds`. The
loss falls exponentially to a value that follows from the configuration.
"""

import json
import math
import threading
from dataclasses import replace
from pathlib import Path

from alignment_core.training.disturbances import DISTURBANCES
from alignsearch.search.documents import (
    Epoch,
    Result,
    Search,
    Trial,
    metric_of,
    metrics_of,
    reported_names_of,
    space_of,
)
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.search.documents.observation import Point
from alignsearch.spaces.distributions import Choice, Distribution, PChoice, RandInt
from alignsearch.spaces.places import place
from alignsearch.spaces.space import SearchSpace
from alignsearch.workers.objectives import Finished, Link

STATE = "state.json"
WORST = 0.9
"""The largest loss, that of a network which guesses one of ten classes."""


def rehearse(search: Search, trial: Trial, link: Link) -> Finished:
    """Record the recipe's `epochs`, whose losses approach the trial's `final_loss`; return that.

    A checkpoint after each epoch holds the number of epochs done.
    """
    pause = threading.Event()
    final = final_loss(space_of(search), trial.point)
    recipe = search.training
    epochs, seconds = recipe.epochs, recipe.epoch_seconds
    done = max((_epochs_done(folder) for folder in link.resume_from), default=0)
    if done:
        link.on_resume([_epoch(search, trial, n, epochs, final) for n in range(1, done + 1)])
    for number in range(done + 1, epochs + 1):
        if link.should_stop():
            return Finished(None)
        pause.wait(seconds)
        link.on_epoch(_epoch(search, trial, number, epochs, final))
        if link.checkpoints is not None:
            try:
                _leave(Path(link.checkpoints), number)
            except OSError as error:
                link.on_warning(f"the rehearsal goes on without checkpoints: {error}")
                link = replace(link, checkpoints=None)
    metrics = {"chance_error": WORST} if metric_of(search) == DEFAULT_METRIC else {}
    if recipe.robustness:
        # Made up: from the final loss without a disturbance to the largest one under a whole unit.
        metrics |= {each.name: final + (WORST - final) * each.level for each in DISTURBANCES}
    metrics |= _further(search, trial)
    return Finished(Result(status="ok", loss=final, metrics=metrics), epochs)


def _further(search: Search, trial: Trial) -> dict[str, float]:
    """Return the search's further metrics, which are best elsewhere than the first one."""
    directed = {each.name: each for each in metrics_of(search)}
    found = {}
    for number, name in enumerate(reported_names_of(search), start=1):
        loss = final_loss(space_of(search), trial.point, 1 - 1 / (3 * number))
        found[name] = directed[name].value(loss) if name in directed else loss
    return found


def _epoch(search: Search, trial: Trial, number: int, epochs: int, final: float) -> Epoch:
    fading = math.exp(-5 * number / epochs) if number < epochs else 0.0
    error = final + (WORST - final) * fading
    metric, seconds = metric_of(search), search.training.epoch_seconds
    return Epoch(
        trial=trial.id,
        attempt=trial.attempt,
        epoch=number,
        epochs=epochs,
        metrics={} if metric == DEFAULT_METRIC else {metric.name: metric.value(error)},
        loss=error,
        train_accuracy=1 - error,
        validation_loss=error,
        validation_accuracy=1 - error,
        learning_rate=0.0,
        seconds=seconds,
    )


def _leave(folder: Path, epochs_done: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "unfinished"
    unfinished.write_text(json.dumps({"epochs": epochs_done}))
    unfinished.replace(folder / STATE)


def _epochs_done(folder: str) -> int:
    try:
        done: int = json.loads((Path(folder) / STATE).read_text())["epochs"]
    except FileNotFoundError:
        return 0
    return done


def final_loss(space: SearchSpace, point: Point, optimum: float = 1 / 3) -> float:
    """Return a loss in [0, 0.9]: twice the mean squared distance of the dimensions to an optimum.

    A dimension's place lies in [0, 1]: on the log scale for log-uniform distributions, by index for
    choices. Only active dimensions count; without any, the loss is 0.

    Args:
        space: any search space.
        point: HyperOpt's value of each active dimension by its label.
        optimum: the place of each dimension's optimum.
    """
    places = [
        _place(each.distribution, float(point[each.name]))
        for each in space.sampled
        if each.name in point
    ]
    return min(WORST, 2 * sum((each - optimum) ** 2 for each in places) / max(1, len(places)))


def _place(distribution: Distribution, number: float) -> float:
    if isinstance(distribution, Choice | PChoice):
        return number / max(1, len(distribution.options) - 1)
    if isinstance(distribution, RandInt):
        return (number - distribution.low) / max(1, distribution.high - 1 - distribution.low)
    return place(distribution, number)
