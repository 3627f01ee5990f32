"""The gate before any timing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.job import swapped
from benchmarks.parity import check_exact, check_variant

ROUNDING = {"velocity": 1e-7, "other": 1e-7}


def outputs(offset: float = 0.0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {name: draw.standard_normal((2, 3)) + (offset if name == "velocity" else 0.0) for name in ("velocity", "other")}


def test_rounding_passes_and_more_does_not() -> None:
    assert check_exact("a", "step", outputs(), outputs(1e-6), ROUNDING, outputs(0.5)).passed
    wrong = check_exact("a", "step", outputs(), outputs(1e-4), ROUNDING, outputs(0.5))
    assert not wrong.passed
    assert wrong.output == "velocity"
    assert "a: velocity of step is off by 0.0001" in wrong.sentence


def test_a_control_that_passes_fails_the_gate() -> None:
    blind = check_exact("a", "step", outputs(), outputs(), ROUNDING, outputs(1e-7))
    assert not blind.passed
    assert "swapped keys and values of step pass" in blind.sentence


def test_nothing_that_is_not_finite_passes() -> None:
    assert not check_exact("a", "step", outputs(), outputs(np.nan), ROUNDING, None).passed
    blocks, other = {"blocks": np.zeros((1, 2, 3))}, np.ones((1, 2, 3))
    assert not check_variant("a", "block", blocks, {"blocks": np.full((1, 2, 3), np.nan)}, 0.1, other).passed


def test_a_variant_is_held_to_its_budget_of_another_seed() -> None:
    blocks, other = {"blocks": np.zeros((1, 2, 3))}, np.full((1, 2, 3), 2.0)
    check = check_variant("int8", "block", blocks, {"blocks": np.full((1, 2, 3), 0.1)}, 0.06, other)
    assert check.error == pytest.approx(0.05)
    assert check.passed
    assert not check_variant("int8", "block", blocks, {"blocks": np.full((1, 2, 3), 0.2)}, 0.06, other).passed
    assert check_variant("int8", "step", outputs(), outputs(0.3), 0.06, other).bound is None


def test_swapping_changes_the_cache_and_nothing_else() -> None:
    inputs = {
        name: np.array([number]) for number, name in enumerate(("x", "self_k_00", "self_v_00", "self_k_01", "self_v_01", "cross_k_00"))
    }
    assert {name: int(value[0]) for name, value in swapped(inputs).items()} == {
        "x": 0, "self_k_00": 2, "self_v_00": 1, "self_k_01": 4, "self_v_01": 3, "cross_k_00": 5
    }  # fmt: skip
