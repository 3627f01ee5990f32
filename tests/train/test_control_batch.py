"""Controls of training batches: presence, dropout, windows, cutoffs, and what a configuration refuses."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch
from pydantic import ValidationError

from lmdm_train.config import InstrumentConfig
from lmdm_train.control import AccompanimentControl
from lmdm_train.control.batch import draw_cutoff, local_controls, window_controls
from lmdm_train.control.sketch import raw_features
from lmdm_train.data.batch import Batch
from lmdm_train.errors import LmdmTrainError
from lmdm_train.presets import preset


def sketch_batch(config: InstrumentConfig, count: int = 3, length: int = 24) -> Batch:
    audio = torch.randn(count, length * config.codec.frame_size)
    return Batch(torch.randn(count, 8, length), ["a"] * count, torch.ones(count), raw_features(config, audio))


def with_dropout(config: InstrumentConfig, share: float) -> InstrumentConfig:
    controls = tuple(control.model_copy(update={"dropout": share}) for control in config.controls)
    return config.model_copy(update={"controls": controls})


def test_controls_are_present_in_the_groups_that_the_network_has() -> None:
    config = preset("tiny-sketch")
    controls = local_controls(config, sketch_batch(config), random.Random(0), train=False)
    assert {name: value.shape[1] for name, value in controls.items()} == {g.name: g.channels for g in config.dit.controls}
    assert all((value[:, 0] == 1).all() for value in controls.values())


def test_dropout_takes_a_whole_control_from_an_item_and_each_on_its_own() -> None:
    config = with_dropout(preset("tiny-sketch"), 0.5)
    batch = sketch_batch(config, count=64)
    controls = local_controls(config, batch, random.Random(0))
    present = {name: value[:, 0] for name, value in controls.items()}
    for name, value in controls.items():
        absent = present[name][:, 0] == 0
        assert 10 < int(absent.sum()) < 54
        assert not value[absent].any()
    assert not torch.equal(present["pitch"], present["loudness"])
    assert all(value[:, 0].all() for value in local_controls(with_dropout(config, 0.0), batch, random.Random(0)).values())


def test_what_was_done_to_a_crop_is_always_told() -> None:
    config = with_dropout(preset("tiny-sketch"), 1.0)
    batch = sketch_batch(config, count=4)
    told = dataclasses.replace(batch, told=[frozenset({"loudness"}), frozenset(), frozenset({"loudness"}), frozenset({"none"})])
    controls = local_controls(config, told, random.Random(0))
    assert controls["loudness"][:, 0, 0].tolist() == [1, 0, 1, 0]
    assert not controls["pitch"].any()
    assert not local_controls(config, batch, random.Random(0))["loudness"].any()


def test_the_same_rng_gives_the_same_controls() -> None:
    config = preset("tiny-sketch")
    batch = sketch_batch(config)
    first, second, other = (local_controls(config, batch, random.Random(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_accompaniment_is_hidden_from_the_cutoff_of_each_window_on() -> None:
    config = preset("tiny-accompaniment")
    other = torch.randn(2, 8, 40)
    batch = Batch(torch.randn(2, 8, 40), ["a", "b"], torch.ones(2), {}, other)
    controls = local_controls(config, batch, random.Random(0), train=False)
    for start in (0, 4, 20):
        seen = window_controls(config, controls, start, config.layout)
        assert torch.equal(seen["accomp_input"][..., :10], other[..., start : start + 10])
        assert not seen["accomp_input"][..., 10:].any()
        assert seen["accomp_mask"][0, 0].tolist() == [1.0] * 10 + [0.0] * 6
    wider = window_controls(config, controls, 0, config.layout, cutoff=16)
    assert torch.equal(wider["accomp_input"], other[..., :16])


def test_one_network_may_be_trained_at_several_cutoffs() -> None:
    config = preset("tiny-accompaniment")
    assert draw_cutoff(config, random.Random(0)) is None
    several = config.model_copy(update={"controls": (AccompanimentControl(cutoff=10, train_cutoffs=(8, 12)),)})
    assert {draw_cutoff(several, random.Random(seed)) for seed in range(20)} == {8, 12}


def test_missing_music_is_explained() -> None:
    sketch, jam = preset("tiny-sketch"), preset("tiny-accompaniment")
    bare = Batch(torch.randn(1, 8, 16), ["a"], torch.ones(1))
    with pytest.raises(LmdmTrainError, match="no features for the control pitch"):
        local_controls(sketch, bare, random.Random(0))
    with pytest.raises(LmdmTrainError, match="--stems"):
        local_controls(jam, bare, random.Random(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dit": {"additive": [{"name": "inpaint_mask", "channels": 1}]}}, "needs the additive input accomp_mask"),
        ({"controls": [{"kind": "accompaniment", "cutoff": 17}]}, "cutoff 17 exceeds the window of 16"),
        ({"controls": [{"kind": "accompaniment", "cutoff": 8}] * 2}, "each control may stand once"),
        ({"controls": [{"kind": "tempo"}]}, "tempo"),
    ],
)
def test_a_configuration_whose_controls_do_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    document = preset("tiny-accompaniment").model_dump()
    for key, value in change.items():
        document[key] = {**document[key], **value} if isinstance(value, dict) else value
    with pytest.raises(ValidationError, match=message):
        InstrumentConfig.model_validate(document)
