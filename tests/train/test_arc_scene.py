"""What music and rollout share: null contexts, controls at their place, cutoffs for the player but not for the listener, padding."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch

from lmdm_train.arc.scene import Scene, crop_length, draw_scene, later
from lmdm_train.arc.settings import RolloutSettings
from lmdm_train.data.batch import Batch
from lmdm_train.errors import LmdmTrainError
from lmdm_train.flow.dropout import ContextDropout
from lmdm_train.presets import preset
from tests.train.small_arc import Music

CONFIG = preset("tiny")
LAYOUT = CONFIG.layout
BLOCKS = 3
LENGTH = crop_length(LAYOUT, BLOCKS)


def counted(length: int = LENGTH, batch: int = 4) -> Batch:
    """Frame n of every channel is n + 1, so that every frame says where it comes from."""
    frames = torch.arange(1.0, length + 1).expand(batch, 8, length).clone()
    return Batch(frames, ["a"] * batch, torch.ones(batch), accompaniment=100 + frames)


def scene(batch: Batch | None = None, *, preset_name: str = "tiny", p: tuple[float, float] = (0.0, 0.0), **settings) -> Scene:
    given = {"blocks": BLOCKS, "context": ContextDropout(p_uncond=p[0], p_partial=p[1]), **settings}
    return draw_scene(preset(preset_name), batch or counted(), RolloutSettings(**given), random.Random(4), torch.zeros(()))


def test_without_nulls_the_music_is_as_it_is():
    assert torch.equal(scene().real, counted().frames)
    assert torch.equal(scene().context, counted().frames[..., :12])
    longer = scene(counted(LENGTH + 5), history=5)
    assert torch.equal(longer.real, counted(LENGTH + 5).frames[..., 5:])


def test_a_null_context_shifts_the_music_or_wipes_it():
    """Facts sheet §4: `[zeros(d), x[:-d]]` if shifted, for music and rollout alike; else the first d frames become zero in place."""
    shifted, wiped = scene(p=(1, 0)), scene(p=(1, 0), null="in-place")
    assert not shifted.context.any()
    assert not wiped.context.any()
    assert torch.equal(shifted.real[0, 0, 12:], torch.arange(1.0, 13))
    assert torch.equal(wiped.real[0, 0, 12:], torch.arange(13.0, 25))
    partial = scene(counted(batch=40), p=(0, 1))
    starts = (partial.real[:, 0] == 0).sum(dim=1)
    assert set(starts.tolist()) == set(range(1, 12))
    assert all(torch.equal(item[0, n:], torch.arange(1.0, LENGTH + 1 - n)) for item, n in zip(partial.real, starts, strict=True))
    blocks = scene(counted(batch=40), p=(0, 1), context=ContextDropout(p_uncond=0, p_partial=1, partial="blocks"))
    assert set((blocks.real[:, 0] == 0).sum(dim=1).tolist()) == {4, 8, 12}


def test_controls_go_with_the_music():
    """The accompaniment is 100 more than the music of the same frame: wherever a crop is moved to, it stays so."""
    moved = scene(counted(batch=20), preset_name="tiny-accompaniment", p=(0.4, 0.4))
    present = (moved.controls["accomp_mask"] == 1) & (moved.real[:, :1] > 0)
    difference = (moved.controls["accomp_input"] - moved.real)[present.expand(moved.real.shape)]
    assert bool((difference == 100).all())
    assert bool((moved.controls["accomp_input"][(moved.real == 0)] == 0).all())


def test_silence_before_the_music_is_a_known_accompaniment_as_it_is_in_a_stream():
    later_music = scene(counted(batch=20), preset_name="tiny-accompaniment", p=(1, 0))
    mask = later_music.controls["accomp_mask"]
    kept = mask.any(dim=-1)[:, 0]
    assert bool(kept.any())
    assert bool((mask[kept] == 1).all())
    assert not later_music.controls["accomp_input"][..., : LAYOUT.context].any()


def test_the_player_hears_the_accompaniment_up_to_its_cutoff_and_the_listener_all_of_it():
    config = preset("tiny-accompaniment")
    assert config.controls[0].cutoff == 10
    there = scene(preset_name="tiny-accompaniment")
    kept = there.controls["accomp_mask"].any(dim=-1)[:, 0]
    assert bool(kept.any())
    for block, window in enumerate(there.windows):
        given = window["accomp_input"][kept]
        start = block * LAYOUT.block
        assert torch.equal(given[..., :10], there.controls["accomp_input"][kept][..., start : start + 10])
        assert not given[..., 10:].any()
        assert given.shape[-1] == LAYOUT.window
    assert bool((there.controls["accomp_mask"][kept] == 1).all())


def test_sketches_are_wiped_with_the_history_only_if_asked():
    config = preset("tiny-sketch")
    music = Music(features=config.controls[0].values)
    batch = music.draw(random.Random(0), 30, LENGTH)
    kept, gone = (scene(batch, preset_name="tiny-sketch", p=(1, 0), null="in-place", history_dropout=h) for h in (0.0, 1.0))
    assert bool(kept.controls["loudness"][..., :12].any())
    assert not gone.controls["loudness"][..., :12].any()
    assert torch.equal(kept.controls["loudness"][..., 12:], gone.controls["loudness"][..., 12:])


def test_an_input_that_no_control_fills_is_absent():
    there = scene(preset_name="tiny-control")
    (group,) = preset("tiny-control").dit.controls
    assert not there.controls[group.name].any()
    assert there.windows[0][group.name].shape == (4, 1, LAYOUT.window)


def test_padding_is_the_same_in_music_and_rollout():
    batch = dataclasses.replace(counted(), lengths=torch.tensor([LENGTH, LENGTH - 3, 14, LENGTH]))
    there = scene(batch)
    blocks = torch.full((4, 8, BLOCKS * LAYOUT.block), -7.0)
    made = there.with_blocks(blocks)
    assert (made == -7).sum(dim=-1)[:, 0].tolist() == [12, 9, 2, 12]
    assert torch.equal(made[..., :12], there.context)
    assert bool((made[1, :, -3:] == there.real[1, :, -3:]).all())


def test_short_crops_are_refused_in_a_sentence():
    with pytest.raises(LmdmTrainError, match="rollouts of 3 blocks at layout 12/4 need crops of 24 frames, found 20"):
        scene(counted(20))


def test_later_is_a_shift_behind_zeros():
    values = torch.arange(1.0, 7).expand(3, 2, 6)
    moved = later(values, torch.tensor([0, 2, 6]))
    assert moved[:, 0].tolist() == [[1, 2, 3, 4, 5, 6], [0, 0, 1, 2, 3, 4], [0] * 6]
