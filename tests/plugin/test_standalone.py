"""The Standalone on a display that nobody sees: it opens, shows something, and closes when it is asked to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.plugin.artefacts import built
from tests.plugin.conftest import Environment
from tests.plugin.display import GIVEN_UP_AFTER, display, picture, waited_for, window_titled

TITLE = "Generative Delay"


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "screen"
    folder.mkdir()
    with display(folder) as name:
        yield name, folder


def test_it_opens_shows_itself_and_closes(installed: Environment, screen: tuple[str, Path]) -> None:
    name, folder = screen
    environment = {**os.environ, **installed, "DISPLAY": name}
    running = subprocess.Popen(
        [built("Standalone") / "GenerativeDelay"], env={key: value for key, value in environment.items() if value is not None}
    )
    try:
        left, top, width, height = window_titled(name, TITLE)

        def shown() -> np.ndarray | None:
            pixels = picture(folder)[top : top + height, left : left + width]
            return pixels if len(np.unique(pixels.reshape(-1, 3), axis=0)) > 30 else None

        pixels = waited_for(shown, "a picture of more than a few colours")
        assert pixels.std() > 5
        assert running.poll() is None
        # The cross in the corner of the window.
        where = ["mousemove", str(left + width - 20), str(top + 17), "click", "1"]
        subprocess.run([str(shutil.which("xdotool")), *where], check=True, env={**os.environ, "DISPLAY": name})
        assert running.wait(GIVEN_UP_AFTER) == 0
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
