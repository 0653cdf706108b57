"""Processes of this machine, over a pool that notices when one of them is gone.

datatrove's executor for one machine takes multiprocessing's pool, which starts a new process for one that was killed,
and waits without end for what the former had to do: a stage that ran out of memory would stand still, and say nothing.
And importing it, with the Hub's client and its HTTP, costs each command half a second. The pool of concurrent.futures
raises BrokenProcessPool, ends the others, and needs no process that manages the rest. When the caller itself is killed
its workers would wait for it without end, so each has a thread that watches over that.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker

from pipeline.errors import PipelineError
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.execution.units import Share, raise_failure


def launch(share: Share, executor: ExecutorConfig) -> None:
    """Run the tasks in processes of this machine, forked from one that has the stage's modules."""
    start_forks(type(share.work).__module__.rpartition(".")[0], executor)
    try:
        run(share, min(executor.workers, len(share.units)))
    except BrokenProcessPool as error:
        raise_failure(share.marks)
        raise PipelineError(
            f"{share.marks.name}: a worker was killed from outside, most often because memory ran out, or has crashed: "
            "use fewer workers (executor.workers), and run this again; what is done stays done"
        ) from error
    raise_failure(share.marks)


def start_forks(package: str, executor: ExecutorConfig) -> None:
    """Start the process that workers are forked from, with a stage's modules in it: a second once, not in each of them.

    All of the stage's steps share it, so it takes `build`, which imports them all. Ctrl-C does not reach it from its
    first moment on, as it does not its workers; here it waits until the process is started. A stage that starts it
    before its own imports has both done at the same time.
    """
    if executor.kind != "local" or executor.workers == 1:
        return
    resource_tracker.ensure_running()  # now, since its start unblocks what is blocked
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which the fork server inherits
    try:
        forkserver.set_forkserver_preload(["pipeline.execution.executors.local", f"{package}.build"])
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def run(share: Share, workers: int) -> None:
    """Do the share in a task per worker; a single one is this process.

    Raises:
        BrokenProcessPool: a worker was killed, or has crashed.
    """
    if workers == 1:
        share.task(0, 1)
        return
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_caller) as pool:
        for done in [pool.submit(share.task, rank, workers) for rank in range(workers)]:
            done.result()


def end_with_caller() -> None:
    """In a worker: end at once when the process that waits for it is gone; files are written to stand that."""
    caller = multiprocessing.parent_process()
    assert caller

    def watch() -> None:
        caller.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
