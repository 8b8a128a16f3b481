"""Plotly figures of the dashboard's charts, for notebooks. A `Client` reads their data.

from alignsearch.dashboards import plots

plots.plot_history(client, "ia-digits-1")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from alignsearch.dashboards.client import Client
from alignsearch.search.documents.errors import StateConflictError

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FAINT = "rgba(120, 120, 120, 0.25)"
UNUSED = "not used"
"""Tick of a metaparameter that a trial's choices leave out."""


def plot_history(client: Client, name: str) -> go.Figure:
    """The metric of each trial in the order of finishing, and the best so far."""
    results = _results(client, name)
    trials = results.trials.sort_values("finished", kind="stable")
    number = np.arange(1, len(trials) + 1)
    values = trials[METRIC]
    return _figure(
        [
            _points(number, values, "trials", hover=trials.index),
            go.Scatter(
                x=number,
                y=client.best_so_far(name)["value"].reindex(number).ffill(),
                name="best so far",
                mode="lines",
                line={"shape": "hv", "color": COLOURS[1]},
            ),
        ],
        "finished trials",
        results.label,
    )


def plot_slice(client: Client, name: str, metaparameter: str) -> go.Figure:
    """The metric over one metaparameter, on a logarithmic axis if it was sampled so.

    Trials that don't use the metaparameter are left out.
    """
    results = _results(client, name)
    trials = results.trials.dropna(subset=[metaparameter])
    parameters = client.parameters(name)
    values = trials[metaparameter]
    shown = values.astype(str) if isinstance(values.dtype, pd.CategoricalDtype) else values
    figure = _figure(
        [_points(shown, trials[METRIC], name, hover=trials.index)],
        parameters["label"].get(metaparameter, metaparameter),
        results.label,
    )
    if _is_log(parameters, metaparameter):
        figure.update_xaxes(type="log")
    return figure


