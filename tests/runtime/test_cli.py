"""`lmdm generate`, `lmdm stream` and `lmdm inspect` on tiny bundles: files, figures, exit codes, and nothing half-written."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from lmdm_runtime.audio_io import read_audio
from lmdm_runtime.cli import main
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.tiny_bundle import seal
from tests.runtime.tiny_sketch import sketched_tiny

RATE = 16  # of the tiny instrument, whose block lasts a second


@pytest.fixture(scope="module")
def codecs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tiny]:
    return {kind: make_tiny(tmp_path_factory.mktemp(kind) / "bundle", "encoder-decoder", kind) for kind in ("state", "context", "fade")}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return sketched_tiny(tmp_path_factory.mktemp("sketched") / "bundle", "encoder-decoder")


def lmdm(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="lmdm")


def generated(tiny: Tiny, path: Path, *args: object) -> np.ndarray:
    made = lmdm("generate", tiny.folder, "-o", path, "--json", *args)
    assert made.exit_code == 0, made.output
    audio, rate = soundfile.read(path, always_2d=True, dtype="float32")
    assert rate == RATE
    assert json.loads(made.stdout)["seconds"] == pytest.approx(len(audio) / RATE)
    return audio.T


def refused(result: Result, status: int, *words: str) -> None:
    assert result.exit_code == status, result.output
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def test_generate_writes_what_a_session_makes(causal: Tiny, tmp_path: Path):
    audio = generated(causal, tmp_path / "a.wav", "--prompt", "jazz trio", "--seconds", 3.5, "--seed", 4)
    session = causal.session(seed=4)
    session.set_prompt("jazz trio")
    expected = np.concatenate([session.next_block() for _ in range(4)], axis=1)[:, : round(3.5 * RATE)]
    np.testing.assert_allclose(audio, np.clip(expected, -1, 1), atol=1e-5)


def test_the_same_seed_gives_the_same_file(causal: Tiny, tmp_path: Path):
    for name, seed in (("a.wav", 1), ("b.wav", 1), ("c.wav", 2)):
        generated(causal, tmp_path / name, "--seconds", 2, "--seed", seed, "--threads", 1)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.wav", "b.wav", "c.wav"))
    assert a == b
    assert a != c


def test_generate_follows_a_script(causal: Tiny, tmp_path: Path):
    (tmp_path / "set.txt").write_text("0 slow ambient pad\n2 jazz trio : 0.7 | piano : 0.3\n")
    scripted = generated(causal, tmp_path / "a.wav", "--script", tmp_path / "set.txt", "--seconds", 4)
    plain = generated(causal, tmp_path / "b.wav", "--prompt", "slow ambient pad", "--seconds", 4)
    np.testing.assert_array_equal(scripted[:, : 2 * RATE], plain[:, : 2 * RATE])
    assert np.abs(scripted[:, 2 * RATE :] - plain[:, 2 * RATE :]).max() > 1e-3


@pytest.mark.parametrize(("codec", "frames"), [("state", 3), ("context", 1), ("context", 3), ("fade", 10)])
def test_generate_continues_audio(codecs: dict[str, Tiny], tmp_path: Path, codec: str, frames: int):
    """The music begins where the primer ends, whatever the codec's delay, and a primer too short for the decoder to hear it is kept."""
    tiny, given = codecs[codec], frames * codecs[codec].model.sizes.frame_size
    primer = 0.2 * np.random.default_rng(0).standard_normal((given, 2))
    soundfile.write(tmp_path / "in.wav", primer, RATE, subtype="FLOAT")
    args = ["--prime", tmp_path / "in.wav", "--seconds", 2.5]
    primed, alone = generated(tiny, tmp_path / "a.wav", *args), generated(tiny, tmp_path / "b.wav", *args, "--drop-prime")
    music = round(2.5 * RATE)
    assert primed.shape == (1, given + music)
    np.testing.assert_array_equal(primed[:, given:], alone)
    assert not np.array_equal(alone, generated(tiny, tmp_path / "c.wav", "--seconds", 2.5))
    untouched = max(0, given - (tiny.model.sizes.block + tiny.model.sizes.delay) * tiny.model.sizes.frame_size)
    np.testing.assert_allclose(primed[0, :untouched], primer.mean(axis=1)[:untouched], atol=1e-5)
    assert (primed != 0).all()


@pytest.mark.parametrize(
    ("args", "status", "word"),
    [
        (["--prompt", "a", "--script", "b"], 2, "not both"),
        (["--seconds", "0"], 2, "--seconds"),
        (["--script", "none.txt"], 1, "none.txt"),
        (["--prime", "none.wav"], 1, "none.wav"),
        (["--seed", str(2**64)], 1, "seed"),
        (["--steps", "100000"], 1, "steps"),
    ],
)
def test_generate_refuses_in_one_sentence(causal: Tiny, tmp_path: Path, args: list[str], status: int, word: str):
    refused(lmdm("generate", causal.folder, "-o", tmp_path / "a.wav", *args), status, word)
    assert not list(tmp_path.iterdir())


