"""A display that nobody sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

T = TypeVar("T")
GIVEN_UP_AFTER = 60


@contextmanager
def display(folder: Path, width: int = 1280, height: int = 900) -> Iterator[str]:
    """Name of an X display of 24 bits; the test is skipped where there is no Xvfb or no xdotool."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}; install it: bash scripts/setup export,dev plugin")
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-fbdir", str(folder)]
    server = subprocess.Popen(words, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(GIVEN_UP_AFTER)


def window_titled(name: str, title: str) -> tuple[int, int, int, int]:
    """Left, top, width and height of a window, waited for."""

    def look() -> tuple[int, int, int, int] | None:
        environment = {**os.environ, "DISPLAY": name}
        command = ["xdotool", "search", "--onlyvisible", "--name", title, "getwindowgeometry", "--shell"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        found = dict(line.split("=") for line in done.stdout.splitlines() if "=" in line)
        return (int(found["X"]), int(found["Y"]), int(found["WIDTH"]), int(found["HEIGHT"])) if "WIDTH" in found else None

    return waited_for(look, f"a window called {title}")


def waited_for(look: Callable[[], T | None], what: str) -> T:
    end = time.monotonic() + GIVEN_UP_AFTER
    while (found := look()) is None:
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.1)
    return found


def picture(folder: Path) -> np.ndarray:
    """What the display of `folder` shows, [height, width, 3]: Xvfb keeps it there as an X window dump."""
    dump = (folder / "Xvfb_screen0").read_bytes()
    header = np.frombuffer(dump, ">u4", 25)
    size, width, height, bits, row, colours = header[0], header[4], header[5], header[11], header[12], header[19]
    assert bits == 32
    pixels = np.frombuffer(dump, np.uint8, row * height, size + 12 * colours).reshape(height, row)[:, : 4 * width]
    return pixels.reshape(height, width, 4)[..., 2::-1].copy()
