"""A scikit-learn model whose trials resume: a linear classifier of scikit-learn's digits.

alignsearch submit sklearn_digits.py:search --trials 30 --pruner median --wait
"""

from math import log
from pathlib import Path

import joblib
from hyperopt import hp
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import alignsearch

SPACE = {
    "epochs": 20,
    "alpha": hp.loguniform("alpha", log(1e-6), log(1e-1)),
    "rate": hp.choice(
        "rate",
        [
            {"learning_rate": "constant", "eta0": hp.loguniform("eta0", log(1e-4), log(1))},
            {"learning_rate": "optimal", "eta0": 0.01},
        ],
    ),
    "penalty": hp.choice("penalty", ["l2", "l1"]),
}


def objective(config: dict, trial: alignsearch.Trial) -> float:
    """Train one epoch after the other, and return the last epoch's validation loss."""
    images, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images / 16, digits, test_size=0.3, random_state=0, stratify=digits
    )
    state = {"epoch": 0, "loss": float("nan"), "model": None}
    if trial.resume_from is not None:
        state = joblib.load(trial.resume_from / "state.joblib")
    model = state["model"] or SGDClassifier(
        loss="log_loss",
        alpha=config["alpha"],
        penalty=config["penalty"],
        random_state=trial.seed,
        **config["rate"],
    )
    loss = state["loss"]
    for epoch in range(state["epoch"], config["epochs"]):
        if trial.should_stop():
            break
        model.partial_fit(train_x, train_y, classes=range(10))
        loss = log_loss(test_y, model.predict_proba(test_x), labels=range(10))
        trial.report(epoch, loss=loss, accuracy=model.score(test_x, test_y))
        with trial.checkpoint() as folder:
            save(folder, {"epoch": epoch + 1, "loss": loss, "model": model})
    return loss


def save(folder: Path, state: dict) -> None:
    """Write the state of a trial; the folder counts as a checkpoint once the block has ended."""
    joblib.dump(state, folder / "state.joblib")


search = alignsearch.Search(SPACE, objective, metric="loss")
