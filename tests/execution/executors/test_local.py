"""Worker processes of this machine."""

from __future__ import annotations

import os
import signal
from multiprocessing import forkserver

import pytest

from pipeline.execution.executors.local import start_fork_server
from tests.helpers.executors import executor_config


def test_ctrl_c_while_the_fork_server_starts_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "ensure_running", lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        start_fork_server("pipeline.dataset", executor_config(2))
