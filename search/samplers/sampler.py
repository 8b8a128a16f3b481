"""The `Sampler` protocol and the table of its variants.

A sampler knows a search space and the results that it was told. It reads no store and measures no
time: its caller does. Another sampler takes a file of its own, a row of `SAMPLERS`, and its name
among the values of `Search.algo`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import DEFAULT_PENDING, Observation, Pending, PendingPolicy
from alignsearch.spaces.space import SearchSpace

HYPEROPT_STARTUP = 20
"""HyperOpt's default number of random points before TPE begins (`n_startup_jobs`)."""


class Sampler(Protocol):
    """Suggests the points of one search from the results that it was told.

    A suggested point depends on the sampler's seed, on the trial's number, on the results told and
    on the pending trials, and on nothing else: not on the order of telling, and not on earlier
    suggestions. So a new sampler that is told a search's results goes on exactly as the old one.
    """

    @property
    def seen(self) -> int:
        """Number of results told so far."""

    def tell(self, observation: Observation) -> None:
        """Record the result of a finished trial.

        Raises:
            ValueError: the trial's result was told before, its loss is not a number, or its point
                lacks a metaparameter of the space or has a value that is not a number.
        """

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the point of trial `tid` beside the trials that are still running.

        Returns:
            HyperOpt's value of each sampled metaparameter: a number, or an option's index.
        """


class SamplerFactory(Protocol):
    """Makes one variant of sampler that has not been told any result."""

    def __call__(
        self, space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy
    ) -> Sampler:
        """Return the sampler; for the arguments see `make_sampler`."""


@dataclass(frozen=True)
class SamplerKind:
    """A row of `SAMPLERS`: how to make the sampler, and a line of help about it.

    Attributes:
        help: a line of help.
        make: makes the sampler.
        serves_several: whether it makes use of an observation's `losses` and `violation`. Others
            are refused for a search of several metrics or with constraints.
    """

    help: str
    make: SamplerFactory
    serves_several: bool = False


# The variants are imported as they are made: HyperOpt takes a second to import, and help texts,
# checks and forms read this table.
def _make_tpe(space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy) -> Sampler:
    from alignsearch.search.samplers.tpe import TpeSampler

    return TpeSampler(space, seed=seed, startup=startup, pending=pending)


def _make_random(space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy) -> Sampler:
    from alignsearch.search.samplers.random_search import RandomSampler

    return RandomSampler(space, seed=seed)


def _make_combined(
    space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy
) -> Sampler:
    from alignsearch.search.samplers.combined import CombinedSampler

    return CombinedSampler(space, seed=seed, startup=startup)


SAMPLERS: dict[str, SamplerKind] = {
    "tpe": SamplerKind("Tree-structured Parzen estimator, HyperOpt's Bayesian search", _make_tpe),
    "combined": SamplerKind(
        "TPE by independent and joint densities combined, for many trials at once",
        _make_combined,
        serves_several=True,
    ),
    "random": SamplerKind(
        "independent random points, which learn from no result", _make_random, serves_several=True
    ),
}
"""Every sampler by the name that `--algo` and a stored search give it."""


def make_sampler(
    algo: str,
    space: SearchSpace,
    *,
    seed: int,
    startup: int,
    pending: PendingPolicy = DEFAULT_PENDING,
) -> Sampler:
    """Return a new sampler over `space`.

    Args:
        algo: a key of `SAMPLERS`.
        space: the metaparameters to sample.
        seed: random seed of the search; each trial's random numbers follow from it and the trial's
            number.
        startup: results to wait for before the sampler learns; until then its points are random.
        pending: a key of `alignsearch.search.samplers.pending.PENDING_POLICIES`.

    Raises:
        UnknownNameError: there is no such sampler.
    """
    if algo not in SAMPLERS:
        raise UnknownNameError("algorithm", algo, SAMPLERS)
    return SAMPLERS[algo].make(space, seed=seed, startup=startup, pending=pending)


def default_startup(trials: int) -> int:
    """Number of random points before TPE begins in a search of so many trials.

    A third of the trials, but at least one and at most HyperOpt's default.
    """
    return max(1, min(HYPEROPT_STARTUP, trials // 3))
