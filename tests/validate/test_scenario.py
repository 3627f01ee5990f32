"""The closed loop plays what the parity of prompts needs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lmdm_export.validate.scenario import Scenario, build_timeline, control_values, dominant


@pytest.mark.parametrize("blocks", [8, 16, 64, 200])
def test_timeline_has_an_early_hard_change_and_varying_mixes(blocks: int) -> None:
    scenario = Scenario(blocks, build_timeline(blocks))
    first = min(scenario.changes)
    assert 2 <= first < blocks // 2
    assert len(scenario.timeline[first]) == 1
    assert len(scenario.changes) >= 2
    assert any(len(mix) == 3 for mix in scenario.timeline.values())
    assert max(scenario.timeline) < blocks


def test_long_timeline_varies_its_mix_by_block() -> None:
    scenario = Scenario(64, build_timeline(64))
    assert scenario.varying >= 16
    weights = [mix for block, mix in scenario.timeline.items() if block >= 48]
    assert all(before != after for before, after in pairwise(weights))


def test_changes_are_those_of_the_dominant_prompt() -> None:
    scenario = Scenario(8, {0: [("a", 1.0)], 2: [("a", 0.6), ("b", 0.4)], 4: [("a", 0.4), ("b", 0.6)], 6: [("b", 1.0)]})
    assert scenario.changes == {4: "b"}
    assert scenario.varying == 2
    assert scenario.first(3).timeline.keys() == {0, 2}


def test_equal_weights_leave_the_first_dominant() -> None:
    assert dominant([("a", 0.5), ("b", 0.5)]) == "a"


def test_too_short_a_rollout_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8 blocks, found 7"):
        build_timeline(7)


def test_controls_are_the_same_for_the_same_name_and_seed() -> None:
    a, b = control_values("loudness", 2, 50), control_values("loudness", 2, 50)
    np.testing.assert_array_equal(a, b)
    assert a.shape == (2, 50)
    assert not np.array_equal(a, control_values("pitch", 2, 50))
