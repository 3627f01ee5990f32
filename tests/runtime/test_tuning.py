"""What may change between two blocks, against the cacheless numpy rollout: noise, steps, guidance, forgetting, feedback and strengths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Session, SessionError, load_bundle
from lmdm_runtime.settings import Settings
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.test_session import BLOCKS, JAZZ, PAD, TIMELINE, play
from tests.runtime.tiny_rollout import rollout
from tests.runtime.tiny_sketch import sketch_values, sketched_tiny


@pytest.fixture(scope="module", params=["encoder-decoder", "block-causal"])
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return sketched_tiny(tmp_path_factory.mktemp("sketched") / "bundle", request.param)


def made(tiny: Tiny, tune, blocks: int = 6, prompt: str = PAD) -> np.ndarray:
    """Latents [blocks, C, o] of one prompt; `tune` sees the session before every block."""
    session = tiny.session()
    session.set_prompt(prompt)

    def each(block: int) -> None:
        tune(session, block)

    latents = play(session, {}, blocks, each)
    return latents[0].reshape(latents.shape[1], blocks, -1).swapaxes(0, 1)


def nearly(tiny: Tiny) -> float:
    """How alike blocks without feedback are: exactly, but for what a block-causal cache remembers of its own cold beginning."""
    return 1e-6 if tiny.model.sizes.pattern == "encoder-decoder" else 2e-3


def never(session: Session, block: int) -> None:
    pass


@pytest.mark.parametrize("drop", [0, 2, 4])
def test_a_change_of_prompt_forgets_as_many_frames_as_it_is_told(tiny: Tiny, drop: int):
    session = tiny.session()
    session.tune(context_drop=drop)
    told = play(session)
    np.testing.assert_allclose(told, rollout(tiny.model, tiny.tokenizer, TIMELINE, BLOCKS, drop=drop), atol=2e-5)
    assert np.abs(told - rollout(tiny.model, tiny.tokenizer, TIMELINE, BLOCKS)).max() > 1e-2


def test_steps_and_guidance_change_from_the_next_block_on(tiny: Tiny):
    def tune(session: Session, block: int) -> None:
        if block == 3:
            session.tune(steps=2, guidance_scale=3.0)
        if block == 5:
            session.tune(steps=0)

    changed, plain = made(tiny, tune), made(tiny, never)
    np.testing.assert_array_equal(changed[:3], plain[:3])
    assert np.abs(changed[3] - plain[3]).max() > 1e-2
    other = tiny.session(steps=2, guidance_scale=3.0)
    expected = rollout(tiny.model, tiny.tokenizer, TIMELINE, 6, schedule=other.settings.schedule, scale=3.0)
    tuned = tiny.session()
    tuned.tune(steps=2, guidance_scale=3.0)
    np.testing.assert_allclose(play(tuned, blocks=6), expected, atol=5e-5)
    tuned.tune(steps=0)
    assert tuned.settings.schedule == tiny.session().settings.schedule


def test_a_seed_is_that_of_the_next_blocks_noise(tiny: Tiny):
    changed = made(tiny, lambda session, block: session.tune(seed=0 if block < 3 else 9))
    plain, other = made(tiny, never), made(tiny, lambda session, _: session.tune(seed=9))
    np.testing.assert_array_equal(changed[:3], plain[:3])
    assert np.abs(changed[3] - plain[3]).max() > 1e-2
    np.testing.assert_array_equal(other, made(tiny, lambda session, block: None if block else session.tune(seed=9)))


def test_without_feedback_every_block_is_a_first_one(tiny: Tiny):
    silent = made(tiny, lambda session, _: session.tune(feedback=0, hold_noise=True))
    for block in silent[1:]:
        np.testing.assert_allclose(block, silent[0], atol=nearly(tiny))
    assert np.abs(np.diff(made(tiny, lambda session, _: session.tune(hold_noise=True)), axis=0)).max() > 1e-2


def test_feedback_is_the_gain_with_which_a_block_enters_the_context(tiny: Tiny):
    half = made(tiny, lambda session, _: session.tune(feedback=0.5), blocks=3)
    session = tiny.session()
    session.set_prompt(PAD)
    for block in range(3):
        session.next_latents()
        np.testing.assert_allclose(session.latent_block[0], half[block], atol=2e-5)
        session._clean[..., -session.model.block :] *= 0.5
    assert np.abs(half[1:] - made(tiny, never, blocks=3)[1:]).max() > 1e-3


def test_held_noise_is_that_of_the_newest_block_until_it_is_let_go(tiny: Tiny):
    def tune(session: Session, block: int) -> None:
        session.tune(feedback=0, hold_noise=2 <= block < 4)

    held, plain = made(tiny, tune), made(tiny, lambda session, _: session.tune(feedback=0))
    for block, source in ((0, 0), (1, 1), (2, 1), (3, 1), (4, 4), (5, 5)):
        np.testing.assert_allclose(held[block], plain[source], atol=nearly(tiny))
    assert np.abs(plain[1] - plain[2]).max() > 1e-2


def test_what_was_tuned_outlives_a_reset(tiny: Tiny):
    session = tiny.session()
    session.tune(seed=4, steps=2, feedback=0.25, hold_noise=True)
    first = play(session)
    session.reset()
    np.testing.assert_array_equal(play(session), first)


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_scales_what_is_followed(drawn: Tiny, strength: float):
    audio = 0.5 * np.random.default_rng(3).standard_normal((1, 6 * drawn.session().block_samples)).astype(np.float32)
    session = drawn.session()
    session.sketch.choose(["loudness"])
    session.sketch.set_strength("loudness", strength)
    session.sketch.feed(audio)
    values = sketch_values(audio, drawn.model.sizes, 1).astype(np.float32)

    def control(scale: float):
        return lambda frame: np.float32(scale) * values[frame : frame + 1]

    found = play(session, blocks=6)
    np.testing.assert_allclose(found, rollout(drawn.model, drawn.tokenizer, TIMELINE, 6, control=control(strength)), atol=2e-5)
    other = rollout(drawn.model, drawn.tokenizer, TIMELINE, 6, control=control(1.0 if strength < 1 else 0.5))
    assert np.abs(found - other).max() > 1e-3


def test_strength_scales_the_sketch_of_what_is_primed(drawn: Tiny):
    audio = 0.5 * np.random.default_rng(4).standard_normal((1, 8 * drawn.session().block_samples)).astype(np.float32)
    histories = []
    for strength in (1.0, 0.5):
        session = drawn.session()
        session.sketch.choose(["loudness"])
        session.sketch.set_strength("loudness", strength)
        session.prime(audio)
        histories.append(session.controls.history()["loudness"])
    np.testing.assert_array_equal(histories[1], np.float32(0.5) * histories[0])
    assert histories[0].any()


def test_control_is_what_the_newest_block_followed(tiny: Tiny):
    session = tiny.session()
    session.set_prompt(JAZZ)
    assert session.control("loudness").shape == (1, 0)
    for value in (0.3, -0.2):
        session.set_control("loudness", value)
        session.next_block()
        session.set_control("loudness", 9.0)
        np.testing.assert_array_equal(session.control("loudness"), np.full((1, session.model.block), value, np.float32))
    session.reset()
    assert session.control("loudness").shape == (1, 0)
    with pytest.raises(SessionError, match="loudness"):
        session.control("pitch")


@pytest.mark.parametrize(
    "tuning",
    [
        {"seed": -1},
        {"steps": -1},
        {"steps": 10**6},
        {"guidance_scale": float("nan")},
        {"context_drop": -1},
        {"context_drop": 10**6},
        {"feedback": 1.5},
        {"feedback": float("nan")},
    ],
    ids=str,
)
def test_a_tuning_that_is_refused_changes_nothing(tiny: Tiny, tuning: dict):
    session = tiny.session()
    before = session.settings
    with pytest.raises(SessionError):
        session.tune(**{"hold_noise": True, **tuning})
    assert session.settings == before


@pytest.mark.parametrize(("kind", "strength"), [("loudness", -0.1), ("loudness", 1.1), ("loudness", float("nan")), ("pitch", 0.5)])
def test_a_strength_that_cannot_be_is_refused(drawn: Tiny, kind: str, strength: float):
    with pytest.raises(SessionError):
        drawn.session().sketch.set_strength(kind, strength)


def test_a_bundle_without_guidance_has_no_scale(tmp_path: Path):
    folder = make_tiny(tmp_path / "bundle", "encoder-decoder").folder
    manifest = load_bundle(folder).manifest
    plain = replace(manifest, sampling=replace(manifest.sampling, guidance="none", guidance_scale=1.0))
    settings = Settings.of(plain, 0, None, None)
    assert settings.tuned(guidance_scale=1.0) == settings
    with pytest.raises(SessionError, match="without guidance"):
        settings.tuned(guidance_scale=2.0)
