"""Mean scores of a search's trials by the options of each choice of its space."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from alignsearch.dashboards import models
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.spaces.space import SearchSpace


def choice_effects(
    space: SearchSpace,
    points: Sequence[Mapping[str, float]],
    losses: Sequence[float | None],
    metric: ObjectiveMetric,
    labels: Mapping[str, str],
    columns: Mapping[str, str],
) -> list[models.CategoricalImportance]:
    """Return the scores by option of each choice, the one with the largest difference first.

    A trial that doesn't use a choice, or has no loss, counts for none of its options. A choice of
    which only one option was tried has no difference and comes last.

    labels, columns: of each dimension, its name for people and the trials' column with its values.
    """
    effects = []
    for parameter in space.sampled:
        options = getattr(parameter.distribution, "options", None)
        if options is None:
            continue
        scores: list[list[float]] = [[] for _ in options]
        for point, loss in zip(points, losses, strict=True):
            if loss is not None and parameter.name in point:
                scores[int(point[parameter.name])].append(metric.value(loss))
        values = [
            _score(at, str(option), each)
            for at, (option, each) in enumerate(zip(options, scores, strict=True))
        ]
        means = [each.mean for each in values if each.mean is not None]
        effects.append(
            models.CategoricalImportance(
                letter="",
                name=parameter.name,
                label=labels[parameter.name],
                question="",
                difference=max(means) - min(means) if len(means) > 1 else None,
                column=columns.get(parameter.name),
                values=values,
            )
        )
    return sorted(
        effects,
        key=lambda each: -math.inf if each.difference is None else each.difference,
        reverse=True,
    )


def _score(at: int, option: str, scores: Sequence[float]) -> models.CategoryScore:
    n = len(scores)
    return models.CategoryScore(
        option=option,
        count=n,
        mean=float(np.mean(scores)) if n else None,
        sem=float(np.std(scores, ddof=1)) / math.sqrt(n) if n > 1 else None,
        options=[at],
    )
