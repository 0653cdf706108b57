"""Processes of this machine that do a share, task by task, over a pool that notices when one of them is gone.

datatrove's executor for one machine takes multiprocessing's pool, which starts a new process for one that was killed,
and waits without end for what the former had to do: a stage that ran out of memory would stand still, and say nothing.
And importing it, with the Hub's client and its HTTP, costs each command half a second. The pool of concurrent.futures
raises BrokenProcessPool, ends the others, and needs no process that manages the rest. When the caller itself is killed
its workers would wait for it without end, so each has a thread that watches over that.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

from pipeline.units import Share


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
