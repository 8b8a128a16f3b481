"""The API holds to its own description, whatever it is asked."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

EXAMPLES = 5
"""Random requests to each operation."""
PATIENCE_SECONDS = 300
"""Longest wait for a response: the first submission starts a process, which takes seconds."""
STREAMS = ("/api/stream", "/api/searches/{name}/stream")


# Schemathesis draws some of its strings so itself.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
def test_no_request_makes_the_server_fail(dashboard):
    csrf = dashboard.get("/session").json()["csrf"]
    cookies = dict(dashboard.http.cookies)
    schema = schemathesis.openapi.from_url(f"{dashboard.url}/openapi.json").exclude(path=STREAMS)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case):
            answer = case.call(
                headers={"X-CSRF-Token": csrf}, cookies=cookies, timeout=PATIENCE_SECONDS
            )
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)

        check()


def test_the_description_names_models_and_errors(dashboard):
    description = dashboard.http.get("/openapi.json").json()
    history = description["paths"]["/api/searches/{name}/history"]["get"]
    assert "TrialColumns" in json.dumps(history["responses"]["200"])
    assert "Error" in json.dumps(history["responses"]["503"])
    page = dashboard.http.get("/docs").text
    for path in description["paths"]:
        assert path in page
