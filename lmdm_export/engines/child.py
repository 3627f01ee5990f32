"""One graph built in a process of its own, watched from here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from lmdm_export.errors import ExportError

OnStep = Callable[[float], None]
WORKER = (sys.executable, "-m", "lmdm_export.engines.worker")
# Enough to hold why a package failed, and short enough for a sentence.
MOST_REASON = 300


def run_worker(job: dict[str, Any], on_step: OnStep = lambda done: None, worker: Sequence[str] = WORKER) -> dict[str, Any]:
    """What the worker answers to a job; see `worker`. It is gone when this returns or is interrupted.

    Raises:
        ExportError: the package refused the graph, or crashed; one clause, without what to do about it.
    """
    with tempfile.TemporaryFile() as log:
        # A session of its own: Ctrl-C reaches this process alone, which then ends the worker.
        child = subprocess.Popen(
            worker,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            env=_environment(),
        )
        assert child.stdin is not None
        assert child.stdout is not None
        answer: dict[str, Any] = {}
        try:
            with suppress(BrokenPipeError):  # it crashed at once, which its status says
                child.stdin.write(json.dumps(job) + "\n")
                child.stdin.flush()
            for line in child.stdout:
                answer = json.loads(line)
                if "done" in answer:
                    on_step(float(answer["done"]))
            status = child.wait()
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
            with suppress(BrokenPipeError):
                child.stdin.close()
        if status == 0 and "result" in answer:
            result: dict[str, Any] = answer["result"]
            return result
        if "failure" in answer:
            raise ExportError(_short(answer["failure"]))
        log.seek(0)
        last = log.read().decode(errors="replace").strip().splitlines()[-1:]
        said = f", after saying: {_short(last[0])}" if last else ""
        raise ExportError(f"the builder's process {_ended(status)}{said}")


def _environment() -> dict[str, str]:
    """Without Python's own words on a crash, which would come after the package's."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONFAULTHANDLER"}


def _ended(status: int) -> str:
    if status < 0:
        return f"crashed ({signal.Signals(-status).name})"
    return f"ended with status {status}"


def _short(text: str) -> str:
    return " ".join(text.split())[:MOST_REASON]
