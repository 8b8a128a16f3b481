"""Every answer of the API for searches that have nothing of the paper's: nested, odd, maximized."""

import csv
import io
import json

import odd_search as nested
import pytest
from other_searches import seed_all_diverged, seed_runs, seed_unknown

from alignsearch.dashboards import plots
from alignsearch.dashboards.client import Client
from alignsearch.dashboards.live.importances import compute
from alignsearch.search.documents import metric_of
from alignsearch.search.store import Store

TRIALS = 24
SCORED = [tid for tid in range(TRIALS) if tid not in (3, 7)]
LAST = TRIALS - 1
LOSS = f"dimension.{nested.SHIFT}"


@pytest.fixture(scope="module")
def odd_uri(server_uri):
    uri = f"{server_uri.rstrip('/')}/any_space"
    with Store.connect(uri) as store:
        nested.seed_nested(store, trials=TRIALS)
        seed_runs(store)
        seed_unknown(store)
        seed_all_diverged(store)
    return uri


@pytest.fixture(scope="module")
def odd(odd_uri, serve):
    with serve(odd_uri) as served:
        yield served


def columns_of(dashboard, name):
    payload = dashboard.json(f"/searches/{name}/history")
    heads = {column["name"]: column for column in payload["columns"]}
    return heads, payload["values"]


def test_the_summary_tells_metric_and_objective_of_any_search(odd):
    by_name = {each["name"]: each for each in odd.json("/searches")["searches"]}
    found = by_name["models"]
    assert found["metric"] == {
        "name": nested.METRIC,
        "label": nested.LABEL,
        "direction": "maximize",
    }
    assert found["best"] == {
        "tid": LAST,
        "loss": -nested.accuracy(LAST),
        "value": nested.accuracy(LAST),
        "seeds": None,
        "low": None,
        "high": None,
    }
    assert found["objective"] == "calls models:fit"
    assert [found[name] for name in ("dataset", "model", "width", "epochs")] == [None] * 4
    assert (found["unit"], by_name["architectures-1"]["unit"]) == ("step", "epoch")


def test_inactive_dimensions_are_absent_from_the_columns(odd):
    heads, values = columns_of(odd, "models")
    assert [name for name, head in heads.items() if head["role"] == "metaparameter"] == [
        *(each.name if each.name != nested.SHIFT else LOSS for each in nested.SPACE.sampled)
    ]
    for tid in range(TRIALS):
        readable = nested.SPACE.values(nested.point(tid))
        for label in nested.SPACE.sampled_names:
            column = LOSS if label == nested.SHIFT else label
            sent = values[column][tid]
            assert (sent is None) == (label not in readable), (tid, label)
            if sent is None:
                continue
            options = heads[column].get("options")
            shown = sent if options is None else options[sent]
            if options is None:
                assert shown == pytest.approx(readable[label], rel=1e-4)
            else:
                # JSON has no None beside a missing value, so the option None is a text.
                assert shown == ("None" if readable[label] is None else readable[label])


def test_a_column_says_its_range_its_axis_and_when_it_is_used(odd):
    heads, _ = columns_of(odd, "models")
    assert heads[nested.MODEL]["options"] == ["svm", "forest"]
    assert heads[nested.KERNEL]["options"] == ["linear", "rbf"]
    assert heads[nested.DEPTH]["options"] == ["None", 8, "8"]
    assert [heads[nested.C][key] for key in ("log", "low", "high")] == [True, None, None]
    assert (heads[nested.TREES]["kind"], heads[nested.TREES]["low"]) == ("integer", 10)
    assert heads[nested.C]["label"] == "Regularization (C)"
    assert heads[nested.KERNEL]["when"] == f"{nested.MODEL} = svm"
    assert nested.MODEL in heads[nested.GAMMA]["when"]
    assert "rbf" in heads[nested.GAMMA]["when"]
    assert "when" not in heads[nested.MODEL]


def test_a_metric_that_is_maximized_has_a_column_of_its_own(odd):
    heads, values = columns_of(odd, "models")
    (score,) = (head for head in heads.values() if head["role"] == "score")
    assert (score["name"], score["label"]) == (nested.METRIC, nested.LABEL)
    assert [values[nested.METRIC][tid] for tid in SCORED] == [nested.accuracy(t) for t in SCORED]
    assert [values["loss"][tid] for tid in SCORED] == [-nested.accuracy(t) for t in SCORED]
    best = odd.json("/searches/models/history")["best"]
    assert best["tid"] == SCORED
    assert best["value"] == [nested.accuracy(tid) for tid in SCORED]
    table = odd.json("/searches/models/trials", sort=nested.METRIC, order="desc", page_size=2)
    assert [(row["tid"], row["value"]) for row in table["rows"]] == [
        (tid, nested.accuracy(tid)) for tid in (LAST, LAST - 1)
    ]


