"""The arithmetic and the cutting of the published metrics, against the formulas their toolkits state."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from scipy.linalg import sqrtm
from scipy.special import softmax
from scipy.stats import entropy

from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.adapters.passt import RATE, cut
from lmdm_train.evaluate.adapters.scores import class_probabilities, kl_divergence, mean_cosine
from lmdm_train.evaluate.adapters.sounds import audio_files, mono, pairs, windows
from lmdm_train.evaluate.distance import frechet_distance


def test_kl_is_scipys_of_generated_given_reference_and_not_the_other_way():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((2, 5, 527)) * 2
    real, made = (class_probabilities(torch.from_numpy(item)) for item in logits)
    expected = [softmax(item.mean(axis=0)) for item in logits]
    assert np.allclose(real, expected[0])
    assert kl_divergence(real, made) == pytest.approx(entropy(expected[1], expected[0]), rel=2e-3)
    assert kl_divergence(real, made) != pytest.approx(entropy(expected[0], expected[1]), rel=2e-3)


def test_kl_takes_the_mean_of_logits_before_the_softmax():
    logits = torch.tensor([[8.0, 0.0], [0.0, 1.0]])
    assert torch.allclose(class_probabilities(logits), logits.double().mean(0).softmax(0))
    assert not torch.allclose(class_probabilities(logits), logits.double().softmax(1).mean(0), atol=0.05)


def test_a_class_that_the_reference_never_hears_costs_what_the_epsilon_says():
    assert kl_divergence(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])) == pytest.approx(-np.log(1e-6), rel=1e-3)


def test_frechet_distance_is_that_of_stable_audio_metrics():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((300, 12)), rng.standard_normal((260, 12)) @ rng.standard_normal((12, 12)) + 0.4
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    shift = a.mean(0) - b.mean(0)
    theirs = shift @ shift + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    assert frechet_distance(a, b) == pytest.approx(theirs, rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_a_cosine_of_the_wrong_prompts_is_lower():
    text = torch.nn.functional.normalize(torch.randn(6, 32, generator=torch.Generator().manual_seed(0)), dim=1)
    assert mean_cosine(3 * text, text) == pytest.approx(1)
    assert mean_cosine(text.roll(1, 0), text) < 0.5
    with pytest.raises(LmdmTrainError, match="one shape"):
        mean_cosine(text[:5], text)


@pytest.mark.parametrize(("seconds", "starts"), [(7, [0]), (10, [0]), (11, [0, 5]), (47, [0, 5, 10, 15, 20, 25, 30, 35, 40])])
def test_passt_hears_the_windows_of_stable_audio_metrics(seconds, starts):
    audio = np.arange(1, seconds * RATE + 1, dtype=np.float32)
    rows = cut(audio)
    assert [int(row[0] - 1) // RATE for row in rows] == starts
    assert rows.shape[1] == 10 * RATE
    assert (rows[-1] > 0).sum() == min(10, seconds - starts[-1]) * RATE


def test_too_short_a_file_is_refused_by_passt():
    with pytest.raises(LmdmTrainError, match=r"1\.50 s is too short"):
        cut(np.ones(RATE * 3 // 2, dtype=np.float32))


@pytest.mark.parametrize(("samples", "count"), [(30, 1), (50, 1), (51, 2), (75, 2), (76, 3)])
def test_windows_cover_every_sample_once_the_end_is_filled(samples, count):
    cut_up = windows(np.arange(1, samples + 1, dtype=np.float32), 50, 25)
    assert cut_up.shape == (count, 50)
    assert set(range(1, samples + 1)) <= set(cut_up.ravel().astype(int))


def test_a_file_is_heard_mono_with_its_peak_at_minus_one_decibel(tmp_path):
    stereo = np.stack([np.full(4410, 0.2), np.full(4410, 0.4)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 44100, subtype="FLOAT")
    assert np.abs(mono(tmp_path / "a.wav", 44100)).max() == pytest.approx(10 ** (-1 / 20))
    soundfile.write(tmp_path / "silent.wav", 0 * stereo, 44100)
    assert not mono(tmp_path / "silent.wav", 44100).any()


def test_files_pair_by_name_and_a_lone_one_is_named(tmp_path):
    for folder, names in (("real", ["a.wav", "b.flac"]), ("made", ["a.wav", "c.wav"])):
        (tmp_path / folder).mkdir()
        for name in names:
            soundfile.write(tmp_path / folder / name, np.zeros(100), 16000)
    with pytest.raises(LmdmTrainError, match=r"1 of 2 files .* the first is c"):
        pairs(tmp_path / "real", tmp_path / "made")
    (tmp_path / "made" / "c.wav").unlink()
    assert list(pairs(tmp_path / "real", tmp_path / "made")) == ["a"]
    soundfile.write(tmp_path / "made" / "a.flac", np.zeros(100), 16000)
    with pytest.raises(LmdmTrainError, match="2 audio files of 1 different names"):
        audio_files(tmp_path / "made")
