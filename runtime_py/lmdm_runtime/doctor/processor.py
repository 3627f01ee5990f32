"""The processor: its model, the vector instructions that decide speed, and how many cores this process may use."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from lmdm_runtime.backends.huge_pages import SETTINGS, page_size
from lmdm_runtime.doctor.finding import Finding

# As /proc/cpuinfo spells them, on x86 and on ARM.
NOTABLE = (
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
)


def features() -> Finding:
    text = _read("/proc/cpuinfo")
    flags = set(re.findall(r"[a-z0-9_]+", " ".join(re.findall(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)[:1])))
    model = next(iter(re.findall(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)), platform.processor() or platform.machine())
    notable = [name for name in NOTABLE if name in flags]
    details = {"model": model, "machine": platform.machine(), "features": notable}
    found = f"{model} ({platform.machine()}): {', '.join(notable) or 'instruction sets unknown'}"
    if platform.machine() == "x86_64" and text and "avx2" not in flags:
        return Finding(
            "processor", "optional", f"{found}; no AVX2, so real time is out of reach here", "use a processor of 2013 or later", details
        )
    return Finding("processor", "ok", found, details=details)


def threads() -> Finding:
    usable = usable_cores()
    details = {"cores": os.cpu_count(), "usable": usable, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")}
    found = f"{usable:g} of {os.cpu_count()} cores usable"
    limit = details["OMP_NUM_THREADS"]
    if limit is not None:
        found += f", OMP_NUM_THREADS={limit}"
    if usable < 2:
        return Finding(
            "threads",
            "optional",
            f"{found}; audio and inference share one core",
            "give this process 2 cores (container: --cpus=2)",
            details,
        )
    return Finding("threads", "ok", found, details=details)


def memory() -> Finding:
    match = re.search(r"^MemAvailable:\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    if match is None:
        return Finding("memory", "ok", "unknown on this system")
    free = int(match[1]) / 2**20
    if free < 1.0:
        return Finding("memory", "optional", f"{free:.1f} GiB free, and the demo takes up to 2", "close other programs", {"free_gib": free})
    return Finding("memory", "ok", f"{free:.1f} GiB free", details={"free_gib": round(free, 1)})


def huge_pages() -> Finding:
    size = page_size()
    if sys.platform != "linux":
        return Finding("huge pages", "ok", "not asked for on this system")
    if size == 0:
        return Finding(
            "huge pages",
            "optional",
            "this system gives none to programs that ask for them, and a step takes about a tenth longer without",
            f"echo madvise | sudo tee {SETTINGS / 'enabled'}",
            {"bytes": 0},
        )
    return Finding("huge pages", "ok", f"of {size >> 20} MiB, for the weights", details={"bytes": size})


def usable_cores() -> float:
    """Cores of this process's affinity, or the quota of its control group where that is lower."""
    cores = float(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else float(os.cpu_count() or 1)
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").strip().partition(" ")
    if quota.isdigit() and period.isdigit():
        cores = min(cores, int(quota) / int(period))
    return cores


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
