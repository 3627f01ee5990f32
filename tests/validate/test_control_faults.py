"""The faults of controls do what their names say, and torch's side of a scenario is the controls of training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmdm_export.validate.control_faults import WRONG_HOP, crowded, unsmoothed
from lmdm_export.validate.scenario import Scenario
from lmdm_export.validate.torch_controls import SMOOTHING, control_frames, controlled, windows
from lmdm_train.control.sketch import finish, raw_features
from lmdm_train.presets import preset
from tests.validate.test_controls import Memory

BLOCKS = 20


def test_frames_that_crowd() -> None:
    audio = np.arange(24.0)[None, None]
    made = crowded(audio, 8)[0, 0]
    assert [made[start] for start in (0, 8, 16)] == [1, 8, 15]
    assert made[7] == made[8] == 8
    assert WRONG_HOP * 8 == 7


def test_smoothing_is_left_out_for_one_run() -> None:
    buffers, seen = {"smoothing": Memory(np.array([0, 0, 1], np.float32))}, []
    unsmoothed(lambda: seen.append(buffers["smoothing"].read()), buffers)
    np.testing.assert_array_equal(seen[0], [1, 0, 0])
    np.testing.assert_array_equal(buffers["smoothing"].read(), [0, 0, 1])


def test_a_scenario_gives_every_control() -> None:
    timeline = {0: [("a", 1.0)]}
    sketch = controlled(Scenario(BLOCKS, timeline), preset("tiny-sketch"))
    assert (sketch.sketched, sketch.smoothing, dict(sketch.controls)) == (("pitch", "loudness"), SMOOTHING, {})
    assert sketch.sketch is not None
    assert sketch.sketch.shape == (BLOCKS * 4 * 8,)
    jam = controlled(Scenario(BLOCKS, timeline), preset("tiny-accompaniment"))
    assert jam.sketch is None
    assert jam.accompaniment is not None
    assert jam.accompaniment.shape == (8, BLOCKS * 4)
    assert set(controlled(Scenario(BLOCKS, timeline), preset("tiny-control")).controls) == {"loudness"}
    assert windows(preset("tiny"), {}) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sketch_frames_are_those_of_training(dtype: torch.dtype) -> None:
    config = preset("tiny-sketch")
    scenario = controlled(Scenario(BLOCKS, {0: [("a", 1.0)]}), config)
    assert scenario.sketch is not None
    made = control_frames(config, scenario, dtype)
    expected = finish(config, raw_features(config, torch.from_numpy(scenario.sketch)[None]), SMOOTHING)
    for name, values in expected.items():
        assert made[name].dtype == dtype
        assert not made[name][..., : config.layout.context].any()
        torch.testing.assert_close(made[name][..., config.layout.context :].float(), values, atol=1e-4, rtol=0)
    primer = np.random.default_rng(0).standard_normal((1, 30 * 8)).astype(np.float32)
    primed = control_frames(config, scenario, dtype, primer)
    history = finish(config, raw_features(config, torch.from_numpy(primer)), SMOOTHING)
    torch.testing.assert_close(primed["loudness"][..., :12].float(), history["loudness"][..., -12:], atol=1e-4, rtol=0)


def test_windows_hide_the_accompaniment_from_its_cutoff_on() -> None:
    config = preset("tiny-accompaniment")
    scenario = controlled(Scenario(BLOCKS, {0: [("a", 1.0)]}), config)
    at = windows(config, control_frames(config, scenario, torch.float32))
    assert at is not None
    assert scenario.accompaniment is not None
    first, later = at(0), at(5)
    assert first["accomp_mask"][0, 0].tolist() == [1.0] * 10 + [0.0] * 6
    assert not first["accomp_input"].any()
    np.testing.assert_array_equal(later["accomp_input"][0, :, :10].numpy(), scenario.accompaniment[:, 8:18])
    assert not later["accomp_input"][..., 10:].any()
    beyond = at(BLOCKS + 2)
    assert beyond["accomp_input"].shape == (1, 8, 16)
    np.testing.assert_array_equal(beyond["accomp_input"][0, :, :4].numpy(), scenario.accompaniment[:, -4:])
    assert not beyond["accomp_mask"][..., 4:].any()
