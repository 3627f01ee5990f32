"""Huge pages for what a library allocates while it loads a graph, on Linux.

A step reads every weight once, from the outer caches or from memory. In pages of 4 KiB the weights of even a small network are more pages
than a processor keeps translations of, so each page is looked up anew in every step; in huge pages there are 512 times fewer of them.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

Ranges = list[tuple[int, int]]

SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
MAPS = Path("/proc/self/maps")
# <linux/mman.h>; Python's mmap has the first of them for its own mappings alone.
MADV_HUGEPAGE, MADV_COLLAPSE = 14, 25


@contextmanager
def huge_pages(wanted: bool = True) -> Iterator[None]:
    """Puts private memory that appears within into huge pages at its end, where the system lets programs ask for them; else does nothing.

    Of memory that another thread allocates meanwhile the same becomes true: load before the music starts.
    """
    size = page_size() if wanted else 0
    before = private_memory() if size else []
    yield
    if size:
        for first, last in added(before, private_memory()):
            _collapse(-(-first // size) * size, last // size * size)


def page_size() -> int:
    """Bytes of a huge page; 0 where there are none to ask for."""
    try:
        if sys.platform != "linux" or "[never]" in (SETTINGS / "enabled").read_text(encoding="ascii"):
            return 0
        return int((SETTINGS / "hpage_pmd_size").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def private_memory() -> Ranges:
    """Ranges of addresses that this process may write and that no file lies under, in order; none where the system does not say."""
    try:
        lines = MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        addresses, permissions, _, _, inode, *name = line.split(maxsplit=5)
        if permissions == "rw-p" and inode == "0" and not "".join(name).startswith("[stack"):
            first, _, last = addresses.partition("-")
            found.append((int(first, 16), int(last, 16)))
    return found


def added(before: Iterable[tuple[int, int]], after: Iterable[tuple[int, int]]) -> Ranges:
    """What of the ranges `after` was not in `before`; both are in order and do not overlap."""
    found, known = [], list(before)
    for first, last in after:
        for start, end in known:
            if end <= first or start >= last:
                continue
            if start > first:
                found.append((first, start))
            first = max(first, end)
        if first < last:
            found.append((first, last))
    return found


def _collapse(first: int, last: int) -> None:
    """Whether it worked is nobody's concern: without it all is as it was, only slower."""
    if first < last:
        libc = ctypes.CDLL(None, use_errno=True)
        for advice in (MADV_HUGEPAGE, MADV_COLLAPSE):
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), advice)
