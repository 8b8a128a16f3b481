"""Hashes of functions: the same for the same code in every process, another for another."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alignsearch.spaces.function_code import code_hash, comparable

SCRIPT = '''
{before}
LIMIT = 3

def squared(x):
    return x ** {power}

class Model:
    scale = 2

    def loss(self, config):
        return squared(config["x"]) * self.scale {plus}

def objective(config, trial=None, *, steps={steps}):
    """{doc}"""
    if config["kind"] in {{"a", "b", "c", "d", "e"}}:  {comment}
        return squared(config["x"])
    return [squared(each) for each in range(LIMIT)]

def closing(bonus):
    def inner(config):
        return squared(config["x"]) + bonus
    return inner
'''
SAME = {"before": "", "power": 2, "plus": "", "steps": 1, "doc": "Text.", "comment": ""}


def defined(**changes):
    """Objects that a script defines, some parts of which are others."""
    names = {"__name__": "__main__"}
    exec(compile(SCRIPT.format(**{**SAME, **changes}), "a script", "exec"), names)
    return names


def hashes(**changes):
    """The hashes of the script's functions, by their names."""
    made = defined(**changes)
    return {
        "function": code_hash(made["objective"]),
        "method": code_hash(made["Model"]().loss),
        "closure": code_hash(made["closing"](1)),
        "partial": code_hash(functools.partial(made["objective"], steps=2)),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"before": "\n\n# more lines\nLIMIT = 7\n"},
        {"comment": "# why"},
        {"doc": "Another text."},
    ],
)
def test_text_around_the_code_makes_no_difference(changes):
    assert hashes(**changes) == hashes()


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"steps": 2}, {"function", "partial"}),
        ({"plus": "+ 1"}, {"method"}),
        # A function that all of them call by its name.
        ({"power": 3}, {"function", "method", "closure", "partial"}),
    ],
)
def test_what_computes_makes_another_hash(changes, differing):
    before, after = hashes(), hashes(**changes)
    assert {name for name in before if before[name] != after[name]} == differing


def test_a_wrapped_function_and_a_callable_object_count():
    made, other = defined(), defined(power=3)

    def counted(function):
        @functools.wraps(function)
        def call(*arguments):
            return function(*arguments)

        return call

    def callable_of(names):
        return type("Made", (), {"__call__": names["objective"], "__module__": "__main__"})()

    assert code_hash(counted(made["objective"])) == code_hash(counted(defined()["objective"]))
    assert code_hash(counted(made["objective"])) != code_hash(counted(other["objective"]))
    assert code_hash(callable_of(made)) == code_hash(callable_of(defined()))
    assert code_hash(callable_of(made)) != code_hash(callable_of(other))


def test_another_modules_function_makes_no_difference():
    names = {"__name__": "__main__"}
    exec("def objective(config):\n    return helper(config)\n", names)
    hashes_of_helpers = set()
    for helper in (json.dumps, json.loads, len):
        names["helper"] = helper
        hashes_of_helpers.add(code_hash(names["objective"]))
    assert len(hashes_of_helpers) == 1


def test_methods_of_each_kind_count():
    def made(number):
        code = f"""
class Model:
    @property
    def size(self):
        return {number[0]}

    @staticmethod
    def scale():
        return {number[1]}

    @classmethod
    def name(cls):
        return {number[2]}

    def __call__(self, config):
        return self.size
"""
        names = {"__name__": "__main__"}
        exec(code, names)
        return code_hash(names["Model"]())

    assert made((1, 2, 3)) == made((1, 2, 3))
    assert len({made(each) for each in ((1, 2, 3), (9, 2, 3), (1, 9, 3), (1, 2, 9))}) == 4


def test_a_lambda_is_told_from_the_one_beside_it():
    one, other = lambda x: x + 1, lambda x: x + 2
    assert code_hash(one) != code_hash(other)


def test_functions_that_call_each_other_end():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    assert code_hash(even) != code_hash(odd)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_hash_is_the_same_in_another_process(seed):
    code = "import json, test_function_code as it; print(json.dumps(it.hashes()))"
    # The order of sets differs by this seed.
    own = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", code]
    environment = {**os.environ, **own}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == hashes()


def test_another_language_and_another_version_of_python_are_not_compared():
    assert code_hash(len) is None
    own = code_hash(defined)
    assert own.startswith(f"{sys.version_info.major}.{sys.version_info.minor}:")
    assert comparable(own, code_hash(hashes))
    assert not comparable(own, "3.9:00")
    assert not comparable(own, None)
