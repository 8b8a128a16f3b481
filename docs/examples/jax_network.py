"""A JAX network whose trials are pruned and resume: a small classifier of scikit-learn's digits.

    alignsearch submit jax_network.py:search --trials 30 --pruner asha --own-process --wait

With --own-process, each trial gives back the memory that JAX would keep.
"""

from math import log

import jax
import jax.numpy as jnp
import numpy as np
from hyperopt import hp
from sklearn.datasets import load_digits

import alignsearch

SPACE = {
    "epochs": 20,
    "batch": 64,
    "optimizer": hp.choice(
        "optimizer",
        [
            {"name": "sgd"},
            {"name": "momentum", "momentum": hp.uniform("momentum", 0.5, 0.99)},
        ],
    ),
    "rate": hp.loguniform("rate", log(1e-3), log(1)),
    "width": hp.quniform("width", 16, 128, 16),
}


def loss_of(weights: dict, images: jax.Array, digits: jax.Array) -> jax.Array:
    """Return the mean cross-entropy of a network with one hidden layer."""
    hidden = jax.nn.relu(images @ weights["in"])
    scores = jax.nn.log_softmax(hidden @ weights["out"])
    return -jnp.mean(scores[jnp.arange(len(digits)), digits])


@jax.jit
def step(
    weights: dict,
    speed: dict,
    images: jax.Array,
    digits: jax.Array,
    rate: float,
    momentum: float,
) -> tuple[dict, dict]:
    """Return weights and their speeds after one step of gradient descent with momentum."""
    gradient = jax.grad(loss_of)(weights, images, digits)
    speed = jax.tree.map(lambda v, g: momentum * v - rate * g, speed, gradient)
    return jax.tree.map(jnp.add, weights, speed), speed


def objective(config: dict, trial: alignsearch.Trial) -> float:
    """Train one epoch after the other, and return the last epoch's validation loss."""
    images, digits = load_digits(return_X_y=True)
    images = images / 16
    train_x, train_y, test_x, test_y = images[500:], digits[500:], images[:500], digits[:500]
    width = int(config["width"])
    first, second = jax.random.split(jax.random.key(trial.seed))
    weights = {
        "in": jax.random.normal(first, (64, width)) * (2 / 64) ** 0.5,
        "out": jax.random.normal(second, (width, 10)) * (1 / width) ** 0.5,
    }
    speed = jax.tree.map(jnp.zeros_like, weights)
    begin = 0
    if trial.resume_from is not None:
        with np.load(trial.resume_from / "state.npz") as state:
            begin = int(state["epoch"])
            weights = {name: jnp.asarray(state[f"weights_{name}"]) for name in weights}
            speed = {name: jnp.asarray(state[f"speed_{name}"]) for name in speed}
    momentum = config["optimizer"].get("momentum", 0.0)
    loss = float(loss_of(weights, test_x, test_y))
    for epoch in range(begin, config["epochs"]):
        if trial.should_stop():
            break
        # The order of an epoch follows from seed and epoch, so that a resumed trial repeats it.
        order = np.random.default_rng([trial.seed, epoch]).permutation(len(train_x))
        for at in range(0, len(order) - config["batch"] + 1, config["batch"]):
            batch = order[at : at + config["batch"]]
            weights, speed = step(
                weights, speed, train_x[batch], train_y[batch], config["rate"], momentum
            )
        loss = float(loss_of(weights, test_x, test_y))
        trial.report(epoch, loss=loss)
        with trial.checkpoint() as folder:
            np.savez(
                folder / "state.npz",
                epoch=epoch + 1,
                **{f"weights_{name}": np.asarray(each) for name, each in weights.items()},
                **{f"speed_{name}": np.asarray(each) for name, each in speed.items()},
            )
    return loss


search = alignsearch.Search(SPACE, objective, metric="loss")
