"""The objective `training`: train the trial's network and return its validation error."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from alignment_core.errors import CheckpointError
from alignment_core.training.accelerators import get_strategy
from alignment_core.training.config import TrainingConfig
from alignment_core.training.results import EpochResult, TrainingResult
from alignment_core.training.trainer import Trainer
from alignment_core.training.trainer_cache import trainer_for
from alignment_core.training.weight_metrics import sampled_weights
from alignsearch.search.documents import (
    Epoch,
    LayerRecord,
    Recipe,
    Result,
    Search,
    Trial,
    WeightSample,
    is_list_of_runs,
    metric_of,
    space_of,
)
from alignsearch.spaces.runs import SEED, Run
from alignsearch.spaces.trained import add_data_set, add_model, training_of
from alignsearch.workers import sources
from alignsearch.workers.gpu_memory import limit_tensorflow
from alignsearch.workers.objectives import Finished, Link
from alignsearch.workers.seeds import seed_of

logger = logging.getLogger(__name__)


def train(search: Search, trial: Trial, link: Link) -> Finished:
    """Train the trial's configuration, or its run, by the search's recipe.

    The loss is that of the search's metric after the last epoch. A diverged training
    is a result of status `fail`, from which TPE learns. Initial weights, the order of images and
    noise follow from the search's seed and the tid, or from the run's own seed. A second attempt
    therefore repeats the first one, from the last readable checkpoint if there is one.

    Args:
        search: the search, for its space, recipe, seed and resources.
        trial: the trial, for its configuration and tid.
        link: callbacks and checkpoint folders of the attempt.

    Raises:
        ConfigurationError: the configuration can't be trained, or not on these devices.
        DataError: the images are missing on this host.
        SourceError: a rule, network or data set of the user's own is not on this host, or isn't
            the submitted one.
    """
    limit_tensorflow(search.resources)
    config = _training_config(search, trial, link.on_warning)
    recipe, metric = search.training, metric_of(search)

    logger.info(
        "training %s of width %d on %s for %d epochs, rule %s",
        recipe.model,
        recipe.width,
        recipe.dataset,
        recipe.epochs,
        config.learning_rule,
    )

    def report(epoch: EpochResult) -> None:
        logger.info(
            "epoch %d of %d: %s %.4f, in %.1f s",
            epoch.epoch,
            epoch.epochs,
            metric.label,
            metric.of_epoch(epoch),
            epoch.seconds,
        )
        samples = _weight_samples(trainer.model, recipe, epoch.epoch, config.seed)
        link.on_epoch(_document(trial, epoch, samples))

    def resume(epochs: Sequence[EpochResult]) -> None:
        link.on_resume([_document(trial, epoch) for epoch in epochs])

    def fit(resume_from: Sequence[str]) -> TrainingResult:
        return trainer.fit(
            report,
            link.should_stop,
            link.checkpoints,
            resume_from=resume_from,
            on_resume=resume,
            on_warning=link.on_warning,
        )

    with _strategy(search).scope():
        trainer = trainer_for(config)
        try:
            outcome = fit(link.resume_from)
        except CheckpointError as error:
            link.on_warning(f"training from the start: {error}")
            outcome = fit(())
        disturbed: Mapping[str, float] | None = {}
        if recipe.robustness and outcome.status == "ok":
            disturbed = _robustness(trainer, link)
    if outcome.status == "interrupted" or disturbed is None:
        return Finished(None)
    metrics = {
        "best_validation_error": outcome.best_validation_error,
        "chance_error": outcome.chance_error,
        "epochs": float(outcome.epochs_done),
        **{f"seconds_{name}": seconds for name, seconds in outcome.timings.items()},
        **disturbed,
    }
    known = {name: value for name, value in metrics.items() if value is not None}
    if outcome.status == "diverged":
        return Finished(Result(status="fail", metrics=known, reason=outcome.reason))
    loss = metric.loss_of_epoch(outcome.epochs[-1])
    return Finished(Result(status="ok", loss=loss, metrics=known), outcome.best_epoch)


def _training_config(search: Search, trial: Trial, warn: Callable[[str], None]) -> TrainingConfig:
    recipe = search.training
    _add_own_parts(search, recipe, warn)
    listed = is_list_of_runs(search)
    if listed and search.definition is None:
        return Run.of(trial.config).training_config(**recipe.training_settings())
    definition = sources.definition_of_training(search, warn)
    # Older searches are over the paper's spaces, whose configurations JSON keeps exactly.
    known = search.definition is not None and bool(trial.point)
    config = space_of(search).resolve(trial.point) if known else trial.config
    # A run of a definition names its own seed (`search.use_cases.longer_training`).
    seed = trial.config[SEED] if listed else seed_of(search, trial)
    return training_of(definition, config, recipe, seed=seed)


def _add_own_parts(search: Search, recipe: Recipe, warn: Callable[[str], None]) -> None:
    """Make a data set and a network of the user's own known in this process."""
    for source in recipe.sources:
        key = (source.address, source.sha256, recipe.data_dir)
        if key in _added:
            continue
        found = sources.object_of(search, source, warn)
        if source.address == recipe.dataset:
            add_data_set(source.address, found, recipe.data_dir, source.sha256)
        if source.address == recipe.model:
            add_model(source.address, found, source.sha256)
        _added.add(key)


_added: set[tuple[str, str | None, str | None]] = set()
"""Own data sets and networks that this process knows, by address, hash and folder."""


def _robustness(trainer: Trainer, link: Link) -> dict[str, float] | None:
    """Return the errors under disturbances and the time they took; None if asked to stop."""
    started = time.perf_counter()
    errors = trainer.robustness(link.should_stop)
    if errors is None:
        return None
    return {"seconds_robustness": time.perf_counter() - started, **errors}


def _weight_samples(model: Any, recipe: Recipe, epoch: int, seed: int) -> tuple[WeightSample, ...]:
    wanted = recipe.weight_samples
    if wanted is None or epoch not in wanted.epochs:
        return ()
    return tuple(
        WeightSample(layer=each.layer, forward=each.forward, backward=each.backward)
        for each in sampled_weights(model, wanted.layers, wanted.pairs, seed)
    )


def _strategy(search: Search) -> Any:
    name = search.training.strategy
    # Ray hides GPUs from a worker that asked for none, but it doesn't hide a TPU.
    if name == "auto" and not {"TPU", "GPU"} & search.resources.keys():
        name = "one"
    return get_strategy(name)


def _document(
    trial: Trial, epoch: EpochResult, weight_samples: tuple[WeightSample, ...] = ()
) -> Epoch:
    return Epoch(
        trial=trial.id,
        attempt=trial.attempt,
        epoch=epoch.epoch,
        epochs=epoch.epochs,
        loss=epoch.loss,
        train_accuracy=epoch.train_accuracy,
        validation_loss=epoch.validation_loss,
        validation_accuracy=epoch.validation_accuracy,
        learning_rate=epoch.learning_rate,
        alignment_learning_rate=epoch.alignment_learning_rate,
        alignment_loss=epoch.alignment_loss,
        layers=tuple(LayerRecord(**asdict(layer)) for layer in epoch.layers),
        weight_samples=weight_samples,
        seconds=epoch.seconds,
    )
