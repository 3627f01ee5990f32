"""The C ABI from ctypes: a session equals the Python runtime, a processor plays what the session makes, and errors are sentences."""

from __future__ import annotations

import ctypes
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from lmdm_runtime import Session, load_bundle
from lmdm_runtime.backends.onnxruntime import OrtOptions
from lmdm_runtime.errors import LmdmError
from tests.runtime.tiny_sketch import sketched_tiny
from tests.runtime_cpp import c_library as c
from tests.runtime_cpp.programs import built

RNG = np.random.default_rng(31)
RATE = 8000
CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def library() -> c.Library:
    return c.Library(built("liblmdm.so"))


@pytest.fixture(autouse=True)
def _same_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's library, which this process has open already."""
    monkeypatch.setenv("LMDM_ONNXRUNTIME", str(Path(onnxruntime.__file__).parent / "capi"))


@pytest.fixture(scope="module", params=["encoder-decoder", "block-causal"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny bundle with a sketch, at a rate that a host can have."""
    folder = tmp_path_factory.mktemp("c") / request.param
    sketched_tiny(folder, request.param)
    document = json.loads((folder / "manifest.json").read_text())
    document["codec"]["sample_rate"] = RATE
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def generator(library: c.Library, bundle: Path) -> Iterator[c.CGenerator]:
    made = c.CGenerator(library, bundle, seed=5)
    yield made
    made.close()


def python_session(bundle: Path, **settings: object) -> Session:
    return Session(load_bundle(bundle), options=OrtOptions(threads=1), **settings)


def sound(samples: int) -> np.ndarray:
    return RNG.uniform(-1, 1, (1, samples)).astype(np.float32)


def test_a_session_equals_python(library: c.Library, generator: c.CGenerator, bundle: Path) -> None:
    """Prompts, mixes, a control, a sketch, priming and latents over 64 blocks."""
    session = python_session(bundle, seed=5)
    assert generator.info.block_samples == session.block_samples
    assert generator.info.sample_rate == RATE
    primed, fed, control, worst = sound(77), sound(640), RNG.uniform(-1, 1, (1, 9)).astype(np.float32), 0.0
    for block in range(64):
        if block % 16 == 0:
            mix = [("slow ambient pad", 0.2 + block / 64), ("fast techno with drums", 0.7)]
            generator.set_prompts(mix), session.set_prompts(mix)
        if block == 3:
            generator.set_control("loudness", control), session.set_control("loudness", control)
        if block == 12:
            generator.choose_sketch(["loudness"], 3), session.sketch.choose(["loudness"], smoothing=3)
            generator.feed_sketch(fed), session.sketch.feed(fed)
        if block == 40:
            generator.choose_sketch([]), session.sketch.choose([])
        if block == 50:
            generator.call("reset"), session.reset()
            heard = generator.prime(primed)
            np.testing.assert_allclose(heard, session.prime(primed), **CLOSE)
            assert heard.shape[1] > 0
        ours, theirs = generator.next_block(), session.next_block()
        worst = max(worst, float(np.abs(ours - theirs).max()))
    print(f"C ABI against Python over 64 blocks: max abs error {worst:.1e}")
    assert worst < 1e-5
    np.testing.assert_allclose(generator.next_latents(), session.next_latents(), **CLOSE)


@pytest.mark.parametrize("lost", [None, "seed", "steps", "guidance_scale", "context_drop", "feedback", "hold_noise", "strength"])
def test_tunings_equal_python(generator: c.CGenerator, bundle: Path, lost: str | None) -> None:
    """Every value of a tuning and a strength; the controls lose one of them on the way."""
    session, fed, rest = python_session(bundle, seed=5), sound(640), "strength"
    for each in (generator, session):
        each.set_prompts([("jazz trio", 1.0)])
        each.next_block()
    generator.choose_sketch(["loudness"]), session.sketch.choose(["loudness"])
    generator.feed_sketch(fed), session.sketch.feed(fed)
    session.sketch.set_strength("loudness", 0.5)
    generator.set_strength("loudness", 1.0 if lost == rest else 0.5)
    tuning = {"seed": 2**63 + 1, "steps": 2, "guidance_scale": 2.5, "context_drop": 1, "feedback": 0.5, "hold_noise": True}
    session.tune(**tuning)
    generator.tune(**{name: value for name, value in tuning.items() if name != lost})
    worst = 0.0
    for block in range(6):
        if block == 3:
            generator.set_prompts([("slow ambient pad", 1.0)]), session.set_prompts([("slow ambient pad", 1.0)])
        worst = max(worst, float(np.abs(generator.next_block() - session.next_block()).max()))
        if lost != rest:
            expected = session.control("loudness").reshape(-1)
            np.testing.assert_allclose(generator.control("loudness", expected.size), expected, atol=1e-6)
    assert worst < 1e-5 if lost is None else worst > 1e-3


def test_the_comparison_sees_another_seed(library: c.Library, bundle: Path, generator: c.CGenerator) -> None:
    """The control."""
    session = python_session(bundle, seed=6)
    generator.set_prompts([("jazz trio", 1.0)]), session.set_prompts([("jazz trio", 1.0)])
    assert np.abs(generator.next_block() - session.next_block()).max() > 1e-2


def test_settings_reach_the_session(library: c.Library, bundle: Path) -> None:
    made = c.CGenerator(library, bundle, seed=2**64 - 1, solver=b"rk4", steps=2, guidance_scale=0.5, has_guidance_scale=1)
    session = python_session(bundle, seed=2**64 - 1, solver="rk4", steps=2, guidance_scale=0.5)
    made.set_prompts([("jazz trio", 1.0)]), session.set_prompts([("jazz trio", 1.0)])
    np.testing.assert_allclose(made.next_block(), session.next_block(), **CLOSE)
    timings = c.Timings()
    made.call("get_timings", ctypes.byref(timings))
    assert timings.steps > 0
    made.close()


def test_an_embedding_and_the_manifest(library: c.Library, bundle: Path, generator: c.CGenerator) -> None:
    loaded, text, length = c.Pointer(), ctypes.c_char_p(), c.Size()
    library.call("bundle_load", str(bundle).encode(), ctypes.byref(loaded))
    library.call("bundle_manifest", loaded, ctypes.byref(text), ctypes.byref(length))
    assert json.loads(text.value) == json.loads((bundle / "manifest.json").read_text())
    assert length.value == len(text.value)
    library.free("bundle", loaded)
    session = python_session(bundle, seed=5)
    values = RNG.standard_normal((generator.info.text_tokens, generator.info.text_width)).astype(np.float32)
    generator.call("set_embedding", b"mine", c.floats(values), c.Size(values.size)), session.set_embedding("mine", values)
    generator.set_prompts([("mine", 1.0)]), session.set_prompts([("mine", 1.0)])
    np.testing.assert_allclose(generator.next_block(), session.next_block(), **CLOSE)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda s: s.set_prompts([("a", -1.0)]),
        lambda s: s.set_prompts([]),
        lambda s: s.set_control("tempo", np.zeros((1, 1), np.float32)),
        lambda s: s.set_control("loudness", np.full((1, 1), np.nan, np.float32)),
        lambda s: s.prime(np.zeros((1, 3), np.float32)),
        lambda s: s.next_block(),
    ],
)
def test_refusals_are_pythons_sentences(mistake, generator: c.CGenerator, bundle: Path) -> None:
    with pytest.raises(LmdmError) as theirs:
        mistake(python_session(bundle))
    with pytest.raises(c.Refusal) as ours:
        mistake(generator)
    assert str(ours.value) == str(theirs.value)
    assert ours.value.status == c.SESSION


def test_a_bundle_that_is_not_whole_is_refused(library: c.Library, tmp_path: Path) -> None:
    with pytest.raises(LmdmError) as theirs:
        load_bundle(tmp_path)
    with pytest.raises(c.Refusal) as ours:
        c.CGenerator(library, tmp_path)
    assert (ours.value.status, str(ours.value)) == (c.BUNDLE, str(theirs.value))


def test_cancel_from_another_thread(library: c.Library, generator: c.CGenerator, bundle: Path) -> None:
    session = python_session(bundle, seed=5)
    generator.set_prompts([("jazz trio", 1.0)]), session.set_prompts([("jazz trio", 1.0)])
    np.testing.assert_allclose(generator.next_block(), session.next_block(), **CLOSE)
    cancelling = threading.Thread(target=lambda: library.c.lmdm_generator_cancel(generator.handle))
    cancelling.start()
    cancelling.join()
    with pytest.raises(c.Refusal) as refused:
        generator.next_block()
    assert refused.value.status == c.CANCELLED
    assert library.c.lmdm_generator_resume(generator.handle) == c.OK
    np.testing.assert_allclose(generator.next_block(), session.next_block(), **CLOSE)


def test_a_processor_plays_what_a_session_makes(library: c.Library, generator: c.CGenerator, bundle: Path) -> None:
    """Offline, at the bundle's own rate: the session's blocks, `latency_samples` later, in calls of every size."""
    session = python_session(bundle, seed=5)
    session.set_prompts([("jazz trio", 1.0)])
    processor, latency, metrics = c.Pointer(), ctypes.c_int64(), c.Metrics()
    options = c.ProcessorOptions(offline=1)
    library.call("processor_create", ctypes.byref(generator.handle), ctypes.byref(options), ctypes.byref(processor))
    assert not generator.handle
    library.call("processor_set_prompt", processor, b"jazz trio")
    library.call("processor_prepare", processor, c.Real(RATE), c.Int(1), c.Int(64))
    assert library.c.lmdm_processor_latency_samples(processor, ctypes.byref(latency)) == c.OK
    heard = np.zeros((1, 0), dtype=np.float32)
    while heard.shape[1] < latency.value + 20 * session.block_samples:
        audio = np.full((1, int(RNG.integers(1, 65))), 0.5, dtype=np.float32)
        assert library.c.lmdm_processor_process(processor, None, c.planes(audio), c.Int(1), c.Int(audio.shape[1])) == c.OK
        heard = np.concatenate((heard, audio), axis=1)
    expected = np.concatenate([session.next_block() for _ in range(20)], axis=1)
    music = heard[:, latency.value :][:, : expected.shape[1]]
    skipped = session.block_samples  # the beginning is faded in
    np.testing.assert_allclose(music[:, skipped:], expected[:, skipped:], **CLOSE)
    assert np.abs(music[:, skipped + 1 :] - expected[:, skipped:-1]).max() > 1e-2, "the control: one sample late"
    assert library.c.lmdm_processor_get_metrics(processor, ctypes.byref(metrics)) == c.OK
    assert metrics.blocks >= 20
    assert (metrics.underruns, metrics.failed) == (0, 0)
    library.free("processor", processor)
