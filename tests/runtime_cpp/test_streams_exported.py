"""Streams of the C++ engine against the Python runtime on bundles that were really exported, from audio in pieces of odd sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from lmdm_runtime import load_bundle
from lmdm_runtime.manifest import Manifest
from lmdm_train.config import InstrumentConfig
from tests.bundles import small_bundle
from tests.runtime.test_exported_controls import CONFIGS, music
from tests.runtime_cpp.programs import built
from tests.runtime_cpp.streams_reference import Reference, Request, cpp_answers, furthest, python_answers, request

pytestmark = pytest.mark.heavy

BLOCKS, PIECE, PRIMED = 5, 997, 2
ROUNDING, SEEN = 1e-6, 1e-3


@pytest.fixture(scope="module", params=list(CONFIGS))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[InstrumentConfig, Path]:
    built("streams_probe")
    config = CONFIGS[request.param]()
    return config, small_bundle(tmp_path_factory, config).bundle


def in_pieces(op: str, audio: np.ndarray) -> list[Request]:
    return [request(op, audio=audio[:, start : start + PIECE]) for start in range(0, audio.shape[1], PIECE)]


def steering(config: InstrumentConfig, manifest: Manifest, median: int = 5, late: int = 0) -> list[Request]:
    """Sketch and accompaniment over the first blocks; `late` delays the accompaniment by frames, as a window that slid by as many."""
    size = manifest.codec.frame_size
    samples = manifest.model.block * size
    drawn, other = music(config, BLOCKS, 0)[:, : -size // 3], music(config, BLOCKS + 12, 1)
    asked = in_pieces("controls.accompaniment.feed", np.roll(other, late * size, axis=1))
    if manifest.sketch is not None:
        asked.append(request("controls.sketch.choose", kinds=["pitch", "loudness"], smoothing=median))
        asked += in_pieces("controls.sketch.feed", drawn)
        asked.append(request("controls.prime", audio=music(config, PRIMED, 2)[:, 5:]))
    for block in range(BLOCKS + 1):
        if manifest.sketch is not None and block == 3:
            asked.append(request("controls.sketch.choose", kinds=["pitch"], smoothing=None))
        asked += [request("controls.prepare"), request("controls.history"), request("controls.block"), request("controls.advance")]
    # Too little of a new one, which most of them refuse.
    asked += [request("controls.accompaniment.stop"), *in_pieces("controls.accompaniment.feed", other[:, :samples])]
    asked += [request("controls.prepare"), request("controls.advance")] * 3
    return [*asked, request("encoder.encode", audio=other[:, : 3 * samples - 7])]


def test_steering(exported: tuple[InstrumentConfig, Path]) -> None:
    config, folder = exported
    manifest = load_bundle(folder).manifest
    found = cpp_answers(folder, steering(config, manifest))
    apart = furthest(found, python_answers(folder, steering(config, manifest)))
    print(f"{len(found)} answers are {apart:.1e} apart at most")
    assert apart <= ROUNDING
    assert furthest(found, python_answers(folder, steering(config, manifest, late=1))) > SEEN, "the control: a window slid by one frame"
    if manifest.sketch is not None:
        assert furthest(found, python_answers(folder, steering(config, manifest, median=1))) > SEEN, "the control: another median"


def test_codec(exported: tuple[InstrumentConfig, Path]) -> None:
    config, folder = exported
    bundle = load_bundle(folder)
    block, size = bundle.manifest.model.block, bundle.manifest.codec.frame_size
    audio = music(config, BLOCKS, 3)
    frames = Reference(bundle).encoder.encode(audio)[0]
    starts = range(0, frames.shape[1], block)
    pushed = [request("live.push", audio=audio[:, start * size : (start + block) * size]) for start in starts]
    decoded = [request("decoder.decode", frames=frames[:, start : start + block]) for start in starts]
    found = cpp_answers(folder, [*pushed, *decoded])
    expected = python_answers(folder, [*pushed, *decoded])
    apart = furthest(found, expected)
    print(f"{len(found)} answers are {apart:.1e} apart at most")
    assert apart <= ROUNDING
    forgetful = [one for asked in decoded for one in (request("decoder.reset"), asked)]
    assert furthest(found[BLOCKS:], python_answers(folder, forgetful)[1::2]) > SEEN, "the control: state that was forgotten"
