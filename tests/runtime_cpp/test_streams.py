"""Codec, sketch, accompaniment and control streams of the C++ engine against the Python runtime, on tiny bundles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import load_bundle
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.tiny_bundle import seal
from tests.runtime.tiny_sketch import sketched_tiny
from tests.runtime_cpp.streams_reference import Request, cpp_answers, furthest, python_answers, request

ROUNDING, SEEN = 1e-6, 1e-3
# Infinite as float32, and still a number of JSON.
INFINITE = 1e39
BLOCKS = 6


@pytest.fixture(scope="module", params=["state", "context", "fade"])
def coded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp(request.param) / "bundle", "encoder-decoder", request.param)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return sketched_tiny(tmp_path_factory.mktemp("sketched") / "bundle", "block-causal")


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("called") / "bundle", "block-causal")


def recording(tiny: Tiny, samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((1, samples)).astype(np.float32)


def block_samples(tiny: Tiny) -> int:
    return tiny.model.sizes.block * tiny.model.sizes.frame_size


def pieces(audio: np.ndarray, piece: int) -> list[np.ndarray]:
    return [audio[:, start : start + piece] for start in range(0, audio.shape[1], piece)]


def decoding(tiny: Tiny, forgets: bool = False) -> list[Request]:
    z = tiny.model.sizes
    frames = np.random.default_rng(1).standard_normal((z.channels, BLOCKS * z.block)).astype(np.float32)
    asked = []
    for _ in range(2):
        for start in range(0, frames.shape[1], z.block):
            if forgets:
                asked.append(request("decoder.reset"))
            asked.append(request("decoder.decode", frames=frames[:, start : start + z.block]))
        asked += [request("decoder.silent"), request("decoder.reset"), request("decoder.silent")]
    return asked


def test_decoding(coded: Tiny) -> None:
    found, asked = cpp_answers(coded.folder, decoding(coded)), decoding(coded)
    assert furthest(found, python_answers(coded.folder, asked)) <= ROUNDING
    kept = [answer for answer, one in zip(found, asked, strict=True) if one["op"] == "decoder.decode"]
    forgetful = decoding(coded, forgets=True)
    wrong = [a for a, one in zip(python_answers(coded.folder, forgetful), forgetful, strict=True) if one["op"] == "decoder.decode"]
    assert furthest(kept, wrong) > SEEN, "the control: state that was forgotten"


def encoding(tiny: Tiny, forgets: bool = False) -> list[Request]:
    z = tiny.model.sizes
    asked = [request("encoder.encode", audio=recording(tiny, count)) for count in (5, z.frame_size, 3 * z.frame_size + 3, 67)]
    for part in pieces(recording(tiny, BLOCKS * block_samples(tiny)), block_samples(tiny)):
        if forgets:
            asked.append(request("live.restart"))
        asked.append(request("live.push", audio=part))
    return asked + [request("live.fitting", available=n, wanted=w) for n in (0, 1, 2, 5) for w in (1, 3)]


def test_encoding(coded: Tiny) -> None:
    found = cpp_answers(coded.folder, encoding(coded))
    assert furthest(found, python_answers(coded.folder, encoding(coded))) <= ROUNDING
    pushes = slice(4, 4 + BLOCKS)
    forgetful = [a for a in python_answers(coded.folder, encoding(coded, forgets=True)) if a is not None]
    assert furthest(found[pushes], forgetful[pushes]) > SEEN, "the control: state that was forgotten"


def sketching(tiny: Tiny, piece: int, median: int) -> list[Request]:
    audio = recording(tiny, BLOCKS * block_samples(tiny) - 7)
    asked = [request("sketch.choose", kinds=["loudness"], smoothing=median)]
    asked += [request("sketch.feed", audio=part) for part in pieces(audio, piece)]
    for block in range(BLOCKS + 2):
        if block == 4:
            asked.append(request("sketch.choose", kinds=[], smoothing=None))
            asked.append(request("sketch.analyse", audio=audio[:, : 4 * tiny.model.sizes.frame_size]))
        if block == 5:
            asked.append(request("sketch.choose", kinds=["loudness"], smoothing=None))
            asked.append(request("sketch.analyse", audio=audio[:, : 5 * tiny.model.sizes.frame_size]))
        asked += [request("sketch.block"), request("sketch.block"), request("sketch.advance")]
    return [
        *asked,
        request("sketch.reset"),
        request("sketch.block"),
        request("sketch.choose", kinds=["pitch"], smoothing=None),
        request("sketch.choose", kinds=["loudness"], smoothing=2),
        request("sketch.feed", audio=[0.0, INFINITE]),
    ]


@pytest.mark.parametrize("piece", [1000, 16, 5])
@pytest.mark.parametrize("median", [1, 3])
def test_sketching(drawn: Tiny, piece: int, median: int) -> None:
    found = cpp_answers(drawn.folder, sketching(drawn, piece, median))
    assert furthest(found, python_answers(drawn.folder, sketching(drawn, piece, median))) <= ROUNDING
    assert furthest(found, python_answers(drawn.folder, sketching(drawn, piece, 4 - median))) > SEEN, "the control: another median"


def playing_along(tiny: Tiny, cutoff: int, piece: int, late: int = 0) -> list[Request]:
    """`late` shifts the audio by frames: what a window that slid by as many would see."""
    z, audio = tiny.model.sizes, recording(tiny, (BLOCKS + 1) * block_samples(tiny) + 5)
    audio = np.roll(audio, late * z.frame_size, axis=1)
    asked = [request("accompaniment.begin", cutoff=cutoff), request("accompaniment.window"), request("accompaniment.advance")]
    asked += [request("accompaniment.feed", audio=part) for part in pieces(audio, piece)]
    for _ in range(BLOCKS + 2):
        # The last ones are refused.
        asked += [request("accompaniment.window"), request("accompaniment.known"), request("accompaniment.advance")]
    asked += [request("accompaniment.feed_frames", frames=np.zeros((z.channels, 1))), request("accompaniment.stop")]
    frames = np.random.default_rng(2).standard_normal((z.channels, 9)).astype(np.float32)
    asked += [request("accompaniment.feed_frames", frames=frames[:, :4]), request("accompaniment.feed_frames", frames=frames[:, 4:])]
    for _ in range(6):
        asked += [request("accompaniment.window"), request("accompaniment.advance"), request("accompaniment.known")]
    asked += [request("accompaniment.feed", audio=audio[:, :4]), request("accompaniment.reset"), request("accompaniment.known")]
    return [*asked, request("accompaniment.feed", audio=audio), request("accompaniment.window")]


@pytest.mark.parametrize("cutoff", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("piece", [1000, 16, 7])
def test_playing_along(called: Tiny, cutoff: int, piece: int) -> None:
    asked = playing_along(called, cutoff, piece)
    found = cpp_answers(called.folder, asked)
    assert furthest(found, python_answers(called.folder, asked)) <= ROUNDING
    assert any("error" in answer for answer in found if isinstance(answer, dict))
    slid = playing_along(called, cutoff, piece, late=1)
    assert furthest(found, python_answers(called.folder, slid)) > SEEN, "the control: a window that slid by one frame"


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sketched loudness, a tempo of two channels set by the caller, and accompaniment; only its streams can be played."""
    tiny = sketched_tiny(tmp_path_factory.mktemp("steered") / "bundle", "block-causal")
    document = json.loads((tiny.folder / "manifest.json").read_text())
    z = tiny.model.sizes
    groups = [{"name": "accomp_mask", "channels": 1}, {"name": "accomp_input", "channels": z.channels}]
    more = [
        {"kind": "tempo", "source": "caller", "groups": [{"name": "tempo", "channels": 2}]},
        {"kind": "accompaniment", "source": "accompaniment", "groups": groups, "cutoff": z.context + 1, "t_f": 1},
    ]
    document["controls"] += more
    sizes = {"tempo": 2, "accomp_mask": 1, "accomp_input": z.channels}
    for graph in ("context_encoder", "cached_decoder"):
        inputs = [{"name": f"control_{name}", "shape": [1, n, z.block], "dtype": "float32"} for name, n in sizes.items()]
        document["graphs"][graph]["inputs"] += inputs
    seal(tiny.folder, document)
    load_bundle(tiny.folder)
    return tiny.folder


