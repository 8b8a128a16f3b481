"""Prometheus metrics at another address than loopback, as a container needs them."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest
import yaml

COMMAND = Path(sys.executable).with_name("alignsearch")
COMPOSE = Path(__file__).parents[3] / "docker" / "compose.yaml"


def options_of_compose():
    """The options of compose's `serve`, with any free port."""
    command = yaml.safe_load(COMPOSE.read_text())["services"]["serve"]["command"]
    return [word.replace("9100", "0") for word in command]


@pytest.mark.slow
def test_the_metrics_of_composes_serve_listen_on_every_address(store_uri, tmp_path):
    serve = subprocess.Popen(
        # Metrics are served before Ray is looked for, and this test needs no Ray.
        [COMMAND, *options_of_compose(), "--store", store_uri, "--ray", "127.0.0.1:1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = re.match(r"metrics at http://0\.0\.0\.0:(\d+)/metrics$", serve.stdout.readline())[1]
        listening = psutil.Process(serve.pid).net_connections(kind="tcp")
        assert {c.laddr.ip for c in listening if c.laddr.port == int(port)} == {"0.0.0.0"}
        # An address of this machine that a server on 127.0.0.1 alone wouldn't answer.
        with urllib.request.urlopen(f"http://127.0.0.2:{port}/metrics", timeout=300.0) as answer:
            assert "alignsearch_store_up 1.0" in answer.read().decode()
    finally:
        serve.send_signal(signal.SIGKILL)
        serve.communicate(timeout=300.0)
