"""Commands with placeholders: values put in, braces kept, wrong ones refused before a search."""

import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents.command_template import check, filled, variable

LABELS = {"lr", "gamma", "a b"}


def test_values_are_put_in_with_all_digits():
    command = ["python", "train.py", "--lr={lr}", "{lr}-{a b}", '{{"lr": {lr}}}']
    assert filled(command, {"lr": 0.1 + 0.2, "a b": "x"}) == [
        "python",
        "train.py",
        "--lr=0.30000000000000004",
        "0.30000000000000004-x",
        '{"lr": 0.30000000000000004}',
    ]


def test_a_value_with_braces_is_put_in_as_it_is():
    assert filled(["{lr}"], {"lr": "{gamma}"}) == ["{gamma}"]


def test_a_command_of_known_labels_is_fine():
    check(["a", "{lr}{a b}", "{{}}"], LABELS, {"gamma"})


def test_an_unknown_label_is_refused_with_near_ones():
    with pytest.raises(UnknownNameError, match="did you mean gamma"):
        check(["--g", "{gama}"], LABELS, set())


@pytest.mark.parametrize("argument", ["{", "a}b", '{"lr": 1', "{{}"])
def test_a_brace_alone_is_refused(argument):
    with pytest.raises(ConfigurationError, match="brace"):
        check([argument], LABELS, set())


def test_a_dimension_that_some_configurations_lack_is_no_argument():
    with pytest.raises(ConfigurationError, match="ALIGNSEARCH_VALUE_gamma"):
        check(["{gamma}"], LABELS, {"gamma"})


def test_two_labels_of_one_environment_variable_are_refused():
    with pytest.raises(ConfigurationError, match="rename one"):
        check([], ["a b", "a-b"], set())
    assert variable("a b") == variable("a-b") == "ALIGNSEARCH_VALUE_a_b"