def steering(folder: Path, held: int = 4) -> list[Request]:
    """`held` counts the frames of the tempo, whose last is held."""
    rng, size = np.random.default_rng(5), 16
    audio, other = rng.standard_normal((1, 8 * size)), rng.standard_normal((1, 9 * size))
    tempo = rng.standard_normal((2, 9))[:, :held]
    wrong = [
        request("controls.set", name="accomp_mask", values=[1.0], frames=1),
        request("controls.set", name="tempo", values=[1.0], frames=1),
        request("controls.set", name="tempo", values=[1.0, INFINITE], frames=1),
    ]
    seen = [request("controls.history"), request("controls.block"), request("controls.advance")]
    asked = [*wrong, request("controls.set", name="tempo", values=tempo.astype(np.float32), frames=held)]
    for block in range(9):
        if block == 1:
            asked.append(request("controls.sketch.choose", kinds=["loudness"], smoothing=3))
            asked.append(request("controls.sketch.feed", audio=audio[:, :37].astype(np.float32)))
            asked.append(request("controls.accompaniment.feed", audio=other.astype(np.float32)))
        if block == 3:
            asked.append(request("controls.sketch.feed", audio=audio[:, 37:].astype(np.float32)))
            asked.append(request("controls.prime", audio=audio[:, :29].astype(np.float32)))
        if block == 5:
            asked.append(request("controls.sketch.choose", kinds=[], smoothing=None))
        if block == 6:
            asked.append(request("controls.set", name="loudness", values=[0.25], frames=1))
        if block == 7:
            asked.append(request("controls.accompaniment.stop"))
        if block == 8:
            asked.append(request("controls.sketch.choose", kinds=["loudness"], smoothing=1))
        asked += [request("controls.prepare"), request("controls.prepare"), *seen]
    return [*asked, request("controls.reset"), request("controls.prepare"), *seen]


def test_steering(steered: Path) -> None:
    found = cpp_answers(steered, steering(steered))
    assert furthest(found, python_answers(steered, steering(steered))) <= ROUNDING
    assert [answer["kind"] for answer in found if isinstance(answer, dict) and "error" in answer] == [2, 2, 2]
    assert furthest(found, python_answers(steered, steering(steered, held=3))) > SEEN, "the control: a lane that held another frame"


def test_controls_that_a_bundle_has_not(called: Tiny, drawn: Tiny) -> None:
    asked = [
        request("controls.sketch.reset"),
        request("controls.accompaniment.reset"),
        request("controls.prime", audio=[0.0] * 3),
        request("controls.prime", audio=[INFINITE] * 8),
    ]
    assert furthest(cpp_answers(called.folder, asked), python_answers(called.folder, asked)) == 0
    follows = [
        request("controls.sketch.choose", kinds=["loudness"], smoothing=None),
        request("controls.set", name="loudness", values=[1.0], frames=1),
    ]
    found, expected = (answers(drawn.folder, follows)[1]["error"] for answers in (cpp_answers, python_answers))
    assert found == expected.replace("session.sketch.choose([])", "choose_sketch({})")
