"""A stage on which another program takes the machine for a while."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.stage_host import Performance, Performed, Stage, plucks
from benchmarks.stage_score import WET

HOGS_PER_CORE = 4
# In turn with the plugin's inference thread, whose realtime priority is the lowest; a system that forbids it forbids it to the plugin too.
HOG = """
import os, sys, time
try:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    print("realtime")
except (AttributeError, PermissionError):
    print("ordinary")
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    pass
"""
BEFORE_SECONDS, SECONDS, AFTER_SECONDS = 10.0, 15.0, 25.0


def measure(stage: Stage) -> dict[str, Any]:
    """Plays through a stretch in which other processes want all of the machine, and tells what happened before, in and after it."""
    seconds = BEFORE_SECONDS + SECONDS + AFTER_SECONDS
    performance = Performance(stage, "overload", seconds, plucks(stage.rate, 30), [WET])
    time.sleep(BEFORE_SECONDS)
    begun = time.monotonic()
    priority = _busy()
    hogged = (begun, time.monotonic())
    return _told(performance.wait(), hogged) | {"processes": HOGS_PER_CORE * (os.cpu_count() or 1), "priority": priority}


def _told(performed: Performed, hogged: tuple[float, float]) -> dict[str, Any]:
    """Seconds from the first line of the journal, whose clock is the system's monotonic one."""
    journal, start = performed.journal, performed.journal[0]["seconds"]
    stops = [b["seconds"] - start for a, b in pairwise(journal) if b["underruns"] > a["underruns"]]
    overloaded = [line["seconds"] - start for line in journal if line["condition"] == "overloaded"]
    sound = np.concatenate([audio for _, audio in performed.pieces()])
    return {
        "underruns": performed.count("underruns"),
        "dropped_blocks": performed.count("dropped"),
        "hogged_seconds": [round(hogged[0] - start, 1), round(hogged[1] - start, 1)],
        "underruns_in_seconds": [round(min(stops), 1), round(max(stops), 1)] if stops else None,
        "told_overloaded_in_seconds": [round(min(overloaded), 1), round(max(overloaded), 1)] if overloaded else None,
        "condition_at_the_end": journal[-1]["condition"],
        "blocks_in_the_last_10_seconds": performed.count("blocks", journal[-1]["seconds"] - 10),
        "peak": round(float(np.abs(sound).max()), 4),
        "finite": bool(np.isfinite(sound).all()),
    }


def _busy() -> str:
    """Returns, after `SECONDS`, the kind of priority that the busy processes got."""
    command = [sys.executable, "-S", "-c", HOG, str(SECONDS)]
    hogs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(HOGS_PER_CORE * (os.cpu_count() or 1))]
    return " and ".join(sorted({hog.communicate()[0].strip() for hog in hogs}))
