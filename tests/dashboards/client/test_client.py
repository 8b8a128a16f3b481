import math
import time

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.dashboards import plots
from alignsearch.dashboards.client import Client
from alignsearch.frames import trials_frame
from alignsearch.search.documents.errors import StateConflictError, StoreUnavailableError

from ..conftest import point


@pytest.fixture
def client(dashboard):
    with Client(dashboard.url) as opened:
        yield opened


def test_a_dashboard_of_this_machine_is_asked_without_a_proxy(dashboard, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with Client(dashboard.url) as client:
        assert "done" in client.searches().index


def test_trials_are_a_frame(client):
    trials = client.trials("done")
    assert list(trials.index) == list(range(11))
    assert trials.loc[7, "loss"] == pytest.approx(0.15)
    assert trials.loc[3, "train_batch_size"] == point(3)["train_batch_size"]
    assert trials["state"].value_counts()[["completed", "diverged"]].tolist() == [8, 1]
    assert str(trials["finished"].dtype).startswith("datetime64")


def test_trials_have_the_values_and_types_that_the_store_has(client, lab):
    trials = client.trials("done")
    stored = trials_frame(lab.store.searches.get("done"), lab.store.trials.all("done"))
    for name in ("loss", "sigma", "alpha_over_beta", "beta", "started", "finished"):
        pd.testing.assert_series_equal(trials[name], stored[name], check_names=False)
    pd.testing.assert_series_equal(
        trials["attempt"], stored["attempts"], check_names=False, check_index=True
    )
    assert trials["delay_epochs"].dtype == stored["delay_epochs"].dtype
    sizes = [point(tid)["train_batch_size"] for tid in range(8)]
    assert trials["train_batch_size"].tolist()[:8] == sizes
    took = (trials["finished"] - trials["started"]).dt.total_seconds()
    assert took[:8].tolist() == pytest.approx(trials["seconds"][:8].tolist(), abs=1e-3)
    best = client.best_so_far("done")
    assert best.loc[8, "loss"] == stored.loc[7, "loss"]
    assert best.loc[8, "finished"] == stored.loc[7, "finished"]


def test_columns_of_numbers_are_numbers_where_some_are_missing(client, lab):
    lab.search("not-begun")
    deadline = time.monotonic() + 300.0
    while "not-begun" not in (searches := client.searches()).index:
        assert time.monotonic() < deadline
    assert searches["best.loss"].dtype == np.float64
    assert math.isnan(searches.loc["not-begun", "best.loss"])
    assert str(searches["created_at"].dt.tz) == "UTC"
    assert str(client.events("done")["at"].dt.tz) == "UTC"


def test_searches_epochs_and_tables_are_frames(client):
    assert client.searches().loc["done", "counts.completed"] == 9
    assert list(client.epochs("done", 7)["validation_accuracy"]) == pytest.approx(
        [0.65, 0.75, 0.85]
    )
    layers = client.layers("done", 7)
    assert layers.loc[(1, 2, "stem"), "angle"] == 40.0
    assert layers.loc[(1, 2, "stem"), "gradient_angle"] == 30.0
    assert math.isnan(layers.loc[(1, 2, "dense"), "gradient_angle"])
    assert layers.loc[(1, 2, "stem"), "sign_agreement"] == 0.75
    assert math.isnan(layers.loc[(1, 2, "dense"), "sign_agreement"])
    assert list(client.best_so_far("done").index) == list(range(1, 9))
    assert client.table(["done"], published=True).loc["σ", "done"] == "0.1700"
    assert client.events("done")["what"].tolist()[:2] == ["created", "running"]
    by_reason, by_host = client.failures("done")
    assert set(by_reason["kind"]) == {"crashed", "diverged"}
    assert by_host.loc["node-2", "crashed"] == 2


def test_it_steers_and_says_errors_in_words(client, lab):
    lab.search("driven-by-program")
    assert client.pause("driven-by-program").startswith("driven-by-program is paused")
    with pytest.raises(StateConflictError, match="it is paused"):
        client.pause("driven-by-program")
    with pytest.raises(UnknownNameError, match="no search is named 'dine'"):
        client.trials("dine")
    with pytest.raises(ConfigurationError, match="no dashboard's address"):
        Client("localhost:8080")
    with Client("http://127.0.0.1:1") as nobody, pytest.raises(StoreUnavailableError):
        nobody.searches()


def test_every_chart_is_drawn(client):
    name = "done"
    history = plots.plot_history(client, name)
    assert list(history.data[1].y) == pytest.approx([0.5 - 0.05 * tid for tid in range(8)])
    beta = plots.plot_slice(client, name, "beta")
    assert beta.layout.xaxis.type == "log"
    assert plots.plot_slice(client, name, "sigma").layout.xaxis.type is None
    curves = plots.plot_curves(client, name, top=2)
    assert sum(bool(line.showlegend) for line in curves.data) == 2
    angle, ratio = plots.plot_layers(client, name, 7)
    assert [line.name for line in angle.data] == ["stem", "dense"]
    assert list(ratio.data[0].y) == [1.1] * 3
    update = plots.plot_update_angles(client, name, 7)
    assert list(update.data[0].y) == [60.0, 30.0, 20.0]
    signs = plots.plot_sign_agreements(client, name, 7)
    assert list(signs.data[0].y) == pytest.approx([0.5, 0.75, 5 / 6])
    others = [
        plots.plot_contour(client, name, "sigma", "beta"),
        plots.plot_parallel(client, name),
        plots.plot_rates(client, name, 7),
        plots.plot_failures(client, name),
        plots.plot_comparison(client, [name]),
    ]
    assert all(isinstance(figure, go.Figure) and figure.data for figure in others)
    with pytest.raises(StateConflictError, match="at least 10 trials"):
        plots.plot_importance(client, name)