def test_trials_that_diverged_are_a_state_and_a_reason_of_their_own(odd):
    page = odd.json("/searches/models/trials", state=["diverged"])
    assert [(row["tid"], row["note"]) for row in page["rows"]] == [(3, "the accuracy is NaN")]
    assert page["rows"][0]["current"] == nested.accuracy(3)
    assert odd.json("/searches/models/trials", state=["completed"])["matching"] == len(SCORED)
    summary = odd.json("/searches/models")["summary"]
    assert (summary["counts"]["completed"], summary["diverged"]) == (TRIALS - 1, 1)
    kinds = {each["kind"] for each in odd.json("/searches/models/failures")["by_reason"]}
    assert kinds == {"diverged", "crashed"}
    assert odd.json("/searches/models/trials/3")["state"] == "diverged"


def test_odd_labels_filter_and_sort_the_table(odd):
    def tids(**query):
        rows = odd.json("/searches/models/trials", page_size=500, **query)["rows"]
        return [row["tid"] for row in rows]

    forests = [tid for tid in range(TRIALS) if tid % 3 == 2]
    assert tids(where=f"{nested.MODEL}:is:forest") == forests
    assert tids(where=f"{nested.KERNEL}:is:rbf") == [
        tid for tid in range(TRIALS) if tid % 3 != 2 and tid % 2
    ]
    alike = [tid for tid in forests if nested.point(tid)[nested.DEPTH] == 2]
    assert tids(where=f"{nested.DEPTH}:is:#2") == alike
    assert tids(where=f"{LOSS}:-1:0.5") == [
        tid for tid in range(TRIALS) if -1 <= nested.point(tid)[nested.SHIFT] <= 0.5
    ]
    ascending = tids(sort=nested.TREES)
    assert ascending[: len(forests)] == sorted(
        forests, key=lambda tid: (nested.point(tid)[nested.TREES], tid)
    )
    (row,) = odd.json("/searches/models/trials", tids="1")["rows"]
    assert nested.TREES not in row["config"]
    assert row["cells"][nested.KERNEL] == "rbf"


