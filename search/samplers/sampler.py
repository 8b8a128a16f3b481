"""The `Sampler` protocol and the table of its variants.

A sampler knows a search space and the results that it was told. It reads no store and measures no
time: its caller does. Another sampler takes a file of its own and a row of `SAMPLERS`, or an entry
point of its package (`alignsearch.search.samplers.installed`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Protocol, cast

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import (
    DEFAULT_PENDING,
    Observation,
    Pending,
    PendingPolicy,
    Prior,
)
from alignsearch.search.samplers.installed import (
    installed_package,
    installed_samplers,
    make_installed,
)
from alignsearch.spaces.space import SearchSpace

PACKAGES = ("alignsearch", "hyperopt", "numpy")
"""Packages whose versions are stored with a search, because its suggestions depend on them."""

HYPEROPT_STARTUP = 20
"""HyperOpt's default number of random points before TPE begins (`n_startup_jobs`)."""


PRIOR_STARTUP = 3
"""The same in a search with a prior, which stands for many results."""


class ExhaustedError(Exception):
    """A sampler has no point left to suggest; the message, a clause, is why its search ends."""


class AlgorithmError(Exception):
    """A sampler has raised the error that is the cause of this one, and its search ends by it.

    A driver survives all other errors of a sampler by a random point.
    """


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
            HyperOpt's value of each active dimension: a number, or an option's index.

        Raises:
            ExhaustedError: each point that the sampler would suggest has a trial.
        """


class SamplerFactory(Protocol):
    """Makes one variant of sampler that has not been told any result."""

    def __call__(
        self, space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy
    ) -> Sampler:
        """Return the sampler; for the arguments see `make_sampler`."""


class PriorFactory(Protocol):
    """Makes a sampler that uses a prior, too."""

    def __call__(
        self, space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy, prior: Prior
    ) -> Sampler:
        """Return the sampler; for the arguments see `make_sampler`."""


@dataclass(frozen=True)
class SamplerKind:
    """A row of `SAMPLERS`: how to make the sampler, and a line of help about it.

    Attributes:
        help: a line of help.
        make: makes the sampler.
        needs: packages that its points depend on beside HyperOpt and NumPy.
        extra: the extra of this program that installs them; empty if none does.
        serves_any: whether it serves every space, so that a submission doesn't try.
        serves_several: whether it makes use of an observation's `losses` and `violation`. Others
            are refused for a search of several metrics or with constraints.
        serves_prior: whether `make` takes a prior, too. Others are refused for a search with one.
    """

    help: str
    make: SamplerFactory
    needs: tuple[str, ...] = ()
    extra: str = ""
    serves_any: bool = False
    serves_several: bool = False
    serves_prior: bool = False


# The variants are imported as they are made: HyperOpt takes a second to import, and help texts,
# checks and forms read this table.
def _make_tpe(space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy) -> Sampler:
    from alignsearch.search.samplers.tpe import TpeSampler

    return TpeSampler(space, seed=seed, startup=startup, pending=pending)


def _make_random(space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy) -> Sampler:
    from alignsearch.search.samplers.random_search import RandomSampler

    return RandomSampler(space, seed=seed)


def _make_combined(
    space: SearchSpace,
    *,
    seed: int,
    startup: int,
    pending: PendingPolicy,
    prior: Prior | None = None,
) -> Sampler:
    from alignsearch.search.samplers.combined import CombinedSampler

    return CombinedSampler(space, seed=seed, startup=startup, prior=prior)


def _at(home: str) -> SamplerFactory:
    """Return a factory that imports its class, `module:Class` of this package, late."""
    module, _, name = home.partition(":")

    def make(space: SearchSpace, *, seed: int, startup: int, pending: PendingPolicy) -> Sampler:
        variant = getattr(import_module(f"{__package__}.{module}"), name)
        made = variant(space, seed=seed, startup=startup, pending=pending)
        return cast(Sampler, made)

    return make


def _optuna(
    help: str, home: str, *needs: str, extra: str = "optuna", several: bool = True
) -> SamplerKind:
    packages = ("optuna", *needs)
    return SamplerKind(help, _at(home), needs=packages, extra=extra, serves_several=several)


SAMPLERS: dict[str, SamplerKind] = {
    "tpe": SamplerKind(
        "Tree-structured Parzen estimator, HyperOpt's Bayesian search", _make_tpe, serves_any=True
    ),
    "combined": SamplerKind(
        "TPE by independent and joint densities combined, for many trials at once",
        _make_combined,
        serves_any=True,
        serves_several=True,
        serves_prior=True,
    ),
    "random": SamplerKind(
        "independent random points, HyperOpt's rand",
        _make_random,
        serves_any=True,
        serves_several=True,
    ),
    "anneal": SamplerKind(
        "HyperOpt's annealing, around the best trials", _at("anneal:Anneal"), serves_any=True
    ),
    "grid": SamplerKind(
        "a grid that becomes finer, and ends with its last point",
        _at("grid:Grid"),
        serves_several=True,
    ),
    "sobol": SamplerKind(
        "Sobol's points, evener than random ones",
        _at("sobol:Sobol"),
        needs=("scipy",),
        serves_several=True,
    ),
    "optuna:tpe": _optuna("Optuna's TPE", "optuna_sampler:OptunaTpe"),
    "optuna:gp": _optuna("Optuna's Gaussian process", "optuna_sampler:OptunaGp", "torch", extra=""),
    "optuna:cmaes": _optuna("Optuna's CMA-ES", "optuna_cmaes:OptunaCmaEs", "cmaes", several=False),
    "optuna:nsgaii": _optuna("Optuna's NSGA-II, a genetic algorithm", "optuna_nsgaii:OptunaNsgaII"),
    "optuna:qmc": _optuna("Optuna's Sobol points", "optuna_sampler:OptunaQmc"),
    "optuna:random": _optuna("Optuna's random points", "optuna_sampler:OptunaRandom"),
}
"""Every sampler of this program by the name that `--algo` and a stored search give it."""

DEFAULT_SAMPLER = "combined"
"""The sampler of a search for which nobody chooses one (docs/measurements.md, "Samplers")."""

ALIASES: Mapping[str, str] = {"rand": "random"}
"""Other programs' names of a sampler; a search is stored under the sampler's own name."""


def known_samplers() -> tuple[str, ...]:
    """Return the names of all samplers: this program's, and those that packages add."""
    return (*SAMPLERS, *(name for name in installed_samplers() if name not in SAMPLERS))


