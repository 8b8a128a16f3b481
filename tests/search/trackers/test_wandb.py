"""Offline runs of Weights & Biases, read back from the files that its client has written."""

import json
import math
import struct
import subprocess
import sys

from run_maker import GROUP, ODD

WRITE = """
import sys
from run_maker import GROUP, ODD, a_run
from alignsearch.search.trackers.wandb import Project
project = Project("team/mirror", GROUP)
for run in eval(sys.argv[1]):
    project.write(run)
"""


def written(folder, runs):
    """Write runs in a process of its own, as they are: W&B's client starts threads and a server."""
    environment = {
        **{"PYTHONPATH": "tests/makers", "WANDB_MODE": "offline", "WANDB_DIR": str(folder)},
        **{"WANDB_SILENT": "true", "HOME": str(folder), "PATH": "/usr/bin:/bin"},
    }
    subprocess.run([sys.executable, "-c", WRITE, runs], check=True, env=environment, timeout=300)


def records(content):
    """Yield the records of W&B's file: LevelDB's log, behind seven bytes of its own."""
    at, whole = 7, b""
    while at + 7 <= len(content):
        left = 2**15 - at % 2**15
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        # A whole record, or the last part of one.
        if kind in (1, 4):
            yield whole
            whole = b""


def read(folder):
    """Return an offline run's configuration, rows, summary, tags and exit code."""
    from wandb.proto import wandb_internal_pb2 as pb

    config, rows, summary, about, code = {}, [], {}, None, None
    (file,) = folder.glob("*.wandb")
    for data in records(file.read_bytes()):
        record = pb.Record.FromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            about = record.run
            config.update((it.key, json.loads(it.value_json)) for it in record.run.config.update)
        elif kind == "history":
            items = record.history.item
            rows.append(
                {it.key or it.nested_key[0]: json.loads(it.value_json) for it in items}
                | {"_step": record.history.step.num}
            )
        elif kind == "summary":
            items = record.summary.update
            summary.update((it.key or it.nested_key[0], json.loads(it.value_json)) for it in items)
        elif kind == "exit":
            code = record.exit.exit_code
    return config, rows, summary, about, code


def folders(folder):
    return sorted((folder / "wandb").glob("offline-run-*"))


def test_each_trial_is_one_whole_run(tmp_path):
    written(
        tmp_path,
        "[a_run(1), a_run(1, state='completed'), a_run(2, state='diverged', why='NaN', "
        "values={'gap': float('nan'), 'ratio': float('inf'), **ODD})]",
    )
    done, diverged = folders(tmp_path)
    config, rows, summary, about, code = read(done)
    assert (config["lr"], config["nested.bias"], config["rule"]) == (0.1, True, "None")
    assert [(row["_step"], row["loss"]) for row in rows] == [(1, 1.0), (2, 0.5)]
    assert (summary["result/error"], summary["state"], code) == (0.25, "completed", 0)
    assert (about.run_id, about.run_group) == (f"{GROUP.key}-1", GROUP.identity)
    assert (about.entity, about.project, list(about.tags)) == ("team", "mirror", ["completed"])
    _, rows, summary, _, code = read(diverged)
    assert (summary["why"], code) == ("NaN", 1)
    assert math.isnan(float(rows[0]["gap"]))
    assert set(ODD) - {"_step"} <= set(rows[0])
    assert rows[0]["metric_step"] == ODD["_step"]


def test_a_run_that_was_broken_off_is_written_anew_and_a_whole_one_never(tmp_path):
    written(tmp_path, "[a_run(1, state='completed')]")
    (whole,) = folders(tmp_path)
    written(tmp_path, "[a_run(1, state='completed')]")
    assert folders(tmp_path) == [whole]
    (whole / "alignsearch-whole").unlink()
    written(tmp_path, "[a_run(1, state='completed')]")
    (again,) = folders(tmp_path)
    assert len(read(again)[1]) == 2
