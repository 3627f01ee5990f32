"""Streams of every codec kind against one decode of all frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime.backends.onnxruntime import OrtBackend
from lmdm_runtime.codec_stream import StreamDecoder, StreamEncoder
from tests.runtime.conftest import Tiny, make_tiny


@pytest.fixture(scope="module", params=["context", "fade"])
def looking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp(request.param) / "bundle", "encoder-decoder", request.param)


def frames_of(tiny: Tiny, blocks: int, seed: int = 0) -> np.ndarray:
    z = tiny.model.sizes
    return np.random.default_rng(seed).standard_normal((1, z.channels, blocks * z.block)).astype(np.float32)


def streamed(tiny: Tiny, decoder: StreamDecoder, frames: np.ndarray) -> np.ndarray:
    o = tiny.model.sizes.block
    return np.concatenate([decoder.decode(frames[..., start : start + o]) for start in range(0, frames.shape[2], o)], axis=1)


def test_state_begins_with_its_first_values(causal: Tiny):
    decoder, frames = StreamDecoder(causal.bundle, OrtBackend(causal.bundle)), frames_of(causal, 5)
    np.testing.assert_allclose(streamed(causal, decoder, frames), causal.model.decode_state(frames), atol=1e-5)
    decoder.reset()
    np.testing.assert_allclose(streamed(causal, decoder, frames), causal.model.decode_state(frames), atol=1e-5)


def test_look_ahead_is_paid_exactly(tmp_path: Path):
    tiny = make_tiny(tmp_path / "bundle", "encoder-decoder", "context")
    frames, delay = frames_of(tiny, 6), tiny.model.sizes.delay * tiny.model.sizes.frame_size
    audio = streamed(tiny, StreamDecoder(tiny.bundle, OrtBackend(tiny.bundle)), frames)
    assert not audio[:, :delay].any()
    np.testing.assert_allclose(audio[:, delay:], tiny.model.decode_context(frames)[:, :-delay], atol=1e-5)


def test_a_fade_blends_two_runs(tmp_path: Path):
    tiny = make_tiny(tmp_path / "bundle", "encoder-decoder", "fade")
    z, blocks = tiny.model.sizes, 6
    frames, size = frames_of(tiny, blocks), tiny.model.sizes.frame_size
    audio = streamed(tiny, StreamDecoder(tiny.bundle, OrtBackend(tiny.bundle)), frames)
    expected = np.zeros_like(audio)
    rise = ((np.arange(size) + 0.5) / size).astype(np.float32)
    held = np.zeros(size, np.float32)
    for block in range(blocks):
        # A run hears one frame before what it makes, and nothing behind it.
        first, last = block * z.block - z.delay, (block + 1) * z.block
        heard = np.pad(frames, ((0, 0), (0, 0), (2, 0)))[..., first + 2 - 1 : last + 2]
        run = tiny.model.decode_context(heard)[0, size:]
        if block:
            run[:size] = held + rise * (run[:size] - held)
        held = run[-size:]
        expected[0, block * z.block * size : (block + 1) * z.block * size] = run[:-size]
    expected[:, :size] = 0
    np.testing.assert_allclose(audio, expected, atol=1e-5)


def test_a_session_delays_its_audio(looking: Tiny):
    session = looking.session()
    session.set_prompt("jazz trio")
    made = [(session.next_block(), session.latent_block) for _ in range(4)]
    audio, frames = (np.concatenate(parts, axis=-1) for parts in zip(*made, strict=True))
    assert session.delay_samples == looking.model.sizes.frame_size
    again = streamed(looking, StreamDecoder(looking.bundle, OrtBackend(looking.bundle)), frames)
    np.testing.assert_array_equal(audio, again)
    assert audio[:, session.delay_samples :].any()


def test_primed_music_goes_on_where_the_audio_ends(looking: Tiny):
    """The first block after priming begins with the end of the primed frames, where an unprimed stream is silent."""
    session, z = looking.session(), looking.model.sizes
    session.prime(np.random.default_rng(3).standard_normal((1, 6 * z.frame_size)))
    session.set_prompt("jazz trio")
    assert session.next_block()[:, : session.delay_samples].any()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_encoding_any_number_of_frames(causal: Tiny, count: int):
    audio = np.random.default_rng(count).standard_normal((1, count * causal.model.sizes.frame_size)).astype(np.float32)
    encoder = StreamEncoder(causal.bundle, OrtBackend(causal.bundle))
    for _ in range(2):
        np.testing.assert_allclose(encoder.encode(audio), causal.model.encode(audio), atol=1e-6)
