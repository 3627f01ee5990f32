"""Huge pages: what appeared meanwhile is moved into them, and nothing else."""

from __future__ import annotations

import mmap
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from lmdm_runtime.backends.huge_pages import added, huge_pages, page_size, private_memory
from tests.runtime_cpp.programs import built

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


def all_huge(process: int | str = "self") -> int:
    """KiB of a process that lie in huge pages, as the system counts them."""
    return sum(int(kib) for kib in re.findall(r"AnonHugePages:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text()))


def given() -> bool:
    """Whether this system gives huge pages at this moment."""
    start = all_huge()
    with huge_pages():
        memory = written(8 * (page_size() or 4096))
    found = all_huge() > start
    memory.close()
    return found


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


def test_a_system_that_does_not_say_what_is_mapped_loads_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lmdm_runtime.backends.huge_pages.MAPS", tmp_path / "none")
    assert private_memory() == []
    with huge_pages():
        pass


LOADED = """
import sys
from pathlib import Path
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import load_bundle
from tests.runtime.test_huge_pages import all_huge

bundle, kept = load_bundle(Path(sys.argv[1])), []
ports = bundle.manifest.graphs["cached_decoder"]
for options in (OrtOptions(threads=1, huge_pages=False), OrtOptions(threads=1, small=True), OrtOptions(threads=1)):
    start, backend = all_huge(), OrtBackend(bundle, options)
    buffers = {port.name: backend.buffer(port) for port in (*ports.inputs, *ports.outputs)}
    kept.append(backend.bind("cached_decoder", buffers))
    print(all_huge() - start)
"""


@linux
@pytest.mark.heavy
def test_weights_that_are_prepacked_lie_in_huge_pages_in_both_runtimes(default_bundle: Path) -> None:
    """25 MB of the cached decoder, of which some lies beside whole pages."""
    if not given():
        pytest.skip("the system had no huge page to give")
    # In a process of its own: one that has given much memory back gets its next from there.
    loaded = subprocess.run([sys.executable, "-c", LOADED, str(default_bundle)], capture_output=True, text=True, check=True)
    without, small, usual = map(int, loaded.stdout.split())
    assert without == small == 0
    assert usual > 8 * 1024
    words = [built("lmdm-bench"), default_bundle, "--seconds", "5", "--threads", "1"]
    with subprocess.Popen(words, env={"VIRTUAL_ENV": sys.prefix, **os.environ}, stdout=subprocess.DEVNULL) as process:
        most = 0
        while process.poll() is None:
            with suppress(OSError):
                most = max(most, all_huge(process.pid))
            time.sleep(0.05)
    # 1 where a busy machine was late, which is no concern here.
    assert process.returncode in (0, 1)
    assert most > 8 * 1024
