"""What a training runs on, and how precisely it computes there.

Every graph of a training is `tf.distribute.Strategy.run` of one function, so that a strategy
is all that tells TPU, GPUs and CPU apart. Replicas share each batch evenly. What is per replica:
batch norm's statistics in training (the moving moments that are kept are the replicas' mean),
BI and FO BWMC's means over the batch, and the noise in place of activations. All else, the
noise on updates included, is as on one device.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from alignment_core.accelerator_names import STRATEGIES
from alignment_core.errors import ConfigurationError, UnknownNameError

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@cache
def get_strategy(name: str = "auto") -> Any:
    """The strategy called `name`, the same object for the whole life of the process.

    "auto": the TPU if there is one, all GPUs if there are several, else one device. "tpu" takes
    all cores of the chips that are attached to this host and visible to the process; the
    first call initializes them. "mirrored" takes all GPUs, or without any all logical CPUs.

    Raises:
        UnknownNameError: no strategy has that name.
        ConfigurationError: the devices that it needs aren't here.
        tf.errors.OpError: the TPU can't be initialized; another process may hold it for now.
    """
    if name == "auto":
        name = "tpu" if _has_tpu() else "mirrored" if len(_devices("GPU")) > 1 else "one"
    if name == "one":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = _devices("GPU") or _devices("CPU")
        if len(devices) < 2:
            raise ConfigurationError(
                f"the strategy mirrored needs several GPUs, and here is {devices[0]} alone; "
                "choose auto or one"
            )
        return tf.distribute.MirroredStrategy(devices)
    if name == "tpu":
        return _tpu()
    raise UnknownNameError("strategy", name, STRATEGIES)


def described(strategy: Any) -> str:
    """The strategy in a few words, for people and records."""
    count = strategy.num_replicas_in_sync
    return "one device" if count == 1 else f"{count} replicas ({type(strategy).__name__})"


def check_shares(strategy: Any, batch_size: int, minibatches: int) -> None:
    """Raise ConfigurationError unless each replica gets `minibatches` equal parts of a batch."""
    count = strategy.num_replicas_in_sync
    if batch_size % (count * minibatches):
        parts = f" in {minibatches} minibatches each" if minibatches > 1 else ""
        raise ConfigurationError(
            f"a batch of {batch_size} can't be shared evenly by {count} replicas{parts}; make it a "
            f"multiple of {count * minibatches}, or train on one device"
        )


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Build layers in here that compute in "float32" or "bfloat16".

    In bfloat16 matrix products and convolutions, and what flows between layers, have 8
    bits of mantissa. Float32 stay both kernels, the optimizers' state, J, R (the sums and
    means over its products), batch norm's statistics, and all metrics.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_POLICIES[name])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _devices(kind: str) -> list[str]:
    return [device.name for device in tf.config.list_logical_devices(kind)]


def _has_tpu() -> bool:
    # Until it is initialized a TPU may show itself by its system device alone.
    kinds = {device.device_type for device in tf.config.list_physical_devices()}
    return bool(kinds & {"TPU", "TPU_SYSTEM"})


def _tpu() -> Any:
    if not _has_tpu():
        raise ConfigurationError(
            "the strategy tpu needs a TPU that is attached to this host, and TensorFlow finds "
            "none; install tensorflow-tpu in tensorflow's place, or choose auto"
        )
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver("local")
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)
