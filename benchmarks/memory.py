"""Memory of a process as the system counts it."""

from __future__ import annotations

from pathlib import Path


def memory_of(process: int) -> dict[str, float]:
    """Written, private, proportional and resident memory of a process in MiB (Linux); empty where it is gone or the system does not say.

    `written` is private memory that the process has written to. `private` adds pages of files, such as the weights, that no other process
    has mapped at the moment: it falls when another one maps them.
    """
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return {
        "written": round(kib["Private_Dirty"] / 1024, 2),
        "private": round((kib["Private_Clean"] + kib["Private_Dirty"]) / 1024, 2),
        "proportional": round(kib["Pss"] / 1024, 2),
        "resident": round(kib["Rss"] / 1024, 2),
    }
