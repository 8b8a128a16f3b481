"""The peak memory of one step, measured in a process of its own.

What counts is resident memory, because TensorFlow's CPU allocator keeps no statistics: the kernel's
high-water mark of the process over a step (VmHWM, set back through /proc/self/clear_refs) less
what was resident before it, plus the step's variables, which were there already. The C library
is told to give back every larger block at once (MALLOC_MMAP_THRESHOLD_), so that what is resident
is what is in use. Median of several steps, whose kernels may take turns otherwise. Linux only.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

STEPS = 5


def in_a_process(section: str) -> dict[str, float]:
    """Bytes at the peak of one step, by whose it is."""
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    run = subprocess.run(
        [sys.executable, __file__, section],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(run.stdout.splitlines()[-1])


def main(section):
    # The steps' libraries are loaded here alone: the parent may have no TensorFlow of its own.
    from core_steps import NAIVE, RULES, SIZES, Network, backpropagation, naive, stock

    size = SIZES[section]
    network, found = Network(size), {}
    for fused in (False, True):
        found[f"stock {fused}"] = peak(stock(size, fused=fused))
    found["backpropagation"] = peak(backpropagation(size)[1])
    for name, config in RULES.items():
        if name != "backpropagation":
            found[name] = peak(network.step(config))
    for name in NAIVE:
        found["naive " + name] = peak(naive(network, RULES[name]))
    print(json.dumps(found))


def peak(step):
    """Bytes of the step's variables and of what it takes beyond them at its peak."""
    found = []
    for _ in range(STEPS):
        Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS")
        step.run()
        found.append(status("VmHWM") - before)
    return step.resident + statistics.median(found)


def status(field):
    """Bytes of one line of /proc/self/status."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) * 1024


if __name__ == "__main__":
    main(sys.argv[1])
