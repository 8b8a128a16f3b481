"""The objective `function`: a Python function of the user's own, `function(config, trial)`."""

import inspect
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import (
    Search,
    Trial,
    metric_of,
    reported_names_of,
    space_of,
)
from alignsearch.workers import sources
from alignsearch.workers.gpu_memory import limit_tensorflow
from alignsearch.workers.objectives import Finished, Link, Objective
from alignsearch.workers.returned import result_of, with_reported
from alignsearch.workers.trial_context import TrialContext, TrialInterrupted

logger = logging.getLogger(__name__)


def evaluate(search: Search, trial: Trial, link: Link) -> Finished:
    """Call the search's function with the trial's configuration and return its result.

    Raises:
        SourceError: the function can't be imported here, or its source isn't the submitted one.
        ConfigurationError: it returns neither a number nor a dictionary with a loss, or reports
            what is no number.
    """
    return _evaluate(sources.function_of(search, link.on_warning), search, trial, link)


def calling(function: Callable[..., Any]) -> Objective:
    """Return the objective that calls a function which this process has, whatever its source.

    The function is called as `evaluate` calls one, and its return value is checked alike.
    """
    return partial(_evaluate, function)


def _evaluate(function: Callable[..., Any], search: Search, trial: Trial, link: Link) -> Finished:
    limit_tensorflow(search.resources)
    metric = metric_of(search)
    config = space_of(search).resolve(trial.point)
    context = TrialContext(search, trial, link, config, metric)
    try:
        returned = _call(function, config, context)
    except TrialInterrupted:
        return Finished(None)
    except SystemExit as error:
        # It would end the worker without a word.
        raise RuntimeError(f"the objective has called sys.exit({error.code!r})") from error
    except Exception:
        raise
    except BaseException as error:
        # Python's other interruptions would end the worker's call, not the attempt.
        raise RuntimeError(f"the objective has raised {type(error).__name__}") from error
    if context.was_stopped:
        return Finished(None)
    result = result_of(returned, metric, _name(function), reported_names_of(search))
    context.finish()
    return Finished(with_reported(result, context.last_values), context.best_step)


def _call(function: Callable[..., Any], config: Any, context: TrialContext) -> Any:
    """Call the function with the trial if it takes one: a second argument, or one named trial."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        # Functions of compiled modules may not tell.
        return function(config)
    if any(each.name == "trial" and each.kind is not each.POSITIONAL_ONLY for each in parameters):
        return function(config, trial=context)
    places = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    needed = [each for each in places if each.default is each.empty]
    if len(needed) > 2 or not (places or any(e.kind is e.VAR_POSITIONAL for e in parameters)):
        raise ConfigurationError(
            f"{_name(function)} can't be called with a configuration, and a trial: write it as "
            "function(config, trial) or function(config)"
        )
    return function(config, context) if len(needed) == 2 else function(config)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