def test_the_csv_has_empty_cells_where_a_dimension_is_inactive(odd):
    text = odd.get("/searches/models/trials.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    for tid, row in enumerate(rows):
        found = nested.point(tid)
        assert (row[nested.TREES] != "") == (nested.TREES in found)
        if nested.GAMMA in found:
            assert float(row[nested.GAMMA]) == found[nested.GAMMA]
    assert float(rows[4][nested.METRIC]) == nested.accuracy(4)
    assert rows[3]["state"] == "diverged"


def test_learning_curves_show_any_reported_number(odd):
    curves = odd.json("/searches/models/curves", top=2, limit=3)
    assert (curves["metric"], curves["unit"]) == (nested.METRIC, "step")
    assert [each["name"] for each in curves["metrics"]] == [nested.METRIC, nested.BITS]
    best = curves["curves"][0]
    assert (best["tid"], best["epoch"]) == (LAST, [0, 1, 2, 3])
    assert best["values"] == [nested.accuracy(LAST) - 10 * back for back in (3, 2, 1, 0)]
    assert best["value"] == nested.accuracy(LAST)
    bits = odd.json("/searches/models/curves", tids=str(LAST), metric=nested.BITS)
    assert bits["curves"][0]["values"][-1] == pytest.approx(100 / nested.accuracy(LAST), rel=1e-4)
    epochs = odd.json(f"/searches/models/trials/{LAST}/epochs")
    assert [(each["name"], each["role"]) for each in epochs["series"]] == [
        *((nested.METRIC, "measured"), (nested.BITS, "measured"))
    ]
    assert (epochs["epochs"], epochs["epoch"]) == (None, [0, 1, 2, 3])
    later = odd.json(f"/searches/models/trials/{LAST}/epochs", after="1.2")
    assert later["epoch"] == [3]


def test_the_best_is_a_column_of_the_searchs_own_table(odd):
    table = odd.json("/searches/models/table")
    assert table["title"] == ""
    assert [row["name"] for row in table["rows"]] == ["Model", "Regularization <C>", "Trees"]
    cells = {row["name"]: row["cells"] for row in table["rows"]}
    # The best trial is a forest, which has no regularization.
    assert (cells["Model"], cells["Regularization <C>"]) == (["forest"], ["–"])
    exported = json.loads(odd.get("/searches/models/export", params={"format": "json"}).text)
    expected = json.loads(json.dumps(nested.SPACE.resolve(nested.point(LAST))))
    assert exported["columns"][0]["configuration"] == expected
    beside = odd.json("/table", name="models", published=True)
    assert [column["title"] for column in beside["columns"]][-1] == "models"
    assert len(beside["rows"]) == 22 + 3


def test_a_trial_tells_all_its_dimensions_whatever_the_table_shows(odd):
    trial = odd.json("/searches/models/trials/1")
    fields = [row["field"] for row in trial["rows"]]
    assert fields[:3] == [nested.MODEL, nested.C, nested.TREES]
    assert set(fields) == {*nested.point(1), nested.TREES}
    values = {row["field"]: row["value"] for row in trial["rows"]}
    assert values[nested.GAMMA] == pytest.approx(nested.point(1)[nested.GAMMA])
    assert (values[nested.TREES], trial["value"]) == (None, nested.accuracy(1))
    assert trial["config"]["model"]["kernel"]["name"] == "rbf"
    assert (trial["epoch"], trial["epochs"], trial["unit"]) == (nested.STEPS - 1, None, "step")


def test_the_space_of_a_search_is_read_from_the_store_alone(odd):
    space = odd.json("/searches/models")["space"]
    assert (space["known"], space["name"]) == (True, "models")
    parameters = {each["label"]: each for each in space["parameters"]}
    assert parameters[nested.SHIFT]["name"] == LOSS
    assert parameters[nested.SHIFT]["kind"] == "qnormal"
    assert "multiple of 0.5" in parameters[nested.SHIFT]["text"]


def test_importance_takes_only_the_trials_that_use_a_dimension(odd, odd_uri):
    with Store.connect(odd_uri) as store:
        search = store.searches.get("models")
        trials = odd.mirror.get("models").trials
        found = compute(
            search,
            *trials.scores("loss"),
            trials.rev,
            metric_of(search),
            trials.column_names,
        )
    used = {each.name: each.trials for each in found.importance}
    assert used[nested.MODEL] == len(SCORED)
    assert used[nested.TREES] == sum(tid % 3 == 2 for tid in SCORED)
    assert found.score_label == nested.LABEL
    choices = {each.name: each for each in found.categorical}
    assert set(choices) == {nested.MODEL, nested.KERNEL, nested.DEPTH}
    rbf = [nested.accuracy(t) for t in SCORED if nested.point(t).get(nested.KERNEL) == 1]
    score = choices[nested.KERNEL].values[1]
    assert (score.option, score.count) == ("rbf", len(rbf))
    assert score.mean == pytest.approx(sum(rbf) / len(rbf))


def test_runs_of_an_experiment_are_told_by_their_settings(odd):
    heads, values = columns_of(odd, "architectures-1")
    assert heads["rule"]["options"] == ["wm", "kp"]
    assert heads["label"]["options"] == ["wm net", "kp net"]
    assert values["seed"] == [0, 0, 1, 1, 2, 2]
    assert heads["width"]["role"] == "metaparameter"
    importance = odd.json("/searches/architectures-1/importance")
    assert "chosen, not sampled" in importance["message"]
    table = odd.json("/table", name="architectures-1")
    assert "list of runs" in table["missing"][0]["reason"]
    rows = odd.json("/searches/architectures-1/trials/1")["rows"]
    assert {row["field"]: row["cell"] for row in rows}["label"] == "kp net"


def test_a_search_of_an_unknown_space_shows_what_its_trials_have(odd):
    heads, values = columns_of(odd, "unknown")
    shown = [heads["lr"]["options"][code] for code in values["lr"]]
    assert shown == [1, 0.5, "auto"]
    assert not odd.json("/searches/unknown")["space"]["known"]
    assert odd.json("/searches/unknown/trials/2")["config"]["deep"] == {"nested": 1}
    assert "isn't known here" in odd.json("/searches/unknown/importance")["message"]


def test_a_search_whose_trials_all_diverged_says_so(odd):
    summary = odd.json("/searches/diverged")["summary"]
    assert (summary["best"], summary["diverged"]) == (None, 2)
    table = odd.json("/table", name="diverged")
    assert table["columns"] == []
    assert "no" in table["missing"][0]["reason"]


def test_frames_and_figures_of_any_search(odd):
    with Client(odd.url) as client:
        trials = client.trials("models")
        assert trials[nested.TREES].notna().sum() == sum(tid % 3 == 2 for tid in range(TRIALS))
        assert trials.loc[4, nested.METRIC] == nested.accuracy(4)
        assert trials[nested.KERNEL].isna().sum() == sum(tid % 3 == 2 for tid in range(TRIALS))
        assert client.epochs("models", 1)[nested.BITS].iloc[-1] == pytest.approx(
            100 / nested.accuracy(1)
        )
        history = plots.plot_history(client, "models")
        assert list(history.data[1].y) == [nested.accuracy(tid) for tid in SCORED]
        assert history.layout.yaxis.title.text == nested.LABEL
        kernels = plots.plot_slice(client, "models", nested.KERNEL)
        assert len(kernels.data[0].x) == sum(tid % 3 != 2 for tid in SCORED)
        parallel = plots.plot_parallel(client, "models")
        assert parallel.data[0].dimensions[0].label == nested.LABEL
        trees = next(each for each in parallel.data[0].dimensions if each.label == nested.TREES)
        assert plots.UNUSED in trees.ticktext
        contour = plots.plot_contour(client, "models", nested.C, nested.GAMMA)
        assert contour.layout.xaxis.type == contour.layout.yaxis.type == "log"
        assert client.best_so_far("models")["value"].iloc[-1] == nested.accuracy(LAST)
