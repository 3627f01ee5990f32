"""The LV2 in jalv, on a JACK server without a sound card: it is found, opened, played in real time, and ends when it is asked to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.artefacts import built
from tests.plugin.conftest import Environment
from tests.plugin.display import GIVEN_UP_AFTER, waited_for

URI = "https://lmdm.example/plugins/generative-delay"
BLOCKS = 8


@pytest.fixture
def server(installed: Environment, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment of the clients of a JACK server of our own."""
    for program in ("jackd", "jalv"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}; install it: bash scripts/setup export,dev plugin")
    whole = {**os.environ, **installed, "JACK_DEFAULT_SERVER": f"lmdm-{os.getpid()}", "JACK_NO_START_SERVER": "1"}
    environment = {name: value for name, value in whole.items() if value is not None}
    words = ["jackd", "--no-realtime", "--name", environment["JACK_DEFAULT_SERVER"], "-d", "dummy", "-r", "48000", "-p", "512"]
    with (tmp_path / "jackd.log").open("w") as log:
        running = subprocess.Popen(words, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        subprocess.run(["jack_wait", "--wait", "--timeout", str(GIVEN_UP_AFTER)], check=True, env=environment, capture_output=True)
        yield environment
    finally:
        running.terminate()
        running.wait(GIVEN_UP_AFTER)


def test_it_plays_in_jalv(server: dict[str, str], tmp_path: Path) -> None:
    log, told = tmp_path / "log", tmp_path / "jalv.log"
    environment = {**server, "LV2_PATH": f"{built('GenerativeDelay.lv2').parent}:/usr/lib/lv2", "LMDM_PLUGIN_LOG": str(log)}
    with told.open("w") as out:
        host = subprocess.Popen(["jalv", URI], env=environment, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)

    def playing() -> list[dict[str, Any]] | None:
        assert host.poll() is None, told.read_text()
        lines = log.read_text().split("\n")[:-1] if log.is_file() else []
        return [json.loads(line) for line in lines] if lines and json.loads(lines[-1])["blocks"] >= BLOCKS else None

    try:
        journal = waited_for(playing, f"{BLOCKS} blocks of music")
        assert journal[-1]["condition"] in ("ready", "overloaded")
        host.send_signal(signal.SIGINT)
        assert host.wait(GIVEN_UP_AFTER) == 0, told.read_text()
    finally:
        if host.poll() is None:
            host.kill()
            host.wait()
