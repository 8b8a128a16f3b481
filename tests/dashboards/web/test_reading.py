import csv
import gzip
import io
import json
import threading
import time

import pytest

from alignsearch.search.reports.export import read_csv
from alignsearch.spaces.configuration import derive

from ..conftest import SPACE, point


def test_a_search_is_summed_up_as_on_the_command_line(dashboard):
    (found,) = dashboard.json("/searches")["searches"]
    assert (found["name"], found["owner"], found["status"]) == ("done", "ann@lab", "running")
    assert found["counts"] == {
        "queued": 0,
        "running": 1,
        "completed": 9,
        "failed": 1,
        "cancelled": 0,
        "pruned": 0,
    }
    assert found["best"] == {
        "tid": 7,
        "loss": pytest.approx(0.15),
        "value": pytest.approx(0.15),
        "seeds": None,
        "low": None,
        "high": None,
    }
    assert found["metric"] == {
        "name": "validation_error",
        "label": "validation error",
        "direction": "minimize",
    }
    # The failed one spent nothing of the budget.
    assert (found["finished"], found["busy"], found["diverged"]) == (9, 1, 1)
    assert found["waits_for"].startswith("a driver: start one with `alignsearch serve`")
    assert found["steps"] == ["pause", "stop", "cancel"]


def test_the_history_holds_every_trial_in_columns(dashboard):
    history = dashboard.json("/searches/done/history")
    columns = {column["name"]: column for column in history["columns"]}
    values = history["values"]
    assert history["count"] == 11
    assert values["tid"] == list(range(11))
    assert columns["beta"]["log"]
    assert not columns["sigma"]["log"]
    states = [columns["state"]["options"][code] for code in values["state"]]
    assert states == ["completed"] * 8 + ["diverged", "failed", "running"]
    assert values["loss"][:8] == pytest.approx([0.5 - 0.05 * tid for tid in range(8)])
    assert values["loss"][8:] == [None, None, None]
    assert values["current"][10] == pytest.approx(0.7)
    for tid in range(11):
        for name, value in point(tid).items():
            sent = values[name][tid]
            got = columns[name]["options"][sent] if "options" in columns[name] else sent
            assert got == pytest.approx(value, rel=1e-4)
    assert history["best"]["tid"] == list(range(8))
    assert history["best"]["number"] == list(range(1, 9))


def test_only_what_changed_since_a_revision_is_sent_again(dashboard):
    history = dashboard.json("/searches/done/history")
    nothing = dashboard.json("/searches/done/changes", since=history["rev"])
    assert (nothing["count"], nothing["values"], nothing["rev"]) == (0, {}, history["rev"])
    assert dashboard.json("/searches/done/changes", since=0)["count"] == 11
    # A page that knows more than this store has: it was another store's.
    assert dashboard.json("/searches/done/changes", since=10**9)["reset"]


