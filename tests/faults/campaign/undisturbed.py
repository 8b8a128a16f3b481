"""Trainings that nothing struck: what a configuration comes to in a process of its own.

A training's loss can't be computed beside it as a function's can. So trials that lost most
attempts are trained once more, from their documents and without store, cluster or checkpoint.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bson import json_util

from campaign.oracle import Document, Finding

MOST = 3
"""Trials of a round that are trained again: each takes as long as it did."""
SECONDS = 900.0


def changed(searches: Sequence[Document], trials: Sequence[Document]) -> list[Finding]:
    """Return a finding for each completed trial of one search that has another loss by itself."""
    done = [each for each in trials if each["state"] == "completed" and each["result"]["loss"]]
    done.sort(key=lambda trial: (-len(trial["attempts"]), trial["tid"]))
    again = done[:MOST]
    # The store's own mark of a document's last change is no field of a search.
    search = {key: each for key, each in searches[0].items() if key != "change"}
    told = json_util.dumps([search, *again])
    # Numbers of threads decide the order in which a CPU adds.
    one = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    made = subprocess.run(
        [sys.executable, "-m", "campaign.undisturbed"],
        input=told,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, **one, "CUDA_VISIBLE_DEVICES": ""},
        timeout=SECONDS,
        check=False,
    )
    assert made.returncode == 0, f"the training alone has failed: {made.stderr[-3000:]}"
    losses = json_util.loads(made.stdout.splitlines()[-1])
    return [
        Finding(
            "wrong", f"trial {trial['_id']} has the loss {trial['result']['loss']}; {loss} alone"
        )
        for trial, loss in zip(again, losses, strict=True)
        if trial["result"]["loss"] != loss
    ]


def _train_all() -> None:
    """Train the trials whose search and documents standard input has; print their losses."""
    from alignsearch.search.documents import Search, Trial
    from alignsearch.workers.objectives import Link
    from alignsearch.workers.objectives.training import train

    search, *trials = json_util.loads(sys.stdin.read(), json_options=AWARE)
    link = Link(lambda _: None, lambda _: None, lambda _: None, lambda: False)
    ended = [train(Search.from_bson(search), Trial.from_bson(each), link) for each in trials]
    print(json_util.dumps([each.result and each.result.loss for each in ended]))


AWARE = json_util.JSONOptions(tz_aware=True)

if __name__ == "__main__":
    _train_all()
