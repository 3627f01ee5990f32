"""What a block sees of the accompaniment, whatever the pieces in which it comes, against a cut of all its frames."""

from __future__ import annotations

import numpy as np
import pytest

from lmdm_runtime import SessionError
from lmdm_runtime.accompaniment import AccompanimentStream
from lmdm_runtime.backends.onnxruntime import OrtBackend
from lmdm_runtime.control_entry import ControlEntry, Group
from tests.runtime.conftest import Tiny

BLOCKS = 9


def stream(tiny: Tiny, cutoff: int) -> AccompanimentStream:
    z = tiny.model.sizes
    groups = (Group("accomp_mask", 1), Group("accomp_input", z.channels))
    control = ControlEntry("accompaniment", "accompaniment", groups, cutoff=cutoff, t_f=cutoff - z.context)
    return AccompanimentStream(tiny.bundle, OrtBackend(tiny.bundle), control)


def recording(tiny: Tiny, blocks: int = BLOCKS + 1) -> np.ndarray:
    samples = blocks * tiny.model.sizes.block * tiny.model.sizes.frame_size
    return np.random.default_rng(0).standard_normal((1, samples)).astype(np.float32)


def expected(tiny: Tiny, frames: np.ndarray, block: int, cutoff: int) -> dict[str, np.ndarray]:
    """Window [block * o - s, block * o + o) of the frames, nothing from the cutoff on; before frame 0 there is nothing either."""
    z = tiny.model.sizes
    padded = np.pad(frames, ((0, 0), (0, 0), (z.context, z.block)))[..., block * z.block :][..., : z.context + z.block].copy()
    padded[..., cutoff:] = 0
    mask = np.zeros((1, 1, z.context + z.block), np.float32)
    mask[..., :cutoff] = 1
    return {"accomp_mask": mask, "accomp_input": padded}


@pytest.mark.parametrize("cutoff", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("piece", [None, 16, 7])
def test_windows_slide_over_the_encoded_audio(causal: Tiny, cutoff: int, piece: int | None):
    audio, other = recording(causal), stream(causal, cutoff)
    frames = causal.model.encode(audio)
    for start in range(0, audio.shape[1], piece or audio.shape[1]):
        other.feed(audio[:, start : start + (piece or audio.shape[1])])
    for block in range(BLOCKS):
        seen = other.window()
        for name, values in expected(causal, frames, block, cutoff).items():
            np.testing.assert_allclose(seen[name], values, atol=1e-6)
        wrong = expected(causal, frames, block, cutoff + 1 if cutoff < 6 else cutoff - 1)
        assert not np.array_equal(seen["accomp_mask"], wrong["accomp_mask"])
        other.advance()


@pytest.mark.parametrize("cutoff", [3, 6])
def test_live_use_needs_no_more_than_it_sees(causal: Tiny, cutoff: int):
    """Fed block by block, a cutoff inside the context plays along from the past; one beyond it needs the block ahead."""
    z, audio = causal.model.sizes, recording(causal)
    samples, frames = z.block * z.frame_size, causal.model.encode(audio)
    other = stream(causal, cutoff)
    ahead = 1 if cutoff > z.context else 0
    other.feed(audio[:, : ahead * samples])
    for block in range(BLOCKS):
        np.testing.assert_allclose(other.window()["accomp_input"], expected(causal, frames, block, cutoff)["accomp_input"], atol=1e-6)
        other.advance()
        other.feed(audio[:, (block + ahead) * samples : (block + ahead + 1) * samples])


def test_frames_that_are_not_there_are_asked_for(causal: Tiny):
    z, audio = causal.model.sizes, recording(causal)
    other = stream(causal, 6)
    other.feed(audio[:, : z.block * z.frame_size])
    other.window()
    other.advance()
    with pytest.raises(SessionError, match=r"block 1 needs 4 frames of accompaniment \(2.00 s\), 2 are known; .*2 frames into the block"):
        other.window()
    other.feed(audio[:, z.block * z.frame_size : 2 * z.block * z.frame_size])
    other.window()


def test_frames_in_place_of_audio(causal: Tiny):
    frames, cutoff = causal.model.encode(recording(causal)), 5
    other = stream(causal, cutoff)
    other.feed_frames(frames[0, :, :7])
    other.feed_frames(frames[..., 7:])
    for block in range(BLOCKS):
        np.testing.assert_array_equal(other.window()["accomp_input"], expected(causal, frames, block, cutoff)["accomp_input"])
        other.advance()
    with pytest.raises(SessionError, match="begun as frames"):
        other.feed(recording(causal))


def test_without_accompaniment_all_is_zero_and_a_late_one_begins_with_the_next_block(causal: Tiny):
    z, audio, other = causal.model.sizes, recording(causal), stream(causal, 5)
    for _ in range(3):
        assert not any(values.any() for values in other.window().values())
        other.advance()
    other.feed(audio)
    frames = np.pad(causal.model.encode(audio), ((0, 0), (0, 0), (3 * z.block, 0)))
    for block in range(3, 7):
        np.testing.assert_allclose(other.window()["accomp_input"], expected(causal, frames, block, 5)["accomp_input"], atol=1e-6)
        other.advance()
    other.stop()
    assert not any(values.any() for values in other.window().values())
    other.reset()
    other.feed(audio)
    np.testing.assert_allclose(
        other.window()["accomp_input"], expected(causal, causal.model.encode(audio), 0, 5)["accomp_input"], atol=1e-6
    )


@pytest.mark.parametrize("audio", [np.zeros((2, 64)), np.full((1, 64), np.inf), np.zeros((1, 1, 64))])
def test_bad_audio(causal: Tiny, audio: np.ndarray):
    with pytest.raises(SessionError, match="the accompaniment"):
        stream(causal, 3).feed(audio)


def test_bad_frames(causal: Tiny):
    for frames in (np.zeros((3, 4)), np.full((2, 4), np.nan), np.zeros(4)):
        with pytest.raises(SessionError, match="accompaniment frames"):
            stream(causal, 3).feed_frames(frames)
    other = stream(causal, 3)
    other.feed(recording(causal))
    with pytest.raises(SessionError, match="begun as audio"):
        other.feed_frames(np.zeros((2, 4)))
