"""The installed runtime in an environment of its own, which has neither torch nor an ONNX tool: it plays a bundle from the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.runtime.conftest import Tiny
from tests.sharing import made_once

ROOT = Path(__file__).resolve().parents[2]
ABSENT = {"torch", "onnx", "onnxscript", "onnxsim", "polygraphy", "pydantic", "safetensors", "scipy", "transformers", "matplotlib"}

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a new virtual environment with `lmdm`, no extra, installed from a copy of the sources."""
    return made_once(tmp_path_factory, "fresh", install) / "venv" / ("Scripts" if sys.platform == "win32" else "bin")


def install(base: Path) -> None:
    source = base / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("runtime_py", "lmdm_train", "lmdm_export"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    subprocess.run([sys.executable, "-m", "venv", base / "venv"], check=True)
    scripts = base / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    made = subprocess.run(
        [scripts / "python", "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", source],
        capture_output=True,
        text=True,
    )
    if "connection" in made.stderr.lower() and made.returncode:
        pytest.skip("pip reaches no package index")
    assert made.returncode == 0, made.stderr


def run(scripts: Path, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in (scripts / "lmdm", *args)], capture_output=True, text=True, timeout=300, cwd=scripts)


def test_the_environment_is_small(environment: Path):
    listed = subprocess.run(
        [environment / "python", "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    )
    installed = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert {"lmdm", "onnxruntime", "numpy"} <= installed
    assert not ABSENT & installed


def test_generate_and_stream(environment: Path, tiny: Tiny, tmp_path: Path):
    made = run(environment, "generate", tiny.folder, "-o", tmp_path / "a.wav", "--prompt", "jazz trio", "--seconds", 3, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["seconds"] == 3
    audio, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    session = tiny.session()
    session.set_prompt("jazz trio")
    here = np.concatenate([session.next_block() for _ in range(3)], axis=1)[0]
    assert rate == session.sample_rate
    np.testing.assert_allclose(audio, np.clip(here, -1, 1), atol=1e-5)
    paced = run(environment, "stream", tiny.folder, "--dry", "--seconds", 2, "--json")
    assert json.loads(paced.stdout)["blocks"] >= 2, paced.stderr


def test_what_needs_an_extra_says_so(environment: Path):
    made = run(environment, "export", "x.safetensors", "-o", "out")
    assert made.returncode == 1
    assert made.stderr.startswith("error: ")
    assert "lmdm[export]" in made.stderr or "[export]" in made.stderr
    assert "Traceback" not in made.stderr
