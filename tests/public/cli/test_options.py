"""The output of every verb for programs."""

import json
import math

from alignsearch.cli.options import print_json


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def test_numbers_that_json_does_not_have_are_null(capsys):
    print_json({"angle": math.nan, "norm_ratio": math.inf, "layer": "σ"})
    printed = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert printed == {"angle": None, "norm_ratio": None, "layer": "σ"}
