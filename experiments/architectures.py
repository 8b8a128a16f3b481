"""Experiments over architectures, which `transfer` and `kolen-pollack` are.

Each learning rule is trained on several networks with the metaparameters that it has on ResNet-18.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.experiments.options import Scale
from alignsearch.experiments.place import Place, Trained
from alignsearch.experiments.run_statistics import mean_accuracy, mean_difference
from alignsearch.experiments.setting import Setting
from alignsearch.experiments.training import TrainingExperiment
from alignsearch.search.documents import is_list_of_runs, metric_of
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.reports.best import best_trial
from alignsearch.search.reports.confirmation import confirmed_in, mean_in_words, trials_in_words
from alignsearch.search.store import Store
from alignsearch.spaces.configuration import configuration
from alignsearch.spaces.presets import RULES
from alignsearch.spaces.runs import Run

if TYPE_CHECKING:
    from alignsearch.experiments.figures.architectures import Row
    from alignsearch.experiments.report import Report

BASELINE = "bp"
MODELS = ("resnet18", "resnet50", "resnet50v2", "resnet101v2", "resnet152v2")
"""Networks of Tables 3 and 4, Fig. 3 and Fig. S5."""

SEEDS = (0, 1, 2)
"""The paper doesn't print its number of seeds."""


def scales(
    rules: tuple[str, ...],
    shortest: tuple[str, ...],
    seeds: tuple[int, ...],
) -> Mapping[Scale, Setting]:
    """Return the settings of an experiment over architectures at every scale.

    Args:
        rules: the rules that it trains; at `minutes` only the `shortest`, with these `seeds`.
    """
    return {
        "minutes": Setting(
            rules=shortest,
            models=("resnet18", "resnet50"),
            dataset="digits",
            width=4,
            epochs=4,
            seeds=seeds,
        ),
        "hours": Setting(
            rules=rules, models=MODELS, dataset="digits", width=8, epochs=20, seeds=SEEDS
        ),
        "paper": Setting(rules=rules, models=MODELS, dataset="imagenet", seeds=SEEDS),
    }


@dataclass(frozen=True, kw_only=True)
class ArchitecturesExperiment(TrainingExperiment):
    """Accuracy of rules by network, and its gap to backpropagation's.

    A rule is a published one or the name of a search, whose best configuration is then trained.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    SOURCE: ClassVar[str]
    PAPER: ClassVar[str]
    LEAST_SEEDS: ClassVar[int] = 2
    BOTH_ORDERS: ClassVar[tuple[str, ...]] = ()
    """Rules that are trained in both weights orders, unless one is asked for."""

    def check(self) -> None:
        """Refuse rules without the baseline, too; searches are looked for by `report`."""
        setting = self.setting()
        if BASELINE not in setting.rules:
            raise ConfigurationError(
                f"{self.NAME} compares with backpropagation: put {BASELINE} among --rules"
            )
        setting.check()

    def report(self, place: Place) -> "Report":
        """Train every rule on every network, once a seed.

        Raises:
            UnknownNameError: a rule is neither a published one nor a search of the store.
            StateConflictError: a search has no metaparameters or no result to transfer.
        """
        from alignsearch.experiments.figures.architectures import make_report

        setting = self.setting()
        searches = set(setting.rules) - RULES.keys()
        store = place.open_store() if searches and place.has_store else None
        templates: dict[str, Run] = {}
        confirmed = {} if store is None else _confirmed(store, searches)
        for rule in setting.rules:
            templates[rule] = run = _template(setting, rule, store)
            if rule in self.BOTH_ORDERS and setting.weights_order is None:
                name = f"{rule}, paper's order"
                templates[name] = replace(run, weights_order="paper", label=name)
        runs = [
            replace(
                setting.run(run.rule, model, seed, searched=run.searched, label=run.label),
                weights_order=run.weights_order,
            )
            for model in setting.models
            for run in templates.values()
            for seed in setting.seeds
        ]
        trained = place.train(self.NAME, setting, runs)
        from_searches = [
            f"{rule}: the best configuration of the search of that name{confirmed.get(rule, '')}, "
            f"over {run.rule}, in the {run.weights_order} order."
            for rule, run in templates.items()
            if run.searched is not None
        ]
        return make_report(
            _rows(setting, templates, trained),
            name=self.NAME,
            title=self.TITLE,
            source=self.SOURCE,
            setting=[*setting.lines(self.PAPER), *from_searches, trained.line()],
            seeds=setting.seeds,
            chance=trained.chance,
        )


def _rows(setting: Setting, templates: Mapping[str, Run], trained: Trained) -> "list[Row]":
    from alignsearch.experiments.figures.architectures import Row

    found = {
        (model, rule): [
            each
            for each in trained.outcomes
            if (each.run.model, each.run.name) == (model, templates[rule].name)
        ]
        for model in setting.models
        for rule in templates
    }
    return [
        Row(
            model,
            rule,
            mean_accuracy(found[model, rule]),
            None
            if rule == BASELINE
            else mean_difference(found[model, rule], found[model, BASELINE]),
        )
        for model in setting.models
        for rule in templates
    ]


def _confirmed(store: Store, names: Iterable[str]) -> dict[str, str]:
    """Return of each confirmed search by which mean its best configuration was named, in words."""
    found = {}
    for search in store.searches.named(list(names)):
        result = confirmed_in(store.totals.standing(search.name))
        if result is not None:
            tied = f", tied with {trials_in_words(result.ties)}" if result.ties else ""
            found[search.name] = f" by {mean_in_words(result, metric_of(search))}{tied}"
    return found


def _template(setting: Setting, rule: str, store: Store | None) -> Run:
    """A run of a published rule, or of the best configuration of the search of that name."""
    model, seed = setting.models[0], setting.seeds[0]
    if rule in RULES:
        return setting.run(rule, model, seed)
    if store is None:
        raise UnknownNameError("rule", rule, RULES)
    try:
        search, trial = best_trial(store, rule)
    except UnknownNameError as error:
        raise UnknownNameError("rule or search", rule, RULES) from error
    if is_list_of_runs(search):
        raise StateConflictError(
            f"search {rule!r} is an experiment's list of runs, and has no metaparameters to "
            "transfer: name a search that `alignsearch submit` made"
        )
    run = setting.run(search.space, model, seed, searched=configuration(trial.config), label=rule)
    return replace(run, weights_order=search.training.weights_order)
