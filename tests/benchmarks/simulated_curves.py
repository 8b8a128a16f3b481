"""Simulated learning curves of trials whose tables hold only the loss of the last epoch."""

from collections.abc import Sequence

import numpy as np
from looked_up import Array, Lookup
from scipy import special

EPOCHS = 45
"""Epochs of a trial, as in the paper's searches."""

EARLY = (0.3, 0.6, 0.9)
"""Rank correlations of the first epoch with the last one: poor, middling and good early losses."""

DECAY = 0.5
"""Exponent of the part of a loss that all trials lose alike. Power laws of about this exponent are
what losses of networks fall by (Hestness et al. 2017, "Deep learning scaling is predictable")."""


class Curves:
    """A learning curve for each configuration of a table, which ends at its table's loss.

    A loss is turned into its normal score among all losses of the table. After epoch e the score is

        z(e) = c(e) z + sqrt(1 - c(e)^2) x(e)

    with z the score of the last epoch and x(e) a stationary Gaussian process of each curve, whose
    correlation between two epochs is the ratio of the smaller to the larger one. So over all
    configurations, Spearman's correlation of the losses after epoch e with those after the last one
    is (6 / pi) arcsin(c(e) / 2). It is chosen to grow with the logarithm of the epoch:

        early + (1 - early) log(e) / log(epochs)

    which for `early` = 0.6 and 45 epochs is 0.60, 0.72, 0.83, 0.95 and 1 after 1, 3, 9, 27 and 45.
    The score is turned back into a loss, and every curve falls by the same power law on top, from
    twice the distance between the table's lowest loss and its median.
    """

    def __init__(self, table: Lookup, seed: int, early: float, epochs: int = EPOCHS) -> None:
        """Make the curves of one search.

        Args:
            table: a space with all losses.
            seed: the search's.
            early: rank correlation of the first epoch with the last one.
            epochs: of every curve.
        """
        self.epochs = epochs
        self._seed = seed
        losses = np.sort(table.losses[~np.isnan(table.losses)])
        self._losses, counts = np.unique(losses, return_counts=True)
        # Equal losses share the middle of their quantiles.
        self._scores = special.ndtri((np.cumsum(counts) - counts / 2) / len(losses))
        at = np.arange(1, epochs + 1)
        ranks = early + (1 - early) * np.log(at) / np.log(epochs)
        self._shares = 2 * np.sin(np.pi / 6 * ranks)
        self._carried = (at[:-1]) / at[1:]
        self._fall = 2 * table.spread * (at**-DECAY - epochs**-DECAY)

    def of(self, key: str, loss: float) -> Sequence[float]:
        """Return a configuration's losses by epoch, of which `loss` is the last."""
        last = float(np.interp(loss, self._losses, self._scores))
        rng = np.random.default_rng([self._seed, int(key), 1])
        noise = rng.normal(size=len(self._shares))
        for at, carried in enumerate(self._carried, start=1):
            noise[at] = carried * noise[at - 1] + np.sqrt(1 - carried**2) * noise[at]
        scores = self._shares * last + np.sqrt(np.maximum(0, 1 - self._shares**2)) * noise
        curve: Array = np.interp(scores, self._scores, self._losses) + self._fall
        return [*map(float, curve[:-1]), loss]
