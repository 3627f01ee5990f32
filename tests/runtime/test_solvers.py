"""Numpy solvers: exact where the flow is straight, convergent where it is not, and equal to the torch reference where torch is there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmdm_runtime.errors import SessionError
from lmdm_runtime.solvers import SOLVERS, Guided, guide, logsnr_schedule, require_schedule, require_solver

RNG = np.random.default_rng(5)
SHAPE = (1, 3, 4)
TARGET = RNG.standard_normal(SHAPE).astype(np.float32)
START = RNG.standard_normal(SHAPE).astype(np.float32)


def noise(step: int) -> np.ndarray:
    return np.random.default_rng(step).standard_normal(SHAPE).astype(np.float32)


def straight(x: np.ndarray, t: float) -> Guided:
    """The exact velocity towards one data point."""
    v = (x - TARGET) / max(t, 1e-6)
    return Guided(v, v)


def bent(x: np.ndarray, t: float) -> Guided:
    v = (np.sin(3 * x) + x * np.float32(t)).astype(np.float32)
    return Guided(v, v)


@pytest.mark.parametrize("name", ["euler", "dpmpp-2m", "ping-pong"])
def test_one_data_point_is_found(name):
    np.testing.assert_allclose(SOLVERS[name](straight, START, logsnr_schedule(6), noise), TARGET, atol=1e-5)


@pytest.mark.parametrize(("name", "steps"), [("heun", 40), ("rk4", 12), ("dpmpp-2m", 400)])
def test_higher_orders_agree_with_many_euler_steps(name, steps):
    fine = SOLVERS["euler"](bent, START, np.linspace(1, 0, 4001), noise)
    np.testing.assert_allclose(SOLVERS[name](bent, START, list(np.linspace(1, 0, steps + 1)), noise), fine, atol=2e-2)


@pytest.mark.parametrize("name", list(SOLVERS))
def test_same_numbers_as_the_reference(name):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("lmdm_train.sampling")

    def velocity(x, t):
        v = torch.sin(3 * x) + x * t
        return reference.Guided(v, v)

    ours = SOLVERS[name](bent, START, logsnr_schedule(7), noise)
    theirs = reference.solve(name, velocity, torch.from_numpy(START), reference.logsnr_schedule(7), lambda j: torch.from_numpy(noise(j)))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=3e-6)
    assert ours.dtype == np.float32


@pytest.mark.parametrize("steps", [1, 4, 8, 50])
def test_schedule_is_the_reference_schedule(steps):
    pytest.importorskip("torch")
    reference = pytest.importorskip("lmdm_train.sampling")
    np.testing.assert_allclose(logsnr_schedule(steps), reference.logsnr_schedule(steps).numpy(), atol=6e-8)


def test_guidance():
    velocity = RNG.standard_normal((2, 3, 4)).astype(np.float32)
    plain, cfg, plus = (guide(velocity[:1] if kind == "none" else velocity, kind, 3.0) for kind in ("none", "cfg", "cfg++"))
    np.testing.assert_array_equal(plain.v, velocity[:1])
    np.testing.assert_allclose(cfg.v, velocity[1:] + 3 * (velocity[:1] - velocity[1:]), rtol=1e-6)
    assert cfg.v_renoise is cfg.v
    np.testing.assert_array_equal(plus.v_renoise, velocity[1:])


def test_ping_pong_plus_plus_by_hand():
    v, null = RNG.standard_normal(SHAPE).astype(np.float32), RNG.standard_normal(SHAPE).astype(np.float32)
    found = SOLVERS["ping-pong"](lambda x, t: Guided(v, null), START, (1.0, 0.25, 0.0), noise)
    middle = START - v + 0.25 * (noise(1) - (START - null))
    np.testing.assert_allclose(found, middle - 0.25 * v, atol=1e-6)


@pytest.mark.parametrize(("solver", "guidance"), [("midpoint", "none"), ("heun", "cfg++")])
def test_a_solver_that_cannot_serve_is_refused(solver, guidance):
    with pytest.raises(SessionError, match="solver"):
        require_solver(solver, guidance)


@pytest.mark.parametrize("levels", [(1.0,), (1.0, 0.1), (0.5, 0.7, 0.0), (1.0, math.nan, 0.0), (1.2, 0.0)])
def test_a_schedule_that_does_not_fall_is_refused(levels):
    with pytest.raises(SessionError, match="schedule"):
        require_schedule(levels)
