"""The example programs of the C++ runtime do what the documentation says of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Session, load_bundle
from tests.runtime_cpp.programs import built, tiny_bundle

PROMPT = "slow piano"
BLOCKS = 5


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("examples"))


def example(name: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    environment = {"VIRTUAL_ENV": sys.prefix, **os.environ}
    return subprocess.run([built(name), *map(str, arguments)], capture_output=True, check=False, env=environment)


@pytest.mark.parametrize(("name", "seed"), [("blocks", 1), ("blocks_c", 0)])
def test_blocks_are_those_of_python(name: str, seed: int, bundle: Path) -> None:
    session = Session(load_bundle(bundle), seed=seed)
    session.set_prompt(PROMPT)
    expected = np.stack([session.next_block() for _ in range(BLOCKS)]).ravel()
    amount = BLOCKS if name == "blocks_c" else BLOCKS * session.block_samples / session.sample_rate
    done = example(name, bundle, PROMPT, amount)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.frombuffer(done.stdout, dtype=np.float32), expected, atol=1e-6)
    session.reset()
    session.set_prompt("another prompt")
    assert np.abs(np.stack([session.next_block() for _ in range(BLOCKS)]).ravel() - expected).max() > 1e-3


def test_a_host_plays(bundle: Path) -> None:
    done = example("host", bundle, PROMPT)
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode()
    assert int(re.search(r"latency: (\d+) samples", said)[1]) > 0  # type: ignore[index]
    assert int(re.search(r"(\d+) blocks", said)[1]) > 10  # type: ignore[index]


@pytest.mark.parametrize("name", ["blocks", "blocks_c", "host"])
def test_errors_are_sentences(name: str, tmp_path: Path) -> None:
    more = [] if name == "host" else [1]
    done = example(name, tmp_path / "none", PROMPT, *more)
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"error: there is no bundle at {tmp_path / 'none'}; write one with lmdm export" in done.stderr.decode()
