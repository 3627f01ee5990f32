"""Sketch and accompaniment on bundles that were really exported, from audio, against torch rollouts under the controls of training."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Session, SessionError, load_bundle
from lmdm_runtime.noise import Noise

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from lmdm_train.config import AdditiveInput, InstrumentConfig  # noqa: E402
from lmdm_train.control import AccompanimentControl, LoudnessControl, PitchControl  # noqa: E402
from lmdm_train.control.batch import window_controls  # noqa: E402
from lmdm_train.control.sketch import finish, raw_features, sketch_controls  # noqa: E402
from lmdm_train.model.instrument import Instrument  # noqa: E402
from lmdm_train.rollout import Rollout, cached_blocks  # noqa: E402
from lmdm_train.rollout.prompts import PromptTimeline  # noqa: E402
from tests.bundles import named_config, small_bundle  # noqa: E402
from tests.small_instruments import small_instrument  # noqa: E402

pytestmark = pytest.mark.heavy

BLOCKS, SEED, SMOOTHING = 18, 3, 5
TIMELINE = {0: [("slow piano", 1.0)], 7: [("fast drums", 1.0)], 12: [("fast drums", 0.4), ("warm pad", 0.6)]}


def combined(base: str, cutoff: int) -> InstrumentConfig:
    """All three controls at once over a causal codec."""
    document = named_config(base).model_dump()
    controls = (PitchControl(octaves=3, lowest_hz=220.0, longest_window=2048), LoudnessControl(), AccompanimentControl(cutoff=cutoff))
    groups = [AdditiveInput(name=name, channels=n) for control in controls for name, n in control.groups(8)]
    document["name"], document["controls"] = f"{base}-combined", [control.model_dump() for control in controls]
    document["codec"] = named_config("tiny-spectral").codec.model_dump()
    document["dit"]["additive"] = [*document["dit"]["additive"], *(group.model_dump() for group in groups)]
    return InstrumentConfig.model_validate(document)


CONFIGS = {
    "encoder-decoder, past the context": lambda: combined("tiny", 14),
    "block-causal, past the context": lambda: combined("tiny-bc", 18),
    "encoder-decoder, inside, codec that looks ahead": lambda: named_config("tiny-accompaniment"),
}


@pytest.fixture(scope="module", params=list(CONFIGS))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Instrument, Path]:
    config = CONFIGS[request.param]()
    return small_instrument(config), small_bundle(tmp_path_factory, config).bundle


def music(config: InstrumentConfig, blocks: int, seed: int) -> np.ndarray:
    """A chord that changes and rests, [channels, samples]."""
    draw, size = np.random.default_rng(seed), config.layout.block * config.codec.frame_size
    t = np.arange(blocks * size) / config.codec.sample_rate
    hz = np.repeat(draw.uniform(250, 1500, (3, blocks // 3 + 1)), 3 * size, axis=1)[:, : len(t)]
    level = np.repeat(draw.choice([0.0, 0.05, 0.3], blocks), size)
    tone = (level * np.sin(2 * np.pi * hz * t + np.arange(3)[:, None])).sum(axis=0)
    return np.tile(tone.astype(np.float32), (config.codec.audio_channels, 1))


def frames_of(instrument: Instrument, audio: np.ndarray) -> torch.Tensor:
    """All frames of the accompaniment, encoded at once after and before silence."""
    codec, size = instrument.codec, instrument.codec.frame_size
    around = 0 if instrument.config.codec.kind == "spectral" else 24
    padded = torch.nn.functional.pad(torch.from_numpy(audio)[None], (around * size, around * size))
    with torch.no_grad():
        return codec.encode(padded)[..., around : around + audio.shape[1] // size]


def torch_blocks(instrument: Instrument, drawn: np.ndarray, other: np.ndarray, cutoff: int | None = None) -> np.ndarray:
    config = instrument.config
    s, o = config.layout.context, config.layout.block
    controls = {}
    if sketch_controls(config):
        controls = finish(config, raw_features(config, torch.from_numpy(drawn.mean(axis=0))[None]), SMOOTHING)
    controls = {name: torch.nn.functional.pad(values, (s, 0)) for name, values in controls.items()}
    accompaniment = torch.nn.functional.pad(frames_of(instrument, other), (s, 0))
    controls |= {"accomp_mask": torch.ones_like(accompaniment[:, :1]), "accomp_input": accompaniment}
    noise = Noise(SEED)
    rollout = Rollout.of(
        instrument,
        PromptTimeline(TIMELINE),
        lambda block, draw: torch.from_numpy(noise.block(block, draw, (1, config.dit.latent_channels, o))),
        seconds=config.seconds_total,
        controls=lambda block: window_controls(config, controls, block * o, config.layout, cutoff=cutoff),
    )
    return np.stack([block.numpy() for block in islice(cached_blocks(rollout), BLOCKS)])


def test_session_is_the_torch_rollout_under_its_controls(exported: tuple[Instrument, Path]) -> None:
    instrument, folder = exported
    config = instrument.config
    cutoff = next(control.cutoff for control in config.controls if isinstance(control, AccompanimentControl))
    session = Session(load_bundle(folder), seed=SEED)
    drawn, other = music(config, BLOCKS, 0), music(config, BLOCKS + 12, 1)
    if sketch_controls(config):
        session.sketch.choose(["pitch", "loudness"], smoothing=SMOOTHING)
    samples, made = session.block_samples, []
    ahead = 1 + -(-session.bundle.manifest.codec.encoder.right // config.layout.block)
    session.accompaniment.feed(other[:, : ahead * samples])
    for block in range(BLOCKS):
        if block in TIMELINE:
            session.set_prompts(TIMELINE[block])
        # Live: what sounds now comes just before the block that follows it.
        if sketch_controls(config):
            session.sketch.feed(drawn[:, block * samples : (block + 1) * samples])
        made.append(session.next_latents())
        session.accompaniment.feed(other[:, (block + ahead) * samples : (block + ahead + 1) * samples])
    expected = torch_blocks(instrument, drawn, other)
    errors, peak = np.abs(np.stack(made) - expected).max(axis=(1, 2, 3)), np.abs(expected).max()
    assert errors.max() < 1e-4 * peak, f"errors by block {errors}, peak {peak}"

    for wrong in (cutoff - 1, cutoff + 1):
        assert np.abs(torch_blocks(instrument, drawn, other, wrong) - expected).max() > 100 * errors.max()
    late = np.roll(drawn, config.codec.frame_size, axis=1)
    if sketch_controls(config):
        assert np.abs(torch_blocks(instrument, late, other) - expected).max() > 100 * errors.max()


def test_strengths_are_the_groups_of_training(exported: tuple[Instrument, Path]) -> None:
    """Pitch alone is what training calls a dropped loudness: all of its group zero, presence too."""
    instrument, folder = exported
    config = instrument.config
    session = Session(load_bundle(folder), seed=SEED)
    if not sketch_controls(config):
        with pytest.raises(SessionError, match="no sketch controls"):
            session.sketch.choose("pitch")
        return
    audio = music(config, 6, 2)
    session.sketch.choose("pitch")
    session.sketch.feed(audio)
    session.set_prompt("slow piano")
    wanted = finish(config, raw_features(config, torch.from_numpy(audio.mean(axis=0))[None]), 1)["pitch"].numpy()
    for block in range(6):
        session.next_latents()
        history = session.controls.history()
        frames = wanted[..., : (block + 1) * config.layout.block][..., -config.layout.context :]
        np.testing.assert_allclose(history["pitch"][..., -frames.shape[2] :], frames, atol=1e-4)
        assert not history["loudness"].any()
    assert wanted[:, 1:].any()


def test_a_drawn_sketch_is_heard_from_the_next_block_on(exported: tuple[Instrument, Path]) -> None:
    instrument, folder = exported
    session = Session(load_bundle(folder), seed=SEED)
    session.set_prompt("slow piano")
    if not sketch_controls(instrument.config):
        with pytest.raises(SessionError, match=r"no sketch control 'loudness' to draw; its sketch controls are none"):
            session.draw("loudness", -20.0)
        return
    session.draw("loudness", [-20.0, -30.0])
    session.next_latents()
    loudness = next(control for control in instrument.config.controls if control.kind == "loudness")
    block = instrument.config.layout.block
    asked = torch.tensor([-20.0, *[-30.0] * (block - 1)])[None, None]
    history = session.controls.history()["loudness"][..., -block:]
    np.testing.assert_allclose(history[:, 1:], loudness.shape(asked).numpy(), atol=1e-6)
    session.sketch.choose("loudness")
    with pytest.raises(SessionError, match="follows the sketch"):
        session.draw("loudness", -10.0)
