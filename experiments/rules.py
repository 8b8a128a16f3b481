"""The experiment `rules`: learning rules searched alike, confirmed, and compared in one table."""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.experiments.experiment import Experiment, Reproduction
from alignsearch.experiments.options import Option, Scale
from alignsearch.experiments.place import Place
from alignsearch.experiments.rule_budgets import SCALES, Budget, Task, trained
from alignsearch.experiments.runs import finished
from alignsearch.experiments.setting import MOST_SEEDS, split_names, split_variances
from alignsearch.search.documents import Search
from alignsearch.search.documents.recipe import OnCorrupt
from alignsearch.search.use_cases.compared_rules import TAG
from alignsearch.search.use_cases.listed_runs import hash_of
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.definitions import find_definition
from alignsearch.spaces.fair import COMPARED, fair_name

if TYPE_CHECKING:
    from alignsearch.experiments.report import Report
    from alignsearch.experiments.rule_results import RuleResult

logger = logging.getLogger(__name__)

LONGEST_RULE = 20
"""Letters of a rule of one's own in the names of its searches, which have 64 at most."""
CHECKED_WIDTH = 4
"""Most channels of the networks that are built to see whether a rule can be theirs."""


@dataclass(frozen=True, kw_only=True)
class Rules(Experiment):
    """Every learning rule searched alike, and one table of them.

    Each rule's own metaparameters are searched beside the same common ones, with the same number of
    trials, sampler and seed; backpropagation's, too. The best configurations are repeated, and the
    one with the lowest mean is trained on fresh seeds. Every search is an ordinary one: it can be
    watched, stopped and resumed, and the same command goes on where it ended.
    """

    scale: Annotated[
        Scale,
        Option("How much is searched: digits, then Fashion-MNIST and CIFAR-10, then ImageNet."),
    ] = "minutes"
    rules: Annotated[
        str,
        Option(
            "Short names of rules, with commas between. FILE.py:NAME is a rule of your own: a "
            "subclass of alignment_core.Alignment, or an alignsearch.RuleSearch."
        ),
    ] = ",".join(COMPARED)
    trials: Annotated[
        int | None, Option("Configurations that are tried of each rule.", least=1)
    ] = None
    epochs: Annotated[int | None, Option("Epochs of each training.", least=1)] = None
    seeds: Annotated[
        int | None, Option("Fresh seeds of each rule's best configuration.", least=2)
    ] = None
    variances: Annotated[str | None, Option("Variances of the noise in updates, with commas.")] = (
        None
    )
    dataset: Annotated[
        str | None,
        Option(
            "Data set in place of the scale's: a name that `alignsearch data` lists, or "
            "FILE.py:NAME of your own."
        ),
    ] = None
    model: Annotated[
        str | None,
        Option("Network in place of the scale's, by name or as FILE.py:NAME of your own."),
    ] = None
    width: Annotated[int | None, Option("Channels of the first stage, or units.", least=1)] = None
    data_dir: Annotated[
        str | None, Option("Folder of the data sets' files, as the workers see it.")
    ] = None
    algo: Annotated[str, Option("Sampler of all searches.")] = "combined"
    seed: Annotated[int, Option("Random seed of all searches.", least=0)] = 0
    image_size: int | None = None
    on_corrupt: OnCorrupt = "refuse"
    precision: str = "float32"
    strategy: str = "auto"

    @property
    def checks_with_tensorflow(self) -> bool:
        """True: networks are built under each rule."""
        return True

    def budget(self) -> Budget:
        """Return the scale's budget with the given options in place of its own."""
        scale = SCALES[self.scale]
        tasks = scale.tasks
        if self.dataset is not None:
            named = tuple(task for task in tasks if task.dataset == self.dataset)
            tasks = named or (replace(tasks[0], dataset=self.dataset, width=None),)
        if self.model is not None:
            tasks = tuple(replace(task, model=self.model, width=None) for task in tasks)
        variances = None if self.variances is None else split_variances(self.variances)
        sizes = _given(width=self.width, epochs=self.epochs)
        return replace(
            scale,
            tasks=tuple(replace(task, **sizes) for task in tasks),
            top=min(scale.top, self.trials or scale.top),
            noise_seeds=min(scale.noise_seeds, self.seeds or scale.noise_seeds),
            **_given(trials=self.trials, seeds=self.seeds, variances=variances),
        )

    def compared(self) -> dict[str, Definition]:
        """Return the definition of each rule by the rule's name, in the given order.

        Raises:
            UnknownNameError: there is no rule of a name.
            ConfigurationError: a rule of one's own can't be imported, or isn't one.
        """
        found = {}
        for rule in split_names("--rules", self.rules):
            if ":" not in rule and rule not in COMPARED:
                raise UnknownNameError("rule of the table", rule, COMPARED)
            definition = find_definition(rule if ":" in rule else fair_name(rule))
            if definition.training is None:
                raise ConfigurationError(
                    f"{rule} trains no network of ours: name a learning rule, or its "
                    "alignsearch.RuleSearch"
                )
            found[rule] = definition
        return found

    def check(self) -> None:
        """Refuse unknown rules and networks, and a rule that a network can't have."""
        rules = self.compared()
        if self.seeds is not None and self.seeds > MOST_SEEDS:
            raise ConfigurationError(f"--seeds must be at most {MOST_SEEDS}, not {self.seeds}")
        for task in self.budget().tasks:
            for rule, definition in rules.items():
                self._build(task, rule, definition)

    def _build(self, task: Task, rule: str, definition: Definition) -> None:
        """Build a narrow network under a rule, as the rule's trainings do.

        Raises:
            ConfigurationError: the network can't have the rule, or code of one's own raises.
        """
        from alignment_core import data
        from alignment_core.training.compiled_network import CompiledNetwork
        from alignsearch.search.documents import RecipeChoices
        from alignsearch.search.samplers.sampler import make_sampler
        from alignsearch.search.use_cases.new_search import recipe_of
        from alignsearch.spaces.trained import training_of

        choices = RecipeChoices(dataset=task.dataset, model=task.model, epochs=task.epochs)
        width = min(CHECKED_WIDTH, task.width or CHECKED_WIDTH)
        recipe = recipe_of(choices, None, width=width, data_dir=self.data_dir)
        point = make_sampler("random", definition.space, seed=self.seed, startup=1).suggest(0, ())
        try:
            config = training_of(definition, definition.space.resolve(point), recipe, seed=0)
            known = data.info(config.dataset)
            CompiledNetwork(config, known.image_shape, known.num_classes)
        except AlignSearchError as error:
            raise ConfigurationError(f"{rule} on {task.model}: {error}") from error
        except Exception as error:
            # A rule, a network or a function of trainings of one's own can raise anything.
            raise ConfigurationError(
                f"{rule} on {task.model}: building the network raised "
                f"{type(error).__name__}: {error}"
            ) from error

    def report(self, place: Place) -> "Report":
        """Search, confirm and train every rule, and compare them.

        Raises:
            AlignSearchError: as `Place.finish_search`.
        """
        from alignsearch.experiments.figures.rules import make_report

        budget, rules = self.budget(), self.compared()
        asked = {
            (task, rule): self._options(task, budget) for task in budget.tasks for rule in rules
        }
        # Everything is checked before anything runs.
        names = {
            (task, rule): _search_name(rule, place.check_search(_address(rule), options), options)
            for (task, rule), options in asked.items()
        }
        rules = _told_apart(rules)
        results = {
            task: self._with_costs(
                place,
                [
                    self._result(
                        place, budget, rule, definition, names[task, rule], asked[task, rule]
                    )
                    for rule, definition in rules.items()
                ],
            )
            for task in budget.tasks
        }
        return make_report(budget, results, scale=self.scale, seed=self.seed)

    def _options(self, task: Task, budget: Budget) -> dict[str, Any]:
        return {
            "dataset": task.dataset,
            "model": task.model,
            "width": task.width,
            "epochs": task.epochs,
            "data_dir": self.data_dir,
            "image_size": self.image_size,
            "on_corrupt": self.on_corrupt,
            "precision": self.precision,
            "strategy": self.strategy,
            "trials": budget.trials,
            "generation": budget.generation,
            "algo": self.algo,
            "seed": self.seed,
            "confirm": True,
            "top": budget.top,
            "seeds": budget.repeats,
            "tag": self._tags,
        }

    def _result(
        self,
        place: Place,
        budget: Budget,
        rule: str,
        definition: Definition,
        name: str,
        options: Mapping[str, Any],
    ) -> "RuleResult":
        from alignsearch.experiments.rule_results import has_best, read

        store = place.finish_search(name, _address(rule), options)
        finished(store, name)
        runs = {}
        if has_best(store, name):
            # Seeds from 0 on are fresh: a search's own are hashes of its seed and a trial's number.
            runs = {
                called: place.train_again(name, called=called, seeds=seeds, changes=changes).name
                for called, seeds, changes in trained(budget)
            }
        return read(store, rule, definition, name, runs, budget.variances)

    def _with_costs(self, place: Place, results: "list[RuleResult]") -> "list[RuleResult]":
        """Return the results with the cost of each rule's step, measured in one process."""
        from alignsearch.experiments.step_costs import Measured, cost_definition, costs_in

        store = place.open_store()
        known = [each for each in results if each.configuration]
        if not known:
            return results
        searches = [store.searches.get(each.search) for each in known]
        measured = [
            Measured(
                _address(each.rule),
                each.configuration,
                search.training,
                versions=tuple(_hashes(search)),
            )
            for each, search in zip(known, searches, strict=True)
        ]
        definition = cost_definition(measured)
        name = f"rules-cost-{hash_of(definition.space.space_hash)}"
        place.finish_search(name, definition, {"trials": 1, "tag": self._tags})
        found = costs_in(store, name, len(known))
        if None in found:
            # The rest of the report stands without them.
            logger.warning(
                "the costs of the rules' steps are left out: search %s has no result; "
                "`alignsearch delete %s` removes it, and the same command measures anew",
                name,
                name,
            )
        costs = dict(zip((each.rule for each in known), found, strict=True))
        return [replace(each, cost=costs.get(each.rule)) for each in results]

    @property
    def _tags(self) -> tuple[str, ...]:
        return TAG, f"{TAG}-{self.scale}"

    @classmethod
    def reproduction(cls, scale: Scale, folder: Path, data_dir: str | None) -> Reproduction:
        """The experiment's command at the scale, with its images in `data_dir`."""
        return Reproduction.at_scale(scale, data_dir)


