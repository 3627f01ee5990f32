"""Where recorded audio ends and its continuation begins."""

from __future__ import annotations

import numpy as np

from lmdm_runtime.joining import leading_to_stream


def test_the_end_is_the_decoders_and_the_rest_is_untouched():
    audio, heard = np.full((1, 5000), 0.5, np.float32), np.full((1, 3000), -0.25, np.float32)
    joined = leading_to_stream(audio, heard, 0, fade_samples=1000)
    assert joined.shape == (1, 5000)
    assert np.array_equal(joined[:, :4000], audio[:, :4000])
    assert abs(joined[0, -1] + 0.25) < 2e-3
    assert np.abs(np.diff(joined[0])).max() < 2e-3


def test_a_delayed_stream_begins_before_the_audio_ends():
    audio = np.arange(5000, dtype=np.float32)[None]
    joined = leading_to_stream(audio, audio[:, 1000:4000], delay_samples=1000, fade_samples=500)
    assert joined.shape == (1, 4000)
    # The fade ends half a sample before its last angle, where a trace of the recorded audio (0.16 %) is left.
    assert abs(joined[0, -1] - 3999) < 0.002 * 3999


def test_audio_too_short_to_be_heard_passes():
    audio = np.ones((2, 100), np.float32)
    assert np.array_equal(leading_to_stream(audio, np.zeros((2, 0), np.float32), 0), audio)
