"""Drawn sketches are what the training definition makes of the same levels and pitches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmdm_export.manifest_document import control_entries
from lmdm_runtime.control_entry import ControlEntry, Group, control_entry
from lmdm_runtime.drawing import drawn
from lmdm_runtime.errors import SessionError
from lmdm_train.control import LoudnessControl, PitchControl
from lmdm_train.presets import preset

PITCH, LOUDNESS = (control_entry(entry) for entry in control_entries(preset("default")))


def test_a_drawn_level_is_what_training_makes_of_it():
    levels = np.concatenate((np.linspace(-75, 5, 200), [np.nan]))
    expected = LoudnessControl().shape(torch.from_numpy(np.nan_to_num(levels, nan=-100.0)).float()[None, None])[0].numpy()
    made = drawn(LOUDNESS, levels)
    assert (made[0] == 1).all()
    np.testing.assert_allclose(made[1:], expected, atol=2e-6)
    assert np.abs(drawn(LOUDNESS, levels + 1)[1:] - expected).max() > 0.2


def test_drawn_voices_are_the_bins_that_training_finds():
    """Peaks of a frame in which only these notes sound, all equally loud."""
    control = PitchControl()
    voices = np.array([[220.0, 440.0, np.nan], [329.6, np.nan, np.nan]])
    raw = torch.full((1, control.values, 3), -100.0)
    for frame, notes in enumerate(voices.T):
        for hz in notes[np.isfinite(notes)]:
            raw[0, round(12 * np.log2(hz / control.lowest_hz)), frame] = -20.0
    np.testing.assert_array_equal(drawn(PITCH, voices)[1:], control.shape(raw)[0].numpy())
    np.testing.assert_array_equal(drawn(PITCH, 440.0)[1:, 0], control.shape(raw)[0, :, 1].numpy())
    assert not drawn(PITCH, voices * 2 ** (1 / 12))[1:].T[0] @ drawn(PITCH, voices)[1:].T[0]


@pytest.mark.parametrize(
    ("control", "values", "message"),
    [
        (LOUDNESS, [[-20.0], [-30.0]], r"a drawn loudness has shape \[2, 1\], expected \[frames\]"),
        (PITCH, np.ones((73, 1)), r"has shape \[73, 1\], expected \[frames\] or \[voices, frames\]"),
        (LOUDNESS, [], "shape"),
        (LOUDNESS, "loud", "takes numbers in dB, found 'loud'"),
        (LOUDNESS, np.inf, "infinite"),
        (PITCH, [440.0, 0.0], "not above 0 Hz"),
        (ControlEntry("level", "sketch", (Group("level", 3),), presence=0), 1.0, "states no axis; feed it audio"),
    ],
)
def test_what_cannot_be_drawn_is_explained(control, values, message):
    with pytest.raises(SessionError, match=message):
        drawn(control, values)
