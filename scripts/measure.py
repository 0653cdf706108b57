"""Measurements for the benchmarks of the model: CPU seconds, elapsed seconds and memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

BenchmarkStep = Callable[[], None]
"""One step of a contender."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """The duration of a step."""

    cpu: float
    """CPU seconds of all threads of this process, including threads that wait by spinning."""
    wall: float
    """Elapsed seconds."""


def time_steps(step: BenchmarkStep, device: str, steps: int = 1) -> Seconds:
    """Return the mean duration of `steps` steps; on a GPU, wait until it has done the work."""
    if device == "cuda":
        torch.cuda.synchronize()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(steps):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    return Seconds((time.process_time() - cpu) / steps, (time.perf_counter() - wall) / steps)


def time_alternately(
    contenders: dict[str, BenchmarkStep], *, rounds: int, device: str, title: str
) -> dict[str, list[Seconds]]:
    """Time the contenders in alternation for `rounds` rounds after a warm-up round, and print each result."""
    steps = 1 if device == "cpu" else 20
    seconds: dict[str, list[Seconds]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, step in contenders.items():
            measured = time_steps(step, device, steps)
            label = f"round {number} of {rounds}" if number else "warm-up"
            print(f"  {title}, {label}: {name} {measured.cpu:.3f} CPU s, {measured.wall:.3f} s elapsed", flush=True)
            if number:
                seconds[name].append(measured)
    return seconds


def memory_growth(step: BenchmarkStep, device: str) -> float:
    """Return by how many MB three steps increase the peak memory of this process, or its memory on the GPU.

    Call it in a fresh process.
    """
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() / 2**20 if device == "cuda" else resident_memory("VmRSS")
    for _ in range(3):
        step()
    return (torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else resident_memory("VmHWM")) - before


def resident_memory(key: str) -> float:
    """Return the MB that this process holds now (VmRSS) or held at most (VmHWM).

    getrusage cannot be used, because a process inherits its peak from its parent.
    """
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith(key))
    return int(line.split()[1]) / 1024


def run_in_subprocess(module: str, *arguments: str) -> float:
    """Run a benchmark in a process of its own and return the number it prints."""
    command = [sys.executable, "-m", module, *arguments]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


HEADER = " ".join(f"{name:>8}" for name in ("CPU s", "min", "max", "wall s", "min", "max", "MB"))


def format_row(seconds: list[Seconds], memory: float) -> str:
    """Return medians, minima and maxima in the columns of `HEADER`."""
    columns = [[one.cpu for one in seconds], [one.wall for one in seconds]]
    figures = [figure for column in columns for figure in (statistics.median(column), min(column), max(column))]
    return " ".join(f"{figure:>8.3f}" for figure in figures) + f" {memory:>8.0f}"
