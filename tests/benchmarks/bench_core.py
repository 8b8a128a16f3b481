"""Benchmark of each learning rule's step, against stock Keras, a lower bound and autodiff.

    python tests/benchmarks/bench_core.py [steps32 steps224 peers32 peers224 memory epoch]
        [--rounds 7] [--torch PYTHON]

The network is ResNet-18 of width 64, at 32 x 32 with the small-image stem and batch 32, and at
224 x 224 with ImageNet's stem and batch 4. All steps of one size and the kernels of their bound are
timed in turn, in another order each round, so that other load on the machine affects all alike.
Medians are printed. core_bounds.py derives the bound, core_steps.py has the steps, core_peers.py
times backpropagation beside PyTorch's and under `fit`, and core_epoch.py measures the parts of an
epoch. A peak is the memory of the step's variables plus the most that TensorFlow's CPU allocator
has handed out at once. The allocator counts blocks from 256 KiB upwards.
"""

import argparse
import os
import platform
import random
import statistics
import time
from collections import defaultdict

import core_epoch
import core_peers
import numpy as np
import tensorflow as tf
from core_bounds import Counts, Kernels
from core_steps import NAIVE, RULES, SIZES, Network, Size, backpropagation, naive, stock

memory = tf.config.experimental


def once(step):
    """Return the step's seconds, and its peak bytes beyond the variables."""
    memory.reset_memory_stats("CPU:0")
    before = memory.get_memory_info("CPU:0")["current"]
    begun = time.perf_counter()
    step.run()
    return time.perf_counter() - begun, memory.get_memory_info("CPU:0")["peak"] - before


def accumulate():
    """Print memory and time of a batch of 4096 in minibatches."""
    size = Size(pixels=32, batch=4096, stem="small", width=16)
    network = Network(size)
    print(
        "\nResNet-18 of width 16 at 32 x 32, batch 4096 in equal minibatches, one step each\n\n"
        "| step | minibatches | of images | peak MiB | seconds |\n" + "|---" * 5 + "|"
    )
    for name in ("feedback alignment", "IA, Table 5"):
        for parts in (1, 4, 16, 64):
            step = network.step(RULES[name], parts)
            seconds, taken = once(step)
            peak = (step.resident + taken) / 2**20
            row = f"{name} | {parts} | {size.batch // parts} | {peak:.0f} | {seconds:.1f}"
            print(f"| {row} |", flush=True)


def measure(size, rounds):
    """Print the table of one image size."""
    started = time.perf_counter()
    network = Network(size)
    model, ours = backpropagation(size)
    counts, kernels = Counts(model, size.batch), Kernels()
    steps = {"backpropagation": ours}
    for name, config in RULES.items():
        if name != "backpropagation":
            steps[name] = network.step(config)
    for name in NAIVE:
        steps["naive " + name] = naive(network, RULES[name])
    for fused in (False, True):
        steps[f"stock {fused}"] = stock(size, fused=fused)
    needed = {name: counts.of_rule(config) for name, config in RULES.items()}
    for each in needed.values():
        kernels.prepare(each)
    found = [steps[name].run().numpy() for name in ("backpropagation", "stock False", "stock True")]
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-4)
    print(f"prepared in {time.perf_counter() - started:.0f} s", flush=True)

    seconds, bytes_taken = defaultdict(list), defaultdict(list)
    for number in range(rounds):
        for name, step in random.Random(number).sample([*steps.items()], len(steps)):
            for found, value in zip((seconds, bytes_taken), once(step), strict=True):
                found[name].append(value)
        kernels.time_each()
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    peaks = {
        name: (steps[name].resident + statistics.median(taken)) / 2**20
        for name, taken in bytes_taken.items()
    }
    print(
        f"\nMilliseconds a step and MiB at its peak at {size.pixels} x {size.pixels}, batch "
        f"{size.batch}, medians of {rounds}; "
        + "; ".join(
            f"{kind} {1e3 * medians[name]:.0f} ms, {peaks[name]:.0f} MiB"
            for name, kind in (
                ("stock False", "stock Keras"),
                ("stock True", "with one-kernel batch norm"),
            )
        )
        + "\n"
    )
    print("| rule | step on | ms | of stock | of stock, same batch norm | bound | of bound | naive "
          "| ours, mean of R and J | naive / ours | peak MiB | of stock | naive MiB |")  # fmt: skip
    print("|---" * 13 + "|")
    j_step = medians["feedback alignment"]
    for name, config in RULES.items():
        ms, bound = medians[name], kernels.bound(needed[name])
        alternates = config.has_alignment_loss and config.alternating
        which = "R" if alternates else "J and R" if config.has_alignment_loss else "J"
        cells = [f"{1e3 * ms:.0f}", "", "", f"{1e3 * bound:.0f}", f"{ms / bound:.2f}", "", "", ""]
        if not config.has_alignment_loss:
            cells[1:3] = (f"{ms / medians[f'stock {fused}']:.2f}" for fused in (False, True))
        if name in NAIVE:
            theirs, mean = medians["naive " + name], (ms + j_step) / 2
            cells[5:] = [f"{1e3 * theirs:.0f}", f"{1e3 * mean:.0f}", f"{theirs / mean:.2f}"]
        cells += [f"{peaks[name]:.0f}", f"{peaks[name] / peaks['stock False']:.2f}"]
        cells.append(f"{peaks['naive ' + name]:.0f}" if name in NAIVE else "")
        print(f"| {name} | {which} | " + " | ".join(cells) + " |", flush=True)


SECTIONS = {
    "steps32": lambda asked: measure(SIZES["steps32"], asked.rounds),
    "steps224": lambda asked: measure(SIZES["steps224"], asked.rounds),
    "peers32": lambda asked: core_peers.table(SIZES["steps32"], asked.rounds, asked.torch),
    "peers224": lambda asked: core_peers.table(SIZES["steps224"], asked.rounds, asked.torch),
    "memory": lambda _: accumulate(),
    "epoch": lambda _: core_epoch.table(),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section is called {', '.join(unknown)}")
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}, TensorFlow {tf.__version__}"
    )
    for section in arguments.sections or SECTIONS:
        SECTIONS[section](arguments)


if __name__ == "__main__":
    main()