def plot_contour(client: Client, name: str, x: str, y: str) -> go.Figure:
    """The metric over two metaparameters: a point for each trial that uses both, coloured by it."""
    results = _results(client, name)
    trials = results.trials.dropna(subset=[x, y])
    parameters = client.parameters(name)
    figure = _figure(
        [
            go.Scatter(
                x=trials[x],
                y=trials[y],
                mode="markers",
                text=[f"trial {tid}" for tid in trials.index],
                marker={
                    "color": trials[METRIC],
                    "colorscale": "Viridis",
                    "colorbar": {"title": results.label},
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
    """Parallel coordinates of the metric and all sampled metaparameters.

    A trial that doesn't use a metaparameter passes below its axis's range.
    """
    results = _results(client, name)
    trials = results.trials
    axes = [
        {"label": results.label, "values": trials[METRIC]},
        *(
            _axis(parameter, trials[str(metaparameter)])
            for metaparameter, parameter in client.parameters(name).iterrows()
            if metaparameter in trials
        ),
    ]
    line = {"color": trials[METRIC], "colorscale": "Viridis", "reversescale": results.rises}
    return go.Figure(go.Parcoords(dimensions=axes, line=line))


def plot_curves(
    client: Client, name: str, *, metric: str | None = None, top: int = 10
) -> go.Figure:
    """Learning curves of the best trials, and of others in grey.

    metric: a number that the trials report, by name; the search's own metric by default.
    """
    curves = client.curves(name, metric=metric, top=top).reset_index()
    lines = []
    for tid, curve in curves.groupby("tid"):
        is_top = bool(curve["top"].iloc[0])
        line = {"width": 2} if is_top else {"width": 1, "color": FAINT}
        lines.append(
            go.Scatter(
                x=curve["epoch"],
                y=curve["value"],
                mode="lines",
                name=f"trial {tid}",
                line=line,
                showlegend=is_top,
            )
        )
    return _figure(lines, "epoch", metric or client.metric(name)["label"])


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


def plot_sign_agreements(client: Client, name: str, tid: int) -> go.Figure:
    """Share of each layer's forward weights whose sign the backward ones have, over the epochs."""
    return _by_layer(client.layers(name, tid), "sign_agreement", "entries of the same sign")


def plot_rates(client: Client, name: str, tid: int) -> go.Figure:
    """A trial's learning rates over its epochs."""
    epochs = client.epochs(name, tid).reset_index()
    rates = {"learning_rate": "of J", "alignment_learning_rate": "of R"}
    lines = [
        go.Scatter(x=epochs["epoch"], y=epochs[field], mode="lines", name=label)
        for field, label in rates.items()
        if field in epochs
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
    """Mean score and its standard error for each option of each choice.

    For the paper's searches, the options are the answers to the questions A to I (Kunin et al.
    2020, Fig. S2).

    Raises:
        StateConflictError: as `plot_importance`.
    """
    found = _importance(client, name)
    effects = found["categorical"]
    bars = []
    for at in range(max((len(each["values"]) for each in effects), default=0)):
        shown = [each for each in effects if at < len(each["values"])]
        scores = [each["values"][at] for each in shown]
        asked = all(each["question"] for each in shown)
        bars.append(
            go.Bar(
                x=[each["letter"] or each["label"] for each in shown],
                y=[score["mean"] for score in scores],
                error_y={"array": [score["sem"] for score in scores]},
                name=scores[0]["option"] if asked else f"option {at + 1}",
                text=[
                    each["question"] or score["option"]
                    for each, score in zip(shown, scores, strict=True)
                ],
                marker={"color": COLOURS[at % len(COLOURS)]},
            )
        )
    return _figure(bars, "", f"mean {found['score_label']}")


def plot_failures(client: Client, name: str) -> go.Figure:
    """Numbers of attempts on each host that crashed, expired or diverged."""
    _, hosts = client.failures(name)
    bars = [
        go.Bar(x=hosts.index, y=hosts[kind], name=kind, marker={"color": COLOURS[at]})
        for at, kind in enumerate(("crashed", "expired", "diverged"))
    ]
    return _figure(bars, "host", "attempts").update_layout(barmode="stack")


def plot_comparison(client: Client, names: Sequence[str]) -> go.Figure:
    """The best so far of several searches, which should share their metric."""
    lines, labels = [], {}
    for name in names:
        best = client.best_so_far(name)
        labels[client.metric(name)["label"]] = name
        shape: dict[str, Any] = {"shape": "hv"}
        lines.append(
            go.Scatter(x=best.index, y=best["value"], mode="lines+markers", name=name, line=shape)
        )
    return _figure(lines, "finished trials", " or ".join(labels))


METRIC = "search's metric"
"""Name of the added column of `_Results.trials`."""


@dataclass(frozen=True)
class _Results:
    """The trials of a search that have a result, with its metric.

    label: the metric's name for people. rises: whether more of it is better.
    """

    trials: pd.DataFrame
    label: str
    rises: bool


def _results(client: Client, name: str) -> _Results:
    metric = client.metric(name)
    rises = metric["direction"] == "maximize"
    trials = client.trials(name).dropna(subset=["loss"])
    trials[METRIC] = -trials["loss"] if rises else trials["loss"]
    return _Results(trials, metric["label"], rises)


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
    return bool(parameters["log"].get(metaparameter, False))


def _axis(parameter: pd.Series, values: pd.Series) -> dict[str, Any]:
    label = parameter["label"]
    if parameter["options"] is not None:
        # A trial without a value has the code -1.
        options = [UNUSED, *(str(option) for option in parameter["options"])]
        ticks = list(range(-1, len(options) - 1))
        return {"label": label, "values": values.cat.codes, "tickvals": ticks, "ticktext": options}
    log = bool(parameter["log"])
    # Whole numbers are of a type that has no number between two of them.
    numbers = values.astype(float)
    shown: pd.Series = numbers
    if log:
        shown = pd.Series(np.log10(numbers.where(numbers > 0)), index=values.index)
    named = f"log10 {label}" if log else label
    if not shown.isna().any():
        return {"label": named, "values": shown}
    low, high = (shown.min(), shown.max()) if shown.notna().any() else (0.0, 1.0)
    below = low - 0.15 * ((high - low) or 1.0)
    return {
        "label": named,
        "values": shown.fillna(below),
        "tickvals": [below, low, high],
        "ticktext": [UNUSED, f"{low:.3g}", f"{high:.3g}"],
    }


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
