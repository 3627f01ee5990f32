"""Sessions whose instrument is missing or was moved, and states that are none: the sound goes through, and nothing ends."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from lmdm_runtime import Bundle
from tests.plugin import pedals
from tests.plugin.alone import alone
from tests.plugin.bundles import RATE
from tests.plugin.conftest import Environment
from tests.plugin.juce_state import own_xml, with_own
from tests.plugin.pedals import Play

DRY, WET = {"mix": 0.0}, {"mix": 1.0}


@pytest.mark.parametrize("folder", [None, "moved/away"])
def test_dry_sound_goes_through_without_an_instrument(
    vst3: Path, home: Environment, tmp_path: Path, tune: np.ndarray, folder: str | None
) -> None:
    environment = {**home, "LMDM_BUNDLE": None if folder is None else str(tmp_path / folder)}
    dry, wet = alone(environment, pedals.play, vst3, Play(tune, RATE, values=DRY), Play(tune, RATE, values=WET))
    np.testing.assert_allclose(dry.audio, tune[:, : dry.audio.shape[1]], atol=1e-6)
    assert np.abs(wet.audio).max() == 0


def test_a_moved_instrument_stays_chosen(vst3: Path, home: Environment, bundle: Bundle, tmp_path: Path, tune: np.ndarray) -> None:
    folder, moved = tmp_path / "chosen", tmp_path / "moved"
    shutil.copytree(bundle.folder, folder)
    (told,) = alone({**home, "LMDM_BUNDLE": str(folder)}, pedals.play, vst3, Play(tune, RATE, values=WET))
    own = own_xml(told.state)
    instrument = own.find("instrument")
    assert instrument is not None
    instrument.set("folder", str(folder))
    chosen = Play(tune, RATE, state=with_own(told.state, ElementTree.tostring(own)))
    (played,) = alone(home, pedals.play, vst3, chosen)
    np.testing.assert_array_equal(played.audio, told.audio)
    folder.rename(moved)
    (silent,) = alone(home, pedals.play, vst3, chosen)
    assert np.abs(silent.audio).max() == 0
    assert silent.state == played.state, "the session is saved as it was"
    moved.rename(folder)
    (back,) = alone(home, pedals.play, vst3, Play(tune, RATE, state=silent.state))
    np.testing.assert_array_equal(back.audio, told.audio)


def hostile(own: ElementTree.Element) -> dict[str, bytes]:
    whole = ElementTree.tostring(own)
    future = ElementTree.fromstring(whole)
    future.set("format", "99")
    infinite = ElementTree.fromstring(whole)
    for saved in infinite.iter("parameter"):
        saved.set("value", "1e999")
    return {
        "garbage": bytes(np.random.default_rng(0).integers(0, 256, 4096, dtype=np.uint8)),
        "truncated": whole[: len(whole) // 2],
        "another document": b'<somebody format="1"><prompts a="else"/></somebody>',
        "nested without end": b"<generative_delay format='1'>" + 20_000 * b"<prompts a=''>",
        "of the future": ElementTree.tostring(future),
        "not finite": ElementTree.tostring(infinite),
    }


def test_states_that_are_none_change_nothing(vst3: Path, installed: Environment, tune: np.ndarray) -> None:
    kept = {"mix": 0.9, "seed": 5 / 9999, "crossfade": 0.25}
    (told,) = alone(installed, pedals.play, vst3, Play(tune, RATE, values=kept))
    own = own_xml(told.state)
    assert own.get("format") == "1"
    for kind, bad in hostile(own).items():
        after = alone(installed, pedals.states_in_turn, vst3, [told.state, with_own(told.state, bad)])
        assert after == told.state, kind
    own.find("parameter[@id='mix']").set("value", "0.25")
    other = with_own(told.state, ElementTree.tostring(own))
    assert alone(installed, pedals.states_in_turn, vst3, [told.state, other]) != told.state, "the control: a state that is one"
