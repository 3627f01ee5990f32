"""What worker processes of one test run share: folders that one of them makes for all, and the quiet that a test may ask for."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest


def is_worker() -> bool:
    """Whether this is one of several processes that share a test run."""
    return "PYTEST_XDIST_WORKER" in os.environ


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock on a file of `path`, waited for; it ends with the process too, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, how)
        yield


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` of this run, which `make` fills in whichever process asks first; the others wait for it."""
    # pytest-xdist gives each worker a folder in the one of the run.
    common = factory.getbasetemp().parent if is_worker() else factory.getbasetemp()
    made, unfinished = common / "made" / name, common / "unfinished" / name
    made.parent.mkdir(parents=True, exist_ok=True)
    with locked(made.with_name(f"{made.name}.lock")):
        if not made.exists():
            make(_emptied(unfinished))
            unfinished.rename(made)
    return made


def _emptied(folder: Path) -> Path:
    """A new folder; one that a process left when it died is put aside."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}.left-by-{os.getpid()}"))
    folder.mkdir()
    return folder


@contextmanager
def turn(common: Path, *, quiet: bool) -> Iterator[None]:
    """Run a test beside those of other workers, or, for the sake of quiet, when none of them runs one."""
    with ExitStack() as held:
        # Whoever waits for quiet holds the door, so that no other test begins meanwhile.
        with locked(common / "door.lock"):
            held.enter_context(locked(common / "room.lock", fcntl.LOCK_EX if quiet else fcntl.LOCK_SH))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A hook of conftest.py: among workers, a test marked `quiet` runs while no other does."""
    if not is_worker():
        return (yield)
    with turn(Path(item.config.getoption("basetemp")).parent, quiet=item.get_closest_marker("quiet") is not None):
        return (yield)
