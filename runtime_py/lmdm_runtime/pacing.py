"""Paced playback: one thread makes blocks ahead of a clock that asks for one every block period."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray


@dataclass
class PacedReport:
    """What happened in a paced run: milliseconds to make each block, and how often the clock found none ready."""

    period_ms: float
    made_ms: list[float] = field(default_factory=list)
    underruns: int = 0

    def summary(self) -> dict[str, float | int]:
        """Percentiles, headroom of the 99th against the period, and underruns."""
        if not self.made_ms:
            return {"blocks": 0, "period_ms": round(self.period_ms, 2), "underruns": self.underruns}
        p50, p95, p99 = (float(np.percentile(self.made_ms, q)) for q in (50, 95, 99))
        return {
            "blocks": len(self.made_ms),
            "period_ms": round(self.period_ms, 2),
            "p50_ms": round(p50, 2),
            "p95_ms": round(p95, 2),
            "p99_ms": round(p99, 2),
            "max_ms": round(max(self.made_ms), 2),
            "headroom": round(1 - p99 / self.period_ms, 3),
            "underruns": self.underruns,
        }


class BlockFeeder:
    """Runs `make()` in a thread of its own and keeps at most `ahead` blocks ready; an error there is raised by `take`."""

    def __init__(self, make: Callable[[], Array], period_seconds: float, ahead: int = 2) -> None:
        self.report = PacedReport(1000 * period_seconds)
        self._make, self._ready, self._stop = make, queue.Queue[Array](maxsize=ahead), threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lmdm-inference", daemon=True)

    def start(self) -> None:
        """Begin, and wait until the first block is ready or making it has failed."""
        self._thread.start()
        while self._ready.empty() and self._failure is None:
            time.sleep(0.001)
        self._raise()

    def take(self) -> Array | None:
        """The next block at once, or None where none is ready: an underrun, which is counted."""
        self._raise()
        try:
            return self._ready.get_nowait()
        except queue.Empty:
            self.report.underruns += 1
            return None

    def stop(self) -> None:
        """End the thread, if it ever began; blocks that are ready are dropped."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=10)

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                start = time.perf_counter()
                block = self._make()
                self.report.made_ms.append(1000 * (time.perf_counter() - start))
                while not self._stop.is_set():
                    try:
                        self._ready.put(block, timeout=0.1)
                        break
                    except queue.Full:
                        continue
        except BaseException as failure:
            self._failure = failure
