"""The client has a method for all that the API can do."""

import inspect
import re
from contextlib import suppress

import pytest

from alignment_core.errors import AlignSearchError
from alignsearch.dashboards.client import Client
from alignsearch.dashboards.client.connection import Connection

LEFT_OUT = {
    ("post", "/api/login"): "a program sends its token",
    ("post", "/api/logout"): "a program sends its token",
    ("get", "/api/stream"): "a program asks again",
    ("get", "/api/searches/{name}/stream"): "a program asks again",
    ("get", "/api/searches/{name}/best"): "best_so_far reads it with all digits, from changes",
    ("get", "/api/searches/{name}/trials"): "trials is the whole table",
    ("get", "/api/searches/{name}/trials.csv"): "trials is the whole table",
    ("get", "/api/searches/{name}/export"): "export takes one name, too",
    ("get", "/api/searches/{name}/table"): "table takes one name, too",
    ("get", "/api/compare"): "searches, best_so_far and table have its parts",
}
"""Endpoints without a method of their own, and why."""


@pytest.fixture
def sent(monkeypatch):
    """The requests that a client has sent: methods and paths."""
    found = []
    whole = Connection._send

    def send(connection, request):
        found.append((request.get_method().lower(), request.selector.partition("?")[0]))
        return whole(connection, request)

    monkeypatch.setattr(Connection, "_send", send)
    return found


def test_every_endpoint_has_a_method(dashboard, sent, tmp_path):
    file = tmp_path / "points.csv"
    file.write_text("sigma\n0.2\n")
    given = {
        **{"name": "nobody", "names": ["nobody"], "tid": 0, "space": "no-such", "trials": 1},
        **{"points": [], "file": file, "other": "nobody", "table": "", "uri": "mongodb://h/d/c"},
        **{"new": "somebody", "text": ""},
    }
    with Client(dashboard.url) as client:
        for name, method in inspect.getmembers(client, inspect.ismethod):
            if name.startswith("_"):
                continue
            wanted = inspect.signature(method).parameters.values()
            arguments = [
                given[each.name]
                for each in wanted
                if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
            ]
            # The search isn't there: what counts is which endpoint was asked for it.
            with suppress(AlignSearchError):
                method(*arguments)
    described = dashboard.http.get("/openapi.json").json()["paths"]
    endpoints = {
        (method, path)
        for path, methods in described.items()
        for method in methods
        if path.startswith("/api/")
    }
    asked = {each for each in endpoints if any(_is_of(each, one) for one in sent)}
    assert endpoints - asked == set(LEFT_OUT)


def _is_of(endpoint, request):
    method, template = endpoint
    # A word that has an endpoint of its own is no verb of the endpoint that takes any of them.
    any_word = re.sub(r"\{[a-z]+\}", "[^/]+", template).replace(
        "searches/[^/]+/[^/]+", "searches/[^/]+/(pause|resume|stop|cancel)"
    )
    return request[0] == method and re.fullmatch(any_word, request[1]) is not None


def test_slots_logs_and_weights_are_read(dashboard, lab):
    # A check imports NumPy and more into a process of its own.
    with Client(dashboard.url, timeout=300.0) as client:
        slots = client.slots("done")
        assert set(slots["tid"]) == set(range(11))
        assert slots[slots["tid"] == 9]["attempt"].tolist() == [1, 2]
        assert slots.set_index(["tid", "attempt"]).loc[(10, 1), "end"] == "running"
        trial = lab.store.trials.get("done", 3)
        began = slots.set_index(["tid", "attempt"]).loc[(3, 1), "started"]
        assert abs(began - trial.timings["started"]).total_seconds() < 0.2
        assert sum(client.slot_hours("done").values()) > 0
        assert client.log("done", 7)["text"].str.contains("epoch").any()
        assert client.trial("done", 8)["reason"] == "the loss is NaN"
        assert "sigma" in client.reuse("done", 3)["json_text"]
        assert client.reuse("done", 3)["weights"]["state"] == "none"
        assert "0.1700" in client.export(["done"], "text")
        assert "0.1300" in client.export_trial("done", 3, "text")
        assert client.health()["available"]
        assert "ia" in [each["name"] for each in client.submit_form()["spaces"]]
        checked = client.check("wm", trials=3, dataset="rehearsal")
        assert checked["command"].startswith("alignsearch submit wm")
        assert list(client.notices().columns) == ["kind", "search", "text"]
