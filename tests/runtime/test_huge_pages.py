"""Huge pages: what appeared meanwhile is moved into them, and nothing else."""

from __future__ import annotations

import mmap
import re
import sys
from pathlib import Path

import pytest

from lmdm_runtime.backends.huge_pages import added, huge_pages, page_size, private_memory

linux = pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for on Linux alone")


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([], [(1, 5)], [(1, 5)]),
        ([(1, 5)], [(1, 5)], []),
        ([(1, 5)], [(1, 9)], [(5, 9)]),
        ([(3, 5), (6, 7)], [(1, 9)], [(1, 3), (5, 6), (7, 9)]),
        ([(1, 9)], [(2, 3), (5, 6)], []),
        ([(1, 3), (20, 30)], [(2, 6), (8, 9)], [(3, 6), (8, 9)]),
        ([(0, 2), (8, 12)], [(1, 10)], [(2, 8)]),
    ],
)
def test_what_was_there_is_not_added(before: list, after: list, found: list) -> None:
    assert added(before, after) == found


def written(size: int) -> mmap.mmap:
    """Memory in small pages, all of them written."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(15)  # MADV_NOHUGEPAGE
    memory.write(b"\x07" * size)
    return memory


def all_huge() -> int:
    """KiB of this process that lie in huge pages, as the system counts them."""
    return sum(int(kib) for kib in re.findall(r"AnonHugePages:\s+(\d+)", Path("/proc/self/smaps").read_text()))


@linux
def test_private_memory_holds_what_is_allocated() -> None:
    before = private_memory()
    memory = written(1 << 24)
    grown = sum(last - first for first, last in added(before, private_memory()))
    assert 1 << 24 <= grown < 1 << 25
    memory.close()


@linux
def test_only_what_appears_meanwhile_is_moved() -> None:
    size = page_size()
    if not size:
        pytest.skip("this system gives no huge pages to those who ask: /sys/kernel/mm/transparent_hugepage/enabled")
    before, start = written(8 * size), all_huge()
    with huge_pages(wanted=False):
        unwanted = written(8 * size)
    assert all_huge() == start
    with huge_pages():
        wanted = written(8 * size)
    if all_huge() == start:
        pytest.skip(f"the system had no huge page to give: {size} bytes in a row")
    # The first and the last may lie in part only, and neighbours may have appeared.
    assert 7 * size <= 1024 * (all_huge() - start) < 12 * size
    assert all(memory[:] == b"\x07" * (8 * size) for memory in (before, unwanted, wanted))


def test_none_to_ask_for_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lmdm_runtime.backends.huge_pages.SETTINGS", tmp_path)
    monkeypatch.setattr("lmdm_runtime.backends.huge_pages.private_memory", lambda: pytest.fail("not asked"))
    assert page_size() == 0
    for modes in ("always madvise [never]\n", "nonsense"):
        (tmp_path / "enabled").write_text(modes)
        (tmp_path / "hpage_pmd_size").write_text("many\n" if modes == "nonsense" else "2097152\n")
        assert page_size() == 0
        with huge_pages():
            pass
