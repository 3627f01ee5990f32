"""What a demo writes can be read back, and its picture shows levels as they are."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from lmdm_train.engine.demo import WINDOW, spectrogram_db, write_sound

RATE = 44_100


@pytest.mark.parametrize("amplitude", [1.0, 0.1])
def test_a_sine_shows_its_level_at_its_frequency(amplitude):
    line = 100
    level = spectrogram_db(amplitude * np.sin(2 * np.pi * line / WINDOW * np.arange(4 * WINDOW)))
    assert level[line] == pytest.approx(20 * np.log10(amplitude), abs=0.1)
    assert level[line + 10].max() < -60


def test_a_sound_comes_back_clipped_at_full_scale_with_its_picture(tmp_path):
    audio = torch.linspace(-2, 2, 3 * WINDOW)[None]
    write_sound(tmp_path / "sweep", audio, RATE)
    again, rate = soundfile.read(tmp_path / "sweep.wav", dtype="float32")
    assert rate == RATE
    assert again == pytest.approx(audio[0].clamp(-1, 1).numpy(), abs=1e-4)
    assert (tmp_path / "sweep.png").stat().st_size > 1000
