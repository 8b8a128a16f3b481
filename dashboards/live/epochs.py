"""One trial's epochs, or steps, in columns."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from alignsearch.dashboards import models
from alignsearch.dashboards.live.reported import Reported, unit_of
from alignsearch.search.documents import Epoch, Search
from alignsearch.search.store.readable import Readable


def epochs_model(search: Search, records: Sequence[dict[str, Any]]) -> models.Epochs:
    """Make the payload of a trial's stored epochs.

    A layer, or a number, that an epoch doesn't have is null there. A record that isn't an epoch is
    left out, and logged.
    """
    both = Readable("epoch").of(records, lambda record: (record, Epoch.from_bson(record)))
    records, epochs = [record for record, _ in both], [epoch for _, epoch in both]
    layers: dict[str, list[Any]] = defaultdict(lambda: [None] * len(epochs))
    for at, epoch in enumerate(epochs):
        for layer in epoch.layers:
            layers[layer.name][at] = layer
    planned = [epoch.epochs for epoch in epochs if epoch.epochs is not None]
    return models.Epochs(
        count=len(epochs),
        epochs=planned[-1] if planned else search.epochs,
        unit=unit_of(search),
        attempt=[epoch.attempt for epoch in epochs],
        epoch=[epoch.epoch for epoch in epochs],
        seconds=[epoch.seconds for epoch in epochs],
        series=Reported(search).series(records),
        layers=[
            models.LayerCurves(
                name=name,
                angle=_values(found, lambda layer: layer.angle) or [],
                norm_ratio=_values(found, lambda layer: layer.norm_ratio) or [],
                gradient_angle=_values(found, lambda layer: layer.gradient_angle, optional=True),
                sign_agreement=_values(found, lambda layer: layer.sign_agreement, optional=True),
            )
            for name, found in layers.items()
        ],
    )


def _values(
    records: Sequence[Any], value: Callable[[Any], float | None], *, optional: bool = False
) -> list[float | None] | None:
    values = [None if record is None else value(record) for record in records]
    return None if optional and all(each is None for each in values) else values
