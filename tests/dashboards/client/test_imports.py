"""The client and the figures import nothing of the server."""

import subprocess
import sys

import pytest

SERVER = ("models", "web", "live")
HEAVY = ("fastapi", "pymongo", "ray", "starlette", "tensorflow")


@pytest.mark.parametrize("module", ["client", "plots"])
def test_a_program_that_reads_a_dashboard_loads_no_server(module):
    code = f"import sys, alignsearch.dashboards.{module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert f"alignsearch.dashboards.{module}" in loaded
    server = {f"alignsearch.dashboards.{part}" for part in SERVER}
    assert server.union(HEAVY).isdisjoint(loaded)