def check_serves(algo: str, space: SearchSpace, *, seed: int, startup: int) -> None:
    """Check that a sampler is installed here and serves a space.

    Raises:
        UnknownNameError: there is no such sampler.
        ConfigurationError: as `make_sampler`.
    """
    kind = SAMPLERS.get(algo)
    # Making one of these would import HyperOpt, which takes a second.
    if kind is None or not kind.serves_any:
        make_sampler(algo, space, seed=seed, startup=startup)


def check_serves_prior(algo: str) -> None:
    """Check that a sampler can use a prior.

    Raises:
        ConfigurationError: it can't.
    """
    kind = SAMPLERS.get(algo)
    if kind is None or not kind.serves_prior:
        able = [name for name, each in SAMPLERS.items() if each.serves_prior]
        raise ConfigurationError(
            f"--algo {algo} can't use a prior: choose --algo {' or '.join(able)}, or leave the "
            "prior out by --prior none"
        )


def problem_of(algo: str) -> str | None:
    """Return why a sampler can't be used here, in words; None if it can."""
    kind = SAMPLERS.get(algo)
    if kind is None:
        return None if algo in installed_samplers() else f"its sampler {algo} is not installed here"
    missing = [package for package in kind.needs if find_spec(package) is None]
    if not missing:
        return None
    wanted = f"'alignsearch[{kind.extra}]'" if kind.extra else " ".join(missing)
    return (
        f"the sampler {algo} needs {' and '.join(missing)}, not installed here: "
        f"pip install {wanted}"
    )


def package_versions(algo: str) -> dict[str, str]:
    """Return the versions of the packages that a sampler's points depend on beside `PACKAGES`."""
    kind = SAMPLERS.get(algo)
    if kind is None:
        return installed_package(algo)
    found: dict[str, str] = {}
    for package in kind.needs:
        # A module may lie on the path without what an installer writes beside it.
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def make_sampler(
    algo: str,
    space: SearchSpace,
    *,
    seed: int,
    startup: int,
    pending: PendingPolicy = DEFAULT_PENDING,
    prior: Prior | None = None,
) -> Sampler:
    """Return a new sampler over `space`.

    Args:
        algo: a key of `SAMPLERS`, or the name of a sampler that an installed package adds.
        space: the metaparameters to sample.
        seed: random seed of the search; each trial's random numbers follow from it and the trial's
            number.
        startup: results to wait for before the sampler learns; until then its points are random.
        pending: a key of `alignsearch.search.samplers.pending.PENDING_POLICIES`.
        prior: where good points are expected; None if nobody says so.

    Raises:
        UnknownNameError: there is no such sampler.
        ConfigurationError: a package that it needs is not installed, it doesn't serve the space,
            it can't use the prior, or the package that adds it is at fault; the message is one
            line.
    """
    if prior is not None:
        check_serves_prior(algo)
    kind = SAMPLERS.get(algo)
    if kind is None:
        added = make_installed(algo, space, seed=seed, startup=startup, pending=pending)
        if added is None:
            raise UnknownNameError("sampler", algo, known_samplers())
        return cast(Sampler, added)
    problem = problem_of(algo)
    if problem is not None:
        raise ConfigurationError(problem)
    if prior is None:
        return kind.make(space, seed=seed, startup=startup, pending=pending)
    return cast(PriorFactory, kind.make)(
        space, seed=seed, startup=startup, pending=pending, prior=prior
    )


def default_startup(trials: int, *, with_prior: bool = False) -> int:
    """Number of results before TPE begins in a search of so many trials.

    A third of the trials, but at least one and at most HyperOpt's default, or `PRIOR_STARTUP`.
    """
    return max(1, min(PRIOR_STARTUP if with_prior else HYPEROPT_STARTUP, trials // 3))
