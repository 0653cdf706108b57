"""Worker processes on this machine, in a pool that notices when one of them is killed.

datatrove's local executor uses multiprocessing's pool, which replaces a killed process and then waits forever for the
result of the old one: a stage that runs out of memory would hang without a message. Importing it, with the Hub's HTTP
client, also costs every command half a second. The pool of concurrent.futures raises BrokenProcessPool, ends the other
processes, and needs no managing process. If the caller itself is killed, its workers would wait for it forever, so a
thread in each of them watches the caller.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker

from pipeline.errors import PipelineError
from pipeline.execution.executors.config import ExecutorConfig, LocalExecutorConfig
from pipeline.execution.units import UnitQueue, raise_failure


def launch(queue: UnitQueue, executor: LocalExecutorConfig) -> None:
    """Run the tasks in processes of this machine.

    Raises:
        PipelineError: a worker was killed or crashed, or a unit failed.
    """
    start_fork_server([type(queue.work).__module__], executor)
    try:
        run_pool(queue, min(executor.workers, len(queue.units)))
    except BrokenProcessPool as error:
        raise_failure(queue.markers)
        raise PipelineError(
            f"{queue.markers.name}: a worker was killed, most often because memory ran out, or it crashed: use fewer "
            "workers (executor.workers) and run this again; finished units are kept"
        ) from error
    raise_failure(queue.markers)


def start_fork_server(modules: Sequence[str], executor: ExecutorConfig) -> None:
    """Start the process that workers are forked from, unless it runs already, and let it import `modules`.

    The imports then cost a second once instead of once per worker. All steps of a stage share the process, so the
    command line starts it with the stage's `preload` before the stage's own imports, and both run at the same time.
    SIGINT is blocked while it starts, and so in it and its workers from the beginning: the parent handles Ctrl-C.
    """
    if executor.kind != "local" or executor.workers == 1:
        return
    resource_tracker.ensure_running()  # first, because starting it unblocks all signals
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.set_forkserver_preload(["pipeline.execution.executors.local", *modules])
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def run_pool(queue: UnitQueue, workers: int) -> None:
    """Run one task per worker; a single task runs in this process.

    Raises:
        BrokenProcessPool: a worker was killed, or has crashed.
    """
    if workers == 1:
        queue.run_task(0, 1)
        return
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=exit_with_parent) as pool:
        for future in [pool.submit(queue.run_task, rank, workers) for rank in range(workers)]:
            future.result()


def exit_with_parent() -> None:
    """Make this worker exit as soon as the process that waits for it is gone; its files are written atomically."""
    caller = multiprocessing.parent_process()
    assert caller

    def watch() -> None:
        caller.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
