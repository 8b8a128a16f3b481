"""The devices that a training runs on, and the precision of its products.

Every graph of a training is one function that `tf.distribute.Strategy.run` runs, so the strategy is
the only difference between TPUs, GPUs and CPUs. Replicas share each batch evenly. These values are
per replica: batch norm's moments in training (the moving moments are the replicas' mean), the
batch means of BI BWMC and FO BWMC, and the noise that replaces activations. All other values, the
noise on updates among them, are as on one device.
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
    """Return the `tf.distribute` strategy called `name`; later calls return the same object.

    - "auto": the TPU if there is one, all GPUs if there are several, else one device.
    - "one": one device.
    - "mirrored": all GPUs, or all logical CPUs if there is no GPU.
    - "tpu": all cores of the TPU chips that are attached to this host and visible to the process.
      The first call initializes them.

        >>> with get_strategy("one").scope():
        ...     model = get_model("dense")((8, 8, 1), 10)

    Raises:
        UnknownNameError: no strategy has this name.
        ConfigurationError: the devices that the strategy needs aren't on this host.
        tf.errors.OpError: the TPU can't be initialized, for example because another process
            uses it.
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
                "choose the strategy auto or one"
            )
        return tf.distribute.MirroredStrategy(devices)
    if name == "tpu":
        return _tpu()
    raise UnknownNameError("strategy", name, STRATEGIES)


def describe_strategy(strategy: Any) -> str:
    """Return the number of replicas and the kind of a strategy in words, for logs and records."""
    count = strategy.num_replicas_in_sync
    return "one device" if count == 1 else f"{count} replicas ({type(strategy).__name__})"


def check_shares(strategy: Any, batch_size: int, minibatches: int) -> None:
    """Raise ConfigurationError if replicas and minibatches can't share a batch evenly."""
    count = strategy.num_replicas_in_sync
    if batch_size % (count * minibatches):
        parts = f" in {minibatches} minibatches each" if minibatches > 1 else ""
        raise ConfigurationError(
            f"a batch of {batch_size} can't be shared evenly by {count} replicas{parts}; make it a "
            f"multiple of {count * minibatches}, or train on one device"
        )


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Set the precision, "float32" or "bfloat16", of the layers that are built in this context.

    With bfloat16, matrix products, convolutions and the tensors between layers have 8 bits of
    mantissa. These stay float32: both kernels, the optimizers' state, J, the sums and means in R,
    batch norm's moments, and all metrics.
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
    # Before a TPU is initialized, TensorFlow may list its system device only.
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
