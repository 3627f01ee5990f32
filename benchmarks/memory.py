"""Memory of a process as the system counts it."""

from __future__ import annotations

from pathlib import Path


def memory_of(process: int) -> dict[str, float]:
    """Private, proportional and resident memory of a process in MiB (Linux); empty where it is gone or the system does not say."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return {
        "private": round((kib["Private_Clean"] + kib["Private_Dirty"]) / 1024, 2),
        "proportional": round(kib["Pss"] / 1024, 2),
        "resident": round(kib["Rss"] / 1024, 2),
    }
