"""The objective `rehearsal`: a smooth function of the metaparameters in place of a training.

It tries out a cluster, a store or a driver without images or TensorFlow, by
`alignsearch submit SPACE --dataset rehearsal`. An epoch takes the recipe's `epoch_seconds`. The
loss falls exponentially to a value that follows from the configuration.
"""

import json
import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from alignsearch.search.documents import Epoch, Result, Search, Trial
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.space import Choice, Distribution, LogUniform, PChoice, SearchSpace, Value
from alignsearch.workers.objectives import Finished, Link

STATE = "state.json"


def rehearse(search: Search, trial: Trial, link: Link) -> Finished:
    """Record the recipe's `epochs`, whose losses approach the trial's `final_loss`; return that.

    A checkpoint after each epoch holds the number of epochs done.
    """
    pause = threading.Event()
    final = final_loss(get_space(search.space), trial.config)
    epochs, seconds = search.recipe.epochs, search.recipe.epoch_seconds
    done = max((_epochs_done(folder) for folder in link.resume_from), default=0)
    if done:
        link.on_resume([_epoch(trial, n, epochs, final, seconds) for n in range(1, done + 1)])
    for number in range(done + 1, epochs + 1):
        if link.should_stop():
            return Finished(None)
        pause.wait(seconds)
        link.on_epoch(_epoch(trial, number, epochs, final, seconds))
        if link.checkpoints is not None:
            try:
                _leave(Path(link.checkpoints), number)
            except OSError as error:
                link.on_warning(f"the rehearsal goes on without checkpoints: {error}")
                link = replace(link, checkpoints=None)
    return Finished(Result(status="ok", loss=final, metrics={"chance_error": 0.9}), epochs)


def _epoch(trial: Trial, number: int, epochs: int, final: float, seconds: float) -> Epoch:
    error = final + (0.9 - final) * math.exp(-5 * number / epochs) if number < epochs else final
    return Epoch(
        trial=trial.id,
        attempt=trial.attempt,
        epoch=number,
        epochs=epochs,
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


def final_loss(space: SearchSpace, config: Mapping[str, Value]) -> float:
    """Return a loss in [0, 0.9]: twice the mean squared distance of metaparameters to an optimum.

    A metaparameter's place in its range lies in [0, 1]: on the log scale for log-uniform
    distributions, by index for choices. The optimum of each is at one third.

    Args:
        space: the search space.
        config: value of each metaparameter by name; only sampled ones count.
    """
    places = [_place(each.distribution, config[each.name]) for each in space.sampled]
    return min(0.9, 2 * sum((place - 1 / 3) ** 2 for place in places) / len(places))


def _place(distribution: Distribution, value: Value) -> float:
    if isinstance(distribution, Choice | PChoice):
        indices = {option: index for index, option in enumerate(distribution.options)}
        return indices[value] / (len(indices) - 1)  # type: ignore[index]
    scale = math.log if isinstance(distribution, LogUniform) else float
    assert distribution.ends
    low, high = map(scale, distribution.ends)
    return (scale(value) - low) / (high - low)
