"""The four search spaces of Kunin et al. 2020, App. B.1.1 to B.1.4.

Each space samples more metaparameters than the one before it, and fixes or derives the others, so
that every configuration names all 22 rows of Table 5:

| space       | sampled                                                         | source |
|-------------|-----------------------------------------------------------------|--------|
| wm          | sigma, alpha/beta, beta                                          | B.1.1 |
| wm_ad       | and batch size, alignment learning rate, delay, alternation      | B.1.2 |
| wm_ad_ops   | and the twelve operations of the backward pass                   | B.1.3 |
| ia          | and gamma                                                        | B.1.4 |

The paper leaves some things open; these spaces settle them:

- App. B.4 counts "whether to use Gaussian noise" among the categorical metaparameters, but App. B.1
  has no such choice. We follow B.1: noise is always used, its deviation sigma in [1e-10, 1].
- The schedule and the optimizer of wm are fixed at Table 5's WM column, because B.1.1 refers to
  Akrout et al. 2019 for them and prints no numbers.
- Operations that B.1.1 and B.1.2 don't name are off, as in Table 5's WM and WM+AD columns: feature
  centering, feature normalization, and centering of the backward path's output.
"""

from alignment_core.errors import UnknownNameError
from alignsearch.spaces.distributions import Choice, LogUniform, Uniform
from alignsearch.spaces.flat import flat_space
from alignsearch.spaces.metaparameter import Derived, Fixed, Metaparameter
from alignsearch.spaces.space import SearchSpace

_B11 = "Kunin et al. 2020, App. B.1.1"
_B12 = "Kunin et al. 2020, App. B.1.2"
_B13 = "Kunin et al. 2020, App. B.1.3"
_B14 = "Kunin et al. 2020, App. B.1.4"
_TABLE5 = "Kunin et al. 2020, Table 5"
_AKROUT = "after Akrout et al. 2019"

_YES_NO = Choice((False, True))
_WEIGHT = LogUniform(1e-11, 1e7)

# The operations that Akrout et al. 2019 prescribe for weight mirror: on or off.
_PRESCRIBED = {
    "fo_bias": True,
    "fo_relu": True,
    "fo_bwmc": True,
    "bo_bias": False,
    "bo_relu": False,
    "bi_bwmc": True,
}
# The operations that neither B.1.1 nor Akrout et al. name.
_UNNAMED = ("fo_fwmc", "fo_fwl2n", "bo_fwmc", "bo_fwl2n", "bi_fwmc", "bi_fwl2n")


def _akrout_operations(source: str) -> tuple[Fixed, ...]:
    prescribed = (Fixed(name, on, f"{source}, {_AKROUT}") for name, on in _PRESCRIBED.items())
    unnamed = (Fixed(name, False, f"{_TABLE5}; not named in App. B") for name in _UNNAMED)
    return (*prescribed, *unnamed)


_NOISE_AND_WEIGHTS = (
    Metaparameter("sigma", Uniform(1e-10, 1.0), _B11),
    Metaparameter("alpha_over_beta", Uniform(0.1, 200.0), _B11),
    Metaparameter("beta", _WEIGHT, _B11),
)
_ADAPTIVE = (
    Metaparameter("alternating_minimization", _YES_NO, _B12),
    Metaparameter("delay_epochs", Choice((0, 1, 2)), _B12),
    Metaparameter("train_batch_size", Choice((256, 1024, 2048, 4096)), _B12),
    Metaparameter("alignment_learning_rate", LogUniform(1e-6, 1e-2), _B12),
)
_OPERATIONS = tuple(Metaparameter(name, _YES_NO, _B13) for name in (*_PRESCRIBED, *_UNNAMED))
_NULL = (Metaparameter("gamma", _WEIGHT, _B14),)

_ADAM = Fixed("alignment_optimizer", "Adam", _B12)
_NO_NULL = Fixed("gamma", None, f"{_TABLE5}: weight mirror has no null primitive")
_LEARNING_RATE = Derived("sgdm_learning_rate", "train_batch_size", 2048.0, _B12)

SPACES: dict[str, SearchSpace] = {
    space.name: space
    for space in (
        flat_space(
            name="wm",
            title=r"$\mathcal{R}_{\text{WM}}^{\text{TPE}}$",
            learning_rule="weight_mirror",
            source=_B11,
            sampled=_NOISE_AND_WEIGHTS,
            fixed=(
                Fixed("alternating_minimization", True, f"{_TABLE5}, WM"),
                Fixed("delay_epochs", 2, f"{_TABLE5}, WM"),
                Fixed("train_batch_size", 2048, f"{_TABLE5}, WM"),
                Fixed("alignment_optimizer", "Vanilla GD", f"{_TABLE5}, WM"),
                Fixed("alignment_learning_rate", 1.0, f"{_TABLE5}, WM"),
                _NO_NULL,
                *_akrout_operations(_B11),
            ),
            derived=(_LEARNING_RATE,),
        ),
        flat_space(
            name="wm_ad",
            title=r"$\mathcal{R}_{\text{WM+AD}}^{\text{TPE}}$",
            learning_rule="weight_mirror",
            source=_B12,
            sampled=(*_NOISE_AND_WEIGHTS, *_ADAPTIVE),
            fixed=(_ADAM, _NO_NULL, *_akrout_operations(_B12)),
            derived=(_LEARNING_RATE,),
        ),
        flat_space(
            name="wm_ad_ops",
            title=r"$\mathcal{R}_{\text{WM+AD+OPS}}^{\text{TPE}}$",
            learning_rule="weight_mirror",
            source=_B13,
            sampled=(*_NOISE_AND_WEIGHTS, *_ADAPTIVE, *_OPERATIONS),
            fixed=(_ADAM, _NO_NULL),
            derived=(_LEARNING_RATE,),
        ),
        flat_space(
            name="ia",
            title=r"$\mathcal{R}_{\text{IA}}^{\text{TPE}}$",
            learning_rule="information_alignment",
            source=_B14,
            sampled=(*_NOISE_AND_WEIGHTS, *_ADAPTIVE, *_OPERATIONS, *_NULL),
            fixed=(_ADAM,),
            derived=(_LEARNING_RATE,),
        ),
    )
}

RUNS = flat_space(
    name="runs",
    title="",
    learning_rule="",
    source="",
    sampled=(),
    fixed=(),
    derived=(),
)
"""The space that a search records if its trials are a fixed list of runs (`experiments.runs`).

It samples nothing, so nobody can search it.
"""


def get_space(name: str) -> SearchSpace:
    """Return the space called `name`.

    Raises:
        UnknownNameError: there is no such space.
    """
    if name not in SPACES:
        raise UnknownNameError("search space", name, SPACES)
    return SPACES[name]


def recorded_space(name: str) -> SearchSpace:
    """Return the space that a stored search records: one of `SPACES`, or `RUNS`.

    Raises:
        UnknownNameError: there is no such space.
    """
    return RUNS if name == RUNS.name else get_space(name)
