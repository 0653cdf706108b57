"""What the benchmarks of the model count: seconds of the CPU, seconds of the clock, and memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Seconds:
    cpu: float
    """Of all threads of this process, those that wait by spinning too."""
    wall: float
    """Elapsed."""


def timed(step: Step, device: str, steps: int = 1) -> Seconds:
    """What one of `steps` steps takes; on a GPU until it has done the work."""
    if device == "cuda":
        torch.cuda.synchronize()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(steps):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    return Seconds((time.process_time() - cpu) / steps, (time.perf_counter() - wall) / steps)


def alternated(contenders: dict[str, Step], *, rounds: int, device: str, title: str) -> dict[str, list[Seconds]]:
    """Seconds of `rounds` steps of each contender, in alternation, after one that warms up; says what it does."""
    steps = 1 if device == "cpu" else 20
    found: dict[str, list[Seconds]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, step in contenders.items():
            took = timed(step, device, steps)
            label = f"round {turn} of {rounds}" if turn else "warm-up"
            print(f"  {title}, {label}: {name} {took.cpu:.3f} s of CPU, {took.wall:.3f} s elapsed", flush=True)
            if turn:
                found[name].append(took)
    return found


def growth(step: Step, device: str) -> float:
    """MB by which three steps make this process, or what it holds on the GPU, grow; to be called in a fresh one."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() / 2**20 if device == "cuda" else resident("VmRSS")
    for _ in range(3):
        step()
    return (torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else resident("VmHWM")) - before


def resident(key: str) -> float:
    """MB that this process holds now (VmRSS) or held at most (VmHWM; getrusage's figure is inherited from a parent)."""
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith(key))
    return int(line.split()[1]) / 1024


def printed(module: str, *arguments: str) -> float:
    """The number that a benchmark prints when it runs apart, in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


HEADER = " ".join(f"{name:>8}" for name in ("CPU s", "min", "max", "wall s", "min", "max", "MB"))


def row(took: list[Seconds], memory: float) -> str:
    """Medians and spreads, under `HEADER`."""
    columns = [[one.cpu for one in took], [one.wall for one in took]]
    figures = [figure for column in columns for figure in (statistics.median(column), min(column), max(column))]
    return " ".join(f"{figure:>8.3f}" for figure in figures) + f" {memory:>8.0f}"
