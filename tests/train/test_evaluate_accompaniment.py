"""Coherence with an accompaniment: true pairs, random pairs, and pairs that are spoilt on purpose."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.stats
import soundfile
import torch
from torch import Tensor

from lmdm_train.control import AccompanimentControl
from lmdm_train.data.music import Track
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.accompaniment import Scale, StemPairs, auc, chroma_agreement, onset_agreement
from lmdm_train.evaluate.accompany import after_context, play_along, visibilities
from lmdm_train.presets import preset
from tests.small_instruments import small_instrument
from tests.train.evaluate_music import SAMPLE_RATE

SECONDS = 6.0


def duet(seed: int) -> tuple[Tensor, Tensor]:
    """Two instruments in one rhythm and one key, [samples] each: a bass on roots and chords above it."""
    rng = np.random.default_rng(seed)
    beat, n = 0.3 + 0.25 * rng.random(), np.arange(int(SECONDS * SAMPLE_RATE))
    low, high = np.zeros(len(n)), np.zeros(len(n))
    root = 55 * 2 ** (rng.integers(12) / 12)
    for start in np.arange(0, SECONDS, beat):
        if rng.random() < 0.3:
            continue
        hz = root * 2 ** (rng.choice([0, 5, 7]) / 12)
        where = n >= start * SAMPLE_RATE
        t = n[where] / SAMPLE_RATE - start
        low[where] += 0.2 * np.exp(-6 * t) * np.sin(2 * np.pi * hz * t)
        high[where] += 0.05 * np.exp(-5 * t) * sum(np.sin(2 * np.pi * hz * 4 * 2 ** (i / 12) * t) for i in (0, 4, 7))
    return torch.from_numpy(low).float(), torch.from_numpy(high).float()


@pytest.fixture(scope="module")
def pairs() -> StemPairs:
    stems, rests = zip(*(duet(seed) for seed in range(8)), strict=True)
    return StemPairs(SAMPLE_RATE, torch.stack(stems), torch.stack(rests), ["bass"] * 8)


@pytest.fixture(scope="module")
def scale(pairs) -> Scale:
    return Scale.of(pairs)


def test_auc_is_the_statistic_of_mann_and_whitney():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 30).astype(float), rng.integers(2, 11, 20).astype(float)
    assert auc(a, b) == pytest.approx(scipy.stats.mannwhitneyu(a, b).statistic / (30 * 20))
    assert auc(b, b) == 0.5


def test_onsets_tell_true_pairs_from_random_ones(scale):
    assert scale.auc()["onset"] > 0.95
    assert scale.true["onset"].mean() > 0.5 > 0.2 > scale.random["onset"].mean()
    assert scale.auc()["chroma"] > 0.7


def test_the_scale_runs_from_random_to_true(pairs, scale):
    for item in scale.coherence("true", pairs.stem, pairs):
        assert item.relative == pytest.approx(1)
    for item in scale.coherence("another's", pairs.stem.roll(1, dims=0), pairs):
        assert abs(item.relative) < 0.5
    silent = {item.metric: item for item in scale.coherence("silence", torch.zeros_like(pairs.stem), pairs)}
    assert silent["onset"].score == silent["chroma"].score == 0


def test_coherence_falls_with_delay_noise_and_a_wrong_key(pairs, scale):
    def onset(stem: Tensor) -> float:
        return scale.coherence("", stem, pairs)[0].relative

    def key(stem: Tensor) -> float:
        return scale.coherence("", stem, pairs)[1].relative

    late = [onset(pairs.stem.roll(int(seconds * SAMPLE_RATE), dims=1)) for seconds in (0.0, 0.02, 0.12)]
    assert late[0] == pytest.approx(late[1], abs=0.05)  # within the tolerance of 46 ms
    assert late[2] < 0.5 * late[0]
    noise = torch.randn(pairs.stem.shape, generator=torch.Generator().manual_seed(0))
    noisy = [onset(pairs.stem + level * noise) for level in (0.0, 0.005, 0.1)]
    assert noisy[0] > noisy[1] > noisy[2]
    # A semitone up by resampling: the rhythm shifts by less than the tolerance only at the start, the key is wrong everywhere.
    n = torch.arange(int(pairs.stem.shape[1] / 2 ** (1 / 12)))
    sharp = pairs.stem[:, (n * 2 ** (1 / 12)).long()]
    assert key(sharp) < 0.3 * key(pairs.stem)


def test_agreement_is_symmetric_and_does_not_mind_level(pairs):
    for agree in (onset_agreement, chroma_agreement):
        forth, back = agree(pairs.stem, pairs.rest, SAMPLE_RATE), agree(pairs.rest, pairs.stem, SAMPLE_RATE)
        assert forth == pytest.approx(back, abs=1e-4)
        assert forth == pytest.approx(agree(pairs.stem * 0.1, pairs.rest, SAMPLE_RATE), abs=0.02)


def write_track(folder, seed: int, stems: int = 2) -> Track:
    low, high = duet(seed)
    (folder / "stems").mkdir(parents=True)
    about = {}
    for index, audio in enumerate((low, high, high * 0.5)[:stems]):
        soundfile.write(folder / "stems" / f"S{index:02d}.flac", audio.numpy(), SAMPLE_RATE)
        role, name = (("bass", "slap bass"), ("chords", "organ"), ("lead", "flute"))[index]
        about[f"S{index:02d}"] = {"inst_class": role, "midi_program_name": name}
    (folder / "metadata.json").write_text(json.dumps({"stems": about}))
    return Track(folder, {"stems": about, "seed": seed})


def test_the_rest_of_a_stem_is_the_sum_of_the_others(tmp_path):
    tracks = [write_track(tmp_path / str(i), i, stems=3) for i in range(2)] + [write_track(tmp_path / "solo", 9, stems=1)]
    found = StemPairs.read(tracks, SAMPLE_RATE, 2048, 4.0, role="bass")
    assert found.names == ["slap bass", "slap bass"]
    assert found.stem.shape == (2, 4 * SAMPLE_RATE // 2048 * 2048)
    low, high = duet(0)
    assert torch.allclose(found.rest[0], 1.5 * high[: found.rest.shape[1]], atol=1e-3)
    assert torch.allclose(found.stem[0], low[: found.stem.shape[1]], atol=1e-3)
    with pytest.raises(LmdmTrainError, match="0 of 3 tracks have drums stem and another beside it"):
        StemPairs.read(tracks, SAMPLE_RATE, 2048, 4.0, role="drums")


def test_the_future_visibility_decides_what_is_seen():
    """Accompaniment that differs after the cutoff alone changes nothing; with a later cutoff it does."""
    instrument = small_instrument(preset("tiny-accompaniment", layout="40/4"))
    layout, size = instrument.config.layout, instrument.config.codec.frame_size
    audio = torch.randn(2, (layout.context + layout.block) * size, generator=torch.Generator().manual_seed(1)) * 0.1
    # The codec's encoder looks ahead, so what comes later is heard in earlier frames too.
    other = audio.clone()
    other[:, (layout.context + 2) * size :] = 0
    hidden = 2 - instrument.codec.encoder_context()[1]
    played = {}
    for visibility in (hidden, layout.block):
        played[visibility] = [
            play_along(instrument, StemPairs(SAMPLE_RATE, audio, rest, ["bass", "bass"]), visibility) for rest in (audio, other)
        ]
    assert torch.equal(*played[hidden])
    assert not torch.equal(*played[layout.block])
    assert after_context(StemPairs(SAMPLE_RATE, audio, other, []), instrument.config).rest.shape[1] == layout.block * size


def test_visibilities_are_those_of_training_unless_asked():
    config = preset("tiny-accompaniment")
    assert visibilities(config) == [-2]
    several = config.model_copy(update={"controls": (AccompanimentControl(cutoff=10, train_cutoffs=(4, 12, 16)),)})
    assert visibilities(several) == [-8, -2, 0, 4]
    assert visibilities(config, [3, 0]) == [0, 3]
    with pytest.raises(LmdmTrainError, match="t_f of 5 frames lies outside of layout 12/4; expected -11 to 4"):
        visibilities(config, [5])
    with pytest.raises(LmdmTrainError, match="tiny has no accompaniment control"):
        visibilities(preset("tiny"))
