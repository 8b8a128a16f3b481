"""Plotly figures of the dashboard's charts, for notebooks. A `Client` reads their data.

from alignsearch.dashboards import plots

plots.plot_history(client, "ia-digits-1")
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from alignsearch.dashboards.client import Client
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FAINT = "rgba(120, 120, 120, 0.25)"
ERROR = DEFAULT_METRIC.label


def plot_history(client: Client, name: str) -> go.Figure:
    """The error of each trial in the order of finishing, and the best so far."""
    trials = client.trials(name).dropna(subset=["loss"]).sort_values("finished")
    number = np.arange(1, len(trials) + 1)
    return _figure(
        [
            _points(number, trials["loss"], "trials", hover=trials.index),
            go.Scatter(
                x=number,
                y=trials["loss"].cummin(),
                name="best so far",
                mode="lines",
                line={"shape": "hv", "color": COLOURS[1]},
            ),
        ],
        "finished trials",
        ERROR,
    )


def plot_slice(client: Client, name: str, metaparameter: str) -> go.Figure:
    """The error over one metaparameter, on a logarithmic axis if it was sampled log-uniformly."""
    trials = client.trials(name).dropna(subset=["loss"])
    parameters = client.parameters(name)
    values = trials[metaparameter]
    shown = values.astype(str) if isinstance(values.dtype, pd.CategoricalDtype) else values
    figure = _figure(
        [_points(shown, trials["loss"], name, hover=trials.index)],
        parameters["label"].get(metaparameter, metaparameter),
        ERROR,
    )
    if _is_log(parameters, metaparameter):
        figure.update_xaxes(type="log")
    return figure


def plot_contour(client: Client, name: str, x: str, y: str) -> go.Figure:
    """The error over two metaparameters: a point for each trial, coloured by its error."""
    trials = client.trials(name).dropna(subset=["loss"])
    parameters = client.parameters(name)
    figure = _figure(
        [
            go.Scatter(
                x=trials[x],
                y=trials[y],
                mode="markers",
                text=[f"trial {tid}" for tid in trials.index],
                marker={
                    "color": trials["loss"],
                    "colorscale": "Viridis",
                    "colorbar": {"title": ERROR},
                },
            )
        ],
        parameters["label"].get(x, x),
        parameters["label"].get(y, y),
    )
    if _is_log(parameters, x):
        figure.update_xaxes(type="log")
    if _is_log(parameters, y):
        figure.update_yaxes(type="log")
    return figure


def plot_parallel(client: Client, name: str) -> go.Figure:
    """Parallel coordinates of all sampled metaparameters and the error."""
    trials = client.trials(name).dropna(subset=["loss"])
    axes = [
        _axis(parameter, trials[str(metaparameter)])
        for metaparameter, parameter in client.parameters(name).iterrows()
        if metaparameter in trials
    ]
    axes.append({"label": ERROR, "values": trials["loss"]})
    line = {"color": trials["loss"], "colorscale": "Viridis"}
    return go.Figure(go.Parcoords(dimensions=axes, line=line))


def plot_curves(client: Client, name: str, *, top: int = 10) -> go.Figure:
    """Learning curves of the best trials, and of others in grey."""
    curves = client.curves(name, top=top).reset_index()
    lines = []
    for tid, curve in curves.groupby("tid"):
        is_top = bool(curve["top"].iloc[0])
        line = {"width": 2} if is_top else {"width": 1, "color": FAINT}
        lines.append(
            go.Scatter(
                x=curve["epoch"],
                y=curve["error"],
                mode="lines",
                name=f"trial {tid}",
                line=line,
                showlegend=is_top,
            )
        )
    return _figure(lines, "epoch", ERROR)


def plot_layers(client: Client, name: str, tid: int) -> tuple[go.Figure, go.Figure]:
    """Angle (degrees) and norm ratio of each layer over the epochs: Fig. S4's two panels."""
    layers = client.layers(name, tid)
    return (
        _by_layer(layers, "angle", "angle (degrees)"),
        _by_layer(layers, "norm_ratio", "norm B / norm W"),
    )


def plot_update_angles(client: Client, name: str, tid: int) -> go.Figure:
    """Angle (degrees) between each layer's pseudogradient and true gradient over the epochs."""
    return _by_layer(client.layers(name, tid), "gradient_angle", "update angle (degrees)")


