"""The JavaScript is checked against the API that the server has now."""

import importlib.util
from pathlib import Path

JAVASCRIPT = Path(__file__).parents[2] / "javascript"


def api_types():
    spec = importlib.util.spec_from_file_location("api_types", JAVASCRIPT / "api_types.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_types_of_the_api_are_up_to_date(dashboard):
    made = api_types().declarations(dashboard.app.openapi())
    assert (JAVASCRIPT / "api.d.ts").read_text() == made, "run `make api-types`"
