"""A trial to use again: its configuration as code, commands that try it, and its weights."""

import json
import shlex
from pathlib import Path
from pprint import pformat

from alignment_core import files
from alignsearch.dashboards import models
from alignsearch.search.attempts.checkpoint_folders import numbered
from alignsearch.search.documents import Search, Trial, is_list_of_runs, known_space_of, values_of
from alignsearch.search.documents.checkpoint_names import of_attempt, readable
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.use_cases.next_steps import is_trained

WIDTH = 88
"""Characters of a line of Python, as formatters have them."""


def reuse_of(search: Search, trial: Trial) -> models.Reuse:
    """Make the payload of what a person copies from a trial's page."""
    return models.Reuse(
        python=f"config = {_literal(trial.config)}",
        json_text=json.dumps(trial.config, indent=2, ensure_ascii=False),
        command="\n".join(commands_of(search, trial)),
        weights=weights_of(search, trial),
    )


def _literal(config: object) -> str:
    """Write a configuration as Python, one setting a line."""
    if not isinstance(config, dict):
        return pformat(config, width=WIDTH, sort_dicts=False)
    lines = (f"    {name!r}: {pformat(value, sort_dicts=False)}," for name, value in config.items())
    return "\n".join(["{", *lines, "}"])


def commands_of(search: Search, trial: Trial) -> list[str]:
    """Return commands that use the trial's configuration, each as a shell takes it."""
    commands = []
    if is_trained(search):
        commands.append(["alignsearch", "train", "--from", f"{search.name}:{trial.tid}"])
    if known_space_of(search) is not None and not is_list_of_runs(search):
        values = [f"{label}={value}" for label, value in values_of(search, trial).items()]
        if values:
            commands.append(["alignsearch", "enqueue", search.name, "--point", *values])
    commands.append(["alignsearch", "show", search.name, str(trial.tid)])
    return [shlex.join(command) for command in commands]


def weights_of(search: Search, trial: Trial) -> models.Weights:
    """Find the trial's last checkpoint, where this machine sees the search's folder."""
    root = search.checkpoints
    if root is None:
        return _weights(
            "none", "This search keeps no weights: `alignsearch submit --checkpoints FOLDER` does."
        )
    if not trial.attempt:
        return _weights("none", "The trial has not begun, so it has no weights yet.")
    try:
        folder = of_attempt(search, trial, trial.attempt)
        found = None if files.is_address(root) else _latest(search, trial)
    except (OSError, StateConflictError) as error:
        return _weights("elsewhere", str(error))
    if files.is_address(root) or not Path(root).is_dir():
        text = f"The weights are below {folder}, which the dashboard's machine does not read."
        return _weights("elsewhere", text, folder)
    if found is None:
        best = "best trial" if search.keep_checkpoints == 1 else f"best {search.keep_checkpoints}"
        text = f"No weights are left: the search keeps those of its {best}, and of running trials."
        return _weights("removed", text, folder)
    code = _code_of_training(found) if found.name.startswith("epoch-") else _code_of_folder(found)
    return models.Weights(state="kept", text=f"{found}", folder=str(found), code=code)


def _weights(state: models.WeightsState, text: str, folder: str | None = None) -> models.Weights:
    return models.Weights(state=state, text=text, folder=folder, code=None)


def _latest(search: Search, trial: Trial) -> Path | None:
    """Return the folder of the latest complete checkpoint of any of the trial's attempts."""
    found = []
    for own, root in enumerate(readable(search)):
        folder = f"{root}/{trial.tid}"
        for attempt in numbered(folder):
            for name in files.names(f"{folder}/{attempt}"):
                kind, _, rest = name.partition("-")
                numbers = [int(part) for part in rest.split("-") if part.isdecimal()]
                if kind in ("epoch", "checkpoint") and numbers:
                    found.append((attempt, own, numbers, Path(folder) / str(attempt) / name))
    return max(found)[-1] if found else None


def _code_of_training(checkpoint: Path) -> str:
    """Four lines of Python that load the weights of one of our trainings."""
    return "\n".join(
        [
            "from alignment_core.training import checkpoints",
            f"saved = checkpoints.read({str(checkpoint)!r})",
            'weights = {name: value for name, value in saved.items() if name.startswith("model/")}',
            "print({name: value.shape for name, value in weights.items()})",
        ]
    )


def _code_of_folder(checkpoint: Path) -> str:
    """Four lines of Python that list the files which an objective of the user's own has written."""
    return "\n".join(
        [
            "from pathlib import Path",
            f"folder = Path({str(checkpoint)!r})",
            'files = sorted(each for each in folder.rglob("*") if each.is_file())',
            "print(*files, sep='\\n')",
        ]
    )
