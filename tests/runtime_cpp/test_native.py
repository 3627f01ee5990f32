"""The C++ engine from Python: the samples of the Python engine, its errors, and the commands that choose it."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from lmdm_runtime import BundleError, LmdmError, RuntimeFault, Session, SessionError, load_bundle
from lmdm_runtime.cli import main
from lmdm_runtime.engine import Engine
from lmdm_runtime.noise import Noise, philox4x32
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.tiny_sketch import sketched_tiny

lmdm_native = pytest.importorskip("lmdm_native", reason="the bindings are not installed: pip install ./runtime_cpp/bindings")

from lmdm_runtime.native import NativeSession  # noqa: E402

PAD, JAZZ = "slow ambient pad", "jazz trio"


@pytest.fixture(scope="module", params=["encoder-decoder", "block-causal"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("native") / "bundle", request.param)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return sketched_tiny(tmp_path_factory.mktemp("sketched") / "bundle", "encoder-decoder")


def play(session: Engine, seed: int = 3) -> np.ndarray:
    """Priming, prompts, a mix and a control."""
    random = np.random.default_rng(seed)
    session.set_prompt(PAD)
    made = [session.prime(random.normal(size=(1, 5 * session.block_samples)).astype(np.float32))]
    for block in range(10):
        if block == 3:
            session.set_prompts([(JAZZ, 3), (PAD, 1)])
        if block == 6:
            session.set_control("loudness", 0.7)
        made += [session.next_block()]
    assert session.latent_block is not None
    return np.concatenate((*made, session.latent_block.reshape(1, -1)), axis=1)


def test_both_engines_make_the_same_samples(tiny: Tiny):
    native = NativeSession(tiny.bundle, 5)
    np.testing.assert_allclose(play(native), play(tiny.session(seed=5)), atol=1e-5)
    assert native.block_index == 10
    assert set(native.timings) >= {"context", "steps", "decode", "total"}


def test_another_seed_would_be_seen(tiny: Tiny):
    assert np.abs(play(NativeSession(tiny.bundle, 6)) - play(tiny.session(seed=5))).max() > 1e-2


def test_a_reset_begins_again(tiny: Tiny):
    session = NativeSession(tiny.bundle, 5)
    session.set_prompt(PAD)
    first = [session.next_block() for _ in range(3)]
    session.reset()
    np.testing.assert_array_equal(first, [session.next_block() for _ in range(3)])


def test_an_array_outlives_its_session(tiny: Tiny):
    session = NativeSession(tiny.bundle)
    session.set_prompt(PAD)
    block = session.next_block()
    kept = block.copy()
    session.next_block()
    del session
    np.testing.assert_array_equal(block, kept)


def test_a_sketch_is_followed(drawn: Tiny):
    audio = np.random.default_rng(1).normal(size=(1, 200)).astype(np.float32)
    made = []
    for session in (NativeSession(drawn.bundle, 2), drawn.session(seed=2)):
        session.set_prompt(PAD)
        session.sketch.choose(tuple(session.sketch.groups), 3)
        session.sketch.feed(audio)
        made.append(np.concatenate([session.next_block() for _ in range(6)], axis=1))
    np.testing.assert_allclose(made[0], made[1], atol=1e-5)


def test_tunings_and_strengths_are_those_of_the_python_engine(drawn: Tiny):
    audio = np.random.default_rng(1).normal(size=(1, 200)).astype(np.float32)

    def tuned(session: Engine, strength: float = 0.5, feedback: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
        session.set_prompt(PAD)
        session.sketch.choose(("loudness",))
        session.sketch.set_strength("loudness", strength)
        session.sketch.feed(audio)
        assert session.control("loudness").shape == (1, 0)
        session.next_block()
        session.tune(seed=8, steps=2, guidance_scale=2.5, feedback=feedback, hold_noise=True)
        made = np.concatenate([session.next_block() for _ in range(4)], axis=1)
        return made, session.control("loudness")

    (native, followed), (python, expected) = tuned(NativeSession(drawn.bundle, 2)), tuned(drawn.session(seed=2))
    np.testing.assert_allclose(native, python, atol=1e-5)
    np.testing.assert_allclose(followed, expected, atol=1e-6)
    assert np.abs(followed).max() > 1e-2
    for others in ({"strength": 1.0}, {"feedback": 1.0}):
        assert np.abs(tuned(NativeSession(drawn.bundle, 2), **others)[0] - python).max() > 1e-3


@pytest.mark.parametrize(
    "request_",
    [
        lambda session: session.tune(seed=-1),
        lambda session: session.tune(steps=-1),
        lambda session: session.tune(guidance_scale=float("inf")),
        lambda session: session.tune(context_drop=5),
        lambda session: session.tune(feedback=1.25),
        lambda session: session.tune(feedback=float("nan")),
        lambda session: session.control("nothing"),
        lambda session: session.next_block(),
        lambda session: session.set_prompts([]),
        lambda session: session.set_prompts([(PAD, -1.0)]),
        lambda session: session.set_control("nothing", 1.0),
        lambda session: session.set_control("loudness", [np.nan]),
        lambda session: session.prime(np.zeros((3, 100), np.float32)),
        lambda session: session.prime(np.zeros((1, 1), np.float32)),
    ],
)
def test_refusals_are_those_of_the_python_engine(tiny: Tiny, request_):
    said = []
    for session in (NativeSession(tiny.bundle), tiny.session()):
        with pytest.raises(SessionError) as refusal:
            request_(session)
        said.append(str(refusal.value))
    assert said[0] == said[1]


@pytest.mark.parametrize(("kind", "strength"), [("loudness", 1.5), ("loudness", float("nan")), ("timbre", 0.5)])
def test_strengths_are_refused_as_by_the_python_engine(drawn: Tiny, kind: str, strength: float):
    said = []
    for session in (NativeSession(drawn.bundle), drawn.session()):
        with pytest.raises(SessionError) as refusal:
            session.sketch.set_strength(kind, strength)
        said.append(str(refusal.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("settings", [{"steps": 0}, {"solver": "none"}, {"seed": -1}, {"guidance_scale": float("nan")}])
def test_settings_are_refused_as_by_the_python_engine(tiny: Tiny, settings: dict):
    said = []
    for make in (lambda: NativeSession(tiny.bundle, **settings), lambda: tiny.session(**settings)):
        with pytest.raises(SessionError) as refusal:
            make()
        said.append(str(refusal.value))
    assert said[0] == said[1]


def test_a_damaged_bundle_is_a_bundle_error(tiny: Tiny, tmp_path: Path):
    folder = tmp_path / "bundle"
    shutil.copytree(tiny.folder, folder)
    with (folder / "graphs" / "weights.bin").open("r+b") as file:
        file.write(b"\xff")
    said = []
    for load in (lmdm_native.Bundle.load, load_bundle):
        with pytest.raises(BundleError) as refusal:
            load(folder)
        said.append(str(refusal.value))
    assert said[0] == said[1]


def test_no_onnxruntime_is_said(tiny: Tiny, tmp_path: Path):
    with pytest.raises(LmdmError, match=r"missing\.so"):
        NativeSession(tiny.bundle, library=tmp_path / "missing.so")


def test_cancel_from_another_thread(tiny: Tiny):
    session = NativeSession(tiny.bundle)
    session.set_prompt(PAD)
    thread = threading.Thread(target=session.cancel)
    thread.start()
    thread.join()
    with pytest.raises(RuntimeFault):
        session.next_block()
    session.resume()
    assert session.next_block().shape == (1, session.block_samples)


def test_philox_and_noise():
    counter = np.array([[1, 2, 3, 4]], np.uint32)
    assert list(lmdm_native.philox4x32([1, 2, 3, 4], [5, 6])) == philox4x32(counter, (5, 6))[0].tolist()
    values = np.empty((1, 3, 7), np.float32)
    lmdm_native.Noise(2**63 + 5).fill(2**40, 3, values)
    np.testing.assert_allclose(values, Noise(2**63 + 5).block(2**40, 3, values.shape), atol=1e-6)


def test_wrong_memory_is_refused():
    with pytest.raises(TypeError):
        lmdm_native.Noise(1).fill(0, 0, np.empty(8, np.float64))


def test_generate_with_either_engine(drawn: Tiny, tmp_path: Path):
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, np.random.default_rng(1).uniform(-0.5, 0.5, 64), 16)
    made = []
    for engine in ("native", "onnxruntime"):
        path = tmp_path / f"{engine}.wav"
        arguments = ["generate", drawn.folder, "-o", path, "--json", "--prompt", PAD, "--sketch", sound, "--engine", engine]
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["controls"]["sketch"]["controls"] == ["loudness"]
        made.append(soundfile.read(path)[0])
    np.testing.assert_allclose(made[0], made[1], atol=1e-4)


def test_stream_with_the_native_engine(tiny: Tiny):
    arguments = ["stream", str(tiny.folder), "--dry", "--seconds", "2", "--json", "--engine", "native"]
    result = CliRunner().invoke(main, arguments)
    assert json.loads(result.stdout)["blocks"] >= 2


@pytest.mark.heavy
def test_a_drawn_sketch_is_the_same_in_both_engines(tmp_path_factory: pytest.TempPathFactory):
    pytest.importorskip("torch")
    from tests.bundles import small_bundle

    bundle = load_bundle(small_bundle(tmp_path_factory, "tiny-sketch").bundle)

    def played(session: Engine, curve: list[float]) -> np.ndarray:
        session.set_prompt(PAD)
        session.draw("loudness", curve)
        session.draw("pitch", [[500.0], [700.0]])
        return np.concatenate([session.next_latents() for _ in range(4)], axis=2)

    curve = list(np.linspace(-50, -10, 12))
    native, python = played(NativeSession(bundle, 5), curve), played(Session(bundle, 5), curve)
    np.testing.assert_allclose(native, python, atol=1e-5)
    assert np.abs(played(NativeSession(bundle, 5), curve[::-1]) - python).max() > 1e-3
    for session in (NativeSession(bundle), Session(bundle)):
        with pytest.raises(SessionError, match="no sketch control 'timbre' to draw; its sketch controls are pitch, loudness"):
            session.draw("timbre", 1.0)
