"""The measure on rollouts whose answer is known, and the choice on ladders whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmdm_export.precision.ladder import Ladder, Rung
from lmdm_export.precision.measure import Parity, level_drift, parity_of, share, shares
from lmdm_export.precision.reference import Reference, Rollouts
from lmdm_export.precision.timing import Cost, Spread
from lmdm_export.validate.scenario import Scenario, build_timeline

DRAW = np.random.default_rng(0)
EXPECTED, OTHER = (DRAW.standard_normal((8, 3, 5)).astype(np.float32) for _ in range(2))
REFERENCE = Reference(Scenario(8, build_timeline(8)), EXPECTED, Rollouts(OTHER, OTHER))


def at(part: float) -> np.ndarray:
    """That share of the way to the other rollout."""
    return (EXPECTED + part * (OTHER - EXPECTED)).astype(np.float32)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 1.0, 3.0])
def test_share_is_the_way_to_another_seed(part: float) -> None:
    assert share(EXPECTED, at(part), OTHER) == pytest.approx(part, rel=1e-5, abs=1e-7)
    parity = parity_of(REFERENCE, Rollouts(at(part), at(part / 2)))
    assert parity.forced == pytest.approx(part, rel=1e-5, abs=1e-7)
    assert parity.closed == pytest.approx(part / 2, rel=1e-5, abs=1e-7)
    assert parity.share == parity.forced


def test_one_bad_block_shows_in_its_own_share() -> None:
    made = EXPECTED.copy()
    made[3] = OTHER[3]
    found = shares(EXPECTED, made, OTHER)
    assert np.flatnonzero(found).tolist() == [3]
    assert found[3] == pytest.approx(np.sqrt(np.mean((OTHER[3] - EXPECTED[3]) ** 2) / np.mean((OTHER - EXPECTED) ** 2)), rel=1e-5)


def test_values_that_are_not_finite_can_never_pass() -> None:
    made = EXPECTED.copy()
    made[0, 0, 0] = np.nan
    parity = parity_of(REFERENCE, Rollouts(EXPECTED, made))
    assert parity.share == math.inf
    assert not parity.within(1e9)
    assert level_drift(EXPECTED, made) == math.inf


def test_a_level_that_drifts_fails_although_the_share_is_small() -> None:
    louder = EXPECTED * np.float32(1.05)
    assert level_drift(EXPECTED, louder) == pytest.approx(20 * math.log10(1.05), rel=1e-5)
    steady = Reference(REFERENCE.scenario, EXPECTED, Rollouts(-EXPECTED, -EXPECTED))  # another seed of the same levels
    parity = parity_of(steady, Rollouts(louder, louder))
    assert parity.share == pytest.approx(0.025, rel=1e-3)
    assert not parity.within(0.1)
    assert parity_of(REFERENCE, Rollouts(at(0.05), at(0.05))).within(0.1)


def rung(kind: str, parity: float, median: float, spread: float) -> Rung:
    ratio = Spread(median - spread, median, median + spread)
    return Rung(kind, 1, Parity(parity, parity, parity, 0.0, 1.0), Cost(ratio, ratio, ratio))


@pytest.mark.parametrize(
    ("rungs", "chosen"),
    [
        ([("float32", 0, 1, 0.01), ("a", 0.05, 0.6, 0.01), ("b", 0.01, 0.8, 0.01)], "a"),
        ([("float32", 0, 1, 0.01), ("a", 0.05, 0.6, 0.02), ("b", 0.01, 0.63, 0.02)], "b"),  # a tie within the spread
        ([("float32", 0, 1, 0.3), ("a", 0.05, 0.6, 0.3)], "float32"),
        ([("float32", 0, 1, 0.01), ("a", 0.2, 0.3, 0.01)], "float32"),
        ([("a", 0.2, 0.3, 0.01)], None),
    ],
)
def test_choice_is_the_fastest_that_noise_did_not_choose(rungs: list[tuple], chosen: str | None) -> None:
    ladder = Ladder("tiny", 0.1, rungs=[rung(*each) for each in rungs])
    assert (ladder.chosen.kind if ladder.chosen else None) == chosen
    # A budget that lets a fault pass chooses nothing.
    ladder.controls["swapped K and V"] = Parity(0.05, 0.05, 0.05, 0.0, 1.0)
    assert ladder.chosen is None
    assert ladder.missed == ["swapped K and V"]
