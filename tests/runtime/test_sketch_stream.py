"""Sessions that follow a sketch: any pieces of audio, what is chosen, smoothing, silence, priming and reset, against numpy."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import BundleError, Session, SessionError, load_bundle
from lmdm_runtime.errors import RuntimeFault
from tests.runtime.conftest import Tiny
from tests.runtime.test_session import BLOCKS, PAD, TIMELINE, play
from tests.runtime.tiny_rollout import rollout
from tests.runtime.tiny_sketch import sketch_values, sketched_tiny


@pytest.fixture(scope="module", params=["encoder-decoder", "block-causal"])
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return sketched_tiny(tmp_path_factory.mktemp("sketched") / "bundle", request.param)


def recording(tiny: Tiny, blocks: int = BLOCKS, seed: int = 0) -> np.ndarray:
    samples = blocks * tiny.model.sizes.block * tiny.model.sizes.frame_size
    return 0.5 * np.random.default_rng(seed).standard_normal((1, samples)).astype(np.float32)


def expected(tiny: Tiny, values: np.ndarray, blocks: int = BLOCKS, start: np.ndarray | None = None, since: int = 0) -> np.ndarray:
    """The numpy rollout under `values`, whose first is that of frame `since`."""

    def control(frame: int) -> np.ndarray:
        return values[frame - since : frame - since + 1].astype(np.float32)

    return rollout(tiny.model, tiny.tokenizer, TIMELINE, blocks, control=control, start=start, since=since)


@pytest.mark.parametrize("median", [1, 3])
@pytest.mark.parametrize("piece", [None, 16, 5])
def test_music_follows_the_sketch(drawn: Tiny, median: int, piece: int | None):
    audio, session = recording(drawn), drawn.session()
    session.sketch.choose(["loudness"], smoothing=median)
    for start in range(0, audio.shape[1], piece or audio.shape[1]):
        session.sketch.feed(audio[:, start : start + (piece or audio.shape[1])])
    np.testing.assert_allclose(play(session), expected(drawn, sketch_values(audio, drawn.model.sizes, median)), atol=2e-5)


def test_another_sketch_or_a_block_late_is_seen(drawn: Tiny):
    values = sketch_values(recording(drawn), drawn.model.sizes, 1)
    right, late = expected(drawn, values), expected(drawn, np.roll(values, drawn.model.sizes.block))
    session = drawn.session()
    session.sketch.choose(["loudness"])
    session.sketch.feed(recording(drawn, seed=1))
    assert np.abs(play(session) - right).max() > 1e-2
    assert np.abs(late - right).max() > 1e-2


def test_silence_follows_the_last_sample(drawn: Tiny):
    z, session = drawn.model.sizes, drawn.session()
    audio = recording(drawn, 2)[:, :-7]
    session.sketch.choose(["loudness"])
    session.sketch.feed(audio)
    whole = np.zeros((1, 6 * z.block * z.frame_size), np.float32)
    whole[:, : audio.shape[1]] = audio
    np.testing.assert_allclose(play(session, blocks=6), expected(drawn, sketch_values(whole, z, 1), 6), atol=2e-5)


def test_a_sketch_that_is_switched_off_is_zero_and_stays_in_the_history(drawn: Tiny):
    z, session = drawn.model.sizes, drawn.session()
    audio = recording(drawn)
    values = sketch_values(audio, z, 1)
    values[3 * z.block :] = 0
    session.sketch.feed(audio)

    def turn(block: int) -> None:
        session.sketch.choose(["loudness"] if block < 3 else [])

    np.testing.assert_allclose(play(session, each=turn), expected(drawn, values), atol=2e-5)


def test_a_sketch_that_is_chosen_late_follows_what_sounds_then(drawn: Tiny):
    z, session = drawn.model.sizes, drawn.session()
    audio = recording(drawn)
    values = sketch_values(audio, z, 1)
    values[: 3 * z.block] = 0
    session.sketch.feed(audio)

    def turn(block: int) -> None:
        session.sketch.choose(["loudness"] if block >= 3 else [])

    np.testing.assert_allclose(play(session, each=turn), expected(drawn, values), atol=2e-5)
    assert not session.sketch.waiting


def test_the_caller_may_set_what_no_sketch_feeds(drawn: Tiny):
    session = drawn.session()
    session.set_control("loudness", 0.7)
    np.testing.assert_allclose(play(session, blocks=4), expected(drawn, np.full(99, 0.7), 4), atol=2e-5)
    session.sketch.choose(["loudness"])
    with pytest.raises(SessionError, match=r"follows the sketch; .*choose\(\[\]\)"):
        session.set_control("loudness", 0.7)


def test_primed_audio_is_sketched_too(drawn: Tiny):
    z, session = drawn.model.sizes, drawn.session()
    primer, audio = recording(drawn, 3, seed=4)[:, 5:], recording(drawn)
    whole = primer[:, primer.shape[1] % z.frame_size :]
    session.sketch.choose(["loudness"])
    session.sketch.feed(audio)
    session.prime(primer)
    frames = drawn.model.encode(whole)
    padded = np.pad(whole, ((0, 0), (0, -whole.shape[1] % (z.block * z.frame_size))))
    before = sketch_values(padded, z, 1)[: frames.shape[2]]
    history = np.concatenate((before[-z.context :], sketch_values(audio, z, 1)))
    start = frames[..., -z.context :]

    made = play(session)
    session.reset()
    session.sketch.feed(audio)
    session.prime(primer)
    np.testing.assert_array_equal(play(session), made)

    want = expected(drawn, history, start=start, since=-z.context)
    np.testing.assert_allclose(made, want, atol=2e-5)
    without = expected(drawn, sketch_values(audio, z, 1), start=start)
    assert np.abs(made - without).max() > 1e-3


def test_reset_hears_nothing_and_keeps_what_was_chosen(drawn: Tiny):
    session, audio = drawn.session(), recording(drawn)
    session.sketch.choose(["loudness"], smoothing=3)
    session.sketch.feed(audio)
    first = play(session)
    session.sketch.feed(audio)
    session.reset()
    session.sketch.feed(audio)
    np.testing.assert_array_equal(play(session), first)


def test_a_block_that_failed_hears_the_same_again(drawn: Tiny):
    session, healthy = drawn.session(), drawn.session()
    for each in (session, healthy):
        each.sketch.choose(["loudness"])
        each.sketch.feed(recording(drawn))
        each.set_prompt(PAD)
    session.settings = replace(session.settings, guidance_scale=float("inf"))
    with np.errstate(all="ignore"), pytest.raises(RuntimeFault, match="not finite"):
        session.next_block()
    session.settings = healthy.settings
    np.testing.assert_allclose(play(session), play(healthy), atol=1e-6)


def test_requests_that_cannot_be_served(drawn: Tiny, causal: Tiny):
    sketch = drawn.session().sketch
    with pytest.raises(SessionError, match="no sketch control 'pitch'; its sketch controls are loudness"):
        sketch.choose(["pitch"])
    with pytest.raises(SessionError, match="median over 1, 3 frames, found 2"):
        sketch.choose(["loudness"], smoothing=2)
    for audio in (np.zeros((2, 8)), np.full((1, 8), np.nan)):
        with pytest.raises(SessionError, match="sketch audio"):
            sketch.feed(audio)
    with pytest.raises(SessionError, match="no sketch controls; its controls are loudness"):
        causal.session().sketch  # noqa: B018
    with pytest.raises(SessionError, match="takes no accompaniment; its controls are loudness"):
        causal.session().accompaniment  # noqa: B018


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sketch": None}, "no sketch"),
        ({"sketch": {"medians": [1, 3], "median": 2, "states": "states/sketch.npz"}}, "median 2"),
        ({"sketch": {"medians": [1], "median": 1, "states": "states/sketch.npz"}}, "smoothing"),
        ({"sketch": {"medians": [1, 3], "median": 1, "states": "states/none.npz"}}, "none.npz"),
    ],
)
def test_manifests_that_contradict_themselves(drawn: Tiny, tmp_path: Path, changes: dict, words: str):
    copy = shutil.copytree(drawn.folder, tmp_path / "bundle")
    document = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(document | changes))
    with pytest.raises(BundleError, match=words) as refused:
        Session(load_bundle(copy))
    assert "\n" not in str(refused.value)
