"""The peers of a job as processes, each of which waits for its turn."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks.job import Job
from benchmarks.peers import PeerEntry

ROOT = Path(__file__).parents[1]
READY_SECONDS = 300.0
ANSWER_SECONDS = 600.0


class PeerUnavailable(Exception):
    """A peer cannot run here, by its own word."""


class PeerFailed(Exception):
    """A peer's process ended, or did not answer; the message says how."""


class Worker:
    """One peer's process."""

    def __init__(self, job: Job, entry: PeerEntry) -> None:
        threads = str(job.threads)
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
        words = [sys.executable, "-m", "benchmarks.worker", str(job.folder), entry.target, json.dumps(entry.options)]
        self._complaints: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, env=environment, cwd=ROOT, bufsize=0
        )
        self._waiting = b""
        try:
            told = self._answer(READY_SECONDS)
        except PeerFailed:
            self.close()
            raise
        if "unavailable" in told:
            self.close()
            raise PeerUnavailable(told["unavailable"])
        self.stages: list[str] = told["stages"]
        self.load_ms: float = told["load_ms"]

    def ask(self, do: str, limit: float = ANSWER_SECONDS, **request: Any) -> dict[str, Any]:
        """One request and its answer.

        Raises:
            PeerFailed: the process ended, or `limit` seconds passed.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
        except BrokenPipeError:
            raise PeerFailed(self._last_words()) from None
        return self._answer(limit)

    def close(self) -> None:
        """Ends the process, at once where it does not end by itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()

    def _answer(self, limit: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        until = time.monotonic() + limit
        while b"\n" not in self._waiting:
            if not select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                raise PeerFailed(f"no answer within {limit:.0f} s")
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            if not piece:
                raise PeerFailed(self._last_words())
            self._waiting += piece
        line, _, self._waiting = self._waiting.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def _last_words(self) -> str:
        status = self._process.wait()
        self._complaints.seek(0)
        lines = [line.strip() for line in self._complaints if line.strip()]
        return f"its process ended with exit status {status}: {lines[-1] if lines else 'it said nothing'}"


@contextmanager
def crew(job: Job) -> Iterator[dict[str, Worker]]:
    """An empty crew, whose processes all end with it."""
    workers: dict[str, Worker] = {}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.close()
