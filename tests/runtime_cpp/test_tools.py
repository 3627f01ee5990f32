"""The command line tools of the C++ runtime: what they write, what they refuse, and with which exit status."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from lmdm_runtime.cli import main
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.tiny_bundle import seal
from tests.runtime.tiny_sketch import sketched_tiny
from tests.runtime_cpp.programs import built

PAD, JAZZ = "slow ambient pad", "jazz trio"


def ran(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {"VIRTUAL_ENV": sys.prefix, **os.environ}
    return subprocess.run([built(name), *map(str, arguments)], capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module", params=["state", "context"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tools") / "bundle", "block-causal", request.param)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return sketched_tiny(tmp_path_factory.mktemp("sketched") / "bundle", "encoder-decoder")


def sound(path: Path, samples: int = 300, rate: int = 16, channels: int = 1) -> Path:
    soundfile.write(path, np.random.default_rng(1).uniform(-0.5, 0.5, (samples, channels)), rate)
    return path


def generated(bundle: Path, folder: Path, *arguments: object) -> tuple[np.ndarray, np.ndarray, dict, dict]:
    """The same arguments through `lmdm generate` and `lmdm-run`: audio and reports of both."""
    made, reports = [], []
    for name, run in (("python", in_python), ("cpp", in_cpp)):
        path = folder / f"{name}.wav"
        reports.append(json.loads(run([bundle, "-o", path, "--json", "--threads", 1, *arguments])))
        made.append(soundfile.read(path)[0])
    return made[0], made[1], reports[0], reports[1]


def in_python(arguments: list[object]) -> str:
    result = CliRunner().invoke(main, ["generate", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def in_cpp(arguments: list[object]) -> str:
    done = ran("lmdm-run", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


SCRIPT = f"# a set\n\n0 {PAD}\n2.5\t{JAZZ} : 0.7 | {PAD} : .3\n"
CUES = [{"at": 0, "prompt": PAD}, {"at": 2.5, "prompts": [[JAZZ, 0.7], [PAD, 0.3]]}]
SETTINGS: dict[str, Callable[[Path], list[object]]] = {
    "prompt": lambda folder: ["--prompt", PAD, "--seconds", 6, "--seed", 4],
    "script": lambda folder: ["--script", written(folder / "set.txt", SCRIPT), "--seconds", 6],
    "json script": lambda folder: ["--script", written(folder / "set.json", json.dumps(CUES)), "--seconds", 6],
    "prime": lambda folder: ["--prompt", JAZZ, "--prime", sound(folder / "prime.wav"), "--seconds", 3],
    "prime that is left out": lambda folder: ["--prompt", JAZZ, "--prime", sound(folder / "p.wav"), "--drop-prime", "--seconds", 3],
    "prime of another rate": lambda folder: ["--prompt", JAZZ, "--prime", sound(folder / "p.wav", 9000, 441, 2), "--seconds", 3],
    "surround prime": lambda folder: ["--prompt", JAZZ, "--prime", sound(folder / "p.wav", 900, 48, 6), "--seconds", 3],
    "steps": lambda folder: ["--prompt", PAD, "--steps", 2, "--guidance", 2.5, "--seconds", 3],
}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_run_writes_what_generate_writes(tiny: Tiny, tmp_path: Path, setting: str):
    expected, found, said, told = generated(tiny.folder, tmp_path, *SETTINGS[setting](tmp_path))
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert np.abs(expected).max() > 0.01
    assert {key: told[key] for key in ("seconds", "blocks", "sample_rate", "controls", "peak")} == {
        key: said[key] for key in ("seconds", "blocks", "sample_rate", "controls", "peak")
    }


def test_run_follows_a_sketch_as_generate_does(drawn: Tiny, tmp_path: Path):
    hummed = sound(tmp_path / "hummed.wav", 4000, 200)
    expected, found, said, told = generated(drawn.folder, tmp_path, "--prompt", PAD, "--sketch", hummed, "--smoothing", 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert told["controls"] == said["controls"] == {"sketch": {"controls": ["loudness"], "smoothing": 3}}


REFUSED: dict[str, tuple[Callable[[Tiny, Path], list[object]], str]] = {
    "no bundle": (lambda tiny, folder: [folder / "none", "-o", folder / "a.wav"], "there is no bundle at"),
    "an ending": (lambda tiny, folder: [tiny.folder, "-o", folder / "a.txt"], "does not end in .wav or .flac"),
    "no audio": (lambda tiny, folder: [tiny.folder, "-o", folder / "a.wav", "--prime", folder / "none.wav"], "there is no audio file"),
    "no sketch": (lambda tiny, folder: [tiny.folder, "-o", folder / "a.wav", "--sketch", sound(folder / "s.wav")], "no sketch controls"),
    "a script": (
        lambda tiny, folder: [tiny.folder, "-o", folder / "a.wav", "--script", written(folder / "s.txt", "3 late")],
        "needs a prompt at second 0, but its first begins at 3",
    ),
    "steps": (lambda tiny, folder: [tiny.folder, "-o", folder / "a.wav", "--steps", 0], "a block takes 1 to 1000 steps, found 0"),
    "usage": (lambda tiny, folder: [tiny.folder], "--output is required"),
}


@pytest.mark.parametrize("request_", list(REFUSED))
def test_refusals_are_sentences_and_leave_nothing(tiny: Tiny, tmp_path: Path, request_: str):
    arguments, sentence = REFUSED[request_]
    done = ran("lmdm-run", *arguments(tiny, tmp_path))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not list(tmp_path.glob("*a.wav*"))


def test_an_interrupt_leaves_nothing(tiny: Tiny, tmp_path: Path):
    command = [built("lmdm-run"), tiny.folder, "-o", tmp_path / "a.wav", "--prompt", PAD, "--seconds", "10000000"]
    with subprocess.Popen(command, env={"VIRTUAL_ENV": sys.prefix, **os.environ}, stderr=subprocess.PIPE) as process:
        while not list(tmp_path.iterdir()):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"nothing was written" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tool", ["lmdm-run", "lmdm-validate"])
def test_help_teaches(tool: str):
    done = ran(tool, "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert "Exit status" in done.stdout


def test_validate_needs_fixtures(tiny: Tiny):
    done = ran("lmdm-validate", tiny.folder)
    assert done.returncode == 2
    assert "has no fixture rollout" in done.stderr or "fixture" in done.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-plain", "tiny-spectral", "tiny-sketch-bc", "tiny-accompaniment"])
def test_validate_passes_and_sees_damage(name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory):
    pytest.importorskip("torch")
    from tests.bundles import small_bundle

    exported = small_bundle(tmp_path_factory, name).bundle
    done = ran("lmdm-validate", exported, "--json", "--threads", 1)
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["failures"]
    assert {check["step"] for check in report["checks"]} == {1, 2, 3, 4}
    assert all(control["caught"] for control in report["controls"])
    assert {control["fault"] for control in report["controls"]} >= {
        "stale cross K/V after a prompt change",
        "cache slid by one frame",
        "wrong rotary base",
        "swapped K and V",
        "noise of another seed",
    }

    damaged = shutil.copytree(exported, tmp_path / "damaged")
    weights = np.fromfile(damaged / "graphs" / "weights.bin", "<f4")
    # Not those that are really integers: as numbers they are next to nothing.
    weights[np.isfinite(weights) & (np.abs(weights) > 1e-20)] *= 1.001
    weights.tofile(damaged / "graphs" / "weights.bin")
    seal(damaged, json.loads((damaged / "manifest.json").read_text()))
    done = ran("lmdm-validate", damaged, "--json", "--threads", 1, "--steps", "1,2")
    assert done.returncode == 1
    assert json.loads(done.stdout)["failures"]
