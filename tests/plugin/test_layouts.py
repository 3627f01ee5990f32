"""An instrument in several block lengths: the latency is that of the chosen one, and so is the music; and bypass, which keeps time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Bundle
from tests.plugin import dawdream, pedals
from tests.plugin.alone import alone
from tests.plugin.bundles import RATE, answers, write_played_bundle
from tests.plugin.conftest import Environment
from tests.plugin.dawdream import Render
from tests.plugin.juce_state import prompt
from tests.plugin.pedals import Play

SAME, SEEN = 2e-5, 1e-3
# The knob goes from 0 to 7.
LENGTHS = {"short": 0.0, "long": 1 / 7}


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("layouts")
    return {"short": write_played_bundle(folder / "short", block=4), "long": write_played_bundle(folder / "long", block=8)}


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_latency_is_that_of_the_layout(vst3: Path, home: Environment, layouts: dict[str, Bundle], tune: np.ndarray, rate: int) -> None:
    environment = {**home, "LMDM_BUNDLE": str(layouts["short"].folder.parent)}
    plays = [Play(tune, rate, values={"mix": 0.0, "block_length": value}) for value in LENGTHS.values()]
    short, long = alone(environment, pedals.play, vst3, *plays)
    assert long.latency - short.latency == pytest.approx(4 * 1024 * rate / RATE, abs=1)
    for played in (short, long):
        np.testing.assert_allclose(played.audio, tune[:, : played.audio.shape[1]], atol=1e-6)


def test_music_is_that_of_the_layout(vst3: Path, home: Environment, layouts: dict[str, Bundle], tune: np.ndarray) -> None:
    environment = {**home, "LMDM_BUNDLE": str(layouts["short"].folder.parent)}
    alike = np.stack((tune[0], tune[0]))
    plays = [Play(alike, RATE, values={"mix": 1.0, "block_length": value}) for value in LENGTHS.values()]
    for name, played in zip(LENGTHS, alone(environment, pedals.play, vst3, *plays), strict=True):
        found = {other: np.abs(played.audio[0] - answers(bundle, tune[0], prompt(played.state))).max() for other, bundle in layouts.items()}
        assert found.pop(name) <= SAME
        assert min(found.values()) > SEEN, "the control: the other layout"


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_bypass_keeps_time(vst3: Path, installed: Environment, tune: np.ndarray, rate: int) -> None:
    """What is played through it is the input, as late as the music was and without a jump where it is turned on."""
    half = tune.shape[1] // 2
    moves = np.concatenate((np.zeros(half), np.ones(tune.shape[1] - half)))
    (whole,) = alone(installed, pedals.play, vst3, Play(tune, rate, values={"mix": 1.0, "bypass": 1.0}))
    np.testing.assert_allclose(whole.audio, tune[:, : whole.audio.shape[1]], atol=1e-6)
    moved, plain = alone(
        installed,
        dawdream.render,
        vst3,
        Render(tune, rate, values={"Mix": 1.0}, automation={"Bypass": moves}),
        Render(tune, rate, values={"Mix": 1.0}),
    )
    assert moved.latency == whole.latency
    np.testing.assert_array_equal(moved.audio[:, : half - 512], plain.audio[:, : half - 512])
    after = half + rate // 10
    np.testing.assert_allclose(moved.audio[:, after:], tune[:, after - moved.latency : tune.shape[1] - moved.latency], atol=1e-6)
    assert np.abs(plain.audio[:, after:] - moved.audio[:, after:]).max() > 0.01
