"""HyperOpt's own unit tests, by HyperOpt and with our TPE in place of `hyperopt.tpe.suggest`.

    python tests/claims/hyperopt_tests.py [module ...]

The tests are those that HyperOpt's package installs. They run twice, side by side, in processes of
their own. Prints how many pass, and how many of them asked our TPE. Fails if a test that HyperOpt
passes fails with ours. The program is also the plug-in that these processes load.

HyperOpt's five tests of ATPE need `lightgbm`, which `make hyperopt-tests` installs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MODULES = ("test_tpe", "test_fmin", "test_pchoice", "test_randint", "test_domains")
"""Modules of `hyperopt.tests.unit` that search with TPE, or make the spaces for it."""

WHOSE_TPE = ("hyperopt", "ours")
WHOSE = "ALIGNSEARCH_TESTED_TPE"
OUTCOMES = "ALIGNSEARCH_OUTCOMES"


class Outcomes:
    """Notes each test's outcome, and how often the test asked our TPE."""

    def __init__(self, ours):
        self.outcomes = {}
        self.calls = Counter()
        self.test = ""
        if ours:
            self.take_over()

    def take_over(self):
        from hyperopt import tpe

        from alignsearch.search.samplers import hyperopt_algo

        def suggest(*arguments, **options):
            self.calls[self.test] += 1
            return hyperopt_algo.suggest(*arguments, **options)

        tpe.suggest = suggest

    def pytest_runtest_setup(self, item):
        self.test = item.nodeid

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self):
        written = {"outcomes": self.outcomes, "calls": self.calls}
        Path(os.environ[OUTCOMES]).write_text(json.dumps(written), encoding="utf-8")


def pytest_configure(config):
    config.pluginmanager.register(Outcomes(os.environ[WHOSE] == "ours"))


def run(whose, modules):
    """Each test's outcome, and how often each asked our TPE."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "outcomes.json"
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--maxfail=1000"]
        command += ["-p", Path(__file__).stem, "-p", "no:cacheprovider", "-c", os.devnull]
        command += ["--rootdir", folder, "--import-mode=importlib", "--pyargs"]
        command += [f"hyperopt.tests.unit.{module}" for module in modules]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            "MPLBACKEND": "agg",
            WHOSE: whose,
            OUTCOMES: str(written),
        }
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if not written.exists():
            sys.exit(f"HyperOpt's tests could not be run:\n{done.stdout}{done.stderr}")
        found = json.loads(written.read_text(encoding="utf-8"))
    return found["outcomes"], found["calls"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=MODULES)
    modules = parser.parse_args().modules
    with ThreadPoolExecutor() as both:
        (theirs, _), (ours, calls) = both.map(lambda whose: run(whose, modules), WHOSE_TPE)
    passing = {test for test, outcome in theirs.items() if outcome == "passed"}
    lost = sorted(test for test in passing if ours.get(test) != "passed")
    asked = sum(bool(calls.get(test)) for test in passing)
    print(
        f"HyperOpt passes {len(passing)} of its {len(theirs)} tests, and our TPE "
        f"{len(passing) - len(lost)} of these. {asked} of them ask it, {sum(calls.values())} times."
    )
    for test in sorted(theirs.keys() - passing):
        print(f"  {theirs[test]} with HyperOpt itself: {test}")
    for test in lost:
        print(f"  {ours.get(test, 'not run')}: {test}")
    sys.exit(bool(lost) or not asked)


if __name__ == "__main__":
    main()
