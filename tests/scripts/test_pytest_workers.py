"""scripts/pytest-workers on tests of its own: a crash has a name and hides nothing, quiet is kept, and what is shared is made once."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONFTEST = "from tests.sharing import pytest_runtest_protocol\n"
CRASH = """
import ctypes
import pytest

@pytest.mark.parametrize("number", range(12))
def test_good(number):
    pass

def test_bad():
    ctypes.string_at(0)

@pytest.mark.parametrize("number", range(12))
def test_good_too(number):
    assert number != 7
"""
# Each test leaves a file while it runs, and looks for those of others.
COMPANY = """
import os
import time
from pathlib import Path

import pytest
from tests.sharing import made_once

HERE = Path(__file__).parent

def others():
    mine = HERE / f"{os.getpid()}.runs"
    mine.touch()
    try:
        for _ in range(20):
            time.sleep(0.01)
            yield sorted(set(HERE.glob("*.runs")) - {mine})
    finally:
        mine.unlink()

def make(folder):
    time.sleep(0.1)
    (folder / "it").touch()
    with (HERE / "made").open("a") as file:
        print(os.getpid(), file=file)

@pytest.mark.parametrize("number", range(16))
def test_with_others(number, tmp_path_factory):
    assert (made_once(tmp_path_factory, "shared", make) / "it").is_file()
    with (HERE / "company").open("a") as file:
        print(max(map(len, others())), file=file)

@pytest.mark.quiet
@pytest.mark.parametrize("number", range(4))
def test_alone(number):
    assert not any(others())
"""


def ran(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(tests)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = ["bash", "scripts/pytest-workers", "-c", ROOT / "pyproject.toml", "-p", "no:cacheprovider", folder]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a run within this run."""
    made = tmp_path / "tests"
    made.mkdir()
    return made


def test_a_crash_has_a_name_and_hides_nothing(folder: Path) -> None:
    done = ran(folder, CRASH)
    assert done.returncode == 1, done.stdout
    assert re.search(r"worker 'gw\d' crashed while running '\S*test_it\.py::test_bad'", done.stdout)
    assert "FAILED" in done.stdout
    closing = done.stdout.splitlines()[-1]
    assert re.search(r"\b2 failed, 23 passed\b", closing), closing
    assert "Fatal Python error: Segmentation fault" in done.stderr
    assert "in test_bad" in done.stderr


def test_quiet_is_kept_and_what_is_shared_is_made_once(folder: Path) -> None:
    done = ran(folder, COMPANY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b20 passed\b", done.stdout.splitlines()[-1])
    assert len((folder / "made").read_text().splitlines()) == 1
    assert "1" in (folder / "company").read_text().split(), "the control: others do run at once"
