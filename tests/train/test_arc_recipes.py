"""Packaged recipes of ARC-Forcing are valid and hold the figures of paper (A.2) and release (facts sheet §1, §4)."""

from __future__ import annotations

import pytest

from lmdm_train.arc.scene import crop_length
from lmdm_train.arc.stage import ArcConfig
from lmdm_train.engine.config import read_config, recipe_names
from lmdm_train.presets import preset

RECIPES = [name for name in recipe_names() if name.rpartition("/")[2].startswith("arc")]


def read(name: str) -> ArcConfig:
    return read_config(ArcConfig, name)


def test_they_are_there():
    assert {"default/arc", "paper/arc-ed", "paper/arc-bc", "paper/arc-accompaniment-ed", "released/arc-ed", "released/arc-bc"} <= set(
        RECIPES
    )


@pytest.mark.parametrize("name", RECIPES)
def test_each_is_valid_and_saves_and_can_take_negatives(name):
    config = read(name)
    assert config.run.batch > 1
    assert config.run.clip == 1.0
    assert config.discriminator.backbone is not None
    assert config.rollout.max_steps >= min(config.play.steps, 5)


def test_the_papers_figures():
    """A.2.1: 18k iterations, batch 80, 12 blocks, .5 and .1, λ = 1; A.2.2: 8k; §4.2: k from 2 steps on; Table 1: steps played."""
    ed, bc, stems = read("paper/arc-ed"), read("paper/arc-bc"), read("paper/arc-accompaniment-ed")
    for config in (ed, bc, stems):
        assert config.run.batch * config.run.accumulate == 80
        assert (config.rollout.blocks, config.rollout.min_steps) == (12, 2)
        assert (config.rollout.context.p_uncond, config.rollout.context.p_partial) == (0.5, 0.1)
        assert config.loss.contrastive == 1
        assert crop_length(preset("lmdm-ed").layout, config.rollout.blocks) == 768
    assert (ed.run.steps, bc.run.steps, stems.run.steps) == (18000, 18000, 8000)
    assert (ed.play.steps, bc.play.steps) == (8, 2)


def test_the_released_figures():
    ed, bc, stems = read("released/arc-ed"), read("released/arc-bc"), read("released/arc-accompaniment-ed")
    layout = preset("lmdm-ed").layout
    assert [crop_length(layout, config.rollout.blocks) for config in (ed, bc, stems)] == [384, 768, 768]
    for config in (ed, bc, stems):
        assert (config.rollout.min_steps, config.rollout.max_steps, config.rollout.grid) == (1, 5, 6)
        assert config.generator.optimiser.weight_decay == config.discriminator.optimiser.weight_decay == 0.01
        assert config.discriminator.optimiser.learning_rate == 1e-6
    assert [config.rollout.context.p_uncond for config in (ed, bc)] == [0.25, 0.25]
    assert [config.loss.contrastive for config in (ed, bc)] == [1.0, 2.0]
    assert [config.loss.noise_levels.kind for config in (ed, bc, stems)] == ["logit-normal", "log-snr-uniform", "truncated-logit-normal"]
    assert [config.discriminator.layers for config in (ed, bc, stems)] == [13, 13, 9]
    assert (stems.generator.optimiser.learning_rate, stems.generator.optimiser.betas) == (2e-6, (0.9, 0.99))
    assert stems.loss.mismatched == ("accompaniment",)