def plot_rates(client: Client, name: str, tid: int) -> go.Figure:
    """A trial's learning rates over its epochs."""
    epochs = client.epochs(name, tid).reset_index()
    rates = {"learning_rate": "of J", "alignment_learning_rate": "of R"}
    lines = [
        go.Scatter(x=epochs["epoch"], y=epochs[field], mode="lines", name=label)
        for field, label in rates.items()
    ]
    return _figure(lines, "epoch", "learning rate").update_yaxes(type="log")


def plot_importance(client: Client, name: str) -> go.Figure:
    """Each metaparameter's share of the score's variance, with its deviation over the trees.

    Raises:
        StateConflictError: there are too few results, or importance is still being computed.
    """
    shares = _importance(client, name)["importance"][::-1]
    bars = go.Bar(
        x=[each["importance"] for each in shares],
        y=[each["label"] for each in shares],
        error_x={"array": [each["sd"] for each in shares]},
        orientation="h",
    )
    return _figure([bars], "share of the score's variance", "")


def plot_categorical(client: Client, name: str) -> go.Figure:
    """Mean score and its standard error for each answer, A to I (Kunin et al. 2020, Fig. S2).

    Raises:
        StateConflictError: as `plot_importance`.
    """
    effects = _importance(client, name)["categorical"]
    bars = []
    for at, answer in enumerate(("no", "yes")):
        scores = [each["values"][at] for each in effects]
        bars.append(
            go.Bar(
                x=[each["letter"] for each in effects],
                y=[score["mean"] for score in scores],
                error_y={"array": [score["sem"] for score in scores]},
                name=answer,
                text=[each["question"] for each in effects],
                marker={"color": COLOURS[at]},
            )
        )
    return _figure(bars, "", "mean score")


def plot_failures(client: Client, name: str) -> go.Figure:
    """Numbers of attempts on each host that crashed, expired or diverged."""
    _, hosts = client.failures(name)
    bars = [
        go.Bar(x=hosts.index, y=hosts[kind], name=kind, marker={"color": COLOURS[at]})
        for at, kind in enumerate(("crashed", "expired", "diverged"))
    ]
    return _figure(bars, "host", "attempts").update_layout(barmode="stack")


def plot_comparison(client: Client, names: Sequence[str]) -> go.Figure:
    """The best so far of several searches."""
    lines = []
    for name in names:
        best = client.best_so_far(name)
        shape: dict[str, Any] = {"shape": "hv"}
        lines.append(
            go.Scatter(x=best.index, y=best["loss"], mode="lines+markers", name=name, line=shape)
        )
    return _figure(lines, "finished trials", ERROR)


def _by_layer(layers: pd.DataFrame, quantity: str, label: str) -> go.Figure:
    lines = [
        go.Scatter(x=each["epoch"], y=each[quantity], mode="lines", name=str(layer))
        for layer, each in layers.reset_index().groupby("layer", sort=False)
    ]
    return _figure(lines, "epoch", label)


def _importance(client: Client, name: str) -> dict[str, Any]:
    found = client.importance(name)
    if found["state"] != "ready":
        words = "ask again in a moment" if found["state"] == "computing" else found["message"]
        raise StateConflictError(f"the importance of {name!r} isn't known: {words}")
    return found


def _is_log(parameters: pd.DataFrame, metaparameter: str) -> bool:
    return bool(parameters["kind"].get(metaparameter) == "loguniform")


def _axis(parameter: pd.Series, values: pd.Series) -> dict[str, Any]:
    label = parameter["label"]
    if parameter["options"] is not None:
        options = [str(option) for option in parameter["options"]]
        ticks = list(range(len(options)))
        return {"label": label, "values": values.cat.codes, "tickvals": ticks, "ticktext": options}
    if parameter["kind"] == "loguniform":
        return {"label": f"log10 {label}", "values": np.log10(values)}
    return {"label": label, "values": values}


def _points(x: Any, y: Any, name: str, *, hover: Any) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="markers",
        text=[f"trial {tid}" for tid in hover],
        marker={"size": 5, "opacity": 0.6, "color": COLOURS[0]},
    )


def _figure(traces: Sequence[Any], x: str, y: str) -> go.Figure:
    figure = go.Figure(traces)
    figure.update_layout(template="plotly_white", colorway=COLOURS)
    return figure.update_xaxes(title=x).update_yaxes(title=y)
