"""The experiments over architectures: `transfer` (Tables 3 and 4) and `kolen-pollack` (D.3).

A rule's metaparameters stay as they are on ResNet-18, whatever the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.cli.options import has_store
from alignsearch.experiments.perform import OutOption, perform
from alignsearch.experiments.run_statistics import accuracy, difference
from alignsearch.experiments.training_options import Scale, Setting, TrainingOptions, chosen_setting
from alignsearch.experiments.training_place import Train, TrainingPlace
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.reports.best import best_trial
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.configuration import configuration
from alignsearch.spaces.presets import RULES
from alignsearch.spaces.runs import Run

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report

BASELINE = "bp"
MODELS = ("resnet18", "resnet50", "resnet50v2", "resnet101v2", "resnet152v2")
SEEDS = (0, 1, 2)
"""How many the paper has is not printed."""


@dataclass(frozen=True)
class Architectures:
    """One experiment over architectures."""

    name: str
    title: str
    source: str
    paper: str
    scales: Mapping[Scale, Setting]


TRANSFER = Architectures(
    name="transfer",
    title="Metaparameters of ResNet-18 on other networks",
    source="Kunin et al. 2020, Tables 3 and 4, Fig. 3",
    paper=(
        "ImageNet; metaparameters fixed on ResNet-18 (Table 5's columns, App. B.2), applied "
        "unchanged to ResNet-50, 50v2, 101v2 and 152v2; 90 epochs under App. B.2, 100 under Table "
        "5; how many seeds is not printed: 3 are ours."
    ),
    scales={
        "minutes": Setting(
            rules=("bp", "sa", "ia"),
            models=("resnet18", "resnet50"),
            dataset="digits",
            width=4,
            epochs=4,
            seeds=SEEDS,
        ),
        "hours": Setting(
            rules=("bp", "sa", "aa", "wm", "wm_ad", "wm_ad_ops", "ia"),
            models=MODELS,
            dataset="digits",
            width=8,
            epochs=20,
            seeds=SEEDS,
        ),
        "paper": Setting(
            rules=("bp", "sa", "aa", "wm", "wm_ad", "wm_ad_ops", "ia"),
            models=MODELS,
            dataset="imagenet",
            seeds=SEEDS,
        ),
    },
)
KOLEN_POLLACK = Architectures(
    name="kolen-pollack",
    title="Kolen-Pollack across architectures",
    source="Kunin et al. 2020, App. D.3, Fig. S5",
    paper=(
        "ImageNet; Kolen-Pollack with ResNet-18's metaparameters on ResNet-18, 50, 50v2, 101v2 "
        "and 152v2, beside backpropagation, SA, AA and IA; 90 epochs (IA 100); how many seeds is "
        "not printed: 3 are ours."
    ),
    scales={
        "minutes": Setting(
            rules=("bp", "kp", "sa", "aa", "ia"),
            models=("resnet18", "resnet50"),
            dataset="digits",
            width=4,
            epochs=4,
            seeds=(0, 1),
        ),
        "hours": Setting(
            rules=("bp", "kp", "sa", "aa", "ia"),
            models=MODELS,
            dataset="digits",
            width=8,
            epochs=20,
            seeds=SEEDS,
        ),
        "paper": Setting(
            rules=("bp", "kp", "sa", "aa", "ia"), models=MODELS, dataset="imagenet", seeds=SEEDS
        ),
    },
)


def report(which: Architectures, setting: Setting, train: Train, store: Store | None) -> "Report":
    """Train every rule on every network, once a seed.

    store: where the rules that are searches are looked for.
    """
    if BASELINE not in setting.rules:
        raise ConfigurationError(
            f"{which.name} compares with backpropagation: put {BASELINE} among --rules"
        )
    templates = {rule: _first(setting, rule, store) for rule in setting.rules}
    runs = [
        replace(
            setting.run(run.rule, model, seed, searched=run.searched, label=run.label),
            weights_order=run.weights_order,
        )
        for model in setting.models
        for run in templates.values()
        for seed in setting.seeds
    ]
    trained = train(which.name, setting, runs)
    from alignsearch.experiments.figures.architectures import Row, draw

    found = {
        (model, rule): [
            each
            for each in trained.outcomes
            if (each.run.model, each.run.name) == (model, templates[rule].name)
        ]
        for model in setting.models
        for rule in setting.rules
    }
    rows = [
        Row(
            model,
            rule,
            accuracy(found[model, rule]),
            None if rule == BASELINE else difference(found[model, rule], found[model, BASELINE]),
        )
        for model in setting.models
        for rule in setting.rules
    ]
    from_searches = [
        f"{rule}: the best configuration of the search of that name, over {run.rule}, in the "
        f"{run.weights_order} order."
        for rule, run in templates.items()
        if run.searched is not None
    ]
    return draw(
        rows,
        name=which.name,
        title=which.title,
        source=which.source,
        setting=[*setting.lines(which.paper), *from_searches, trained.line()],
        chance=max((each.chance for each in trained.outcomes if each.chance), default=None),
    )


def _first(setting: Setting, rule: str, store: Store | None) -> Run:
    """One of the rule's runs: of a published rule, or of what a search has found best."""
    model, seed = setting.models[0], setting.seeds[0]
    if rule in RULES:
        return setting.run(rule, model, seed)
    if store is None:
        raise UnknownNameError("rule", rule, RULES)
    try:
        search, trial = best_trial(store, rule)
    except UnknownNameError as error:
        raise UnknownNameError("rule or search", rule, RULES) from error
    if search.space == RUNS.name:
        raise StateConflictError(
            f"search {rule!r} is an experiment's list of runs, and has no metaparameters to "
            "transfer: name a search that `alignsearch submit` made"
        )
    run = setting.run(search.space, model, seed, searched=configuration(trial.config), label=rule)
    return replace(run, weights_order=search.recipe.weights_order)


def _perform(which: Architectures, asked: TrainingOptions, out: OutOption) -> None:
    setting = chosen_setting(asked, which.scales, least_seeds=2)
    with TrainingPlace(asked) as place:
        searches = set(setting.rules) - RULES.keys()
        store = place.store if searches and has_store(asked.store) else None
        perform(
            which.name,
            out,
            setting.seeds,
            lambda: report(which, setting, place.train, store),
            tensorflow=False,
            trains=True,
        )


def transfer(asked: TrainingOptions, out: OutOption = None) -> None:
    """ResNet-18's metaparameters on other networks (Tables 3 and 4, Fig. 3).

    A rule is a published one or a search of this store, whose best configuration it is.
    """
    _perform(TRANSFER, asked, out)


def kolen_pollack(asked: TrainingOptions, out: OutOption = None) -> None:
    """Kolen-Pollack across architectures, beside BP, SA, AA, IA (App. D.3, Fig. S5)."""
    _perform(KOLEN_POLLACK, asked, out)
