"""Processes of this machine: datatrove's executor, over a pool that notices when one of them is gone.

datatrove takes multiprocessing's pool. That starts a new process for one that was killed, and waits without end for
what the former had to do: a stage that ran out of memory would stand still, and say nothing. The pool of
concurrent.futures raises BrokenProcessPool, and ends the others. Nor does it need a process that manages the rest. When
the caller itself is killed its workers would wait for it without end, so each has a thread that watches over that.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

from datatrove.executor import LocalPipelineExecutor


class Processes(LocalPipelineExecutor):  # type: ignore[misc]
    """One task for each worker, of this machine or, one by one by `do`, of a Ray."""

    def run(self) -> None:
        """Call the pipeline once per task; a single one is done by this process.

        Raises:
            BrokenProcessPool: a worker was killed, or has crashed.
        """
        if self.workers == 1:
            self.do(0)
            return
        context = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(self.workers, mp_context=context, initializer=end_with_caller) as pool:
            for task in [pool.submit(self.do, rank) for rank in range(self.workers)]:
                task.result()

    def do(self, rank: int) -> None:
        self._run_for_rank(rank, local_rank=rank)


def end_with_caller() -> None:
    """In a worker: end at once when the process that waits for it is gone; files are written to stand that."""
    caller = multiprocessing.parent_process()
    assert caller

    def watch() -> None:
        caller.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