def _given(**options: Any) -> dict[str, Any]:
    return {name: each for name, each in options.items() if each is not None}


def _told_apart(rules: Mapping[str, Definition]) -> dict[str, Definition]:
    """Return the definitions with titles of which no two are equal: the address is added to some.

    Two files can have a rule of the same name, and one of one's own can be called as one of ours.
    """
    often = Counter(each.heading for each in rules.values())
    return {
        rule: replace(each, title=f"{each.heading} ({rule})")
        if ":" in rule and often[each.heading] > 1
        else each
        for rule, each in rules.items()
    }


def _address(rule: str) -> str:
    return rule if ":" in rule else fair_name(rule)


def _search_name(rule: str, search: Search, options: Mapping[str, Any]) -> str:
    """Return the name of a rule's search.

    Other options, another space, or another version of a file of one's own give another name, so
    that no table shows results of an earlier version.
    """
    usable = re.sub(r"[^A-Za-z0-9._-]+", "-", rule.rpartition(":")[2])[:LONGEST_RULE]
    return f"rules-{usable}-{hash_of([rule, search.space_hash, dict(options), *_hashes(search)])}"


def _hashes(search: Search) -> list[str]:
    """Return the hashes of the files of one's own that a search needs; none of ours has one."""
    sources = [] if search.definition is None else [search.definition.source]
    found = [*sources, *search.training.sources]
    return [each.sha256 for each in found if each.sha256 is not None]
