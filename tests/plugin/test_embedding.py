"""The example of docs/embedding.md: somebody else's JUCE plugin, built against an installed lmdm and played by a host that is not ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Session, load_bundle
from tests.plugin.artefacts import need_host
from tests.runtime_cpp.programs import ROOT, tiny_bundle

pytestmark = pytest.mark.heavy

EXAMPLE = ROOT / "runtime_cpp" / "examples" / "juce"
PROMPT = "ambient in E major, 68 bpm, with bright pad and acoustic bass"
SECONDS = 3
# A host renders in a process of its own: the plugin reads its bundle from the environment, and a crash is then a failed test.
HOST = """
import sys
import numpy as np
from pedalboard import load_plugin

plugin = load_plugin(sys.argv[1])
rate, seconds, block = int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
np.save(sys.argv[5], plugin([], duration=seconds, sample_rate=rate, num_channels=2, buffer_size=block))
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_host("pedalboard")
    installed = ROOT / "build" / "installed"
    if not (installed / "include" / "lmdm").is_dir():
        pytest.skip(f"no lmdm in {installed}; scripts/test installs it there from the preset release")
    if not list(Path("/usr/lib").glob("*/cmake/JUCE-*")):
        pytest.skip("JUCE's CMake package is absent; install it: apt-get install juce-modules-source")
    build = tmp_path_factory.mktemp("embedding")
    settings = [f"-Dlmdm_ROOT={installed}", "-DCMAKE_BUILD_TYPE=Release"]
    if shutil.which("ccache"):
        settings += [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX")]
    subprocess.run(["cmake", "-S", EXAMPLE, "-B", build, "-G", "Ninja", *settings], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", build, "--parallel", "2"], check=True, capture_output=True)
    return next(build.rglob("Embedded.vst3"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("tiny"))


def played(plugin: Path, bundle: Path, folder: Path, rate: int, block: int) -> np.ndarray:
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix, "LMDM_BUNDLE": str(bundle)}
    output = folder / "played.npy"
    command = [sys.executable, "-c", HOST, plugin, rate, SECONDS, block, output]
    subprocess.run([str(word) for word in command], check=True, env=environment)
    return np.load(output)


def test_it_plays_what_the_python_runtime_plays(plugin: Path, bundle: Path, tmp_path: Path) -> None:
    session = Session(load_bundle(bundle))
    session.set_prompt(PROMPT)
    blocks = -(-SECONDS * session.sample_rate // session.block_samples)
    expected = np.concatenate([session.next_block() for _ in range(blocks)], axis=1)[0]
    heard = played(plugin, bundle, tmp_path, session.sample_rate, 512)
    assert heard.shape == (2, SECONDS * session.sample_rate)
    begin = int(np.flatnonzero(heard[0])[0]) - int(np.flatnonzero(expected)[0])
    length = heard.shape[1] - begin
    assert 0 <= begin < session.sample_rate
    for channel in heard:
        np.testing.assert_allclose(channel[begin:], expected[:length], atol=1e-4)
    assert np.abs(heard[0][begin + 1 :] - expected[: length - 1]).max() > 1e-2


@pytest.mark.parametrize(("rate", "block"), [(48000, 777), (96000, 8192)])
def test_any_rate_and_block(plugin: Path, bundle: Path, tmp_path: Path, rate: int, block: int) -> None:
    heard = played(plugin, bundle, tmp_path, rate, block)
    assert heard.shape == (2, SECONDS * rate)
    assert 0.01 < np.sqrt(np.mean(heard[:, rate:] ** 2)) < 1


def test_without_a_bundle_it_is_silent(plugin: Path, tmp_path: Path) -> None:
    assert not played(plugin, tmp_path / "none", tmp_path, 48000, 512).any()
