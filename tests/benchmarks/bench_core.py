"""What a step of each learning rule costs, against stock Keras, its own bound and autodiff.

    python tests/benchmarks/bench_core.py [steps32 steps224 memory32 memory224 epoch]

ResNet-18 of width 64 at 32 x 32 with the small-image stem, batch 32, and at 224 x 224 with
ImageNet's, batch 4. All steps of one size, and each of the kernels that they can't avoid, take
turns, so that what else the machine does falls on all of them; medians. The bound is derived in
core_bounds.py, the definitions as written are in core_steps.py; core_memory.py and core_epoch.py
say how the peaks of memory and the parts of an epoch are found.
"""

import argparse
import os
import platform
import statistics
import time
from collections import defaultdict

import core_epoch
import core_memory
import numpy as np
import tensorflow as tf
from core_bounds import Counts, Kernels
from core_steps import NAIVE, RULES, SIZES, Network, backpropagation, naive, stock


def measure(size, rounds):
    """Print the table of one size."""
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

    seconds = defaultdict(list)
    for _ in range(rounds):
        for name, step in steps.items():
            begun = time.perf_counter()
            step.run()
            seconds[name].append(time.perf_counter() - begun)
        kernels.time_each()
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(
        f"\nMilliseconds a step at {size.pixels} x {size.pixels}, batch {size.batch}, medians of "
        f"{rounds}; stock Keras {1e3 * medians['stock False']:.0f}, with one-kernel batch norm "
        f"{1e3 * medians['stock True']:.0f}\n"
    )
    print("| rule | step on | ms | of stock | of stock, same batch norm | bound | of bound "
          "| naive, a step | ours, a step | naive / ours |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
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
        print(f"| {name} | {which} | " + " | ".join(cells) + " |", flush=True)


def memory(section):
    """Print the table of peaks of one size."""
    found = core_memory.in_a_process(section)
    size = SIZES[section]
    print(
        f"\nMiB at the peak of a step at {size.pixels} x {size.pixels}, batch {size.batch}: "
        "variables and what the step takes beyond them\n\n"
        "| step | MiB | of stock | of stock, same batch norm |\n|---|---|---|---|"
    )
    for name, peak in found.items():
        shares = [f"{peak / found[f'stock {fused}']:.2f}" for fused in (False, True)]
        print(f"| {name} | {peak / 2**20:.0f} | {' | '.join(shares)} |", flush=True)


SECTIONS = {
    "steps32": lambda rounds: measure(SIZES["steps32"], rounds),
    "steps224": lambda rounds: measure(SIZES["steps224"], rounds),
    "memory32": lambda _: memory("steps32"),
    "memory224": lambda _: memory("steps224"),
    "epoch": lambda _: core_epoch.table(),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section is called {', '.join(unknown)}")
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}, TensorFlow {tf.__version__}"
    )
    for section in arguments.sections or SECTIONS:
        SECTIONS[section](arguments.rounds)


if __name__ == "__main__":
    main()