def test_generate_follows_a_sketch_for_as_long_as_it_lasts(drawn: Tiny, tmp_path: Path):
    """A file at another rate and with two channels; the session is fed what the file becomes at the bundle's rate."""
    audio = 0.4 * np.random.default_rng(0).standard_normal((5 * 2 * RATE, 2))
    soundfile.write(tmp_path / "in.wav", audio, 2 * RATE, subtype="FLOAT")
    made = generated(drawn, tmp_path / "a.wav", "--sketch", tmp_path / "in.wav", "--smoothing", 3)
    assert made.shape == (1, 5 * RATE)
    session = drawn.session()
    session.sketch.choose(["loudness"], smoothing=3)
    session.sketch.feed(read_audio(tmp_path / "in.wav", RATE, 1))
    session.set_prompt("")
    expected = np.concatenate([session.next_block() for _ in range(5)], axis=1)
    np.testing.assert_allclose(made, np.clip(expected, -1, 1), atol=1e-5)
    plain = generated(drawn, tmp_path / "b.wav", "--sketch", tmp_path / "in.wav", "--seconds", 2.5)
    assert plain.shape == (1, round(2.5 * RATE))
    assert np.abs(plain - made[:, : plain.shape[1]]).max() > 1e-3
    none = generated(drawn, tmp_path / "c.wav", "--sketch", tmp_path / "in.wav", "--sketch-controls", "", "--seconds", 2.5)
    assert np.abs(none - plain).max() > 1e-3


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["--smoothing", "3"], 2, ["--sketch"]),
        (["--sketch", "none.wav"], 1, ["none.wav"]),
        (["--sketch", "in.wav", "--smoothing", "2"], 1, ["1, 3"]),
        (["--sketch", "in.wav", "--sketch-controls", "pitch"], 1, ["'pitch'", "loudness"]),
        (["--accompaniment", "in.wav"], 1, ["accompaniment", "loudness"]),
    ],
)
def test_generate_refuses_controls_in_one_sentence(drawn: Tiny, tmp_path: Path, args: list[str], status: int, words: list[str]):
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE), RATE)
    args = [str(tmp_path / arg) if arg.endswith(".wav") else arg for arg in args]
    refused(lmdm("generate", drawn.folder, "-o", tmp_path / "a.wav", *args), status, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_inspect_lists_controls(drawn: Tiny, causal: Tiny):
    shown = " ".join(lmdm("inspect", drawn.folder).stdout.replace("│", " ").split())
    assert "loudness, from a sketch: loudness [1]" in shown
    assert "median of 1, 3 frames of 500 ms, 1 by default" in shown
    assert "loudness, set by the caller: loudness [1]" in lmdm("inspect", causal.folder).stdout


def test_other_files_are_refused(causal: Tiny, tmp_path: Path):
    refused(lmdm("generate", causal.folder, "-o", tmp_path / "a.mp3"), 1, ".wav")
    refused(lmdm("generate", tmp_path / "none", "-o", tmp_path / "a.wav"), 1, "none", "lmdm export")
    refused(lmdm("inspect", tmp_path), 1, "manifest.json")
    (tmp_path / "short.wav").write_bytes(b"RIFF")
    refused(lmdm("generate", causal.folder, "-o", tmp_path / "a.wav", "--prime", tmp_path / "short.wav"), 1, "short.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["short.wav"]


def test_weights_that_are_not_numbers_reach_no_file(causal: Tiny, tmp_path: Path):
    folder = Path(shutil.copytree(causal.folder, tmp_path / "bundle"))
    size = (folder / "graphs" / "weights.bin").stat().st_size
    (folder / "graphs" / "weights.bin").write_bytes(np.full(size // 4, np.nan, np.float32).tobytes())
    seal(folder, json.loads((folder / "manifest.json").read_text()))
    refused(lmdm("generate", folder, "-o", tmp_path / "a.wav"), 1, "not finite", "lmdm validate")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_ctrl_c_leaves_nothing(causal: Tiny, tmp_path: Path):
    command = [sys.executable, "-m", "lmdm_runtime.cli", "generate", causal.folder, "-o", tmp_path / "a.wav", "--seconds", "1e7"]
    # A shell's background jobs start with SIGINT ignored, and their children would be deaf to it too.
    process = subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.iterdir()):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said.rstrip().endswith("error: interrupted")
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_stream_dry_reports(causal: Tiny):
    made = lmdm("stream", causal.folder, "--prompt", "jazz trio", "--dry", "--seconds", 2, "--json")
    assert made.exit_code == 0, made.output
    report = json.loads(made.stdout)
    assert report["period_ms"] == 1000
    assert report["underruns"] == 0
    assert report["blocks"] >= 2
    assert 0 < report["p50_ms"] <= report["p95_ms"] <= report["p99_ms"] <= report["max_ms"] < 1000
    assert report["headroom"] > 0.5


def test_stream_without_a_device(causal: Tiny, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    refused(lmdm("stream", causal.folder), 1, "lmdm[play]", "--dry")


def test_inspect_shows_the_bundle(tiny: Tiny, tmp_path: Path):
    shown = lmdm("inspect", tiny.folder)
    assert shown.exit_code == 0, shown.output
    for word in ("tiny", "4/2", "euler", "cached_decoder"):
        assert word in shown.stdout
    document = json.loads(lmdm("inspect", tiny.folder, "--json").stdout)
    assert document["model"]["pattern"] == tiny.model.sizes.pattern
    assert document["total_bytes"] == sum(p.stat().st_size for p in tiny.folder.rglob("*") if p.is_file() and p.name != "manifest.json")


@pytest.mark.parametrize("codec", ["context", "fade"])
def test_a_codec_that_looks_ahead_begins_without_silence(codecs: dict[str, Tiny], tmp_path: Path, codec: str):
    """The delay of a stream is no part of a file: its first sample is the first frame's."""
    tiny = codecs[codec]
    audio = generated(tiny, tmp_path / "a.wav", "--seconds", 4)
    session = tiny.session()
    session.set_prompt("")
    stream = np.concatenate([session.next_block() for _ in range(6)], axis=1)[:, session.delay_samples :]
    assert audio.shape == (1, 4 * RATE)
    np.testing.assert_allclose(audio, np.clip(stream[:, : 4 * RATE], -1, 1), atol=1e-5)
