"""Playing for measurement: a batch is its items, every pattern plays, absent controls are zeros, and models are named as documented."""

from __future__ import annotations

import pytest
import torch

from lmdm_train.checkpoint import save_instrument
from lmdm_train.config import Pattern
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.models import parse_model, parse_models
from lmdm_train.evaluate.play import blocks_of, play_frames, sound, with_absent
from lmdm_train.evaluate.shipped import shipped
from lmdm_train.presets import preset
from lmdm_train.rollout import Rollout, cached_blocks
from lmdm_train.rollout.noise import seeded_noise
from lmdm_train.rollout.prompts import PromptTimeline
from tests.small_instruments import PROMPTS, small_instrument


@pytest.mark.parametrize("name", ["tiny", "tiny-bc"])
def test_a_batch_plays_each_prompt_as_it_would_alone(name):
    """Against a rollout of each prompt with its row of the noise. The control swaps two prompts."""
    instrument, prompts = small_instrument(name), PROMPTS[:3]
    config = instrument.config
    made = play_frames(instrument, prompts, 4, seed=5)
    noise = seeded_noise((3, config.dit.latent_channels, config.layout.block), 5)

    def alone(row: int, prompt: str) -> torch.Tensor:
        rollout = Rollout.of(instrument, PromptTimeline({0: prompt}), lambda b, d: noise(b, d)[row : row + 1], seconds=config.seconds_total)
        stream = cached_blocks(rollout)
        return torch.cat([next(stream) for _ in range(4)], dim=2)[0]

    for row, prompt in enumerate(prompts):
        assert (made[row] - alone(row, prompt)).abs().max() < 1e-4
    assert (made[0] - alone(0, prompts[1])).abs().max() > 1e-2


@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-control", "tiny-sketch", "tiny-sketch-bc", "tiny-accompaniment"])
def test_every_preset_plays_with_its_controls_absent(name):
    instrument = small_instrument(name)
    frames = play_frames(instrument, PROMPTS[:2], 2)
    layout = instrument.config.layout
    assert frames.shape == (2, 8, 2 * layout.block)
    assert sound(instrument, frames).shape == (2, frames.shape[2] * instrument.config.codec.frame_size)
    controls = with_absent(instrument.config, 2)
    if instrument.config.dit.controls:
        assert controls is not None
        zeros = controls(0)
        assert {group.name for group in instrument.config.dit.controls} == set(zeros)
        assert not any(value.any() for value in zeros.values())
        present = play_frames(instrument, PROMPTS[:2], 2, controls=lambda block: {name: value + 1 for name, value in zeros.items()})
        assert (present - frames).abs().max() > 1e-2


def test_a_bidirectional_instrument_plays_by_outpainting():
    config = preset("tiny").model_copy(update={"pattern": Pattern(kind="bidirectional")})
    assert play_frames(small_instrument(config), PROMPTS[:2], 2).isfinite().all()


def test_a_change_of_prompt_drops_context_of_the_whole_batch():
    """With drop, what follows the change differs from the same rollout without drop; before it they are one."""
    frames = {}
    for drop in (0, 12):
        instrument = small_instrument("tiny")
        instrument.config = instrument.config.model_copy(
            update={"sampling": instrument.config.sampling.model_copy(update={"context_drop": drop})}
        )
        timelines = [PromptTimeline({0: PROMPTS[0], 4: PROMPTS[1]}), PromptTimeline({0: PROMPTS[2], 4: PROMPTS[3]})]
        frames[drop] = play_frames(instrument, timelines, 6)
    changed = (frames[0] - frames[12]).abs().amax(dim=(1, 2))
    assert torch.equal(frames[0][..., :16], frames[12][..., :16])
    assert (changed > 1e-3).all()


def test_blocks_are_rounded_up():
    config = preset("default")
    assert blocks_of(config, 120) == 323
    assert blocks_of(config, 8 * 2048 / 44100) == 1


def test_models_are_named_and_set_as_documented(tmp_path):
    model = parse_model("few=default@steps=4,solver=ping-pong,guidance=cfg++,scale=0.7,drop=40")
    assert (model.name, model.path) == ("few", shipped("default.safetensors"))
    assert model.settings == {"steps": 4, "solver": "ping-pong", "guidance": "cfg++", "guidance_scale": 0.7, "context_drop": 40}
    assert parse_model("runs/a.safetensors@steps=2").name == "a"
    assert parse_models(())[0].name == "default"
    save_instrument(tmp_path / "a.safetensors", small_instrument("tiny"))
    assert parse_model(f"a={tmp_path}/a.safetensors@steps=2,guidance=none").load().config.sampling.steps == 2
    with pytest.raises(LmdmTrainError, match="drops 40 frames of context and has 12"):
        parse_model(f"a={tmp_path}/a.safetensors@drop=40").load()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=x", "names no file"),
        ("a=b@speed=3", "unknown setting 'speed=3'"),
        ("a=b@steps=many", "holds no number"),
        ("a=b@solver=magic", "the solver 'magic'; choose one of euler"),
        ("a=b@steps", "holds no number"),
    ],
)
def test_a_model_that_is_not_of_the_form_is_explained(text, message):
    with pytest.raises(LmdmTrainError, match=message):
        parse_model(text)


def test_two_models_of_one_name_are_refused():
    with pytest.raises(LmdmTrainError, match="two models have one name"):
        parse_models(("default", "default@steps=4"))
