"""docker/monitoring: alert rules and a dashboard read only metrics that `serve` exports."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml
from deployment_files import COMPOSE, DOCKER, run
from prometheus_client.parser import text_string_to_metric_families

from alignsearch.search.documents.identity import LABELS

MONITORING = DOCKER / "monitoring"
ALERTS = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text())
VARIABLES = {"$search": "a|b", "$__rate_interval": "5m"}
"""An example for each variable that Grafana replaces in a query."""
SCRAPED = {"instance", "job"}
"""Labels that Prometheus adds to every series."""
COMMAND = Path(sys.executable).with_name("alignsearch")
SECONDS = 600.0


def queries():
    """Yield the name and the query of every rule and every panel."""
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            query = target["expr"]
            for variable, example in VARIABLES.items():
                query = query.replace(variable, example)
            yield panel["title"], query


def legends():
    """Yield each text that a label is written into, with the query that has to yield the label."""
    for rule in RULES:
        for text in rule["annotations"].values():
            yield text, rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["legendFormat"], target["expr"]


def labels_in(query):
    """Return the labels that a query names in selectors, `by` and `on`."""
    selectors = " ".join(re.findall(r"\{([^}]*)\}", query))
    found = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
    for grouped in re.findall(r"(?:by|on)\s*\(([^)]*)\)", query):
        found |= {each.strip() for each in grouped.split(",")}
    return found


@pytest.fixture(scope="module")
def exported(server_uri, tmp_path_factory):
    """Return the labels of each sample by name, as a `serve` that drives a search exports them."""
    folder = tmp_path_factory.mktemp("monitored")
    uri = f"{server_uri.rstrip('/')}/monitored"
    asked = ("--dataset", "rehearsal", "--trials", "4", "--epochs", "2", "--resources", "CPU=0.5")
    submitted = [COMMAND, "submit", "wm", "--name", "watched", *asked, "--store", uri]
    subprocess.run(submitted, cwd=folder, check=True, capture_output=True)
    log = folder / "serve.log"
    deadline = time.monotonic() + SECONDS
    serve = None
    try:
        while True:
            # A busy machine may start no Ray in time, and `serve` ends.
            if serve is None or serve.poll() is not None:
                assert time.monotonic() < deadline, log.read_text()
                with log.open("w") as out:
                    serve = subprocess.Popen(
                        [COMMAND, "serve", "--metrics-port", "0", "--store", uri],
                        cwd=folder,
                        stdout=out,
                        stderr=out,
                    )
            text = scraped(log.read_text())
            if completed(text) == 4:
                yield labels_by_name(text)
                return
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
    finally:
        serve.terminate()
        serve.wait(300)


def scraped(said):
    """Return what the address answers that `serve` has named; nothing while it doesn't."""
    address = re.search(r"metrics at (\S+)", said)
    if address is None:
        return ""
    try:
        with urllib.request.urlopen(address[1], timeout=60) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def completed(text):
    return next(
        (
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "alignsearch_trials" and sample.labels["state"] == "completed"
        ),
        0,
    )


def labels_by_name(text):
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        if family.name == "alignsearch_lease_expiries":
            # It has no sample before a lease expires.
            found.setdefault("alignsearch_lease_expiries_total", set(LABELS))
    return found


def test_every_query_reads_metrics_and_labels_that_serve_exports(exported):
    for name, query in queries():
        metrics = set(re.findall(r"\balignsearch_\w+", query))
        assert metrics, name
        assert metrics <= exported.keys(), name
        known = SCRAPED | {label for metric in metrics for label in exported[metric]}
        assert labels_in(query) <= known, name
    (variable,) = (v for v in DASHBOARD["templating"]["list"] if v["type"] == "query")
    metric, label = re.fullmatch(
        r"label_values\((\w+), (\w+)\)", variable["query"]["query"]
    ).groups()
    assert label in exported[metric]


def test_every_metric_of_ours_is_watched(exported):
    read = {name for _, query in queries() for name in re.findall(r"\balignsearch_\w+", query)}
    # Those that the Prometheus client adds to a counter or a histogram.
    ours = {
        n for n in exported if n.startswith("alignsearch_") and not re.search("_(created|sum)$", n)
    }
    assert ours - read == {"alignsearch_suggest_seconds_count"}


def test_a_text_names_only_labels_that_its_query_yields():
    for text, query in legends():
        named = set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text))
        kept = {
            each.strip()
            for grouped in re.findall(r"by\s*\(([^)]*)\)", query)
            for each in grouped.split(",")
        }
        assert named <= kept, text


def test_prometheus_takes_the_files_and_each_rule_fires_when_it_should():
    for words in (("check", "config", "prometheus.yaml"), ("test", "rules", "alerts.test.yaml")):
        done = run("promtool", *words, at=MONITORING)
        assert done.returncode == 0, done.stdout + done.stderr
    cases = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text())["tests"]
    fired = [t["alertname"] for c in cases for t in c["alert_rule_test"] if "exp_alerts" in t]
    quiet = [t["alertname"] for c in cases for t in c["alert_rule_test"] if "exp_alerts" not in t]
    assert fired == quiet == [rule["alert"] for rule in RULES]


def test_prometheus_can_parse_what_the_dashboard_asks(tmp_path):
    rules = [{"record": f"query:{n}", "expr": query} for n, (_, query) in enumerate(queries())]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    done = run("promtool", "check", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_where_compose_serves_metrics():
    asked = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"][0]
    (target,) = asked["static_configs"][0]["targets"]
    name, port = target.split(":")
    service = COMPOSE["services"][name]
    assert f"--metrics-port={port}" in service["command"]
    assert "metrics" in service["networks"]


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
