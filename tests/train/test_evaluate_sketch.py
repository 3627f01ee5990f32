"""Sketch following: the measure moves the right way on spoilt music, and the controls of a rollout are where they should be."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from lmdm_train.codec.spectral import SpectralCodec as DefaultCodec
from lmdm_train.config import InstrumentConfig
from lmdm_train.control import LoudnessControl
from lmdm_train.control.sketch import finish, raw_features
from lmdm_train.data.music import Track
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.loudness import Swell, loudness_response, swell_following
from lmdm_train.evaluate.sketch import Sketches, following, play_sketches, sketch_following
from lmdm_train.presets import preset
from tests.small_instruments import PROMPTS, small_instrument
from tests.train.evaluate_music import SAMPLE_RATE, music


def sketching(kinds: tuple[str, ...] = ("pitch", "loudness")) -> InstrumentConfig:
    """The default instrument, or some of its controls; nothing but the configuration is needed to measure."""
    config = preset("default")
    return config.model_copy(update={"controls": tuple(control for control in config.controls if control.kind in kinds)})


@pytest.fixture(scope="module")
def config() -> InstrumentConfig:
    return sketching()


@pytest.fixture(scope="module")
def pieces() -> Tensor:
    """Four pieces whose level rises and falls in ways of their own."""
    audio = torch.cat([music(seed, 4.0) for seed in range(4)])
    n = torch.arange(audio.shape[1]) / SAMPLE_RATE
    swells = torch.stack([10 ** (torch.sin(2 * torch.pi * (0.3 + 0.2 * k) * n + k) - 0.5) for k in range(4)])
    return (audio * swells)[:, : audio.shape[1] // 2048 * 2048]


def sketch(config: InstrumentConfig, audio: Tensor) -> dict[str, Tensor]:
    return finish(config, raw_features(config, audio), 1)


def test_music_follows_its_own_sketch_and_no_other(config, pieces):
    asked = sketch(config, pieces)
    own = following(config, asked, asked, "own")
    assert own.loudness_correlation == pytest.approx(1, abs=1e-5)
    assert own.loudness_error_db == 0
    assert own.bin_recall == own.class_recall == 1
    foreign = following(config, asked, {name: value.roll(-1, dims=0) for name, value in asked.items()}, "foreign")
    assert foreign.loudness_correlation < 0.5
    assert foreign.loudness_error_db > 3
    assert foreign.bin_recall < 0.5
    assert foreign.class_recall < 0.7
    assert foreign.errors["loudness_correlation"] > own.errors["loudness_correlation"]


def test_louder_by_six_decibels_is_an_error_of_six_and_no_loss_of_correlation(config, pieces):
    # Loud enough that hardly a frame lies at either end of the scale.
    loud = pieces * 4
    found = following(config, sketch(config, loud * 10 ** (-6 / 20)), sketch(config, loud), "")
    assert found.loudness_error_db == pytest.approx(6, abs=0.6)
    assert found.loudness_correlation > 0.98
    assert found.bin_recall > 0.9


@pytest.mark.parametrize("kind", ["noise", "flat", "transposed"])
def test_following_falls_with_what_spoils_it(config, pieces, kind):
    """Each damage lowers what it must, step by step, and a flat level does not touch the pitches."""
    noise = torch.randn(pieces.shape, generator=torch.Generator().manual_seed(0))
    level = pieces.abs().unfold(1, 4096, 2048).mean(-1)
    level = torch.nn.functional.interpolate(level[:, None], pieces.shape[1], mode="linear")[:, 0] + 1e-4
    worse = {
        "noise": lambda amount: pieces + 0.05 * amount * noise,
        "flat": lambda amount: pieces * (0.1 / level) ** (amount / 2),
        "transposed": lambda amount: torch.from_numpy(stretched(pieces.numpy(), 2 ** (amount / 12))),
    }[kind]
    asked = sketch(config, pieces)
    steps = [following(config, sketch(config, worse(amount)), asked, "") for amount in (0, 1, 2)]
    lowered = {
        "noise": ["loudness_correlation", "bin_recall"],
        "flat": ["loudness_correlation"],
        "transposed": ["bin_recall", "class_recall"],
    }
    for metric in lowered[kind]:
        values = [getattr(step, metric) for step in steps]
        assert values[0] > values[1], (metric, values)
        assert values[0] > values[2] + 0.05, (metric, values)
    if kind == "flat":
        assert steps[2].bin_recall > 0.8


def stretched(audio: np.ndarray, ratio: float) -> np.ndarray:
    """Faster and higher by a ratio, repeated to the same length."""
    places = (np.arange(audio.shape[1]) * ratio) % (audio.shape[1] - 1)
    return audio[:, places.astype(int)]


def test_an_instrument_without_a_control_has_no_figure_for_it(pieces):
    config = sketching(("loudness",))
    asked = sketch(config, pieces)
    found = following(config, asked, asked, "")
    assert found.loudness_correlation == pytest.approx(1, abs=1e-5)
    assert np.isnan(found.bin_recall)
    silent = following(config, sketch(config, torch.zeros_like(pieces)), asked, "")
    assert np.isnan(silent.loudness_correlation)
    assert silent.loudness_error_db > 10


def write_tracks(folder, count: int, seconds: float = 0.05) -> list[Track]:
    tracks = []
    for index in range(count):
        path = folder / f"Track{index:05d}"
        path.mkdir()
        soundfile.write(path / "mix.flac", music(index, 0.5)[0, : int(seconds * SAMPLE_RATE)].numpy(), SAMPLE_RATE)
        tracks.append(Track(path, {"prompt": PROMPTS[index], "seed": index}))
    return tracks


@pytest.mark.parametrize("name", ["tiny-sketch", "tiny-sketch-bc"])
def test_a_rollout_is_given_the_sketch_of_its_own_frames(tmp_path, name):
    """Frame by frame: what block b sees at place i of its window is the sketch of frame context + b*o - context + i."""
    instrument = small_instrument(name)
    layout = instrument.config.layout
    sketches = Sketches.of(instrument, write_tracks(tmp_path, 2), seconds=0.02)
    start, o = layout.context, layout.block
    whole = sketches.controls["loudness"]
    primed, bare = sketches.timeline(primed=True), sketches.timeline(primed=False)
    for block in (0, 3):
        window = primed(block)["loudness"]
        assert torch.equal(window, whole[..., block * o : block * o + layout.window])
        assert torch.equal(bare(block)["loudness"][..., max(start - block * o, 0) :], window[..., max(start - block * o, 0) :])
    assert not bare(0)["pitch"][..., :start].any()
    assert set(sketches.timeline(primed=True, kinds=["pitch"])(0)) == {"pitch"}
    assert torch.equal(sketches.asked()["loudness"], whole[..., start : start + sketches.blocks * o])


def test_an_instrument_is_played_and_measured_beside_control_and_ceiling(tmp_path):
    instrument = small_instrument("tiny-sketch")
    sketches = Sketches.of(instrument, write_tracks(tmp_path, 3), seconds=0.02, median=3)
    audio = play_sketches(instrument, sketches, prompts="shuffled")
    assert audio.shape == (3, sketches.blocks * instrument.config.layout.block * instrument.config.codec.frame_size)
    assert not torch.equal(audio, play_sketches(instrument, sketches, prompts="own"))
    assert not torch.equal(audio, play_sketches(instrument, sketches, prompts="shuffled", kinds=["loudness"]))
    assert not torch.equal(audio, play_sketches(instrument, sketches, prompts="shuffled", primed=True))
    rows = sketch_following(instrument, sketches, audio, "tiny")
    assert [row.subject for row in rows] == ["tiny", "tiny, shuffled sketches (control)", "codec alone (ceiling)"]


def test_what_follows_exactly_is_told_from_the_control(config, pieces):
    """Played back for the rollout is the very music that was sketched: the row itself is perfect, the control is not."""
    instrument = small_instrument("tiny-sketch")
    whole = Sketches(config, 1, [""] * len(pieces), pieces, torch.zeros(len(pieces), 32, pieces.shape[1] // 2048), sketch(config, pieces))
    first = config.layout.context * 2048
    assert whole.blocks >= 2
    played = pieces[:, first : first + whole.blocks * config.layout.block * 2048]
    instrument.codec = DefaultCodec(config.codec)
    own, foreign, _ = sketch_following(instrument, whole, played, "")
    assert own.bin_recall > 0.9
    assert foreign.bin_recall < 0.5
    assert own.loudness_correlation > 0.9
    assert foreign.loudness_correlation < 0.6


def test_an_instrument_without_sketch_controls_is_explained():
    with pytest.raises(LmdmTrainError, match=r"tiny has no sketch controls to follow \(its controls: none\)"):
        Sketches.of(small_instrument("tiny"), [], seconds=1)


def test_the_response_is_one_for_what_obeys_and_none_for_what_does_not(tmp_path, monkeypatch):
    """In place of the network: one that plays noise at the level that it is asked for, one that plays it at its own."""
    instrument = small_instrument("tiny-sketch")
    sketches = Sketches.of(instrument, write_tracks(tmp_path, 2), seconds=0.05)
    control = next(c for c in instrument.config.controls if isinstance(c, LoudnessControl))
    samples = sketches.blocks * instrument.config.layout.block * instrument.config.codec.frame_size
    noise = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    unit = raw_features(instrument.config, noise)["loudness"].mean()

    def obeying(_, flat, **settings):
        asked = control.level(flat.controls["loudness"][:, 1:])[0, 0]
        return noise * 10 ** ((asked - unit) / 20)

    monkeypatch.setattr("lmdm_train.evaluate.loudness.play_sketches", obeying)
    assert loudness_response(instrument, sketches) == pytest.approx(1, abs=0.05)
    monkeypatch.setattr("lmdm_train.evaluate.loudness.play_sketches", lambda *_, **settings: noise * 0.1)
    assert loudness_response(instrument, sketches) == 0


def test_a_swell_is_followed_by_what_obeys_late_by_what_is_late_and_by_half_by_what_is_lazy(monkeypatch):
    config = preset("default")
    frames = 40 * config.layout.block
    whole = torch.zeros(2, config.codec.latent_channels, config.layout.context + frames)
    sketches = Sketches(config, 1, ["", ""], torch.zeros(2, 1), whole, {})
    control = next(c for c in config.controls if isinstance(c, LoudnessControl))
    noise = torch.randn(2, frames * config.codec.frame_size, generator=torch.Generator().manual_seed(0))
    unit = float(raw_features(config, noise)["loudness"].mean())

    def playing(share: float, late: int) -> Swell:
        def played(_, drawn, **settings):
            asked = control.level(drawn.asked()["loudness"][:, 1:])
            level = -27.5 + share * (asked.roll(late, dims=1) + 27.5)
            return noise * (10 ** ((level - unit) / 20)).repeat_interleave(config.codec.frame_size, dim=1)

        monkeypatch.setattr("lmdm_train.evaluate.loudness.play_sketches", played)
        return swell_following(SimpleNamespace(config=config), sketches)  # type: ignore[arg-type]

    good, lazy, late = playing(1.0, 0), playing(0.5, 0), playing(1.0, 54)
    assert good.correlation > 0.99
    assert good.slope == pytest.approx(1, abs=0.03)
    assert good.shifted < 0
    assert lazy.slope == pytest.approx(0.5, abs=0.05)
    assert late.correlation < 0
    assert late.shifted > 0.95
    short = Sketches(config, 1, ["", ""], torch.zeros(2, 1), whole[..., :100], {})
    with pytest.raises(LmdmTrainError, match=r"too short for a swell of 7\.5 s"):
        swell_following(SimpleNamespace(config=config), short)  # type: ignore[arg-type]
