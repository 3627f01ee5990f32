"""Sessions against the cacheless numpy rollout: prompts, mixes, controls, priming, reset, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmdm_runtime import RuntimeFault, SessionError
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.tiny_rollout import Mix, rollout

PAD, JAZZ, PIANO = "slow ambient pad", "jazz trio", "Piano and strings"
TIMELINE: dict[int, Mix] = {
    0: [(PAD, 1.0)],
    4: [(JAZZ, 1.0)],
    7: [(JAZZ, 3.0), (PIANO, 2.0)],
    9: [(JAZZ, 2.0), (PIANO, 3.0)],
    11: [(PIANO, 0.5), (PAD, 0.5)],
}
BLOCKS = 14


def play(session, timeline=TIMELINE, blocks=BLOCKS, each=lambda block: None) -> np.ndarray:
    made = []
    for block in range(blocks):
        if block in timeline:
            session.set_prompts(timeline[block])
        each(block)
        session.next_block()
        made.append(session.latent_block)
    return np.concatenate(made, axis=2)


def test_prompt_changes_and_mixes(tiny: Tiny):
    expected = rollout(tiny.model, tiny.tokenizer, TIMELINE, BLOCKS)
    np.testing.assert_allclose(play(tiny.session()), expected, atol=2e-5)


def test_a_stale_prompt_would_be_seen(tiny: Tiny):
    late = {block + (block > 0): mix for block, mix in TIMELINE.items()}
    assert np.abs(play(tiny.session()) - rollout(tiny.model, tiny.tokenizer, late, BLOCKS)).max() > 1e-2


def test_a_change_of_weights_alone_drops_no_context(tiny: Tiny):
    timeline = {0: [(PAD, 3.0), (JAZZ, 1.0)], 3: [(PAD, 2.0), (JAZZ, 1.0)]}
    kept, dropped = (rollout(tiny.model, tiny.tokenizer, timeline, 6, drop=drop) for drop in (0, 4))
    np.testing.assert_array_equal(kept, dropped)
    np.testing.assert_allclose(play(tiny.session(), timeline, 6), kept, atol=2e-5)


def test_controls_reach_block_and_history(tiny: Tiny):
    session, o = tiny.session(), tiny.model.sizes.block

    def value(frame: int) -> np.ndarray:
        return np.array([np.sin(0.9 * frame)], np.float32)

    def turn(block: int) -> None:
        session.set_control("loudness", np.stack([value(block * o + i) for i in range(o)], axis=1))

    np.testing.assert_allclose(play(session, each=turn), rollout(tiny.model, tiny.tokenizer, TIMELINE, BLOCKS, control=value), atol=2e-5)


def test_the_last_control_frame_is_held(tiny: Tiny):
    session = tiny.session()
    frames = np.array([[0.1, 0.4, -0.3]], np.float32)
    expected = rollout(tiny.model, tiny.tokenizer, TIMELINE, 6, control=lambda frame: frames[:, min(frame, 2)])
    session.set_control("loudness", frames)
    np.testing.assert_allclose(play(session, blocks=6), expected, atol=2e-5)


@pytest.mark.parametrize("seconds", [0.4, 3.0])
def test_priming_is_the_encoded_end_of_the_audio(tiny: Tiny, seconds: float):
    z, session = tiny.model.sizes, tiny.session()
    audio = np.random.default_rng(1).standard_normal((1, int(seconds * 16) + 3 + z.frame_size)).astype(np.float32)
    frames = tiny.model.encode(audio[:, audio.shape[1] % z.frame_size :])[..., -z.context :]
    start = np.pad(frames, ((0, 0), (0, 0), (z.context - frames.shape[2], 0)))
    session.prime(audio)
    np.testing.assert_allclose(play(session), rollout(tiny.model, tiny.tokenizer, TIMELINE, BLOCKS, start=start), atol=2e-5)


def test_priming_in_mid_stream_replaces_the_context(tiny: Tiny):
    session, fresh = tiny.session(), tiny.session()
    audio = np.random.default_rng(2).standard_normal((1, 64)).astype(np.float32)
    play(session, blocks=3)
    session.prime(audio)
    fresh.set_prompt(PAD)
    fresh.prime(audio)
    fresh.block_index = 3
    session.next_block()
    fresh.next_block()
    np.testing.assert_allclose(session.latent_block, fresh.latent_block, atol=1e-6)


def test_audio_is_the_decoded_stream(tiny: Tiny):
    session = tiny.session()
    session.set_prompt(JAZZ)
    made = [(session.next_block(), session.latent_block) for _ in range(5)]
    audio, frames = (np.concatenate(parts, axis=-1) for parts in zip(*made, strict=True))
    assert audio.dtype == np.float32
    assert audio.shape == (1, 5 * session.block_samples)
    np.testing.assert_allclose(audio, tiny.model.decode_state(frames), atol=1e-5)


def test_reset_begins_the_same_piece_again(tiny: Tiny):
    session = tiny.session(seed=5)
    first = play(session)
    session.reset()
    assert session.block_index == 0
    np.testing.assert_array_equal(play(session), first)
    assert np.abs(play(tiny.session(seed=6)) - first).max() > 0.1


def test_settings_replace_those_of_the_bundle(tiny: Tiny):
    session = tiny.session(steps=2, guidance_scale=3.0)
    expected = rollout(tiny.model, tiny.tokenizer, TIMELINE, 6, schedule=session.settings.schedule, scale=3.0)
    np.testing.assert_allclose(play(session, blocks=6), expected, atol=5e-5)
    assert len(session.settings.schedule) == 3


def test_timings_cover_every_stage(tiny: Tiny):
    session = tiny.session()
    session.set_prompt(PAD)
    session.next_block()
    assert set(session.timings) == {"controls", "prompt", "context", "steps", "decode", "total"}
    assert session.timings["total"] == pytest.approx(sum(ms for stage, ms in session.timings.items() if stage != "total"))


def test_ping_pong_plus_plus_draws_fresh_noise(tmp_path):
    tiny = make_tiny(tmp_path / "bundle", "encoder-decoder", solver="ping-pong", guidance="cfg++")
    first, other = play(tiny.session(seed=1), blocks=3), play(tiny.session(seed=1, steps=3), blocks=3)
    assert np.isfinite(first).all()
    assert not np.array_equal(first, other)
    with pytest.raises(SessionError, match="cfg\\+\\+"):
        tiny.session(solver="heun")


def test_no_prompt(tiny: Tiny):
    with pytest.raises(SessionError, match="set_prompt"):
        tiny.session().next_block()


@pytest.mark.parametrize("mix", [[], [("a", -1.0)], [("a", 0.0)], [("a", float("nan"))], [(3, 1.0)], ["ab", ("c", 1)], 7])
def test_bad_mixes(tiny: Tiny, mix):
    with pytest.raises(SessionError):
        tiny.session().set_prompts(mix)


@pytest.mark.parametrize(
    ("name", "values"), [("pitch", 1.0), ("loudness", np.zeros((2, 3))), ("loudness", float("inf")), ("loudness", "x"), ("loudness", [])]
)
def test_bad_controls(tiny: Tiny, name, values):
    with pytest.raises(SessionError, match="control"):
        tiny.session().set_control(name, values)


@pytest.mark.parametrize("audio", [np.zeros((2, 100)), np.zeros((1, 3)), np.full((1, 64), np.nan), np.zeros((1, 1, 64))])
def test_bad_priming_audio(tiny: Tiny, audio):
    with pytest.raises(SessionError, match="priming audio"):
        tiny.session().prime(audio)


@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"steps": 10**6}, {"solver": "best"}, {"guidance_scale": float("nan")}, {"seed": -1}, {"seed": 2**64}]
)
def test_bad_settings(tiny: Tiny, settings):
    with pytest.raises(SessionError):
        tiny.session(**settings)


def test_a_block_that_is_not_finite_is_not_played(tiny: Tiny):
    healthy, session = tiny.session(), tiny.session()
    session.set_prompt(PAD)
    session.settings = replace(session.settings, guidance_scale=float("inf"))
    with np.errstate(all="ignore"), pytest.raises(RuntimeFault, match="not finite"):
        session.next_block()
    # Nothing of the failed block stays: the same session goes on as if it had not been tried.
    session.settings = healthy.settings
    np.testing.assert_allclose(play(session), play(healthy), atol=1e-6)


def test_long_prompts_lose_their_end(tiny: Tiny, caplog: pytest.LogCaptureFixture):
    ids, mask = tiny.tokenizer("techno " * 50)
    assert "only its first 4 are read" in caplog.text
    caplog.clear()
    assert ids.shape == (1, 5)
    assert ids[0, -1] == 1
    assert mask.all()
    ids, mask = tiny.tokenizer("")
    assert ids.tolist() == [[1, 0, 0, 0, 0]]
    assert mask.tolist() == [[1, 0, 0, 0, 0]]
    assert not caplog.text
    np.testing.assert_array_equal(tiny.tokenizer("JAZZ")[0], tiny.tokenizer("jazz")[0])
