"""`alignsearch.RuleSearch`: a search over trainings of a learning rule of one's own, as a class."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.own_search import Search, prior_distributions
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.spaces.definition import TRAINING, Definition, Source, Table
from alignsearch.spaces.definitions import definition_of, source_of


class RuleSearch(Search):
    """A learning rule, its metaparameters, and the trainings that they make.

        class SparseMirror(alignment_core.Alignment):
            primitives = ("amp", "sparse", "decay")

        def training(config):
            return {
                "batch_size": 32,
                "learning_rate": 0.1,
                "weights": {"amp": 1.0, "sparse": config["sparse"], "decay": config["decay"]},
            }

        search = alignsearch.RuleSearch(
            SparseMirror,
            {"sparse": hp.loguniform("sparse", -7, 0), "decay": hp.loguniform("decay", -7, 0)},
            training,
        )

    In a file `mirror.py`, `alignsearch submit mirror.py:search --dataset digits` submits it, and
    `--model`, `--epochs`, `--width` and all other options of the paper's searches hold for it.
    Workers import the file.

    Attributes:
        definition: the same as data.
    """

    def __init__(
        self,
        rule: Any,
        space: Any,
        training: Callable[..., Any],
        *,
        prior: Mapping[str, Any] | None = None,
        title: str = "",
        labels: Mapping[str, str] | None = None,
        table: Table | None = None,
        name: str = "",
    ) -> None:
        """Define the search; nothing is stored yet.

        Args:
            rule: a subclass of `alignment_core.Alignment`, or the name of a rule of
                `alignment_core.LEARNING_RULES`; None if `training` returns `learning_rule`.
            space: a HyperOpt expression, a dictionary or list of them, or a `SearchSpace`.
            training: `function(config)` or `function(config, recipe)`, which returns settings of
                `alignment_core.TrainingConfig` by name: `batch_size`, `learning_rate` and the
                rule's `weights` at least. The recipe has what the options of submit say, like
                `recipe.epochs`, and `recipe.batch_divisor`, which fits the paper's batch sizes to
                the data set.
            prior: where good configurations are expected, as for `Search`.
            title: heading of a result's column. Default: the rule's name.
            labels: names of dimensions for people, by label.
            table: the table of which a result is a column. Default: one row a dimension.
            name: name of the space. Default: the rule's name.

        Raises:
            ConfigurationError: the space can't be searched or stored, or `training` is no function.
        """
        called = rule if isinstance(rule, str) else getattr(rule, "__name__", "rule")
        found = definition_of(space, name or called)
        self.definition = Definition(
            # Its hash then tells searches of two rules over one space apart.
            space=replace(found.space, name=name or found.space.name, learning_rule=called),
            objective=TRAINING,
            training=training,
            rule=rule,
            metric=DEFAULT_METRIC.name,
            prior=prior_distributions(prior),
            table=table,
            labels=dict(labels or {}),
            title=title or called,
        )

    def _defined(self) -> Definition:
        """Return the definition with the module in which workers find it.

        Raises:
            ConfigurationError: it is in no module or file.
        """
        return replace(self.definition, source=self._source())

    def _source(self) -> Source:
        training: Any = self.definition.training
        for module in _modules(training):
            for name, value in vars(module).items():
                if value is self:
                    if module.__name__ == "__main__":
                        return source_of(module, "file", f"{module.__file__}:{name}")
                    return source_of(module, "module", f"{module.__name__}:{name}")
        raise ConfigurationError(
            "workers import a rule's search by its name from a file, and this one has none: write "
            "the rule, its function and `search = alignsearch.RuleSearch(...)` into mirror.py (in "
            "a notebook, by a cell that begins with `%%writefile mirror.py`); then `from mirror "
            "import search` and search.submit(...), or `alignsearch submit mirror.py:search`"
        )


def _modules(training: Any) -> Iterator[ModuleType]:
    """Yield the modules in which a search may have its name: its function's, then the script."""
    for name in (getattr(training, "__module__", None), "__main__"):
        module = sys.modules.get(name or "")
        if module is not None and getattr(module, "__file__", None):
            yield module
