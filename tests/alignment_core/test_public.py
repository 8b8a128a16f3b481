"""The public API of alignment_core: every name resolves, is documented, and its examples run."""

import doctest
import inspect
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import alignment_core
from alignment_core.optimizers.rate_scheduler import rate

PUBLIC = {name: getattr(alignment_core, name) for name in alignment_core.__all__}
DOCUMENTED = {
    name: value for name, value in PUBLIC.items() if inspect.isclass(value) or callable(value)
}
CLASSES_WITHOUT_EXAMPLE = {
    "DataSet",
    "DataSetInfo",
    "EpochResult",
    "LayerMetrics",
    "TrainingResult",
}
"""Interfaces and results, which users receive and don't make."""

ERRORS = {name for name, value in DOCUMENTED.items() if inspect.isclass(value)} & {
    "AlignSearchError",
    "CheckpointError",
    "ConfigurationError",
    "DataError",
    "UnknownNameError",
}


def documentation(value):
    """A function's docstring, or a class's with its constructor's and its parents'."""
    if not inspect.isclass(value):
        return inspect.getdoc(value) or ""
    ours = [each for each in value.__mro__ if each.__module__.startswith("alignment_core")]
    return "\n".join(
        text for each in ours for text in (each.__doc__, each.__init__.__doc__) if text
    )


def test_importing_the_package_and_its_listings_imports_no_tensorflow():
    program = (
        "import sys, alignment_core as ac\n"
        "dir(ac), ac.MODEL_NAMES, ac.DATA_SETS, ac.EpochResult, ac.ConfigurationError\n"
        "import alignment_core.accelerator_names\n"
        "print(*{'tensorflow', 'keras'} & sys.modules.keys())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


def test_the_page_lists_every_public_name_and_no_other():
    listed = re.findall(r"^    (\w+): ", alignment_core.__doc__, re.MULTILINE)
    assert sorted(listed) == sorted(alignment_core.__all__)
    assert sorted(alignment_core._MODULE_OF) == sorted(alignment_core.__all__)
    assert set(alignment_core.__all__) <= set(dir(alignment_core))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'alignment_core' has no attribute 'Dens'"):
        alignment_core.Dens  # noqa: B018


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_argument_is_documented(name):
    value = DOCUMENTED[name]
    assert value.__doc__
    function = value.__init__ if inspect.isclass(value) else value
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    arguments = [
        argument.name
        for argument in inspect.signature(function).parameters.values()
        if argument.kind not in kinds and argument.name != "self"
    ]
    text = documentation(value)
    assert [each for each in arguments if not re.search(rf"\b{each}\b", text)] == []


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name not in ERRORS])
def test_every_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = DOCUMENTED[name]
    known = {**PUBLIC, "keras": keras, "np": np, "rate": rate, "tf": tf}
    text = inspect.cleandoc(value.__doc__)
    example = doctest.DocTestParser().get_doctest(text, known, name, None, 0)
    if name not in CLASSES_WITHOUT_EXAMPLE:
        assert example.examples
    said = []
    doctest.DocTestRunner().run(example, out=said.append)
    assert said == []
