"""Audio files of odd rates and layouts, and files that are no audio."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from lmdm_runtime.audio_io import AudioError, WavWriter, read_audio, to_channels, write_audio


def sine(rate: int, seconds: float = 0.5, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 192_000])
def test_any_rate_becomes_the_models_rate_and_keeps_its_pitch(tmp_path, rate):
    soundfile.write(tmp_path / "in.wav", sine(rate), rate)
    audio = read_audio(tmp_path / "in.wav", 44_100, 1)
    assert abs(audio.shape[1] - 22_050) <= 2
    inner = audio[0, 4000:-4000]
    expected = sine(44_100)[4000 : 4000 + len(inner)]
    assert np.abs(inner - expected).max() < 2e-3


@pytest.mark.parametrize(("channels", "wanted"), [(1, 1), (1, 2), (2, 1), (6, 2), (6, 1), (8, 2)])
def test_layouts_fold_and_spread(tmp_path, channels, wanted):
    soundfile.write(tmp_path / "in.wav", np.repeat(sine(44_100)[:, None], channels, axis=1), 44_100)
    audio = read_audio(tmp_path / "in.wav", 44_100, wanted)
    assert audio.shape[0] == wanted
    assert np.abs(audio).max() > 0.3


def test_surround_channels_go_to_their_side_and_low_frequencies_nowhere():
    fold = to_channels(np.eye(6), 2) * 1.7071
    assert np.allclose(fold[0], [1, 0, 0.7071, 0, 0.7071, 0])
    assert np.allclose(fold[1], [0, 1, 0.7071, 0, 0, 0.7071])


@pytest.mark.parametrize("name", ["missing.wav", "text.wav", "empty.wav", "silent_header.wav", "nan.wav"])
def test_what_is_no_audio_is_refused_in_one_sentence(tmp_path, name):
    (tmp_path / "text.wav").write_text("no audio at all")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "silent_header.wav", np.zeros((0, 2)), 44_100)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan, 0.1]), 44_100, subtype="FLOAT")
    with pytest.raises(AudioError) as refused:
        read_audio(tmp_path / name, 44_100, 2)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nothing_is_left_of_a_file_that_could_not_be_finished(tmp_path):
    blocks = [np.zeros((1, 100), np.float32), np.full((1, 100), np.nan, np.float32)]
    with pytest.raises(AudioError, match="not finite"):
        write_audio(tmp_path / "out.wav", blocks, 44_100, 1)
    assert os.listdir(tmp_path) == []


def test_an_earlier_file_survives_a_failed_one(tmp_path):
    with WavWriter(tmp_path / "out.wav", 44_100, 1) as writer:
        writer.write(np.full((1, 100), 0.25, np.float32))
    with pytest.raises(KeyboardInterrupt), WavWriter(tmp_path / "out.wav", 44_100, 1) as writer:
        raise KeyboardInterrupt
    audio, rate = soundfile.read(tmp_path / "out.wav")
    assert rate == 44_100
    assert np.allclose(audio, 0.25, atol=1e-4)