def test_the_history_is_compressed_and_asked_for_once(dashboard):
    plain = dashboard.get("/searches/done/history", headers={"Accept-Encoding": "identity"})
    packed = dashboard.get("/searches/done/history", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert gzip.compress(plain.content)
    known = {"If-None-Match": packed.headers["etag"]}
    assert dashboard.get("/searches/done/history", headers=known).status_code == 304


def test_the_table_is_sorted_filtered_and_paged_by_the_server(dashboard):
    page = dashboard.json("/searches/done/trials", sort="loss", page_size=3, page=2)
    assert [row["tid"] for row in page["rows"]] == [4, 3, 2]
    assert (page["matching"], page["total"], page["pages"]) == (11, 11, 4)
    last = dashboard.json("/searches/done/trials", sort="loss", order="desc", page_size=500)
    assert [row["tid"] for row in last["rows"]] == [*range(8), 8, 9, 10]
    where = ["sigma:0.12:0.15", "train_batch_size:is:2048", "train_batch_size:is:4096"]
    some = dashboard.json("/searches/done/trials", where=where)
    assert [row["tid"] for row in some["rows"]] == [2, 3]
    assert some["rows"][0]["config"]["train_batch_size"] == 2048
    assert some["rows"][0]["cells"]["sigma"] == "0.1200"
    ended = dashboard.json("/searches/done/trials", state=["completed"])
    assert [row["tid"] for row in ended["rows"]] == list(range(8))
    diverged = dashboard.json("/searches/done/trials", state=["diverged"])
    assert [(row["tid"], row["state"]) for row in diverged["rows"]] == [(8, "diverged")]
    failed = dashboard.json("/searches/done/trials", state=["failed"])
    assert failed["rows"][0]["note"] == "MemoryError: <script>alert(1)</script>"
    assert dashboard.json("/searches/done/trials", text="memoryerror")["matching"] == 1
    assert dashboard.json("/searches/done/trials", where="host:is:node-0")["matching"] == 4
    assert dashboard.json("/searches/done/trials", tids="3,5,99")["matching"] == 2


def test_the_csv_of_trials_has_every_digit(dashboard):
    text = dashboard.get("/searches/done/trials.csv", params={"sort": "loss"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["tid"]) for row in rows[:8]] == list(range(7, -1, -1))
    assert float(rows[0]["sigma"]) == point(7)["sigma"]


def test_a_trial_tells_its_rows_attempts_and_neighbours(dashboard):
    trial = dashboard.json("/searches/done/trials/9")
    assert [attempt["outcome"] for attempt in trial["attempts"]] == ["crashed", "crashed"]
    assert trial["attempts"][0]["host"] == "node-2"
    assert "token" not in json.dumps(trial["attempts"])
    assert "MemoryError" in trial["error"]
    assert (trial["previous"], trial["next"], trial["rank"], trial["of"]) == (8, 10, None, 8)
    cells = {row["field"]: row["cell"] for row in trial["rows"]}
    assert len(cells) == 22
    assert (cells["gamma"], cells["sigma"]) == ("N/A", "0.1900")
    assert dashboard.json("/searches/done/trials/7")["rank"] == 1


def test_epochs_come_in_columns_and_from_where_one_stands(dashboard):
    epochs = dashboard.json("/searches/done/trials/7/epochs")
    assert epochs["epoch"] == [1, 2, 3]
    series = {each["name"]: each for each in epochs["series"]}
    assert series["alignment_loss"]["values"] == [None, -1.0, -1.0]
    error = series["validation_error"]
    assert (error["label"], error["role"]) == ("validation error", "measured")
    assert error["values"] == pytest.approx([0.35, 0.25, 0.15])
    assert series["training_error"]["values"] == pytest.approx([0.35, 0.25, 0.15])
    assert series["learning_rate"]["role"] == "rate"
    angles = {layer["name"]: layer["angle"] for layer in epochs["layers"]}
    assert angles == {"stem": [80.0, 40.0, pytest.approx(80 / 3)], "dense": [40, 20, 40 / 3]}
    assert dashboard.json("/searches/done/trials/7/epochs", after="1.2")["epoch"] == [3]


def test_an_attempt_tells_what_its_worker_wrote(dashboard, lab):
    lines = dashboard.json("/searches/done/trials/7/log")["lines"]
    assert lines[0]["text"] == "begun on node-1 (cpu) by worker@node-1"
    assert lines[3]["text"] == "epoch 3 of 3: validation error 0.1500 in 1.5 s"
    assert lines[-1]["text"] == "completed"
    first = dashboard.json("/searches/done/trials/9/log", attempt=1)
    assert [line["level"] for line in first["lines"]] == ["INFO", "ERROR", "ERROR", "INFO"]
    none = dashboard.json("/searches/done/trials/9/log", attempt=5)
    assert (none["available"], none["note"]) == (False, "there is no attempt 5")
    lab.store.logs.add_event(
        "done", "worker@node-1", "trial warned", "trial 10, attempt 1: disk full"
    )
    texts = [line["text"] for line in dashboard.json("/searches/done/trials/10/log")["lines"]]
    assert "disk full" in texts


def test_curves_are_the_best_and_others_evenly(dashboard):
    curves = dashboard.json("/searches/done/curves", top=2, limit=4, points=2)
    assert [curve["rank"] for curve in curves["curves"]] == [1, 2, 3, None]
    assert [curve["top"] for curve in curves["curves"]] == [True, True, False, False]
    # A part of the others ended without a loss: a chart marks where.
    assert [curve["ended"] for curve in curves["curves"]] == [None, None, None, "diverged"]
    assert curves["curves"][0]["epoch"] == [1, 3]
    assert curves["curves"][0]["values"] == pytest.approx([0.35, 0.15])
    assert curves["metric"] == "validation_error"
    assert [each["name"] for each in curves["metrics"]] == [
        *("validation_error", "loss", "validation_loss", "training_error")
    ]
    losses = dashboard.json("/searches/done/curves", tids="7", metric="validation_loss")
    assert losses["curves"][0]["values"] == pytest.approx([0.875, 0.625, 0.375])
    assert curves["note"] == "4 of 8 trials: the best 2, and others evenly by rank"
    running = dashboard.json("/searches/done/curves", tids="10")
    assert running["curves"][0]["values"] == pytest.approx([0.7])


def test_failures_are_told_by_reason_and_by_host(dashboard):
    failures = dashboard.json("/searches/done/failures")
    reasons = {(each["kind"], each["reason"]): each["tids"] for each in failures["by_reason"]}
    assert reasons == {
        ("diverged", "the loss is NaN"): [8],
        ("crashed", "MemoryError: <script>alert(1)</script>"): [9],
    }
    assert failures["diverged"] == ["1 of 9 diverged: 1 because the loss is NaN (trial 8)"]
    assert dashboard.json("/searches/done/trials/8")["state"] == "diverged"
    hosts = {each["host"]: each for each in failures["by_host"]}
    assert (hosts["node-2"]["attempts"], hosts["node-2"]["crashed"]) == (2, 2)
    assert (hosts["node-1"]["attempts"], hosts["node-1"]["diverged"]) == (6, 1)


def test_the_best_is_exported_as_on_the_command_line(dashboard):
    answer = dashboard.get("/searches/done/export", params={"format": "csv", "download": True})
    assert read_csv(answer.text) == {"done": derive(SPACE, point(7))}
    assert answer.headers["content-disposition"] == 'attachment; filename="done.csv"'
    several = dashboard.get("/export", params={"name": "done", "published": True})
    assert "| done" in several.text
    table = dashboard.json("/table", name="done", published=True)
    assert [column["space"] for column in table["columns"]] == [
        *("wm", "wm_ad", "wm_ad_ops", "ia"),
        "wm_ad",
    ]
    assert table["rows"][6]["cells"][-1] == "0.1700"
    one = dashboard.get("/searches/done/trials/3/export", params={"format": "csv"})
    assert read_csv(one.text) == {"done 3": derive(SPACE, point(3))}


def test_searches_are_compared(dashboard, lab):
    lab.search("empty-one")
    found = dashboard.json("/compare", name=["done", "empty-one"])
    assert [each["summary"]["name"] for each in found["searches"]] == ["done", "empty-one"]
    (missing,) = found["table"]["missing"]
    assert missing["name"] == "empty-one"
    assert "has no finished trial yet" in missing["reason"]
    refused = dashboard.get("/searches/empty-one/export")
    assert refused.status_code == 409
    assert "has no finished trial yet" in refused.json()["error"]["message"]


def test_importance_is_computed_beside_the_server(dashboard, lab):
    few = dashboard.json("/searches/done/importance")
    assert few["state"] == "too_few"
    assert "at least 10 trials" in few["message"]
    lab.search("enough")
    for tid in range(12):
        lab.whole("enough", tid, loss=0.1 * (tid % 4), host="node-1")
    states = [few["state"]]
    until = time.monotonic() + 300.0
    while states[-1] != "ready" and time.monotonic() < until:
        threading.Event().wait(0.1)
        found = dashboard.json("/searches/enough/importance")
        states.append(found["state"])
    assert "computing" in states
    assert found["state"] == "ready", found["message"]
    # The loss was a function of the batch size.
    assert found["importance"][0]["name"] == "train_batch_size"
    assert sorted(each["letter"] for each in found["categorical"]) == list("ABCDEFGHI")


def test_what_is_unknown_is_named_with_its_neighbours(dashboard):
    answer = dashboard.get("/searches/dine")
    assert answer.status_code == 404
    assert answer.json()["error"] == {
        "code": "unknown_name",
        "message": "no search is named 'dine'; did you mean done?",
        "field": None,
    }
    assert dashboard.get("/searches/done/trials/99").status_code == 404
    assert dashboard.get("/searches/done/trials", params={"sort": "nope"}).status_code == 404
    wrong = dashboard.post("/searches")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")
    assert wrong.json()["error"] == {
        "code": "wrong_method",
        "message": "/api/searches takes no POST: /docs lists the requests that there are",
        "field": None,
    }
    page = dashboard.http.get("/searches/<script>", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<script>" not in page.text.replace("<script src", "")
